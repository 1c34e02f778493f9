mod refused;

use proptest::prelude::*;
use wasmparser::{KnownCustom, Parser, Payload, Validator};

use super::*;
use crate::fixture::{actor, fat_recursion, script, wasm};

const PLAIN: &str = "i64.const 0";

fn refusal(items: &str) -> PrepareError {
    prepare(&actor(items, PLAIN)).unwrap_err()
}

/// A prepared module is valid, and imports what the host gives and no more.
fn check_valid(wasm: &[u8]) {
    Validator::new_with_features(profile_features()).validate_all(wasm).unwrap();
    let sections = Parser::new(0).parse_all(wasm).filter_map(|payload| match payload.unwrap() {
        Payload::ImportSection(section) => Some(section),
        _ => None,
    });
    let imports = sections.flatten().flat_map(|group| group.unwrap());
    let names: Vec<_> = imports
        .map(|import| import.unwrap().1)
        .map(|import| (import.module, import.name))
        .collect();
    assert_eq!(names, [("antiphon", "slice")]);
}

#[test]
fn every_feature_on_is_accepted_and_stays_valid() {
    let cases = [
        "(func (param v128) (result v128) (i8x16.popcnt (local.get 0)))",
        "(func (result i32 i64) (i32.const 1) (i64.const 2))",
        "(func (param i32) (result i32 i32) (if (result i32 i32) (local.get 0) (then (return (i32.const 1) (i32.const 2))) (else (br 1 (i32.const 3) (i32.const 4)))))",
        "(func (memory.copy (i32.const 0) (i32.const 1) (i32.const 2)))",
        "(func (result i32) (i32.extend8_s (i32.const 200)))",
        "(func (result i32) (i32.trunc_sat_f32_s (f32.const 1e30)))",
        "(func (result funcref) (ref.null func)) (table 1 funcref) (func (drop (table.get (i32.const 0))))",
        "(data (i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3))) \"x\")",
        "(global i64 (i64.sub (i64.const 1) (i64.const 2)))",
    ];
    for items in cases {
        check_valid(&prepare(&actor(items, PLAIN)).unwrap().wasm);
    }
}

#[test]
fn the_profile_says_what_is_on_and_which_preparation_this_is() {
    let parts = ["floats", "call-indirect-overlong", "bulk-memory-opt"];
    let mut on: Vec<_> = profile_features()
        .iter_names()
        .map(|(name, _)| name.to_lowercase().replace('_', "-"))
        .filter(|name| !parts.contains(&name.as_str()))
        .collect();
    on.sort();
    let profile = protocol::Profile::current();
    assert_eq!(on, profile.features);
    assert_eq!(PREPARATION_VERSION, profile.preparation);
}

#[test]
fn branches_that_are_said_to_be_unlikely_are_those_that_were_added() {
    const IF_EMPTY: [u8; 2] = [0x04, 0x40];
    const CALL: u8 = 0x10;
    const UNREACHABLE: u8 = 0x00;
    let prepared = prepare(&script()).unwrap();
    let (mut hinted, mut bodies) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(&prepared.wasm) {
        match payload.unwrap() {
            Payload::CodeSectionEntry(body) => bodies.push(body.range()),
            Payload::CustomSection(section) => {
                let KnownCustom::BranchHints(functions) = section.as_known() else { continue };
                hinted = functions.into_iter().map(Result::unwrap).collect();
            }
            _ => {}
        }
    }
    // The added functions are behind those of the module, and have no hints.
    assert_eq!(hinted.len() + 3, bodies.len());
    for function in hinted {
        let body = &prepared.wasm[bodies[usize::try_from(function.func - 1).unwrap()].clone()];
        for hint in function.hints {
            let hint = hint.unwrap();
            let branch = &body[usize::try_from(hint.func_offset).unwrap()..][..3];
            assert!(!hint.taken && branch.starts_with(&IF_EMPTY), "{branch:?}");
            assert!([CALL, UNREACHABLE].contains(&branch[2]), "{branch:?}");
        }
    }
}

#[test]
fn mutable_globals_are_exported() {
    let items = "(global (mut i32) (i32.const 1)) (global i32 (i32.const 2))
        (global (mut f64) (f64.const 3)) (global (mut v128) (v128.const i64x2 4 5))";
    let prepared = prepare(&actor(items, PLAIN)).unwrap();
    let globals: Vec<_> =
        prepared.globals.iter().map(|global| (global.export.as_str(), global.kind)).collect();
    assert_eq!(
        globals,
        [
            ("antiphon$global.0", GlobalKind::I32),
            ("antiphon$global.2", GlobalKind::F64),
            ("antiphon$global.3", GlobalKind::V128),
        ]
    );
    check_valid(&prepared.wasm);
}

#[test]
fn active_data_moves_into_the_genesis_image() {
    let items = r#"(data (i32.const 8) "one") (data $p "passive") (data (i32.const 9) "two")
        (data (i32.const 131072) "")
        (func (memory.init $p (i32.const 0) (i32.const 0) (i32.const 7)))"#;
    let prepared = prepare(&actor(items, PLAIN)).unwrap();
    assert_eq!(
        prepared.genesis,
        [
            Segment { offset: 8, bytes: b"one".to_vec() },
            Segment { offset: 9, bytes: b"two".to_vec() },
        ]
    );
    check_valid(&prepared.wasm);
    let contains = |text: &[u8]| prepared.wasm.windows(text.len()).any(|window| window == text);
    assert!(contains(b"passive") && !contains(b"one") && !contains(b"two"));
}

#[test]
fn equal_modules_prepare_equally() {
    assert_eq!(prepare(&script()), prepare(&script()));
}

#[test]
fn what_is_no_module_is_refused_in_one_sentence_that_says_what_to_do() {
    for other in [&b""[..], b"(module)", b"#!/bin/sh\nexit\n"] {
        let error = prepare(other).unwrap_err();
        assert_eq!(error, PrepareError::NotWasm);
        assert!(error.to_string().contains("wasm32-unknown-unknown"), "{error}");
    }
    let whole = actor("", PLAIN);
    for length in 4..whole.len() {
        if let Err(error) = prepare(&whole[..length]) {
            let said = error.to_string();
            assert!(!said.contains('\n') && !said.contains("\\n"), "{said}");
        }
    }
}

#[test]
fn refusals_quote_no_more_than_a_line() {
    let name = "\n".repeat(10_000);
    let module = wasm(&format!("(module (import \"{}\" \"x\" (func)))", name.replace('\n', "\\n")));
    assert!(prepare(&module).unwrap_err().to_string().len() < 600);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = prepare(&bytes);
        let _ = prepare(&[b"\0asm\x01\0\0\0".as_slice(), &bytes].concat());
    }

    #[test]
    fn damaged_modules_are_refused_or_stay_valid(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut module = script();
        for (at, value) in damage {
            let at = at.index(module.len());
            module[at] = value;
        }
        if let Some(cut) = cut {
            module.truncate(cut.index(module.len()));
        }
        if let Ok(prepared) = prepare(&module) {
            check_valid(&prepared.wasm);
        }
    }
}
