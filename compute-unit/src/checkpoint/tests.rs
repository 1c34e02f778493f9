use std::{path::Path, sync::Arc};

use protocol::{Checkpoint, Entry, Hash, Limits, ProcessId, Reply, Slot, Value};

use super::*;
use crate::{
    CompiledModule, Engine, HostFault,
    fixture::{on_stack, wasm},
    process::Process,
    testing::Log,
};

/// An actor that writes the number of its calls into a page for each, of 8 MiB, and tells somebody
/// every time.
fn writer() -> Vec<u8> {
    let target = "\\07".repeat(32);
    wasm(&format!(
        r#"(module
            (memory (export "memory") 128)
            (global $count (mut i32) (i32.const 0))
            (data (i32.const 32) "\82\82\00\41\f6\81\84\02\58\20{target}\62hi\41\a0")
            (func (export "antiphon_alloc") (param i32) (result i32) i32.const 8192)
            (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (i32.store
                    (i32.add (i32.const 131072)
                        (i32.mul (i32.rem_u (i32.mul (global.get $count) (i32.const 7))
                            (i32.const 1900)) (i32.const 4096)))
                    (global.get $count))
                (i64.or (i64.shl (i64.const 32) (i64.const 32)) (i64.const 47)))
            (func (export "antiphon_view") (param i32 i32) (result i64) i64.const 0)
            (func (export "antiphon_save") (param i32 i32) (result i64) i64.const 0))"#
    ))
}

struct Bench {
    log: Log,
    module: Arc<CompiledModule>,
    process: Process,
}

impl Bench {
    fn new(seed: u64) -> Self {
        Self::of(&writer(), seed)
    }

    fn of(wasm: &[u8], seed: u64) -> Self {
        // Other limits make another process.
        let log = Log::new(wasm, Limits { gas: 1_000_000 + seed, ..Limits::DEFAULT });
        let module = Engine::new().unwrap().compile(wasm).unwrap();
        let spawn = log.spawn.unverified().clone();
        let process = Process::new(log.process, spawn, &module).unwrap();
        let mut bench = Self { log, module, process };
        bench.execute(&Entry::Spawn(bench.log.spawn.clone()));
        bench
    }

    fn execute(&mut self, entry: &Entry) -> Hash {
        let assignment = self.log.assign(entry.id());
        self.process.execute(&assignment, entry).unwrap().leaf.digest()
    }

    fn calls(&mut self, count: usize) -> Hash {
        let args = Value::Map(vec![]).encode().unwrap();
        let mut last = Hash::ZERO;
        for _ in 0..count {
            let entry = self.log.message("call", &args);
            last = self.execute(&entry);
        }
        last
    }

    fn save(&mut self, store: &CheckpointStore) {
        store.append(&[self.process.save(false).unwrap().unwrap()]).unwrap();
    }

    fn restore(&mut self, store: &Arc<CheckpointStore>) -> Process {
        let restored = restore(store, newest(store, &self.log.process)).unwrap();
        Process::restore(restored, &self.module).unwrap()
    }
}

fn newest(store: &CheckpointStore, process: &ProcessId) -> Checkpoint {
    store.newest(process, Slot::new(u64::MAX)).unwrap().expect("there is one")
}

fn open(path: &Path) -> Arc<CheckpointStore> {
    Arc::new(CheckpointStore::open(path, 3).unwrap())
}

#[test]
fn a_process_goes_on_from_its_checkpoint_as_if_nothing_had_happened() {
    on_stack(|| {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let mut bench = Bench::new(0);
        for round in 0..6 {
            bench.calls(50 * round);
            bench.save(&store);
            let mut restored = bench.restore(&store);
            assert_eq!(restored.state_root().unwrap(), bench.process.state_root().unwrap());
            assert_eq!(restored.last(), bench.process.last());
            // What either executes next is the same, roots and pair numbers too.
            let entry = bench.log.message("call", &[0xa0]);
            let assignment = bench.log.assign(entry.id());
            let one = bench.process.execute(&assignment, &entry).unwrap();
            let other = restored.execute(&assignment, &entry).unwrap();
            assert!(matches!(one.outcome.reply, Reply::Value(_)));
            assert_eq!(one, other);
            assert_eq!(restored.state_root().unwrap(), bench.process.state_root().unwrap());
            bench.process = restored;
        }
    });
}

#[test]
fn a_restored_memory_is_what_it_was_byte_by_byte() {
    on_stack(|| {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let mut bench = Bench::new(0);
        bench.calls(300);
        bench.save(&store);
        let before = bench.process.memory().unwrap().to_vec();
        let mut restored = bench.restore(&store);
        assert!(restored.memory().unwrap() == before);
        let root = restored.state().unwrap().unwrap().memory;
        assert_eq!(root, Hash::of_blob(&before));
    });
}

