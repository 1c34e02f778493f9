use proptest::prelude::*;
use wasmparser::{KnownCustom, Parser, Payload, Validator};

use super::*;
use crate::fixture::{actor, fat_recursion, script, wasm};

const PLAIN: &str = "i64.const 0";

fn refusal(items: &str) -> PrepareError {
    prepare(&actor(items, PLAIN)).unwrap_err()
}

fn feature_of(wasm: &[u8]) -> String {
    match prepare(wasm).unwrap_err() {
        PrepareError::Feature { feature, .. } => feature,
        other => panic!("refused for another reason: {other}"),
    }
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
fn every_feature_off_is_refused_by_name() {
    let cases = [
        (
            "relaxed-simd",
            "(func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))",
        ),
        ("threads", "(func (drop (i32.atomic.load (i32.const 0))))"),
        ("shared-everything-threads", "(global (shared mut i32) (i32.const 0))"),
        ("tail-call", "(func $f (return_call $f))"),
        ("multi-memory", "(memory 1)"),
        ("exceptions", "(tag)"),
        ("gc", "(type (struct))"),
        ("gc-types", "(func (param externref))"),
        ("function-references", "(type $t (func)) (func (param (ref $t)))"),
        ("stack-switching", "(type $f (func)) (type (cont $f))"),
        (
            "wide-arithmetic",
            "(func (result i64 i64) (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))",
        ),
    ];
    for (feature, items) in cases {
        assert_eq!(feature_of(&actor(items, PLAIN)), feature);
    }
    assert_eq!(feature_of(&wasm("(module (memory i64 1))")), "memory64");
    assert_eq!(feature_of(&wasm("(module (memory 1 (pagesize 1)))")), "custom-page-sizes");
    assert_eq!(feature_of(&wasm("(module (memory 1 1 shared))")), "threads");
    assert_eq!(feature_of(&wasm("(component)")), "component-model");
    // The text format knows no `try` any more: its opcode takes the place of that of `block`.
    let mut module = actor("(func (block nop))", PLAIN);
    let block = module.windows(4).position(|code| code == [0x02, 0x40, 0x01, 0x0b]).unwrap();
    module[block] = 0x06;
    assert_eq!(feature_of(&module), "legacy-exceptions");
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
    let profile = protocol::Profile::v1();
    assert_eq!(on, profile.features);
    assert_eq!(PREPARATION_VERSION, profile.preparation);
}

#[test]
fn imports_are_named() {
    let module = wasm(r#"(module (import "env" "now" (func (result i64))))"#);
    let error = prepare(&module).unwrap_err();
    assert_eq!(error, PrepareError::Import { module: "env".into(), name: "now".into() });
    assert!(error.to_string().contains("env.now"));
}

#[test]
fn a_start_function_is_refused() {
    assert_eq!(refusal("(func $s) (start $s)"), PrepareError::Start);
}

#[test]
fn tables_and_segments_cannot_be_changed() {
    let table = "(table 2 funcref) (elem $e func $view) (data $d \"x\")";
    let cases = [
        ("table.set", "(table.set (i32.const 0) (ref.null func))"),
        ("table.grow", "(drop (table.grow (ref.null func) (i32.const 1)))"),
        ("table.fill", "(table.fill (i32.const 0) (ref.null func) (i32.const 1))"),
        ("table.copy", "(table.copy (i32.const 0) (i32.const 0) (i32.const 1))"),
        ("table.init", "(table.init $e (i32.const 0) (i32.const 0) (i32.const 1))"),
        ("elem.drop", "(elem.drop $e)"),
        ("data.drop", "(data.drop $d)"),
    ];
    for (name, code) in cases {
        match refusal(&format!("{table} (func {code})")) {
            PrepareError::Instruction { instruction, .. } => assert_eq!(instruction, name),
            other => panic!("refused for another reason: {other}"),
        }
    }
}

#[test]
fn every_export_of_the_contract_is_required_with_its_type() {
    let memory = r#"(memory (export "memory") 1)"#;
    let functions = [
        ("antiphon_alloc", "(param i32) (result i32) i32.const 0"),
        ("antiphon_handle", "(param i32 i32) (result i64) i64.const 0"),
        ("antiphon_view", "(param i32 i32) (result i64) i64.const 0"),
        ("antiphon_save", "(param i32 i32) (result i64) i64.const 0"),
    ];
    let module = |skip: &str, wrong: &str| {
        let mut text = format!("(module {}", if skip == "memory" { "" } else { memory });
        for (name, code) in functions {
            let code = if name == wrong { "(param f32)" } else { code };
            if name != skip {
                text.push_str(&format!("(func (export \"{name}\") {code})"));
            }
        }
        wasm(&(text + ")"))
    };
    prepare(&module("", "")).unwrap();
    for missing in ["memory", "antiphon_alloc", "antiphon_handle", "antiphon_view", "antiphon_save"]
    {
        let error = prepare(&module(missing, "")).unwrap_err();
        assert!(matches!(error, PrepareError::MissingExport { name, .. } if name == missing));
    }
    for (name, _) in functions {
        let error = prepare(&module("", name)).unwrap_err();
        assert!(matches!(error, PrepareError::WrongExport { name: found, .. } if found == name));
    }
    let global = wasm(r#"(module (global (export "memory") i32 (i32.const 0)))"#);
    assert!(matches!(prepare(&global), Err(PrepareError::WrongExport { name: "memory", .. })));
}

#[test]
fn reserved_names_are_refused() {
    let error = refusal(r#"(func (export "antiphon$gas"))"#);
    assert_eq!(error, PrepareError::ReservedExport { name: "antiphon$gas".into() });
}

#[test]
fn mutable_references_are_refused() {
    let error = refusal("(global i32 (i32.const 0)) (global (mut funcref) (ref.null func))");
    assert_eq!(error, PrepareError::ReferenceGlobal { index: 1 });
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
fn segments_must_fit() {
    let error = refusal("(data (i32.const 0) \"ok\") (data (i32.const 131071) \"xy\")");
    assert_eq!(error, PrepareError::DataOutOfBounds { index: 1 });
    assert_eq!(refusal("(data (i32.const -1) \"\")"), PrepareError::DataOutOfBounds { index: 0 });
    let error = refusal("(table 2 funcref) (elem (i32.const 1) $view $view)");
    assert_eq!(error, PrepareError::ElementsOutOfBounds { index: 0 });
}

#[test]
fn what_is_too_large_is_refused() {
    let too_large = vec![0; Limits::MODULE_BYTES_MAX + 1];
    assert!(matches!(prepare(&too_large), Err(PrepareError::TooLarge { .. })));
    let limit = |items: &str| match refusal(items) {
        PrepareError::Limit { what, .. } => what,
        other => panic!("refused for another reason: {other}"),
    };
    assert_eq!(limit("(table 65537 funcref)"), "elements in the table");
    assert_eq!(limit("(table 1 funcref) (table 1 funcref)"), "tables");
    assert_eq!(limit(&fat_recursion("i64", 4_097)), "locals of a function");
    assert_eq!(limit(&format!("(func {})", "nop ".repeat(300_000))), "bytes of a function");
    assert_eq!(limit(&"(global i32 (i32.const 0))".repeat(4_097)), "globals");
    assert_eq!(limit(&format!("(func (param {}))", "i32 ".repeat(129))), "parameters or results");
    assert_eq!(limit(&"(data \"\")".repeat(65_537)), "data segments");
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
