//! What the engine costs: calls, marks, rollbacks, state roots, restores and replays, on one core.

use std::sync::Arc;

use compute_unit::{
    CompiledModule, Engine, Export, Instance, THREAD_STACK_BYTES,
    bench::{Stage, bare_call},
};
use divan::{Bencher, black_box, counter::ItemsCount};
use protocol::{Limits, Value};
use tempfile::TempDir;

/// Messages in a batch.
const BATCH: usize = 256;
/// Batches whose outcomes are stored in one commit.
const COMMIT: usize = 32;

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

/// An actor that is born with `pages` of memory, all of it written, and at each message writes some
/// state pages, always the same, `step` bytes apart. It answers null.
fn toucher(pages: usize, step: usize, touched: usize) -> Vec<u8> {
    let bytes = pages * 65_536;
    let text = format!(
        r#"(module
            (memory (export "memory") {pages})
            (global $count (mut i32) (i32.const 0))
            (data (i32.const 16) "\82\82\00\41\f6\80")
            (func (export "antiphon_alloc") (param i32) (result i32) i32.const 1024)
            (func $answer (result i64) (i64.or (i64.shl (i64.const 16) (i64.const 32)) (i64.const 6)))
            (func (export "antiphon_handle") (param $ptr i32) (param i32) (result i64)
                (local $at i32) (local $left i32)
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (if (i32.eqz (i32.load8_u offset=1 (local.get $ptr)))
                    (then
                        (local.set $at (i32.const 4096))
                        (loop $fill
                            (i32.store (local.get $at) (i32.const 0x5a5a5a5a))
                            (i32.store offset=8 (local.get $at) (local.get $at))
                            (local.set $at (i32.add (local.get $at) (i32.const 4096)))
                            (br_if $fill (i32.lt_u (local.get $at) (i32.const {bytes}))))
                        (return (call $answer))))
                (local.set $at (i32.const 8192))
                (local.set $left (i32.const {touched}))
                (loop $touch
                    (i32.store (local.get $at) (global.get $count))
                    (local.set $at (i32.add (local.get $at) (i32.const {step})))
                    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                    (br_if $touch (local.get $left)))
                (call $answer))
            (func (export "antiphon_view") (param i32 i32) (result i64) (call $answer))
            (func (export "antiphon_save") (param i32 i32) (result i64) i64.const 0))"#
    );
    wat::parse_str(text).expect("the actor is valid text")
}

fn module() -> Arc<CompiledModule> {
    let wasm = wat::parse_str(ACTOR).expect("the actor is valid text");
    let engine = Engine::new().expect("the engine exists on this machine");
    engine.compile(&wasm).expect("the actor keeps the profile")
}

fn instance() -> Instance {
    Instance::genesis(&module(), &Limits::DEFAULT).expect("a process fits")
}

fn args(entries: &[(&str, i128)]) -> Vec<u8> {
    let entry =
        |(name, value): &(&str, i128)| (Value::Text((*name).into()), Value::Integer(*value));
    Value::Map(entries.iter().map(entry).collect()).encode().expect("small arguments")
}

/// The example counter, written with the SDK.
fn counter(directory: &TempDir) -> Stage {
    let init = args(&[("start", 0)]);
    Stage::new(example_modules::COUNTER, &init, Limits::DEFAULT, directory.path())
}

fn touching(pages: usize, touched: usize, directory: &TempDir) -> Stage {
    let step = (pages * 65_536 - 16_384) / touched / 4_096 * 4_096;
    let limits = Limits { memory_pages: 65_536, ..Limits::MAX };
    Stage::new(&toucher(pages, step, touched), &args(&[]), limits, directory.path())
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

#[divan::bench]
fn bare(bencher: Bencher<'_, '_>) {
    let mut instance = instance();
    bencher.bench_local(|| bare_call(&mut instance, black_box(&[0]), 1_000_000));
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

/// The SDK's counter: executed, receipts signed, outcomes and the batches they follow from stored, a
/// row of each for 256 slots.
#[divan::bench(sample_size = 1, sample_count = 20)]
fn counter_published_by_256(bencher: Bencher<'_, '_>) {
    let (directory, by) = (directory(), args(&[("by", 1)]));
    let stage = std::cell::RefCell::new(counter(&directory));
    bencher
        .counter(ItemsCount::new(COMMIT * BATCH))
        .with_inputs(|| {
            let batch = |_| stage.borrow_mut().batch(BATCH, "add", &by);
            (0..COMMIT).map(batch).collect::<Vec<_>>()
        })
        .bench_local_values(|batches| stage.borrow_mut().publish(&batches));
}

/// The same, executed only.
#[divan::bench(sample_size = 1)]
fn counter_executed_by_256(bencher: Bencher<'_, '_>) {
    let (directory, by) = (directory(), args(&[("by", 1)]));
    let stage = std::cell::RefCell::new(counter(&directory));
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| stage.borrow_mut().slots(BATCH, "add", &by))
        .bench_local_values(|slots| stage.borrow_mut().execute(&slots));
}

/// A message that writes ten pages of a memory that is in use as a whole.
#[divan::bench(args = [16, 16_384], consts = [1, BATCH], sample_size = 1, sample_count = 50)]
fn ten_pages<const COUNT: usize>(bencher: Bencher<'_, '_>, pages: usize) {
    let directory = directory();
    let stage = std::cell::RefCell::new(touching(pages, 10, &directory));
    for _ in 0..4 {
        let slots = stage.borrow_mut().slots(BATCH, "touch", &args(&[]));
        stage.borrow_mut().execute(&slots);
    }
    bencher
        .counter(ItemsCount::new(COUNT))
        .with_inputs(|| stage.borrow_mut().slots(COUNT, "touch", &args(&[])))
        .bench_local_values(|slots| stage.borrow_mut().execute(&slots));
}

/// The root of the state after a message that writes ten pages of 1 GiB.
#[divan::bench(sample_size = 1, sample_count = 50)]
fn state_root_of_1_gib(bencher: Bencher<'_, '_>) {
    let directory = directory();
    let stage = std::cell::RefCell::new(touching(16_384, 10, &directory));
    stage.borrow_mut().state_root();
    bencher
        .with_inputs(|| {
            let slots = stage.borrow_mut().slots(1, "touch", &args(&[]));
            stage.borrow_mut().execute(&slots);
        })
        .bench_local_values(|()| stage.borrow_mut().state_root());
}

/// A process of 64 MiB, all of it in use, from its checkpoint to the outcome of a message that
/// touches 20 pages.
#[divan::bench(sample_size = 1, sample_count = 50)]
fn wake_of_64_mib(bencher: Bencher<'_, '_>) {
    let directory = directory();
    let mut stage = touching(1_024, 20, &directory);
    stage.save();
    let slot = stage.slots(1, "touch", &args(&[])).remove(0);
    drop(stage.wake(&slot));
    bencher.bench_local(|| stage.wake(&slot));
}

/// A log of the SDK's counter from slot 0, frames of 256 slots: chain, batch and, where the
/// scheduler is not trusted, client signatures are checked.
#[divan::bench(args = [true, false], sample_size = 1)]
fn replay_by_256(bencher: Bencher<'_, '_>, trusted: bool) {
    let (directory, by) = (directory(), args(&[("by", 1)]));
    let stage = std::cell::RefCell::new(counter(&directory));
    let replaying = std::cell::RefCell::new(stage.borrow().replay(trusted));
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| stage.borrow_mut().frame(BATCH, "add", &by))
        .bench_local_values(|frame| replaying.borrow_mut().take(&frame));
}
