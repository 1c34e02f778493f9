mod children;
mod epochs;
mod kinds;
mod refusals;

use protocol::{Hash, ProcessId, RefusalCode, Slot, api::LogPage, codec};

use super::testing::{Bench, Told};
use crate::{
    archive::Archive,
    fixture::{
        NETWORK, NOW, Teller, message, opened, process, reopen, scheduler, spawn, submission,
    },
    order::Place,
    store::{StoreError, testing::FaultDisk},
};

/// Checks that a log is dense and chained, and gives its length.
fn check_log(archive: &Archive, process: ProcessId) -> u64 {
    let (mut from, mut previous) = (Slot::ZERO, Hash::ZERO);
    loop {
        let Some(page) = archive.page(process, from, 7).unwrap() else { return 0 };
        let page: LogPage = codec::decode(&page).unwrap();
        for record in &page.records {
            assert_eq!(record.assignment.slot, from);
            assert_eq!(record.assignment.entry, record.entry.id());
            assert!(record.assignment.follows(&previous));
            previous = record.assignment.chain;
            from = from.next().unwrap();
        }
        if from == page.next {
            return from.get();
        }
        assert!(!page.records.is_empty());
    }
}

#[test]
fn acknowledgements_prove_themselves() {
    let mut bench = Bench::new(opened(&FaultDisk::new()));
    let target = process(1, NOW);
    let told = bench.submit(vec![
        submission(1, spawn(1, NOW)),
        submission(2, message(target, 1, NOW)),
        submission(3, message(target, 2, NOW)),
    ]);
    assert_eq!(told.len(), 3);
    for (tag, told) in &told {
        let Told::Assigned(proof) = told else { panic!("{told:?}") };
        proof.verify(NETWORK, &scheduler().public().unit()).unwrap();
        assert_eq!(proof.assignment.slot, Slot::new(tag - 1));
    }
    assert_eq!(check_log(bench.archive(), target), 3);
}

#[test]
fn a_batch_without_assignments_is_not_written() {
    let mut bench = Bench::new(opened(&FaultDisk::new()));
    let told = bench.submit(vec![submission(1, message(process(1, NOW), 1, NOW))]);
    assert_eq!(told[0].1.code(), RefusalCode::UnknownProcess);
    assert_eq!(bench.archive().log.count().unwrap(), 0);
}

#[test]
fn a_duplicate_is_answered_with_the_first_batch() {
    let mut bench = Bench::new(opened(&FaultDisk::new()));
    let target = process(1, NOW);
    bench.submit(vec![submission(1, spawn(1, NOW))]);
    let first = bench.submit(vec![submission(2, message(target, 1, NOW))]);
    let again = bench.submit(vec![submission(3, message(target, 1, NOW))]);
    assert!(matches!(again[0].1, Told::LookUp));
    let place = bench.archive().find(&message(target, 1, NOW).id()).unwrap().unwrap();
    let events = bench.archive().acknowledge(&[(3, place)]).unwrap();
    let [protocol::api::SubmitEvent::Assigned { entries, .. }] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(entries[0].assignment, first[0].1.assignment());
}

#[test]
fn everything_is_there_after_a_restart_indexed_or_not() {
    for index in [false, true] {
        let disk = FaultDisk::new();
        let mut bench = Bench::new(opened(&disk));
        let target = process(1, NOW);
        let teller = Teller::new(target, 2);
        bench.submit(vec![submission(1, spawn(1, NOW))]);
        bench.submit(vec![teller.delivery(2, 0), submission(3, message(target, 1, NOW))]);
        if index {
            bench.index();
            assert_eq!(bench.archive().index.batches().unwrap(), 2);
        }
        bench.archive().close();
        drop(bench);
        let mut bench = Bench::new(opened(&disk));
        assert_eq!(bench.archive().index.batches().unwrap(), if index { 2 } else { 0 });
        assert_eq!(check_log(bench.archive(), target), 3);
        let again = bench.submit(vec![
            teller.delivery_without_introduction(1, 0),
            teller.delivery_without_introduction(2, 1),
        ]);
        assert!(matches!(again[0].1, Told::LookUp), "{again:?}");
        assert_eq!(again[1].1.assignment().slot, Slot::new(3));
        let find = |entry: &protocol::Entry| bench.archive().find(&entry.id()).unwrap();
        let place = Place { process: target, slot: Slot::new(2) };
        assert_eq!(find(&message(target, 1, NOW)), Some(place));
        assert_eq!(find(&spawn(1, NOW)), Some(Place { slot: Slot::ZERO, ..place }));
    }
}