#[test]
fn what_is_equal_is_stored_once_across_processes_and_time() {
    on_stack(|| {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let mut bench = Bench::new(0);
        bench.calls(200);
        bench.save(&store);
        let first = store.blobs().unwrap();
        // Another process with the same memory, but for the page that inputs are written to.
        let mut other = Bench::new(1);
        other.calls(200);
        other.save(&store);
        let second = store.blobs().unwrap();
        assert!(second - first <= 3, "{first} {second}");
        // A further call changes two pages and the nodes above them.
        bench.calls(1);
        bench.save(&store);
        let more = store.blobs().unwrap() - second;
        assert!((1..=5).contains(&more), "{more}");
    });
}

#[test]
fn only_so_many_checkpoints_stay_with_what_they_need() {
    on_stack(|| {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let mut bench = Bench::new(0);
        for _ in 0..40 {
            bench.calls(5);
            bench.save(&store);
        }
        let kept = store.blobs().unwrap();
        let mut fresh = Bench::new(0);
        let other = tempfile::tempdir().unwrap();
        let alone = open(other.path());
        fresh.calls(200);
        fresh.save(&alone);
        let needed = alone.blobs().unwrap();
        // Three checkpoints, of which the older two lead to a little more.
        assert!(kept < 2 * needed, "{kept} of {needed}");
        assert_eq!(bench.restore(&store).state_root(), bench.process.state_root());
        for slot in [0, 5, 100, u64::MAX] {
            while let Some(found) = store.newest(&bench.log.process, Slot::new(slot)).unwrap() {
                store.discard(&bench.log.process, found.position.slot).unwrap();
            }
        }
        assert_eq!(store.blobs().unwrap(), 0, "the last takes everything along");
    });
}

#[test]
fn a_memory_that_grows_over_every_level_is_restored() {
    // Grows by the number of its calls, and writes into the last page.
    let grower = wasm(
        r#"(module
            (memory (export "memory") 1)
            (global $count (mut i32) (i32.const 0))
            (data (i32.const 0) "\82\82\00\41\f6\80")
            (func (export "antiphon_alloc") (param i32) (result i32) i32.const 8192)
            (func (export "antiphon_handle") (param i32 i32) (result i64)
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (drop (memory.grow (global.get $count)))
                (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4))
                    (global.get $count))
                (i64.const 6))
            (func (export "antiphon_view") (param i32 i32) (result i64) i64.const 0)
            (func (export "antiphon_save") (param i32 i32) (result i64) i64.const 0))"#,
    );
    on_stack(move || {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let mut bench = Bench::of(&grower, 9_000_000);
        for _ in 0..25 {
            bench.calls(1);
            bench.save(&store);
            let mut restored = bench.restore(&store);
            assert_eq!(restored.state_root().unwrap(), bench.process.state_root().unwrap());
            assert!(restored.memory() == bench.process.memory());
            bench.process = bench.restore(&store);
        }
    });
}

#[test]
fn a_checkpoint_that_could_not_be_written_is_made_up_for_by_a_whole_one() {
    on_stack(|| {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let mut bench = Bench::new(0);
        bench.calls(10);
        bench.save(&store);
        bench.calls(10);
        drop(bench.process.save(false).unwrap());
        bench.calls(10);
        store.append(&[bench.process.save(true).unwrap().unwrap()]).unwrap();
        let mut restored = bench.restore(&store);
        assert!(restored.memory() == bench.process.memory());
        assert_eq!(restored.state_root().unwrap(), bench.process.state_root().unwrap());
        bench.calls(10);
        bench.save(&store);
        assert!(bench.restore(&store).memory() == bench.process.memory());
    });
}

#[test]
fn a_process_that_was_not_born_stays_dead() {
    on_stack(|| {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let mute = crate::fixture::actor("", "unreachable");
        let mut bench = Bench::of(&mute, 0);
        let before = bench.calls(1);
        bench.save(&store);
        let mut restored = bench.restore(&store);
        assert_eq!(restored.state_root().unwrap(), None);
        let entry = bench.log.message("call", &[0xa0]);
        let assignment = bench.log.assign(entry.id());
        let executed = restored.execute(&assignment, &entry).unwrap();
        assert_eq!(executed.leaf.previous, Some(before));
        assert_eq!(executed, bench.process.execute(&assignment, &entry).unwrap());
    });
}

#[test]
fn damage_of_any_blob_is_noticed() {
    on_stack(|| {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let mut bench = Bench::new(0);
        bench.calls(100);
        bench.save(&store);
        let whole = bench.process.memory().unwrap().to_vec();
        for number in 0..store.blobs().unwrap() {
            let undo = store.damage(number).unwrap();
            let noticed = match restore(&store, newest(&store, &bench.log.process)) {
                Err(_) => true,
                Ok(restored) => match Process::restore(restored, &bench.module) {
                    Err(HostFault::Damaged) => true,
                    Err(other) => panic!("{other}"),
                    Ok(mut process) => {
                        let same = process.memory().is_some_and(|memory| memory == whole);
                        // Reading all of it has touched every page.
                        process.state_root().is_err() || !same && process.save(true).is_err()
                    }
                },
            };
            assert!(noticed, "blob {number}");
            undo(&store);
        }
        assert!(bench.restore(&store).memory().unwrap() == whole);
    });
}
