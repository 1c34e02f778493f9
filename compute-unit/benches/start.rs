//! What a start costs: holding the engine to the profile, and having a module.

use std::num::NonZeroUsize;

use compute_unit::{Engine, Modules, THREAD_STACK_BYTES, conformance};
use divan::{Bencher, black_box};
use protocol::ModuleId;

fn main() {
    // Execution needs the stack that the profile's depth limit stands for.
    let thread = std::thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(divan::main);
    thread.expect("a thread can be started").join().expect("benches do not panic");
}

fn engine() -> Engine {
    Engine::new().expect("the engine exists on this machine")
}

/// A module of 400 functions, about as large as an actor in Rust.
fn module() -> Vec<u8> {
    let function = "(func (param i32 i32) (result i32) (local i32)
        (local.set 2 (i32.mul (local.get 0) (i32.const 31)))
        (loop $more
            (i32.store (local.get 2) (i32.add (i32.load (local.get 1)) (local.get 0)))
            (local.set 2 (i32.add (local.get 2) (i32.const 4)))
            (br_if $more (i32.lt_u (local.get 2) (local.get 1))))
        (if (result i32) (i32.eqz (local.get 2))
            (then (i32.rem_u (local.get 0) (i32.const 7)))
            (else (i32.clz (local.get 1)))))";
    let exports = r#"(memory (export "memory") 17)
        (func (export "antiphon_alloc") (param i32) (result i32) i32.const 1024)
        (func $null (param i32 i32) (result i64) i64.const 0)
        (export "antiphon_handle" (func $null)) (export "antiphon_view" (func $null))
        (export "antiphon_save" (func $null))"#;
    let text = format!("(module {exports} {})", function.repeat(400));
    wat::parse_str(text).expect("the module is valid text")
}

#[divan::bench]
fn admission(bencher: Bencher<'_, '_>) {
    let engine = engine();
    bencher.bench_local(|| conformance::admit(black_box(&engine)));
}

#[divan::bench]
fn compile(bencher: Bencher<'_, '_>) {
    let (engine, module) = (engine(), module());
    bencher.bench_local(|| engine.compile(black_box(&module)));
}

#[divan::bench]
fn load_from_disk(bencher: Bencher<'_, '_>) {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let (engine, wasm) = (engine(), module());
    let started = || {
        let path = directory.path().to_owned();
        Modules::with_disk(engine.clone(), NonZeroUsize::MIN, path, [7; 32])
            .expect("the directory can be opened")
    };
    started().compile(&wasm).expect("the module keeps the profile");
    let id = ModuleId::of(&wasm);
    bencher.with_inputs(started).bench_local_values(|modules| modules.find(black_box(&id)));
}
