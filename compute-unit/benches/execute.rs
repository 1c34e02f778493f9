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

/// An actor that computes until its gas is used up: a sieve over its memory, calls to a small
/// function, and values that live across all of it.
const COMPUTING: &str = r#"(module
    (memory (export "memory") 17)
    (func (export "antiphon_alloc") (param i32) (result i32) i32.const 1024)
    (func $mix (param $a i64) (param $b i64) (result i64)
        (i64.xor (i64.mul (local.get $a) (i64.const 0x9e3779b97f4a7c15))
            (i64.rotl (local.get $b) (i64.const 23))))
    (func $handle (export "antiphon_handle") (param i32 i32) (result i64)
        (local $i i32) (local $j i32) (local $sum i64) (local $odd i64) (local $count i32)
        (loop $again
            (local.set $i (i32.const 2))
            (loop $sieve
                (if (i32.eqz (i32.load8_u offset=65536 (local.get $i)))
                    (then
                        (local.set $count (i32.add (local.get $count) (i32.const 1)))
                        (local.set $j (i32.shl (local.get $i) (i32.const 1)))
                        (loop $strike
                            (i32.store8 offset=65536 (local.get $j) (i32.const 0))
                            (local.set $j (i32.add (local.get $j) (local.get $i)))
                            (br_if $strike (i32.lt_u (local.get $j) (i32.const 10000)))))
                    (else (local.set $odd (i64.add (local.get $odd) (i64.const 1)))))
                (local.set $sum (call $mix (local.get $sum)
                    (i64.add (local.get $odd) (i64.extend_i32_u (local.get $count)))))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $sieve (i32.lt_u (local.get $i) (i32.const 5000))))
            (br_if $again (i64.ne (local.get $sum) (i64.const 1))))
        (i64.const 0))
    (export "antiphon_view" (func $handle))
    (export "antiphon_save" (func $handle)))"#;

fn module(text: &str) -> Arc<CompiledModule> {
    let wasm = wat::parse_str(text).expect("the actor is valid text");
    let engine = Engine::new().expect("the engine exists on this machine");
    engine.compile(&wasm).expect("the actor keeps the profile")
}

fn instance() -> Instance {
    Instance::genesis(&module(ACTOR), &Limits::DEFAULT).expect("a process fits")
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
    let module = module(ACTOR);
    bencher.bench_local(|| Instance::genesis(&module, &Limits::DEFAULT));
}

/// A hundred million gas, which ends in a rollback of little.
#[divan::bench(sample_count = 20)]
fn a_long_call(bencher: Bencher<'_, '_>) {
    let module = module(COMPUTING);
    let mut instance = Instance::genesis(&module, &Limits::DEFAULT).expect("a process fits");
    bencher.bench_local(|| instance.execute(Export::Handle, black_box(&[0]), 100_000_000));
}
