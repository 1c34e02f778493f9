//! An actor that does what it is told: a message, a reply or a timer carries the output that it is
//! answered with. Whatever carries none is answered with null.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use compute_unit::{CompiledModule, Engine};
use protocol::{ModuleId, Value, abi::Output, codec};

/// Outputs stand behind this.
const MAGIC: &[u8; 8] = b"SCRIPT!!";

/// At 4096 stands how often anything was handled, at 4104 a sum over all inputs.
const TEXT: &str = r#"(module
    (memory (export "memory") 8)
    (data (i32.const 0) "\82\82\00\41\f6\80")
    (func (export "antiphon_alloc") (param i32) (result i32) i32.const 65536)
    (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
        (local $p i32) (local $end i32)
        (i32.store (i32.const 4096) (i32.add (i32.load (i32.const 4096)) (i32.const 1)))
        (local.set $p (local.get $ptr))
        (local.set $end (i32.add (local.get $ptr) (local.get $len)))
        (loop $search
            (i32.store (i32.const 4104) (i32.add
                (i32.mul (i32.load (i32.const 4104)) (i32.const 31))
                (i32.load8_u (local.get $p))))
            (if (i64.eq (i64.load (local.get $p)) (i64.const 0x2121545049524353)) (then
                (if (i32.eq (i32.load offset=8 (local.get $p)) (i32.const -1))
                    (then unreachable))
                (return (i64.or
                    (i64.shl (i64.extend_i32_u (i32.add (local.get $p) (i32.const 12)))
                        (i64.const 32))
                    (i64.extend_i32_u (i32.load offset=8 (local.get $p)))))))
            (local.set $p (i32.add (local.get $p) (i32.const 1)))
            (br_if $search (i32.lt_u (local.get $p) (local.get $end))))
        i64.const 6)
    (func (export "antiphon_view") (param i32 i32) (result i64) i64.const 6)
    (func (export "antiphon_save") (param i32 i32) (result i64) i64.const 0))"#;

/// The module.
pub(crate) static WASM: LazyLock<Vec<u8>> = LazyLock::new(|| wat::parse_str(TEXT).unwrap());

/// The module, compiled once for all.
static COMPILED: LazyLock<Arc<CompiledModule>> =
    LazyLock::new(|| Engine::new().unwrap().compile(&WASM).unwrap());

/// All modules there are.
pub(crate) fn modules() -> BTreeMap<ModuleId, Arc<CompiledModule>> {
    BTreeMap::from([(ModuleId::of(&WASM), Arc::clone(&COMPILED))])
}

/// A value that has whoever reads it give an output; a trap if there is none.
pub(crate) fn script(output: Option<&Output>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    match output.map(codec::encode) {
        Some(output) => {
            bytes.extend(u32::try_from(output.len()).unwrap().to_le_bytes());
            bytes.extend(output);
        }
        None => bytes.extend(u32::MAX.to_le_bytes()),
    }
    Value::Map(vec![(Value::Text("o".into()), Value::Bytes(bytes))]).encode().unwrap()
}
