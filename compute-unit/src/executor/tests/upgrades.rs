//! Upgrades wait for their modules, and for nothing that never comes.

use protocol::{Acceptance, ControlAction, FailureKind};

use super::*;

/// An actor that answers null to everything and saves nothing; they differ by a number.
fn version(number: u8) -> Vec<u8> {
    wasm(&format!(
        r#"(module
            (memory (export "memory") 2)
            (data (i32.const 512) "\82\82\00\41\f6\80")
            (data (i32.const 520) "\82\01\81\40")
            (data (i32.const 528) "\{number:02x}")
            (func (export "antiphon_alloc") (param i32) (result i32) i32.const 1024)
            (func $null (param i32 i32) (result i64) i64.const 0x0000_0200_0000_0006)
            (export "antiphon_handle" (func $null)) (export "antiphon_view" (func $null))
            (func (export "antiphon_save") (param i32 i32) (result i64)
                i64.const 0x0000_0208_0000_0004))"#
    ))
}

/// A process of version 1 that waits for the module of an upgrade behind slot 1, and that module.
fn waiting(bench: &Bench) -> (Log, ModuleId) {
    let mut log = Log::new(&version(1), Limits::DEFAULT);
    let module = ModuleId::of(&version(2));
    let profile = log.spawn.unverified().profile;
    let acceptance = Acceptance::sign(&log.compute, NETWORK, &module, &profile);
    let upgrade = log.control(ControlAction::Upgrade { module, acceptance, raw: false });
    let (one, two) = (log.message("one", &[0xa0]), log.message("two", &[0xa0]));
    let entries = [Entry::Spawn(log.spawn.clone()), one, upgrade, two];
    let slots = work_of(&mut log, &entries);
    bench.host(&log, slots);
    bench.load(&version(1));
    assert_eq!([bench.next().1, bench.next().1], [0, 1]);
    loop {
        let wanted = bench.executor.take_wanted();
        if let Some((_, scheduler)) = wanted.iter().find(|(wanted, _)| *wanted == module) {
            assert_eq!(*scheduler, log.scheduler.public().unit());
            return (log, module);
        }
        std::thread::yield_now();
    }
}

#[test]
fn an_upgrade_is_executed_once_its_module_is_there() {
    let bench = Bench::new();
    let (log, module) = waiting(&bench);
    assert!(bench.published.try_recv().is_err());
    bench.load(&version(2));
    for slot in [2, 3] {
        let outcome = bench.publication().executed.outcome;
        assert_eq!(outcome.slot, Slot::new(slot));
        assert!(matches!(outcome.reply, Reply::Value(_)), "{outcome:?}");
    }
    // A view comes behind the turn in which that was noted.
    assert!(bench.view(&log, Some(3)).blocking_recv().unwrap().is_ok());
    assert_eq!(bench.executor.module_of(&log.process).unwrap(), Some(module));
}

#[test]
fn an_upgrade_to_what_no_unit_can_run_halts_nothing() {
    let bench = Bench::new();
    let (log, module) = waiting(&bench);
    let refused = CompileError::RefusedBefore { detail: "it is none".to_owned() };
    bench.executor.provide(&module, Err(refused));
    let failed = bench.publication().executed.outcome;
    let Reply::Failure(failure) = &failed.reply else { panic!("no failure: {failed:?}") };
    assert_eq!(failure.kind, FailureKind::BadModule);
    assert!(matches!(bench.publication().executed.outcome.reply, Reply::Value(_)));
    assert!(bench.view(&log, Some(3)).blocking_recv().unwrap().is_ok());
    let first = ModuleId::of(&version(1));
    assert_eq!(bench.executor.module_of(&log.process).unwrap(), Some(first));
}