#[test]
fn a_start_indexes_all_but_the_last_part_of_the_log() {
    let disk = FaultDisk::new();
    let target = process(1, NOW);
    let mut bench = Bench::new(opened(&disk));
    bench.submit(vec![submission(0, spawn(1, NOW))]);
    for nonce in 1..100 {
        bench.submit(vec![submission(0, message(target, nonce, NOW))]);
    }
    for start in [1, 2] {
        bench.archive().close();
        bench = Bench::new(opened(&disk));
        assert_eq!(bench.archive().index.batches().unwrap(), 32, "start {start}");
        assert_eq!(check_log(bench.archive(), target), 100);
        let find = |nonce| bench.archive().find(&message(target, nonce, NOW).id()).unwrap();
        for nonce in 1..100 {
            assert_eq!(find(nonce), Some(Place { process: target, slot: Slot::new(nonce) }));
        }
    }
    bench.index();
    assert_eq!(bench.archive().index.batches().unwrap(), 100);
    assert_eq!(check_log(bench.archive(), target), 100);
}

#[test]
fn batches_are_read_together_from_disk_and_from_memory_and_before_an_end() {
    let disk = FaultDisk::new();
    let target = process(1, NOW);
    let mut bench = Bench::new(opened(&disk));
    bench.submit(vec![submission(0, spawn(1, NOW))]);
    for nonce in 1..20 {
        bench.submit(vec![submission(0, message(target, nonce, NOW))]);
    }
    bench.archive().close();
    let mut bench = Bench::new(opened(&disk));
    for nonce in 20..30 {
        bench.submit(vec![submission(0, message(target, nonce, NOW))]);
    }
    for (from, end) in [(0, 30), (0, 7), (18, 30), (20, 30), (25, 27), (29, 30)] {
        let (mut next, mut reads) = (from, 0);
        while next < end {
            let found = bench.archive().segments(next, end, 3_000).unwrap();
            for segment in found {
                assert_eq!(segment, bench.archive().log.segment(next).unwrap());
                next += 1;
            }
            reads += 1;
        }
        assert_eq!(next, end);
        assert!(reads < end - from || end - from == 1, "{reads} reads from {from} to {end}");
    }
    assert_eq!(bench.archive().segments(25, 30, 1).unwrap().len(), 1);
    assert!(bench.archive().segments(30, 31, 3_000).is_err());
    assert!(bench.archive().segments(20, 20, 3_000).is_err());
}

#[test]
fn a_lost_index_is_derived_anew() {
    let disk = FaultDisk::new();
    let mut bench = Bench::new(opened(&disk));
    let target = process(1, NOW);
    bench.submit(vec![submission(1, spawn(1, NOW)), submission(2, message(target, 1, NOW))]);
    bench.archive().close();
    drop(bench);
    disk.delete("index.redb");
    let bench = Bench::new(opened(&disk));
    assert_eq!(check_log(bench.archive(), target), 2);
}

#[test]
fn a_log_that_was_lost_or_is_an_old_copy_is_refused() {
    let disk = FaultDisk::new();
    let mut bench = Bench::new(opened(&disk));
    bench.submit(vec![submission(1, spawn(1, NOW))]);
    bench.index();
    bench.archive().close();
    drop(bench);
    disk.files().iter().filter(|file| file.starts_with("log/")).for_each(|file| disk.delete(file));
    let error = reopen(&disk).err().expect("slots would be given twice");
    let detail = error.to_string();
    assert!(matches!(error, StoreError::Damaged(_)), "{detail}");
    assert!(detail.contains("the log has 0 batches and index.redb knows of 1"), "{detail}");
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    for file in ["log/00000000000000000000.redb", "index.redb", "modules.redb"] {
        let disk = FaultDisk::new();
        let mut bench = Bench::new(opened(&disk));
        bench.submit(vec![submission(1, spawn(1, NOW))]);
        bench.index();
        bench.archive().close();
        drop(bench);
        disk.damage(file);
        let error = reopen(&disk).err().expect("the file is noise");
        assert!(error.to_string().contains(file), "{error}");
    }
}

