//! What one slot costs in the engine: warm call, rollback, view.

use std::sync::Arc;

use compute_unit::{CompiledModule, Engine, Export, Instance, THREAD_STACK_BYTES};
use divan::{Bencher, black_box};
use protocol::Limits;

fn main() {
    // Execution needs the stack that the profile's depth limit stands for.
    let thread = std::thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(divan::main);
    thread.expect("a thread can be started").join().expect("benches do not panic");
}

/// An actor of 17 pages that counts at each call, and traps on an input that starts with 1.
const ACTOR: &str = r#"(module
    (memory (export "memory") 17)
    (func (export "antiphon_alloc") (param i32) (result i32) i32.const 1024)
    (func (export "antiphon_handle") (param $ptr i32) (param i32) (result i64)
        (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
        (if (i32.eq (i32.load8_u (local.get $ptr)) (i32.const 1)) (then unreachable))
        (i64.const 0x8_0000_0004))
    (func (export "antiphon_view") (param i32 i32) (result i64) (i64.const 0x8_0000_0004))
    (func (export "antiphon_save") (param i32 i32) (result i64) (i64.const 0)))"#;

fn module() -> Arc<CompiledModule> {
    let wasm = wat::parse_str(ACTOR).expect("the actor is valid text");
    let engine = Engine::new().expect("the engine exists on this machine");
    engine.compile(&wasm).expect("the actor keeps the profile")
}

fn instance() -> Instance {
    Instance::genesis(&module(), &Limits::DEFAULT).expect("a process fits")
}

#[divan::bench]
fn warm_call(bencher: Bencher<'_, '_>) {
    let mut instance = instance();
    bencher.bench_local(|| instance.execute(Export::Handle, black_box(&[0]), 1_000_000));
}

#[divan::bench]
fn trap_and_rollback(bencher: Bencher<'_, '_>) {
    let mut instance = instance();
    bencher.bench_local(|| instance.execute(Export::Handle, black_box(&[1]), 1_000_000));
}

#[divan::bench]
fn view(bencher: Bencher<'_, '_>) {
    let mut instance = instance();
    bencher.bench_local(|| instance.view(black_box(&[0]), 1_000_000));
}

#[divan::bench]
fn genesis(bencher: Bencher<'_, '_>) {
    let module = module();
    bencher.bench_local(|| Instance::genesis(&module, &Limits::DEFAULT));
}
