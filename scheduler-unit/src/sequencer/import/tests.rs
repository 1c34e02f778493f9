use std::sync::Arc;

use protocol::{Entry, RefusalCode, codec};

use super::*;
use crate::{
    archive::Archive,
    fixture::{NOW, key, message, opened, process, reopen_as, spawn, submission},
    running::Opened,
    segment::Segment,
    sequencer::testing::Bench,
    store::testing::FaultDisk,
};

/// The stores of a scheduler other than the one that orders the logs.
fn elsewhere(disk: &Arc<FaultDisk>) -> Opened {
    reopen_as(disk, &key(11)).unwrap()
}

/// A log of five batches.
fn log() -> Bench {
    let mut bench = Bench::new(opened(&FaultDisk::new()));
    let target = process(1, NOW);
    bench.submit(vec![submission(0, spawn(1, NOW))]);
    for nonce in 0..4 {
        let submissions = [2 * nonce, 2 * nonce + 1];
        bench.submit(submissions.map(|n| submission(n, message(target, n, NOW))).into());
    }
    bench
}

/// Imports a batch of another log.
fn import(bench: &mut Bench, from: &Archive, number: u64) -> Result<Slot, Refusal> {
    let segment = from.segment(number).unwrap();
    let read = Segment::read(&segment).unwrap();
    let records = read.records.iter();
    let slots = records.map(|record| {
        let entry = codec::decode(record.entry).unwrap();
        let spawn = match &entry {
            Entry::Spawn(spawn) => Some(Box::new(spawn.unverified().clone())),
            _ => None,
        };
        Imported { assignment: record.assignment, entry, recurs: false, spawn }
    });
    let (slots, refusals) = (slots.collect(), read.refusals.clone());
    let (reply, mut imported) = oneshot::channel();
    let process = process(1, NOW);
    bench.sequencer.import(Import { process, segment: segment.clone(), slots, refusals, reply });
    imported.try_recv().unwrap()
}

fn next(bench: &Bench) -> Slot {
    bench.archive().board.process(&process(1, NOW)).map(|known| known.head.next).unwrap_or_default()
}

/// Imports what is missing, whatever fails.
fn import_all(bench: &mut Bench, from: &Archive) -> u32 {
    let mut failures = 0;
    while next(bench) < Slot::new(9) {
        let number = next(bench).get().div_ceil(2);
        if let Err(refusal) = import(bench, from, number) {
            assert_eq!(refusal.code, RefusalCode::StorageFailed);
            failures += 1;
            assert!(failures < 100, "it goes on once the disk works");
        }
    }
    failures
}

#[test]
fn a_log_is_imported_as_it_was_signed_wherever_the_disk_fails() {
    let source = log();
    let mut failed = 0;
    for left in 0..12 {
        let disk = FaultDisk::new();
        let mut bench = Bench::new(elsewhere(&disk));
        disk.fail_after(left, 1);
        failed += import_all(&mut bench, source.archive());
        bench.archive().close();
        disk.crash(left);
        let bench = Bench::new(elsewhere(&disk));
        assert_eq!(next(&bench), Slot::new(9));
        for number in 0..5 {
            let segment = bench.archive().log.segment(number).unwrap();
            assert_eq!(segment, source.archive().log.segment(number).unwrap());
        }
        let head = |bench: &Bench| bench.archive().board.process(&process(1, NOW)).unwrap().head;
        assert_eq!(head(&bench), head(&source));
    }
    assert!(failed > 0, "the disk has failed somewhere");
}

#[test]
fn what_does_not_go_on_where_the_log_ends_is_refused() {
    let (source, disk) = (log(), FaultDisk::new());
    let mut bench = Bench::new(elsewhere(&disk));
    assert_eq!(import(&mut bench, source.archive(), 1).unwrap_err().code, RefusalCode::BadHandover);
    assert_eq!(import(&mut bench, source.archive(), 0), Ok(Slot::new(1)));
    assert_eq!(import(&mut bench, source.archive(), 0).unwrap_err().code, RefusalCode::BadHandover);
    assert_eq!(import(&mut bench, source.archive(), 2).unwrap_err().code, RefusalCode::BadHandover);
    assert_eq!(import(&mut bench, source.archive(), 1), Ok(Slot::new(3)));
    assert_eq!(bench.archive().log.count().unwrap(), 2);
}

#[test]
fn a_log_of_this_scheduler_takes_nothing_in() {
    let source = log();
    let mut bench = log();
    let refused = import(&mut bench, source.archive(), 4).unwrap_err();
    assert_eq!(refused.code, RefusalCode::BadHandover);
}
