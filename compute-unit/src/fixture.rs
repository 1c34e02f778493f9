//! Actors in the text format for the tests of this crate.

use std::{fmt::Write as _, sync::Arc};

use protocol::Limits;

use crate::{CompiledModule, Engine, Instance, THREAD_STACK_BYTES};

/// Where [`actor`] has inputs written.
pub(crate) const INPUT: usize = 1_024;

/// An actor of two pages whose `antiphon_handle (param $ptr i32) (param $len i32) (result i64)` has
/// this body. `items` are further items of the module.
pub(crate) fn actor(items: &str, handle: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (memory (export "memory") 2)
            (func (export "antiphon_alloc") (param i32) (result i32) i32.const {INPUT})
            (func $view (export "antiphon_view") (param i32 i32) (result i64) i64.const 0)
            (func (export "antiphon_save") (param i32 i32) (result i64) i64.const 0)
            {items}
            (func $handle (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
                {handle}))"#
    );
    wasm(&text)
}

/// Encodes a module in the text format.
pub(crate) fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the fixture is valid text")
}

/// One step of the actor [`script`]: four bytes of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Stores a byte in page 1.
    Store(u16, u8),
    /// Folds a number into the global.
    Mix(u8),
    /// Grows the memory by up to three pages.
    Grow(u8),
    /// Fills 300 bytes from a place in page 1.
    Fill(u16, u8),
    /// Stores a byte so far from the end of the memory.
    StoreEnd(u16, u8),
    /// Executes `unreachable`.
    Trap,
    /// Never ends.
    Spin,
    /// Calls itself for ever.
    Recurse,
}

/// Encodes steps as an input of [`script`].
pub(crate) fn steps(steps: &[Step]) -> Vec<u8> {
    let encode = |step: &Step| {
        let (kind, at, value) = match *step {
            Step::Store(at, value) => (0, at, value),
            Step::Mix(value) => (1, 0, value),
            Step::Grow(pages) => (2, 0, pages),
            Step::Fill(at, value) => (3, at, value),
            Step::StoreEnd(at, value) => (4, at, value),
            Step::Trap => (5, 0, 0),
            Step::Spin => (6, 0, 0),
            Step::Recurse => (7, 0, 0),
        };
        let [low, high] = at.to_le_bytes();
        [kind, low, high, value]
    };
    steps.iter().flat_map(encode).collect()
}

/// An actor of three pages that does the steps of its input and gives the input back. Its view does
/// the same.
pub(crate) fn script() -> Vec<u8> {
    wasm(
        r#"(module
            (memory (export "memory") 3)
            (global $g (mut i64) (i64.const 7))
            (data (i32.const 131072) "genesis")
            (func (export "antiphon_alloc") (param i32) (result i32) i32.const 1024)
            (func $spin (loop $again (br $again)))
            (func $recurse (call $recurse))
            (func $step (param $p i32)
                (local $at i32) (local $value i32)
                (local.set $at (i32.add (i32.const 65536)
                    (i32.load16_u offset=1 (local.get $p))))
                (local.set $value (i32.load8_u offset=3 (local.get $p)))
                (block $recurse (block $spin (block $trap (block $end (block $fill
                (block $grow (block $mix (block $store
                    (br_table $store $mix $grow $fill $end $trap $spin $recurse
                        (i32.load8_u (local.get $p))))
                (i32.store8 (local.get $at) (local.get $value)) (return))
                (global.set $g (i64.add
                    (i64.mul (global.get $g) (i64.const 31))
                    (i64.extend_i32_u (local.get $value)))) (return))
                (drop (memory.grow (local.get $value))) (return))
                (memory.fill (local.get $at) (local.get $value) (i32.const 300)) (return))
                (i32.store8
                    (i32.sub (i32.mul (memory.size) (i32.const 65536))
                        (i32.sub (local.get $at) (i32.const 65535)))
                    (local.get $value)) (return))
                unreachable)
                (call $spin))
                (call $recurse))
            (func $run (param $ptr i32) (param $len i32) (result i64)
                (local $end i32)
                (local.set $end (i32.add (local.get $ptr) (local.get $len)))
                (block $done (loop $next
                    (br_if $done (i32.ge_u (local.get $ptr) (local.get $end)))
                    (call $step (local.get $ptr))
                    (local.set $ptr (i32.add (local.get $ptr) (i32.const 4)))
                    (br $next)))
                (i64.or
                    (i64.shl (i64.const 1024) (i64.const 32))
                    (i64.extend_i32_u (local.get $len))))
            (export "antiphon_handle" (func $run))
            (export "antiphon_view" (func $run))
            (export "antiphon_save" (func $run)))"#,
    )
}

/// A function `$deep` that calls itself for ever with `locals` locals of a type live at the call.
pub(crate) fn fat_recursion(ty: &str, locals: usize) -> String {
    let (zero, is_zero) = match ty {
        "v128" => ("(v128.const i64x2 1 2)", "v128.any_true"),
        _ => ("(i64.const 3)", "i64.eqz"),
    };
    let mix = if ty == "v128" { "i64x2.add" } else { "i64.add" };
    let mut text = format!("(func $deep (param $x {ty}) (result {ty}) (local $r {ty})");
    for index in 0..locals {
        write!(text, "(local $l{index} {ty})").expect("a string grows");
    }
    let mut last = "$x".to_owned();
    for index in 0..locals {
        write!(text, "(local.set $l{index} ({mix} (local.get {last}) {zero}))")
            .expect("a string grows");
        last = format!("$l{index}");
    }
    write!(text, "(local.set $r (call $deep (local.get {last})))").expect("a string grows");
    for index in 0..locals {
        write!(text, "(local.set $r ({mix} (local.get $r) (local.get $l{index})))")
            .expect("a string grows");
    }
    write!(text, "(drop ({is_zero} (local.get $r))) (local.get $r))").expect("a string grows");
    text
}

/// Executes a test where actors may be executed.
pub(crate) fn on_stack<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(test);
    match thread.expect("the machine has room for a stack").join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Compiles a module with the engine of the profile.
pub(crate) fn compile(wasm: &[u8]) -> Arc<CompiledModule> {
    Engine::new().expect("the machine runs Wasm").compile(wasm).expect("the fixture is accepted")
}

/// A new instance under the default limits.
pub(crate) fn instance(wasm: &[u8]) -> Instance {
    Instance::genesis(&compile(wasm), &Limits::DEFAULT).expect("the fixture starts")
}
