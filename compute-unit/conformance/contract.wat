;; The guest contract. Inputs of fewer than 9 bytes get a place by their length: 0 the end of the
;; memory, 1 the last address of all, 2 one byte too far up, 3 the last that fits, 4 the end, 5 far
;; past it. Longer ones are the output in 8 bytes, and what is done before: 1 writes and grows, 2 does
;; so and traps.
(module
  (memory (export "memory") 3)
  (global $calls (mut i32) (i32.const 0))
  (func (export "antiphon_alloc") (param $len i32) (result i32)
    (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
      (br_table $0 $1 $2 $3 $4 $5 $0 $0 $0 (local.get $len)))
      (return (if (result i32) (local.get $len)
        (then (i32.const 1024)) (else (i32.const 0x30000)))))
      (return (i32.const -1)))
      (return (i32.const 0x2ffff)))
      (return (i32.const 0x2fffd)))
      (return (i32.const 0x30000)))
    (i32.const 0x7fffffff))
  (func $answer (param $ptr i32) (param $len i32) (result i64) (local $k i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (if (i32.lt_u (local.get $len) (i32.const 9)) (then (return (i64.const 0x800_0000_0004))))
    (if (local.tee $k (i32.load8_u offset=8 (local.get $ptr))) (then
      (memory.fill (i32.const 2048) (i32.const 0xee) (i32.const 100))
      (drop (memory.grow (i32.const 1)))))
    (if (i32.eq (local.get $k) (i32.const 2)) (then unreachable))
    (i64.load (local.get $ptr)))
  (export "antiphon_handle" (func $answer))
  (export "antiphon_view" (func $answer))
  (func (export "antiphon_save") (param $ptr i32) (param $len i32) (result i64)
    (global.set $calls (i32.add (global.get $calls) (i32.const 100)))
    (i64.store (i32.const 2048) (i64.load (local.get $ptr)))
    (i64.const 0x800_0000_0008)))
