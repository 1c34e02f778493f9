use std::collections::BTreeMap;

use protocol::{abi, codec, schema::Schema};
use wasmparser::{ExternalKind, Parser, Payload};

use super::ALL;

/// The imports, the exports and the custom sections of a module.
#[derive(Default)]
struct Parts {
    imports: usize,
    start: bool,
    exports: BTreeMap<String, ExternalKind>,
    customs: Vec<(String, Vec<u8>)>,
}

fn parts(module: &[u8]) -> Parts {
    let mut parts = Parts::default();
    for payload in Parser::new(0).parse_all(module) {
        match payload.unwrap() {
            Payload::ImportSection(section) => {
                parts.imports += usize::try_from(section.count()).unwrap();
            }
            Payload::StartSection { .. } => parts.start = true,
            Payload::ExportSection(section) => {
                let exports = section.into_iter().map(|export| export.unwrap());
                parts.exports.extend(exports.map(|export| (export.name.to_owned(), export.kind)));
            }
            Payload::CustomSection(section) => {
                parts.customs.push((section.name().to_owned(), section.data().to_vec()));
            }
            _ => {}
        }
    }
    parts
}

#[test]
fn modules_import_nothing_and_export_the_guest_contract() {
    for &(name, module) in ALL {
        let parts = parts(module);
        assert_eq!((parts.imports, parts.start), (0, false), "{name}");
        assert_eq!(parts.exports.get(abi::EXPORT_MEMORY), Some(&ExternalKind::Memory), "{name}");
        for export in [abi::EXPORT_ALLOC, abi::EXPORT_HANDLE, abi::EXPORT_VIEW, abi::EXPORT_SAVE] {
            assert_eq!(parts.exports.get(export), Some(&ExternalKind::Func), "{name}: {export}");
        }
    }
}

#[test]
fn modules_hold_one_schema_of_their_own_actor() {
    for &(name, module) in ALL {
        let customs = parts(module).customs;
        let schemas: Vec<&Vec<u8>> = customs
            .iter()
            .filter_map(|(name, data)| (name == abi::SCHEMA_SECTION).then_some(data))
            .collect();
        assert_eq!(schemas.len(), 1, "{name}");
        let schema: Schema = codec::decode(schemas[0]).unwrap();
        // The second version of the counter is a counter, too.
        let actor = name.trim_end_matches('2');
        assert_eq!((schema.abi, schema.name.to_lowercase().as_str()), (abi::ABI_VERSION, actor));
        assert!(!schema.docs.is_empty(), "{name}");
    }
}

#[test]
fn modules_stay_small() {
    for &(name, module) in ALL {
        let most = match name {
            // Not much more than the least that a module can be.
            "counter" => 40 << 10,
            "worker" => 44 << 10,
            _ => 120 << 10,
        };
        assert!(module.len() <= most, "{name} has {} bytes", module.len());
    }
}
