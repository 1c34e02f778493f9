;; The counter of examples/counter in the text format, from docs/abi.md alone: its schema is the same,
;; and so are its replies, the codes of its errors and its saved state.
;;
;; Whatever breaks the contract ends in `unreachable`: the slot fails and leaves no trace. No text is
;; decoded. Inputs are canonical CBOR, so an item is another one if its bytes are the same.
;;
;; Memory: items to compare with below 128, outputs that never change below 1,024, an output that holds
;; the number at 1,024, and the input from 1,088 on.
(module
  (memory (export "memory") 1)

  ;; The state: the number.
  (global $n (mut i64) (i64.const 0))
  ;; What is left to read of the input, which is all zeros between calls.
  (global $at (mut i32) (i32.const 0))
  (global $end (mut i32) (i32.const 0))
  ;; Whether the sender is the controller.
  (global $permitted (mut i32) (i32.const 0))

  ;; Methods.
  (data (i32.const 0) "\63get")
  (data (i32.const 16) "\63add")
  (data (i32.const 32) "\65reset")
  ;; Maps, but for their one value.
  (data (i32.const 48) "\a0")
  (data (i32.const 64) "\a1\65start")
  (data (i32.const 80) "\a1\62by")
  (data (i32.const 96) "\a1\61n")
  ;; Results, each with no effects.
  (data (i32.const 128) "\82\82\00\41\f6\80")
  (data (i32.const 144) "\82\83\01\6eunknown-method\77there is no such method\80")
  (data (i32.const 208) "\82\83\01\6eunknown-method\78\1cthis actor takes no evidence\80")
  (data (i32.const 272) "\82\83\01\6dbad-arguments\78\1fthe arguments have another form\80")
  (data (i32.const 336) "\82\83\01\67refused\78\21the sum does not fit into 64 bits\80")
  (data (i32.const 400) "\82\83\01\67refused\78\1donly the controller may reset\80")
  (data (i32.const 464) "\82\83\01\6dstate-version\78\1dthe state is not of version 1\80")
  (data (i32.const 528) "\82\83\01\69bad-state\76the state is no number\80")

  ;; The exports.

  ;; Gives the place for an input, for which the memory grows if it must.
  (func (export "antiphon_alloc") (param $len i32) (result i32)
    (local $missing i32)
    (if (i32.gt_u (local.get $len) (i32.const 0x7fff_ffff)) (then unreachable))
    (local.set $missing
      (i32.sub
        (i32.shr_u (i32.add (local.get $len) (i32.const 66_623)) (i32.const 16))
        (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0)) (then
      (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then unreachable))))
    i32.const 1088)

  (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
    (local $kind i64)
    (local.set $kind (call $enter (local.get $ptr) (local.get $len)))
    (if (i64.eqz (local.get $kind)) (then (return (call $init))))
    (if (i64.eq (local.get $kind) (i64.const 1)) (then (return (call $call))))
    ;; Answers and timers can only be those of a module before, which this one has no use for.
    (if (i64.eq (local.get $kind) (i64.const 2)) (then (return (call $null))))
    (if (i64.eq (local.get $kind) (i64.const 3)) (then (return (call $null))))
    (if (i64.eq (local.get $kind) (i64.const 4)) (then (return (call $load))))
    (if (i64.eq (local.get $kind) (i64.const 7))
      (then (return (call $output (i32.const 208) (i32.const 49)))))
    unreachable)

  (func (export "antiphon_view") (param $ptr i32) (param $len i32) (result i64)
    (if (i64.ne (call $enter (local.get $ptr) (local.get $len)) (i64.const 5)) (then unreachable))
    (if (result i64) (call $next-is (i32.const 0) (i32.const 4))
      (then (call $get))
      (else (call $unknown-method))))

  ;; Gives `[1, [h'a1 61 6e number']]`: version 1, and the map `{"n": number}` in one chunk.
  (func (export "antiphon_save") (param $ptr i32) (param $len i32) (result i64)
    (local $number i32)
    (if (i64.ne (call $enter (local.get $ptr) (local.get $len)) (i64.const 6)) (then unreachable))
    (local.set $number (call $write (i32.const 1031) (global.get $n)))
    (i32.store (i32.const 1024) (i32.const 0x0081_0182))
    (i32.store8 (i32.const 1027) (i32.add (i32.const 0x43) (local.get $number)))
    (memory.copy (i32.const 1028) (i32.const 96) (i32.const 3))
    (call $output (i32.const 1024) (i32.add (i32.const 7) (local.get $number))))

  ;; The methods.

  (func $init (result i64)
    (drop (call $head (i32.const 2)))
    (if (i32.eqz (call $next-is (i32.const 64) (i32.const 7)))
      (then (return (call $bad-arguments))))
    (if (i32.ne (call $major) (i32.const 0)) (then (return (call $bad-arguments))))
    (global.set $n (call $head (i32.const 0)))
    (call $null))

  (func $call (result i64)
    (if (call $next-is (i32.const 16) (i32.const 4)) (then (return (call $add))))
    (if (call $next-is (i32.const 32) (i32.const 6)) (then (return (call $reset))))
    ;; A view that is sent as a message is executed like one.
    (if (call $next-is (i32.const 0) (i32.const 4)) (then (return (call $get))))
    (call $unknown-method))

  (func $add (result i64)
    (local $sum i64)
    (drop (call $head (i32.const 2)))
    (if (i32.eqz (call $next-is (i32.const 80) (i32.const 4)))
      (then (return (call $bad-arguments))))
    (if (i32.ne (call $major) (i32.const 0)) (then (return (call $bad-arguments))))
    (local.set $sum (i64.add (global.get $n) (call $head (i32.const 0))))
    (if (i64.lt_u (local.get $sum) (global.get $n))
      (then (return (call $output (i32.const 336) (i32.const 47)))))
    (global.set $n (local.get $sum))
    (call $number))

  (func $reset (result i64)
    (drop (call $head (i32.const 2)))
    (if (i32.eqz (call $next-is (i32.const 48) (i32.const 1)))
      (then (return (call $bad-arguments))))
    (if (i32.eqz (global.get $permitted))
      (then (return (call $output (i32.const 400) (i32.const 43)))))
    (global.set $n (i64.const 0))
    (call $null))

  (func $get (result i64)
    (drop (call $head (i32.const 2)))
    (if (result i64) (call $next-is (i32.const 48) (i32.const 1))
      (then (call $number))
      (else (call $bad-arguments))))

  ;; Takes what `antiphon_save` of this module, or of the one in any other language, has given.
  (func $load (result i64)
    (drop (call $head (i32.const 4)))
    (if (i64.ne (call $head (i32.const 0)) (i64.const 1))
      (then (return (call $output (i32.const 464) (i32.const 49)))))
    (if (i64.ne (call $head (i32.const 4)) (i64.const 1)) (then (return (call $bad-state))))
    (drop (call $head (i32.const 2)))
    (if (i32.eqz (call $next-is (i32.const 96) (i32.const 3))) (then (return (call $bad-state))))
    (if (i32.ne (call $major) (i32.const 0)) (then (return (call $bad-state))))
    (global.set $n (call $head (i32.const 0)))
    (call $null))

  ;; Outputs.

  (func $output (param $ptr i32) (param $len i32) (result i64)
    (global.set $at (i32.const 0))
    (global.set $end (i32.const 0))
    (global.set $permitted (i32.const 0))
    (i64.or
      (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
      (i64.extend_i32_u (local.get $len))))

  (func $null (result i64) (call $output (i32.const 128) (i32.const 6)))
  (func $unknown-method (result i64) (call $output (i32.const 144) (i32.const 43)))
  (func $bad-arguments (result i64) (call $output (i32.const 272) (i32.const 51)))
  (func $bad-state (result i64) (call $output (i32.const 528) (i32.const 37)))

  ;; Replies with the number: `[[0, h'number'], []]`.
  (func $number (result i64)
    (local $len i32)
    (local.set $len (call $write (i32.const 1028) (global.get $n)))
    (i32.store (i32.const 1024) (i32.const 0x4000_8282))
    (i32.store8 (i32.const 1027) (i32.add (i32.const 0x40) (local.get $len)))
    (i32.store8 (i32.add (i32.const 1028) (local.get $len)) (i32.const 0x80))
    (call $output (i32.const 1024) (i32.add (i32.const 5) (local.get $len))))

  ;; Writes an unsigned integer in its shortest form; gives how many bytes that takes.
  (func $write (param $to i32) (param $n i64) (result i32)
    (local $size i32) (local $index i32)
    (if (i64.lt_u (local.get $n) (i64.const 24)) (then
      (i64.store8 (local.get $to) (local.get $n))
      (return (i32.const 1))))
    ;; 0x18 announces one byte, 0x19 two, 0x1a four, 0x1b eight.
    (local.set $index (i32.const 0x18))
    (local.set $size (i32.const 1))
    (if (i64.gt_u (local.get $n) (i64.const 0xff)) (then
      (local.set $index (i32.const 0x19)) (local.set $size (i32.const 2))))
    (if (i64.gt_u (local.get $n) (i64.const 0xffff)) (then
      (local.set $index (i32.const 0x1a)) (local.set $size (i32.const 4))))
    (if (i64.gt_u (local.get $n) (i64.const 0xffff_ffff)) (then
      (local.set $index (i32.const 0x1b)) (local.set $size (i32.const 8))))
    (i32.store8 (local.get $to) (local.get $index))
    ;; The last byte first.
    (local.set $index (local.get $size))
    (loop $next
      (i64.store8 (i32.add (local.get $to) (local.get $index)) (local.get $n))
      (local.set $n (i64.shr_u (local.get $n) (i64.const 8)))
      (br_if $next (local.tee $index (i32.sub (local.get $index) (i32.const 1)))))
    (i32.add (local.get $size) (i32.const 1)))

  ;; Inputs.

  ;; Begins to read an input, which must be whole: gives its kind, and passes the context.
  (func $enter (param $ptr i32) (param $len i32) (result i64)
    (local $items i64) (local $kind i64) (local $fields i64)
    (local $sender i32) (local $controller i32) (local $rest i32)
    (global.set $at (local.get $ptr))
    (global.set $end (i32.add (local.get $ptr) (local.get $len)))
    (local.set $items (call $head (i32.const 4)))
    (local.set $kind (call $head (i32.const 0)))
    (local.set $fields (call $head (i32.const 4)))
    ;; Process, slot and time.
    (call $skip) (call $skip) (call $skip)
    (local.set $sender (global.get $at))
    (call $skip)
    (local.set $controller (global.get $at))
    (global.set $permitted (call $next-is
      (local.get $sender) (i32.sub (local.get $controller) (local.get $sender))))
    (global.set $at (local.get $controller))
    (call $skips (i64.sub (local.get $fields) (i64.const 4)))
    (local.set $rest (global.get $at))
    (call $skips (i64.sub (local.get $items) (i64.const 2)))
    (if (i32.ne (global.get $at) (global.get $end)) (then unreachable))
    (global.set $at (local.get $rest))
    (local.get $kind))

  ;; Whether these bytes are next; if they are, passes them.
  (func $next-is (param $bytes i32) (param $len i32) (result i32)
    (local $index i32)
    (if (i32.gt_u (local.get $len) (i32.sub (global.get $end) (global.get $at)))
      (then (return (i32.const 0))))
    (block $same (loop $next
      (br_if $same (i32.eq (local.get $index) (local.get $len)))
      (if (i32.ne
          (i32.load8_u (i32.add (global.get $at) (local.get $index)))
          (i32.load8_u (i32.add (local.get $bytes) (local.get $index))))
        (then (return (i32.const 0))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br $next)))
    (global.set $at (i32.add (global.get $at) (local.get $len)))
    (i32.const 1))

  ;; The type of the next item: 0 for an unsigned integer, 2 bytes, 3 text, 4 an array, 5 a map.
  (func $major (result i32)
    (if (i32.ge_u (global.get $at) (global.get $end)) (then unreachable))
    (i32.shr_u (i32.load8_u (global.get $at)) (i32.const 5)))

  ;; Reads the head of an item, which must be of a type; gives the number in it.
  (func $head (param $major i32) (result i64)
    (if (i32.ne (call $major) (local.get $major)) (then unreachable))
    (call $argument))

  (func $byte (result i32)
    (if (i32.ge_u (global.get $at) (global.get $end)) (then unreachable))
    (i32.load8_u (global.get $at))
    (global.set $at (i32.add (global.get $at) (i32.const 1))))

  ;; Reads the head of any item; gives the number in it.
  (func $argument (result i64)
    (local $short i32) (local $left i32) (local $n i64)
    (local.set $short (i32.and (call $byte) (i32.const 31)))
    (if (i32.lt_u (local.get $short) (i32.const 24))
      (then (return (i64.extend_i32_u (local.get $short)))))
    (if (i32.gt_u (local.get $short) (i32.const 27)) (then unreachable))
    (local.set $left (i32.shl (i32.const 1) (i32.sub (local.get $short) (i32.const 24))))
    (loop $next
      (local.set $n (i64.or
        (i64.shl (local.get $n) (i64.const 8))
        (i64.extend_i32_u (call $byte))))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (local.get $n))

  ;; Passes an item.
  (func $skip
    (local $major i32) (local $n i64)
    (local.set $major (call $major))
    (local.set $n (call $argument))
    (if (i32.eq (i32.and (local.get $major) (i32.const 6)) (i32.const 2)) (then
      ;; Bytes or text.
      (if (i64.gt_u (local.get $n)
          (i64.extend_i32_u (i32.sub (global.get $end) (global.get $at))))
        (then unreachable))
      (global.set $at (i32.add (global.get $at) (i32.wrap_i64 (local.get $n))))))
    (if (i32.eq (local.get $major) (i32.const 4)) (then (call $skips (local.get $n))))
    (if (i32.eq (local.get $major) (i32.const 5)) (then
      (call $skips (local.get $n))
      (call $skips (local.get $n))))
    (if (i32.eq (local.get $major) (i32.const 6)) (then (call $skip))))

  ;; Passes so many items.
  (func $skips (param $n i64)
    (block $done (loop $next
      (br_if $done (i64.eqz (local.get $n)))
      (call $skip)
      (local.set $n (i64.sub (local.get $n) (i64.const 1)))
      (br $next))))

  ;; The schema.
  (@custom "antiphon.schema"
    "\85\01\67Counter\69A number.\01\84"
      "\85\63new\00\81\82\65start\83\02\18\40\f4\81\00\73Starts at a number."
      "\85\63get\01\80\83\02\18\40\f4\6bThe number."
      "\85\63add\02\81\82\62by\83\02\18\40\f4\83\02\18\40\f4"
        "\78\2fAdds to the number and replies what it is then."
      "\85\65reset\02\80\81\00\78\18Sets the number to zero."))
