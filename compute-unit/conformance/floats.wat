;; Float operators. Input: one byte. 0 computes every operator over all pairs of operands and stores
;; the results: NaNs that are computed are canonical, NaNs that are only moved keep their bits.
;; 1 truncates at the limits of what does not trap. 2 truncates the float behind it, by the form
;; that the second byte names: eight bytes of an f64, of which f32 forms take the first four.
(module
  (memory (export "memory") 3)
  (global $at (mut i32) (i32.const 4096))
  (global $f (mut f32) (f32.const 0))
  (global $d (mut f64) (f64.const 0))
  (func (export "antiphon_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "antiphon_view") (param i32 i32) (result i64) (i64.const 0))
  (func (export "antiphon_save") (param i32 i32) (result i64) (i64.const 0))

  ;; Appends a result.
  (func $i (param i32)
    (i32.store (global.get $at) (local.get 0))
    (global.set $at (i32.add (global.get $at) (i32.const 4))))
  (func $l (param i64)
    (i64.store (global.get $at) (local.get 0))
    (global.set $at (i32.add (global.get $at) (i32.const 8))))
  (func $f (param f32)
    (f32.store (global.get $at) (local.get 0))
    (global.set $at (i32.add (global.get $at) (i32.const 4))))
  (func $d (param f64)
    (f64.store (global.get $at) (local.get 0))
    (global.set $at (i32.add (global.get $at) (i32.const 8))))

  ;; 31 singles at 0, 32 doubles at 256, 14 integers at 768, as little-endian bits.
  (data (i32.const 0)
    "\00\00\00\00\00\00\00\80\01\00\00\00\ff\ff\7f\80\00\00\80\00\ff\ff\ff\3e"
    "\00\00\00\3f\00\00\00\bf\00\00\80\3f\00\00\80\bf\00\00\c0\3f\00\00\20\40"
    "\00\00\60\c0\fd\ff\ff\4a\01\00\00\4b\ff\ff\ff\4e\00\00\00\4f\00\00\00\cf"
    "\ff\ff\7f\4f\00\00\80\4f\00\00\00\5f\00\00\80\5f\ff\ff\7f\7f\ff\ff\7f\ff"
    "\00\00\80\7f\00\00\80\ff\00\00\c0\7f\00\00\c0\ff\45\23\c1\7f\01\00\80\7f"
    "\aa\aa\aa\ff")
  (data (i32.const 256)
    "\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\80\01\00\00\00\00\00\00\00"
    "\ff\ff\ff\ff\ff\ff\0f\80\00\00\00\00\00\00\10\00\ff\ff\ff\ff\ff\ff\df\3f"
    "\00\00\00\00\00\00\e0\3f\00\00\00\00\00\00\e0\bf\00\00\00\00\00\00\f0\3f"
    "\00\00\00\00\00\00\f0\bf\00\00\00\00\00\00\f8\3f\00\00\00\00\00\00\04\40"
    "\00\00\00\00\00\00\0c\c0\fd\ff\ff\ff\ff\ff\2f\43\01\00\00\00\00\00\30\43"
    "\00\00\c0\ff\ff\ff\df\41\00\00\00\00\00\00\e0\41\00\00\00\00\00\00\e0\c1"
    "\00\00\e0\ff\ff\ff\ef\41\00\00\00\00\00\00\f0\41\00\00\00\00\00\00\e0\43"
    "\00\00\00\00\00\00\f0\43\ff\ff\ff\ef\ff\ff\ef\47\ff\ff\ff\ff\ff\ff\ef\7f"
    "\ff\ff\ff\ff\ff\ff\ef\ff\00\00\00\00\00\00\f0\7f\00\00\00\00\00\00\f0\ff"
    "\00\00\00\00\00\00\f8\7f\00\00\00\00\00\00\f8\ff\01\ef\be\00\ad\de\f8\7f"
    "\01\00\00\00\00\00\f0\7f\aa\aa\aa\aa\aa\aa\f4\ff")
  (data (i32.const 768)
    "\00\00\00\00\00\00\00\00\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\ff\7f\00\00\00\00"
    "\00\00\00\80\00\00\00\00\01\00\00\01\00\00\00\00\03\00\00\01\00\00\00\00"
    "\ff\ff\ff\ff\ff\ff\ff\7f\00\00\00\00\00\00\00\80\01\00\00\00\00\00\20\00"
    "\03\00\00\00\00\00\20\00\ff\ff\ff\ff\bf\ff\ff\7f\00\00\00\00\c0\ff\ff\7f"
    "\00\00\00\00\80\00\00\80\01\00\00\00\80\00\00\80")
  (func $binary_f32 (param $a f32) (param $b f32)
    (call $f (f32.add (local.get $a) (local.get $b)))
    (call $f (f32.sub (local.get $a) (local.get $b)))
    (call $f (f32.mul (local.get $a) (local.get $b)))
    (call $f (f32.div (local.get $a) (local.get $b)))
    (call $f (f32.min (local.get $a) (local.get $b)))
    (call $f (f32.max (local.get $a) (local.get $b)))
    (call $f (f32.copysign (local.get $a) (local.get $b)))
    (call $f (select (local.get $a) (local.get $b) (f32.lt (local.get $a) (local.get $b))))
    (call $i (i32.or (i32.or
      (i32.or (f32.eq (local.get $a) (local.get $b))
        (i32.shl (f32.ne (local.get $a) (local.get $b)) (i32.const 1)))
      (i32.or (i32.shl (f32.lt (local.get $a) (local.get $b)) (i32.const 2))
        (i32.shl (f32.gt (local.get $a) (local.get $b)) (i32.const 3))))
      (i32.or (i32.shl (f32.le (local.get $a) (local.get $b)) (i32.const 4))
        (i32.shl (f32.ge (local.get $a) (local.get $b)) (i32.const 5))))))
  (func $binary_f64 (param $a f64) (param $b f64)
    (call $d (f64.add (local.get $a) (local.get $b)))
    (call $d (f64.sub (local.get $a) (local.get $b)))
    (call $d (f64.mul (local.get $a) (local.get $b)))
    (call $d (f64.div (local.get $a) (local.get $b)))
    (call $d (f64.min (local.get $a) (local.get $b)))
    (call $d (f64.max (local.get $a) (local.get $b)))
    (call $d (f64.copysign (local.get $a) (local.get $b)))
    (call $d (select (local.get $a) (local.get $b) (f64.lt (local.get $a) (local.get $b))))
    (call $i (i32.or (i32.or
      (i32.or (f64.eq (local.get $a) (local.get $b))
        (i32.shl (f64.ne (local.get $a) (local.get $b)) (i32.const 1)))
      (i32.or (i32.shl (f64.lt (local.get $a) (local.get $b)) (i32.const 2))
        (i32.shl (f64.gt (local.get $a) (local.get $b)) (i32.const 3))))
      (i32.or (i32.shl (f64.le (local.get $a) (local.get $b)) (i32.const 4))
        (i32.shl (f64.ge (local.get $a) (local.get $b)) (i32.const 5))))))
  (func $unary_f32 (param $a f32)
    (global.set $f (local.get $a)) (call $f (global.get $f))
    (call $i (i32.reinterpret_f32 (local.get $a)))
    (call $f (f32.abs (local.get $a)))
    (call $f (f32.neg (local.get $a)))
    (call $f (f32.ceil (local.get $a)))
    (call $f (f32.floor (local.get $a)))
    (call $f (f32.trunc (local.get $a)))
    (call $f (f32.nearest (local.get $a)))
    (call $f (f32.sqrt (local.get $a)))
    (call $d (f64.promote_f32 (local.get $a)))
    (call $i (i32.trunc_sat_f32_s (local.get $a))) (call $i (i32.trunc_sat_f32_u (local.get $a)))
    (call $l (i64.trunc_sat_f32_s (local.get $a))) (call $l (i64.trunc_sat_f32_u (local.get $a))))
  (func $unary_f64 (param $a f64)
    (global.set $d (local.get $a)) (call $d (global.get $d))
    (call $l (i64.reinterpret_f64 (local.get $a)))
    (call $d (f64.abs (local.get $a)))
    (call $d (f64.neg (local.get $a)))
    (call $d (f64.ceil (local.get $a)))
    (call $d (f64.floor (local.get $a)))
    (call $d (f64.trunc (local.get $a)))
    (call $d (f64.nearest (local.get $a)))
    (call $d (f64.sqrt (local.get $a)))
    (call $f (f32.demote_f64 (local.get $a)))
    (call $i (i32.trunc_sat_f64_s (local.get $a))) (call $i (i32.trunc_sat_f64_u (local.get $a)))
    (call $l (i64.trunc_sat_f64_s (local.get $a))) (call $l (i64.trunc_sat_f64_u (local.get $a))))
  (func $convert (param $a i64)
    (call $f (f32.convert_i32_s (i32.wrap_i64 (local.get $a))))
    (call $f (f32.convert_i32_u (i32.wrap_i64 (local.get $a))))
    (call $f (f32.convert_i64_s (local.get $a)))
    (call $f (f32.convert_i64_u (local.get $a)))
    (call $d (f64.convert_i32_s (i32.wrap_i64 (local.get $a))))
    (call $d (f64.convert_i32_u (i32.wrap_i64 (local.get $a))))
    (call $d (f64.convert_i64_s (local.get $a)))
    (call $d (f64.convert_i64_u (local.get $a)))
    (call $f (f32.reinterpret_i32 (i32.wrap_i64 (local.get $a))))
    (call $d (f64.reinterpret_i64 (local.get $a))))

  (func $all (local $x i32) (local $y i32)
    (loop $rows
      (call $unary_f32 (f32.load (local.get $x)))
      (local.set $y (i32.const 0))
      (loop $columns
        (call $binary_f32 (f32.load (local.get $x)) (f32.load (local.get $y)))
        (br_if $columns (i32.lt_u
          (local.tee $y (i32.add (local.get $y) (i32.const 4))) (i32.const 124))))
      (br_if $rows (i32.lt_u
        (local.tee $x (i32.add (local.get $x) (i32.const 4))) (i32.const 124))))
    (global.set $at (i32.and (i32.add (global.get $at) (i32.const 7)) (i32.const -8)))
    (local.set $x (i32.const 256))
    (loop $rows
      (call $unary_f64 (f64.load (local.get $x)))
      (local.set $y (i32.const 256))
      (loop $columns
        (call $binary_f64 (f64.load (local.get $x)) (f64.load (local.get $y)))
        (br_if $columns (i32.lt_u
          (local.tee $y (i32.add (local.get $y) (i32.const 8))) (i32.const 512))))
      (br_if $rows (i32.lt_u
        (local.tee $x (i32.add (local.get $x) (i32.const 8))) (i32.const 512))))
    (local.set $x (i32.const 768))
    (loop $rows
      (call $convert (i64.load (local.get $x)))
      (br_if $rows (i32.lt_u
        (local.tee $x (i32.add (local.get $x) (i32.const 8))) (i32.const 880)))))

  (func $truncate (param $form i32) (param $single f32) (param $double f64)
    (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1
      (block $0 (br_table $0 $1 $2 $3 $4 $5 $6 $7 (local.get $form)))
      (call $i (i32.trunc_f32_s (local.get $single))) (return))
      (call $i (i32.trunc_f32_u (local.get $single))) (return))
      (call $l (i64.trunc_f32_s (local.get $single))) (return))
      (call $l (i64.trunc_f32_u (local.get $single))) (return))
      (call $i (i32.trunc_f64_s (local.get $double))) (return))
      (call $i (i32.trunc_f64_u (local.get $double))) (return))
      (call $l (i64.trunc_f64_s (local.get $double))) (return))
      (call $l (i64.trunc_f64_u (local.get $double))))

  ;; The greatest and the least float of each form that do not trap.
  (func $limits (local $none f64)
    (call $truncate (i32.const 0) (f32.const 2147483520) (local.get $none))
    (call $truncate (i32.const 0) (f32.const -2147483648) (local.get $none))
    (call $truncate (i32.const 1) (f32.const 4294967040) (local.get $none))
    (call $truncate (i32.const 1) (f32.const -0.99999994) (local.get $none))
    (call $truncate (i32.const 2) (f32.const 9223371487098961920) (local.get $none))
    (call $truncate (i32.const 2) (f32.const -9223372036854775808) (local.get $none))
    (call $truncate (i32.const 3) (f32.const 18446742974197923840) (local.get $none))
    (call $truncate (i32.const 3) (f32.const -0.99999994) (local.get $none))
    (call $truncate (i32.const 4) (f32.const 0) (f64.const 2147483647.9999998))
    (call $truncate (i32.const 4) (f32.const 0) (f64.const -2147483648.9999995))
    (call $truncate (i32.const 5) (f32.const 0) (f64.const 4294967295.9999995))
    (call $truncate (i32.const 5) (f32.const 0) (f64.const -0.9999999999999999))
    (call $truncate (i32.const 6) (f32.const 0) (f64.const 9223372036854774784))
    (call $truncate (i32.const 6) (f32.const 0) (f64.const -9223372036854775808))
    (call $truncate (i32.const 7) (f32.const 0) (f64.const 18446744073709549568))
    (call $truncate (i32.const 7) (f32.const 0) (f64.const -0.9999999999999999)))

  (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
    (local $k i32)
    (local.set $k (i32.load8_u (local.get $ptr)))
    (if (i32.eqz (local.get $k)) (then (call $all)))
    (if (i32.eq (local.get $k) (i32.const 1)) (then (call $limits)))
    (if (i32.eq (local.get $k) (i32.const 2)) (then (call $truncate
      (i32.load8_u offset=1 (local.get $ptr))
      (f32.load offset=2 (local.get $ptr))
      (f64.load offset=2 (local.get $ptr)))))
    (i64.const 0)))
