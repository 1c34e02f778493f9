;; What is charged, and when. Input: one byte, and a number.
;;   0     nothing but the call itself
;;   1     stores, then operators of every price in one run: all are paid for before the first
;;   2 N   fills N bytes; 3 N copies N bytes; 4 N grows by N pages
;;   5     calls a function of 100 locals
;;   6 N   a loop of N rounds with a branch in it
(module
  (memory (export "memory") 1)
  (table 1 funcref)
  (elem (i32.const 0) func $nothing)
  (type $nothing (func))
  (func $nothing)
  (func $locals (local
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64
      f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32 f32
      v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128
      v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 v128
      i32 i32 i32 i32 i32 i32 i32 i32))
  (func (export "antiphon_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "antiphon_view") (param i32 i32) (result i64) (i64.const 0))
  (func (export "antiphon_save") (param i32 i32) (result i64) (i64.const 0))
  (func $mixed (param $x i32)
    (i32.store (i32.const 2048) (i32.const 7))
    (drop (i32.div_u (local.get $x) (i32.const 3)))
    (drop (i64.rem_s (i64.extend_i32_u (local.get $x)) (i64.const 3)))
    (drop (f64.sqrt (f64.div (f64.convert_i32_u (local.get $x)) (f64.const 3))))
    (drop (f32x4.add (f32x4.splat (f32.const 1)) (v128.load (i32.const 2048))))
    (drop (i8x16.popcnt (i64x2.mul (v128.load (i32.const 0)) (v128.load (i32.const 16)))))
    (drop (i32.popcnt (ref.is_null (table.get (i32.const 0)))))
    (call_indirect (type $nothing) (i32.const 0))
    (call $nothing)
    (i32.store (i32.const 2052) (i32.const 8)))
  (func $loop (param $n i32) (local $odd i32)
    (block $end (loop $more
      (br_if $end (i32.eqz (local.get $n)))
      (if (i32.and (local.get $n) (i32.const 1))
        (then (local.set $odd (i32.add (local.get $odd) (i32.const 1))))
        (else (i32.store (i32.const 2048) (local.get $n))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $more)))
    (i32.store (i32.const 2052) (local.get $odd)))
  (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
    (local $n i32)
    (local.set $n (i32.load offset=1 (local.get $ptr)))
    (block $6 (block $5 (block $4 (block $3 (block $2 (block $1
      (block $0 (br_table $0 $1 $2 $3 $4 $5 $6 (i32.load8_u (local.get $ptr))))
      (return (i64.const 0)))
      (call $mixed (local.get $n)) (return (i64.const 0)))
      (memory.fill (i32.const 4096) (i32.const 1) (local.get $n)) (return (i64.const 0)))
      (memory.copy (i32.const 4096) (i32.const 0) (local.get $n)) (return (i64.const 0)))
      (drop (memory.grow (local.get $n))) (return (i64.const 0)))
      (call $locals) (return (i64.const 0)))
    (call $loop (local.get $n))
    (i64.const 0)))
