;; Loads, stores and bulk operators. Input: one byte, then what it says.
;;   0              loads of every width and sign, at and between aligned places
;;   1 W ADDRESS    stores by form W; 2 W ADDRESS loads by form W
;;   3 OP A B C     counts, then fills (0), copies (1) or takes from the passive segment (2)
(module
  (memory (export "memory") 1)
  (global $calls (mut i32) (i32.const 0))
  (data (i32.const 0) "\00\01\7f\80\ff\fe\81\55\aa\00\00\80\7f\ff\ff\ff\ff\01\02\03")
  (data $passive "0123456789abcdef")
  (func (export "antiphon_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "antiphon_view") (param i32 i32) (result i64) (i64.const 0))
  (func (export "antiphon_save") (param i32 i32) (result i64) (i64.const 0))

  (func $loads (param $at i32) (local $out i32)
    (local.set $out (i32.add (i32.const 4096) (i32.shl (local.get $at) (i32.const 7))))
    (i32.store (local.get $out) (i32.load8_s (local.get $at)))
    (i32.store offset=4 (local.get $out) (i32.load8_u (local.get $at)))
    (i32.store offset=8 (local.get $out) (i32.load16_s (local.get $at)))
    (i32.store offset=12 (local.get $out) (i32.load16_u (local.get $at)))
    (i32.store offset=16 (local.get $out) (i32.load (local.get $at)))
    (f32.store offset=20 (local.get $out) (f32.load (local.get $at)))
    (i64.store offset=24 (local.get $out) (i64.load8_s (local.get $at)))
    (i64.store offset=32 (local.get $out) (i64.load8_u (local.get $at)))
    (i64.store offset=40 (local.get $out) (i64.load16_s (local.get $at)))
    (i64.store offset=48 (local.get $out) (i64.load16_u (local.get $at)))
    (i64.store offset=56 (local.get $out) (i64.load32_s (local.get $at)))
    (i64.store offset=64 (local.get $out) (i64.load32_u (local.get $at)))
    (i64.store offset=72 (local.get $out) (i64.load (local.get $at)))
    (f64.store offset=80 (local.get $out) (f64.load (local.get $at)))
    (v128.store offset=88 (local.get $out) (v128.load (local.get $at)))
    (i64.store8 offset=105 (local.get $out) (i64.load (local.get $at)))
    (i64.store16 offset=107 (local.get $out) (i64.load (local.get $at)))
    (i64.store32 offset=109 (local.get $out) (i64.load (local.get $at)))
    (i32.store8 offset=114 (local.get $out) (i32.load (local.get $at)))
    (i32.store16 offset=115 (local.get $out) (i32.load (local.get $at))))

  (func $store (param $form i32) (param $at i32)
    (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1
      (block $0 (br_table $0 $1 $2 $3 $4 $5 $6 $7 (local.get $form)))
      (i32.store8 (local.get $at) (i32.const -1)) (return))
      (i32.store16 (local.get $at) (i32.const -1)) (return))
      (i32.store (local.get $at) (i32.const -1)) (return))
      (i64.store (local.get $at) (i64.const -1)) (return))
      (v128.store (local.get $at) (v128.const i64x2 -1 -1)) (return))
      (i64.store offset=65528 (local.get $at) (i64.const -1)) (return))
      (i32.store8 offset=0xffffffff (local.get $at) (i32.const -1)) (return))
      (f64.store align=1 (local.get $at) (f64.const nan:0x4000000000001)))

  (func $load (param $form i32) (param $at i32) (result i64)
    (block $5 (block $4 (block $3 (block $2 (block $1
      (block $0 (br_table $0 $1 $2 $3 $4 $5 (local.get $form)))
      (return (i64.extend_i32_s (i32.load8_s (local.get $at)))))
      (return (i64.extend_i32_s (i32.load16_s (local.get $at)))))
      (return (i64.extend_i32_s (i32.load (local.get $at)))))
      (return (i64.load (local.get $at))))
      (return (i64x2.extract_lane 1 (v128.load (local.get $at)))))
      (i64.load8_u offset=0xffffffff (local.get $at)))

  (func $bulk (param $op i32) (param $a i32) (param $b i32) (param $c i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (block $2 (block $1
      (block $0 (br_table $0 $1 $2 (local.get $op)))
      (memory.fill (local.get $a) (local.get $b) (local.get $c)) (return))
      (memory.copy (local.get $a) (local.get $b) (local.get $c)) (return))
      (memory.init $passive (local.get $a) (local.get $b) (local.get $c)))

  (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
    (local $k i32) (local $form i32) (local $at i32)
    (local.set $k (i32.load8_u (local.get $ptr)))
    (local.set $form (i32.load8_u offset=1 (local.get $ptr)))
    (local.set $at (i32.load offset=2 (local.get $ptr)))
    (if (i32.eqz (local.get $k)) (then
      (local.set $at (i32.const 0))
      (loop $next
        (call $loads (local.get $at))
        (br_if $next (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 4))))
      (return (i64.const 0))))
    (if (i32.eq (local.get $k) (i32.const 1)) (then
      (call $store (local.get $form) (local.get $at)) (return (i64.const 0))))
    (if (i32.eq (local.get $k) (i32.const 2)) (then
      (i64.store (i32.const 2048) (call $load (local.get $form) (local.get $at)))
      (return (i64.const 0x800_0000_0008))))
    (call $bulk (local.get $form) (local.get $at) (i32.load offset=6 (local.get $ptr))
      (i32.load offset=10 (local.get $ptr)))
    (i64.const 0)))
