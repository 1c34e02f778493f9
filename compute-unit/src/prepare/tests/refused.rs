//! Every feature that is off, with modules that use it and the very words of their refusals.

use std::collections::BTreeSet;

use wasmparser::WasmFeatures;

use super::*;

/// What uses a feature: further items of an actor, or a whole module.
enum Uses {
    Items(&'static str),
    Module(&'static str),
    /// What the text format cannot say: sections of a module that has no others.
    Sections(&'static [u8]),
    /// What it says no more: a block of legacy exceptions, whose opcode replaces that of `block`.
    Try,
}
use Uses::{Items, Module, Sections, Try};

/// The feature that a refusal names, what uses it, and the byte where it is found.
type Case = (&'static str, Uses, usize);

/// Features of the parser that no core module can use: all of them are about components, which are
/// refused at their first bytes.
const COMPONENTS_ONLY: &[&str] = &[
    "cm-values",
    "cm-nested-names",
    "cm-async",
    "cm-async-stackful",
    "cm-more-async-builtins",
    "cm-threading",
    "cm-error-context",
    "cm-fixed-length-lists",
    "cm-gc",
    "cm-map",
    "cm64",
    "cm-implements",
    "cm-canon-names",
];

const CASES: &[Case] = &[
    (
        "relaxed-simd",
        Items(
            "(func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))",
        ),
        145,
    ),
    (
        "relaxed-simd",
        Items("(func (param v128) (result v128) (i32x4.relaxed_trunc_f32x4_s (local.get 0)))"),
        142,
    ),
    (
        "relaxed-simd",
        Items(
            "(func (param v128) (result v128) (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0)))",
        ),
        146,
    ),
    ("threads", Items("(func (drop (i32.atomic.load (i32.const 0))))"), 140),
    ("threads", Items("(func (drop (memory.atomic.notify (i32.const 0) (i32.const 1))))"), 142),
    ("threads", Items("(func atomic.fence)"), 138),
    ("threads", Module("(memory 1 1 shared)"), 11),
    ("shared-everything-threads", Items("(global (shared mut i32) (i32.const 0))"), 37),
    ("shared-everything-threads", Items("(table shared 1 (ref null (shared func)))"), 32),
    ("tail-call", Items("(func $f (return_call $f))"), 138),
    ("tail-call", Items("(table 1 funcref) (func (return_call_indirect (i32.const 0)))"), 146),
    (
        "function-references",
        Items("(type $t (func)) (func (return_call_ref $t (ref.null $t)))"),
        138,
    ),
    ("multi-memory", Items("(memory 1)"), 31),
    ("exceptions", Items("(tag)"), 39),
    ("exceptions", Items("(func (param exnref))"), 22),
    ("exceptions", Items("(func (local exnref))"), 138),
    ("exceptions", Items("(func (throw_ref (unreachable)))"), 139),
    ("exceptions", Items("(func (try_table))"), 138),
    ("legacy-exceptions", Try, 138),
    ("memory64", Module("(memory i64 1)"), 11),
    ("memory64", Items("(table i64 1 funcref)"), 32),
    ("custom-page-sizes", Module("(memory 1 (pagesize 1))"), 11),
    ("memory-control", Items("(func (memory.discard (i32.const 0) (i32.const 65536)))"), 144),
    ("gc", Items("(type (struct))"), 11),
    ("gc", Items("(type (array (mut i32)))"), 11),
    ("gc-types", Items("(func (param anyref))"), 22),
    ("gc-types", Items("(func (param i31ref))"), 22),
    ("gc", Items("(func (drop (ref.i31 (i32.const 1))))"), 140),
    ("gc", Items("(rec (type (func)) (type (func)))"), 11),
    ("gc", Items("(func (drop (ref.test funcref (ref.null func))))"), 140),
    ("gc-types", Items("(func (param externref))"), 22),
    ("gc-types", Items("(table 1 externref)"), 32),
    ("gc-types", Items("(func (drop (ref.null extern)))"), 138),
    ("function-references", Items("(type $t (func)) (func (param (ref $t)))"), 25),
    ("function-references", Items("(type $t (func)) (func (call_ref $t (ref.null $t)))"), 138),
    ("function-references", Items("(func (drop (ref.as_non_null (ref.null func))))"), 140),
    ("function-references", Items("(func (block (br_on_null 0 (ref.null func)) drop))"), 142),
    ("function-references", Items("(table 1 funcref (ref.null func))"), 32),
    ("stack-switching", Items("(type $f (func)) (type (cont $f))"), 14),
    ("stack-switching", Items("(func (suspend 0))"), 138),
    (
        "wide-arithmetic",
        Items(
            "(func (result i64 i64) (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)))",
        ),
        148,
    ),
    (
        "wide-arithmetic",
        Items("(func (result i64 i64) (i64.mul_wide_u (i64.const 0) (i64.const 0)))"),
        144,
    ),
    ("custom-descriptors", Items("(func (drop (ref.get_desc 0 (unreachable))))"), 139),
    ("custom-descriptors", Items("(func (drop (ref.null (exact 0))))"), 138),
    // An import section: one group of one name, of a function type.
    (
        "compact-imports",
        Sections(&[1, 4, 1, 0x60, 0, 0, 2, 10, 1, 1, b'm', 0, 0x7f, 1, 1, b'n', 0, 0]),
        20,
    ),
    ("component-model", Module("component"), 0),
];

fn binary(uses: &Uses) -> Vec<u8> {
    match uses {
        Items(items) => actor(items, PLAIN),
        Module("component") => wasm("(component)"),
        Module(items) => wasm(&format!("(module {items})")),
        Sections(sections) => [wasm("(module)").as_slice(), sections].concat(),
        Try => {
            let mut module = actor("(func (block nop))", PLAIN);
            let block = module.windows(4).position(|code| code == [0x02, 0x40, 0x01, 0x0b]);
            module[block.unwrap()] = 0x06;
            module
        }
    }
}

/// The name of a feature as its proposal is called.
fn proposal(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

#[test]
fn every_feature_that_is_off_is_refused_in_these_words() {
    for (feature, uses, offset) in CASES {
        let words = format!(
            "the module uses the feature {feature} at byte {offset}, which actors may not use: \
             build it without"
        );
        assert_eq!(prepare(&binary(uses)).unwrap_err().to_string(), words);
    }
}

#[test]
fn every_feature_of_the_parser_is_on_or_has_a_case() {
    let named = |features: WasmFeatures| -> BTreeSet<String> {
        features.iter_names().map(|(name, _)| proposal(name)).collect()
    };
    let refused: BTreeSet<String> = CASES.iter().map(|case| case.0.to_owned()).collect();
    let off = &named(WasmFeatures::all()) - &named(profile_features());
    let components = COMPONENTS_ONLY.iter().copied().map(str::to_owned).collect();
    assert_eq!(&off - &components, refused);
    assert!(components.is_subset(&off));
}

/// A whole module in the text format: the guest contract, without one export or with a wrong one.
fn contract(missing: &str, wrong: &str) -> String {
    let functions = [
        ("antiphon_alloc", "(param i32) (result i32) i32.const 0"),
        ("antiphon_handle", "(param i32 i32) (result i64) i64.const 0"),
        ("antiphon_view", "(param i32 i32) (result i64) i64.const 0"),
        ("antiphon_save", "(param i32 i32) (result i64) i64.const 0"),
    ];
    let mut text = "(module ".to_owned();
    match "memory" {
        name if name == missing => {}
        name if name == wrong => text.push_str(r#"(func (export "memory"))"#),
        _ => text.push_str(r#"(memory (export "memory") 1)"#),
    }
    for (name, code) in functions.into_iter().filter(|(name, _)| *name != missing) {
        let code = if name == wrong { "(param f32)" } else { code };
        text.push_str(&format!("(func (export \"{name}\") {code})"));
    }
    text + ")"
}

#[test]
fn every_export_of_the_contract_is_required_with_its_type() {
    prepare(&wasm(&contract("", ""))).unwrap();
    let entry = "a function (i32, i32) -> i64";
    let exports = [
        ("memory", "a memory"),
        ("antiphon_alloc", "a function (i32) -> i32"),
        ("antiphon_handle", entry),
        ("antiphon_view", entry),
        ("antiphon_save", entry),
    ];
    let said = |text: String| prepare(&wasm(&text)).unwrap_err().to_string();
    for (name, expected) in exports {
        assert_eq!(
            said(contract(name, "")),
            format!(
                "the module does not export {name}, {expected}: build it with #[actor], or see \
                 docs/abi.md"
            )
        );
        assert_eq!(
            said(contract("", name)),
            format!("the export {name} must be {expected}: see docs/abi.md")
        );
    }
    assert_eq!(
        said(r#"(module (global (export "memory") i32 (i32.const 0)))"#.to_owned()),
        "the export memory must be a memory: see docs/abi.md"
    );
}

#[test]
fn what_changes_tables_or_segments_is_refused_by_name() {
    let table = "(table 2 funcref) (elem $e func $view) (data $d \"x\")";
    let cases = [
        ("table.set", "(table.set (i32.const 0) (ref.null func))", 155),
        ("table.grow", "(drop (table.grow (ref.null func) (i32.const 1)))", 155),
        ("table.fill", "(table.fill (i32.const 0) (ref.null func) (i32.const 1))", 157),
        ("table.copy", "(table.copy (i32.const 0) (i32.const 0) (i32.const 1))", 157),
        ("table.init", "(table.init $e (i32.const 0) (i32.const 0) (i32.const 1))", 157),
        ("elem.drop", "(elem.drop $e)", 151),
        ("data.drop", "(data.drop $d)", 154),
    ];
    for (instruction, code, offset) in cases {
        assert_eq!(
            refusal(&format!("{table} (func {code})")).to_string(),
            format!(
                "the module uses {instruction} at byte {offset}, which actors may not: tables and \
                 data segments never change"
            )
        );
    }
}

#[test]
fn what_there_is_too_much_of_is_counted() {
    let many = |item: &str, count| item.repeat(count);
    let function = |body: &str| format!("(func {body})");
    let exports: String = (0..4_092).map(|n| format!("(export \"{n}\" (func $view))")).collect();
    let elements = format!("(table 1 funcref) (elem func {})", "$view ".repeat(65_536));
    let segments = format!("(elem func {})", "$view ".repeat(65_536)).repeat(4);
    let cases = [
        ("(table 65537 funcref)".to_owned(), "elements in the table: 65537, of which 65536"),
        (many("(table 1 funcref)", 2), "tables: 2, of which 1"),
        (fat_recursion("i64", 4_096), "locals of a function: 4097, of which 4096"),
        (function(&"nop ".repeat(262_144)), "bytes of a function: 262146, of which 262144"),
        (many("(global i32 (i32.const 0))", 4_097), "globals: 4097, of which 4096"),
        (
            function(&format!("(param {})", "i32 ".repeat(129))),
            "parameters or results: 129, of which 128",
        ),
        (
            function(&format!("(result {}) unreachable", "i32 ".repeat(129))),
            "parameters or results: 129, of which 128",
        ),
        (many("(data \"\")", 65_537), "data segments: 65537, of which 65536"),
        (many("(elem func)", 4_097), "element segments: 4097, of which 4096"),
        (elements + &segments, "elements in segments: 327680, of which 262144"),
        (many("(type (func))", 16_384), "function types: 16386, of which 16384"),
        (many("(func)", 65_533), "functions: 65537, of which 65536"),
        (exports, "exports: 4097, of which 4096"),
    ];
    for (items, counted) in cases {
        assert_eq!(refusal(&items).to_string(), format!("{counted} are allowed"));
    }
}

#[test]
fn every_other_refusal_says_what_to_do() {
    let said = |wasm: &[u8]| prepare(wasm).unwrap_err().to_string();
    let imports = |name: &str| {
        format!(
            "the module imports {name}, but an actor imports nothing: build for \
             wasm32-unknown-unknown and remove what needs a host"
        )
    };
    for item in ["(func)", "(memory 1)", "(global i32)", "(table 1 funcref)"] {
        let text = format!(r#"(module (import "env" "now" {item}))"#);
        assert_eq!(said(&wasm(&text)), imports("env.now"));
    }
    let cases = [
        (
            "(func $s) (start $s)",
            "the module has a start function, which would run at every restore: do its work when \
             handling init",
        ),
        (
            r#"(func (export "antiphon$gas"))"#,
            "the export antiphon$gas has a reserved name: rename it",
        ),
        (
            "(global i32 (i32.const 0)) (global (mut funcref) (ref.null func))",
            "the mutable global 1 holds a reference, which a checkpoint cannot hold",
        ),
        (
            r#"(data (i32.const 0) "ok") (data (i32.const 131071) "xy")"#,
            "the data segment 1 does not fit into the initial memory",
        ),
        (
            "(table 2 funcref) (elem (i32.const 1) $view $view)",
            "the element segment 0 does not fit into the table",
        ),
        (r#"(data (i32.const -1) "")"#, "the data segment 0 does not fit into the initial memory"),
    ];
    for (items, words) in cases {
        assert_eq!(refusal(items).to_string(), words);
    }
    assert_eq!(
        said(&vec![0; Limits::MODULE_BYTES_MAX + 1]),
        "the module has 16777217 bytes, of which 16777216 are allowed: build it optimised for size \
         and strip debug sections"
    );
    assert_eq!(
        said(b"#!/bin/sh"),
        "this is no WebAssembly binary, for it does not begin with `\\0asm`: give the .wasm file \
         that cargo builds for wasm32-unknown-unknown"
    );
    assert_eq!(
        said(&actor("", PLAIN)[..40]),
        "the module is not valid at byte 36: unexpected end-of-file; build it again, for the \
         file is cut off or was changed"
    );
}
