;; A memory that may have two pages by the module's own word. Input: a number of pages to grow by.
(module
  (memory (export "memory") 1 2)
  (func (export "antiphon_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "antiphon_view") (param i32 i32) (result i64) (i64.const 0))
  (func (export "antiphon_save") (param i32 i32) (result i64) (i64.const 0))
  (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
    (i32.store (i32.const 2048) (memory.grow (i32.load (local.get $ptr))))
    (i32.store (i32.const 2052) (memory.size))
    (i64.const 0x800_0000_0008)))