#[test]
fn a_head_that_was_changed_on_disk_gives_no_slot_twice() {
    let disk = FaultDisk::new();
    let mut bench = Bench::new(opened(&disk));
    bench.submit(vec![submission(1, spawn(1, NOW))]);
    bench.submit(vec![submission(2, message(process(1, NOW), 1, NOW))]);
    bench.index();
    bench.archive().close();
    drop(bench);
    let opened = opened(&disk);
    opened.shards.get(0).archive.index.damage_head(0);
    opened.shards.close();
    drop(opened);
    let error = reopen(&disk).err().expect("the head is another");
    assert!(error.to_string().contains("index.redb"), "{error}");
    disk.delete("index.redb");
    assert!(reopen(&disk).is_ok(), "the log has everything");
}

#[test]
fn after_a_passing_fault_writes_resume_and_slots_are_dense() {
    let target = process(1, NOW);
    for left in 0..12 {
        let disk = FaultDisk::new();
        let mut bench = Bench::new(opened(&disk));
        bench.submit(vec![submission(0, spawn(1, NOW))]);
        disk.fail_after(left, 1);
        let mut acknowledged = 1;
        for nonce in 1..6 {
            let told = bench.submit(vec![submission(nonce, message(target, nonce, NOW))]);
            match &told[0].1 {
                Told::Assigned(_) => acknowledged += 1,
                Told::Refused(code) => assert_eq!(*code, RefusalCode::StorageFailed),
                told => panic!("nothing was submitted twice or late: {told:?}"),
            }
        }
        let length = check_log(bench.archive(), target);
        assert!(acknowledged >= 5, "one fault costs one batch, not {}", 6 - acknowledged);
        assert!((acknowledged..=6).contains(&length));
        // What was refused can be submitted again, and has one place only.
        for nonce in 1..6 {
            bench.submit(vec![submission(nonce, message(target, nonce, NOW))]);
        }
        assert_eq!(check_log(bench.archive(), target), 6);
    }
}

/// Works until the disk fails for good, loses power, and restarts.
fn crash(left: u64, seed: u64) {
    let disk = FaultDisk::new();
    let mut bench = Bench::new(opened(&disk));
    disk.fail_after(left, u64::MAX);
    let mut acknowledged = Vec::new();
    let entries = (1..4)
        .map(|nonce| spawn(nonce, NOW))
        .chain((0..24_u64).map(|nonce| message(process(1 + nonce % 3, NOW), nonce, NOW)));
    let entries: Vec<_> = entries.collect();
    for batch in entries.chunks(4) {
        let batch = batch.iter().map(|entry| submission(0, entry.clone())).collect();
        let told = bench.submit(batch);
        acknowledged.extend(told.into_iter().filter_map(|(_, told)| match told {
            Told::Assigned(proof) => Some(proof),
            _ => None,
        }));
        let indexed = bench.archive().index.batches();
        if indexed.is_ok_and(|indexed| indexed < 3) {
            bench.index();
        }
    }
    bench.archive().close();
    drop(bench);
    disk.crash(seed);
    let mut bench = Bench::new(opened(&disk));
    for proof in &acknowledged {
        let place = Place { process: proof.assignment.process, slot: proof.assignment.slot };
        let kept = bench.archive().proof(&place).unwrap().unwrap();
        assert_eq!(kept.assignment, proof.assignment, "left {left}, seed {seed}");
    }
    for entry in entries {
        bench.submit(vec![submission(0, entry)]);
    }
    let lengths: Vec<u64> =
        (1..4).map(|nonce| check_log(bench.archive(), process(nonce, NOW))).collect();
    assert!(lengths.iter().all(|length| *length == 9), "{lengths:?}, left {left}, seed {seed}");
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_power_fails() {
    let disk = FaultDisk::new();
    drop(opened(&disk));
    for left in 0..40 {
        crash(left * 3, left);
    }
}
