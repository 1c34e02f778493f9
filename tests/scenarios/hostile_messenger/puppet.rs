//! An actor that does what its messages say, and shows what it was handed last.

use protocol::{
    ProcessId, Value,
    abi::{GuestEffect, GuestResult, Output},
    codec,
};

/// How much of an input a puppet keeps.
const KEPT: usize = 512;

/// A call whose arguments hold "SCRIPT!!", a length and an output is answered with that output, every
/// other with null. From 131054 on is the output of a view: the length of the last input, and 512 bytes of it.
pub(super) fn puppet() -> Vec<u8> {
    let text = r#"(module
        (memory (export "memory") 8)
        ;; [[0, h'f6'], []]
        (data (i32.const 0) "\82\82\00\41\f6\80")
        ;; [[0, h'82 44.. 59 0200 ..'], []]
        (data (i32.const 131054) "\82\82\00\59\02\09\82\44")
        (data (i32.const 131066) "\59\02\00")
        (data (i32.const 131581) "\80")
        (func (export "antiphon_alloc") (param i32) (result i32) i32.const 196608)
        (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
            (local $end i32)
            (i32.store (i32.const 131062) (local.get $len))
            (memory.fill (i32.const 131069) (i32.const 0) (i32.const 512))
            (memory.copy (i32.const 131069) (local.get $ptr)
                (select (local.get $len) (i32.const 512)
                    (i32.lt_u (local.get $len) (i32.const 512))))
            (local.set $end (i32.add (local.get $ptr) (local.get $len)))
            (loop $search
                (if (i64.eq (i64.load (local.get $ptr)) (i64.const 0x2121545049524353))
                    (then (return (i64.or
                        (i64.shl (i64.extend_i32_u (i32.add (local.get $ptr) (i32.const 12)))
                            (i64.const 32))
                        (i64.load32_u offset=8 (local.get $ptr))))))
                (local.set $ptr (i32.add (local.get $ptr) (i32.const 1)))
                (br_if $search (i32.lt_u (local.get $ptr) (local.get $end))))
            i64.const 6)
        (func (export "antiphon_view") (param i32 i32) (result i64)
            ;; 131054 << 32 | 528
            (i64.or (i64.shl (i64.const 131054) (i64.const 32)) (i64.const 528)))
        (func (export "antiphon_save") (param i32 i32) (result i64) i64.const 0))"#;
    wat::parse_str(text).unwrap()
}

/// Arguments that make a puppet answer null and want this.
pub(super) fn script(effects: Vec<GuestEffect>) -> Value {
    let output = codec::encode(&Output { result: GuestResult::Reply(vec![0xf6]), effects });
    let length = u32::try_from(output.len()).unwrap().to_le_bytes();
    let bytes = [b"SCRIPT!!".as_slice(), &length, &output].concat();
    Value::Map(vec![(Value::Text("o".to_owned()), Value::Bytes(bytes))])
}

/// An ask of a counter to add one.
pub(super) fn ask(token: u64, target: ProcessId, patience: u64) -> GuestEffect {
    let args = crate::support::integer("by", 1).encode().unwrap();
    let method = "add".to_owned();
    GuestEffect::Ask { target, method, args, token, patience, hint: None, call: None }
}

/// The bytes of the input in what a view of a puppet shows.
pub(super) fn shown(reply: &Value) -> Vec<u8> {
    let Value::Array(parts) = reply else { panic!("not a puppet's: {reply:?}") };
    let [Value::Bytes(length), Value::Bytes(input)] = parts.as_slice() else {
        panic!("not a puppet's: {reply:?}")
    };
    let length = u32::from_le_bytes(length.as_slice().try_into().unwrap());
    let length = usize::try_from(length).unwrap();
    assert!(length <= KEPT, "an input of {length} bytes is not kept whole");
    input[..length].to_vec()
}
