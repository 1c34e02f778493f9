;; An actor that never answers a message: it uses all of its gas.
(module
  (memory (export "memory") 1)
  ;; [[0, h'f6'], []]
  (data (i32.const 512) "\82\82\00\41\f6\80")
  (func $answer (result i64) (i64.const 2199023255558))
  (func (export "antiphon_alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "antiphon_handle") (param $ptr i32) (param i32) (result i64)
    (if (i32.load8_u offset=1 (local.get $ptr))
      (then (loop $again (br $again))))
    (call $answer))
  (func (export "antiphon_view") (param i32 i32) (result i64) (call $answer))
  (func (export "antiphon_save") (param i32 i32) (result i64) (i64.const 0)))
