;; The memory's size. Input: one byte and a number of pages. 0 grows, writes to the last byte, and
;; answers with the sizes; 1 does so and traps; 2 grows again and again, then traps if it must.
(module
  (memory (export "memory") 1)
  (func (export "antiphon_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "antiphon_view") (param i32 i32) (result i64) (i64.const 0))
  (func (export "antiphon_save") (param i32 i32) (result i64) (i64.const 0))
  (func $grow (param $pages i32)
    (i32.store (i32.const 2048) (memory.grow (local.get $pages)))
    (i32.store (i32.const 2052) (memory.size))
    (i32.store8 (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 1)) (i32.const 7)))
  (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
    (local $k i32) (local $pages i32)
    (local.set $k (i32.load8_u (local.get $ptr)))
    (local.set $pages (i32.load offset=1 (local.get $ptr)))
    (call $grow (local.get $pages))
    (if (i32.eq (local.get $k) (i32.const 1)) (then unreachable))
    (if (i32.eq (local.get $k) (i32.const 2)) (then
      (loop $more
        (br_if $more (i32.ne (memory.grow (local.get $pages)) (i32.const -1))))
      (call $grow (i32.const 0))))
    (i64.const 0x800_0000_0008)))
