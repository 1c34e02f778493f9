;; Control. Input: one byte, and an index.
;;   0 I   calls entry I of the table; 1 I branches by a table of four with I
;;   2     blocks, loops and functions of several values
;;   3     unreachable; 4 never ends; 5 I nests I loops of 200 rounds, two at the most
(module
  (memory (export "memory") 1)
  (type $number (func (result i32)))
  (table 6 funcref)
  (elem (i32.const 0) func $one $two $wide)
  (elem (i32.const 4) func $two)
  (func $one (result i32) (i32.const 1))
  (func $two (result i32) (i32.const 2))
  (func $wide (param i64) (result i32) (i32.const 3))
  (func (export "antiphon_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "antiphon_view") (param i32 i32) (result i64) (i64.const 0))
  (func (export "antiphon_save") (param i32 i32) (result i64) (i64.const 0))

  (func $branch (param $k i32) (result i32)
    (block $3 (result i32) (block $2 (result i32) (block $1 (result i32) (block $0 (result i32)
      (br_table $0 $1 $2 $3 (i32.const 10) (local.get $k)))
      (return (i32.add (i32.const 1))))
      (return (i32.add (i32.const 2))))
      (return (i32.add (i32.const 3))))
    (i32.add (i32.const 4)))
  ;; One target, which is the default.
  (func $lone (param $k i32) (result i32)
    (block $0 (br_table $0 (local.get $k)))
    (i32.const 5))

  (func $five (result i32 i64 f32 f64 v128)
    (i32.const 1) (i64.const 2) (f32.const nan:0x200001) (f64.const 4) (v128.const i64x2 5 6))
  (func $swap (param i32 i32) (result i32 i32) (local.get 1) (local.get 0))
  (func $early (param $k i32) (result i32 i32)
    (block (result i32 i32)
      (if (param i32) (result i32 i32) (i32.const 7) (local.get $k)
        (then (i32.const 8) (return))
        (else (drop) (br 1 (i32.const 9) (i32.const 10))))))
  ;; The n-th number of Fibonacci, in a loop of two parameters.
  (func $fibonacci (param $n i32) (result i64) (local $a i64) (local $b i64)
    (i64.const 0) (i64.const 1)
    (loop $more (param i64 i64) (result i64 i64)
      (local.set $b) (local.set $a)
      (local.get $b) (i64.add (local.get $a) (local.get $b))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (drop))

  (func $values (local $v v128) (local $d f64) (local $f f32) (local $l i64) (local $i i32)
    (call $five)
    (local.set $v) (local.set $d) (local.set $f) (local.set $l) (local.set $i)
    (i32.store (i32.const 2048) (local.get $i)) (i64.store (i32.const 2056) (local.get $l))
    (f32.store (i32.const 2064) (local.get $f)) (f64.store (i32.const 2072) (local.get $d))
    (v128.store (i32.const 2080) (local.get $v))
    (i32.store (i32.const 2096) (i32.sub (call $swap (i32.const 3) (i32.const 5))))
    (i32.store (i32.const 2100) (i32.sub (call $early (i32.const 0))))
    (i32.store (i32.const 2104) (i32.sub (call $early (i32.const 1))))
    (i32.store (i32.const 2108) (select (result i32) (i32.const 1) (i32.const 2) (local.get $i)))
    (i64.store (i32.const 2112) (call $fibonacci (i32.const 90))))

  (func $rounds (param $levels i32) (local $i i32)
    (loop $more
      (if (i32.gt_u (local.get $levels) (i32.const 1)) (then
        (call $rounds (i32.const 1))))
      (br_if $more (i32.lt_u
        (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 200)))))

  (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
    (local $i i32)
    (local.set $i (i32.load offset=1 (local.get $ptr)))
    (i32.store (i32.const 4096) (i32.const 1))
    (block $5 (block $4 (block $3 (block $2 (block $1
      (block $0 (br_table $0 $1 $2 $3 $4 $5 (i32.load8_u (local.get $ptr))))
      (i32.store (i32.const 2048) (call_indirect (type $number) (local.get $i)))
      (return (i64.const 0x800_0000_0004)))
      (i32.store (i32.const 2048) (call $branch (local.get $i)))
      (i32.store (i32.const 2052) (call $lone (local.get $i)))
      (return (i64.const 0x800_0000_0008)))
      (call $values)
      (return (i64.const 0x800_0000_0048)))
      unreachable)
      (loop $ever (br $ever)) unreachable)
    (call $rounds (local.get $i))
    (i64.const 0)))
