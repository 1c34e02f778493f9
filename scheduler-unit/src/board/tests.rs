use protocol::{ComputePolicy, Epoch, Hash, Spawn, Timestamp, UnitId, UnitSet};

use super::*;
use crate::fixture::{NOW, spawn_body};

const PROCESS: ProcessId = ProcessId::from_bytes([1; 32]);

fn entry(number: u8) -> EntryId {
    EntryId::from_bytes([number; 32])
}

/// A batch with one slot of the process for each of these.
fn posting(number: u64, slots: std::ops::Range<u8>) -> Posting {
    let assignments = slots.map(|slot| Assignment {
        process: PROCESS,
        epoch: Epoch::ZERO,
        slot: Slot::new(slot.into()),
        time: Timestamp::ZERO,
        entry: entry(slot),
        chain: Hash::ZERO,
    });
    Posting { number, assignments: assignments.collect(), ..Posting::default() }
}

/// The policy's two units, the one that ranks first before the other.
fn ranked() -> (ComputePolicy, [UnitId; 2]) {
    let units = [UnitId::from_bytes([1; 32]), UnitId::from_bytes([2; 32])];
    let policy = ComputePolicy { units: units.into(), quorum: 1, version: 0, previous: None };
    let ranked = policy.ranked(&PROCESS).try_into().unwrap();
    (policy, ranked)
}

fn birth() -> Birth {
    let spawn = Spawn { policy: ranked().0, ..spawn_body(1, NOW) };
    let standing = Standing::born(&PROCESS, &spawn);
    Birth { process: PROCESS, number: 0, standing, spawn: [7].into() }
}

#[test]
fn the_second_unit_executes_only_while_it_believes_the_first_to_be_gone() {
    let board = Board::new(0, [], Vec::new(), Arc::default());
    board.post(Posting { births: vec![birth()], ..posting(0, 0..1) });
    let (_, [first, second]) = ranked();
    let executes = |unit, present: Option<&[UnitId]>| {
        let present = present.map(|units| UnitSet::new(units.iter().copied()));
        board.executed_by(&Opener { unit, present }, &[PROCESS])
    };
    assert_eq!(executes(first, None), [true]);
    assert_eq!(executes(first, Some(&[second])), [true]);
    assert_eq!(executes(second, None), [false]);
    assert_eq!(executes(second, Some(&[first])), [false]);
    assert_eq!(executes(second, Some(&[])), [true]);
    let stranger = UnitId::from_bytes([3; 32]);
    assert_eq!(executes(stranger, Some(&[])), [false], "it is not in the policy");
}

#[test]
fn a_batch_is_seen_as_a_whole() {
    let board = Board::new(0, [], Vec::new(), Arc::default());
    board.post(Posting { births: vec![birth()], ..posting(0, 0..3) });
    assert_eq!(*board.batches().borrow(), 1);
    assert_eq!(board.process(&PROCESS).unwrap().head.next, Slot::new(3));
    assert_eq!(board.born(0), Some(PROCESS));
    assert_eq!(board.spawn(&PROCESS).as_deref(), Some([7].as_slice()));
}

#[test]
fn a_slot_is_in_the_last_run_at_or_before_it() {
    let board = Board::new(0, [], Vec::new(), Arc::default());
    board.post(Posting { births: vec![birth()], ..posting(0, 0..3) });
    board.post(posting(1, 3..5));
    let batches = (0..5).map(|slot| board.batch_of(&PROCESS, Slot::new(slot)).unwrap());
    assert!(batches.eq([0, 0, 0, 1, 1]));
}

#[test]
fn rows_are_seen_until_the_index_has_them() {
    let board = Board::new(0, [], Vec::new(), Arc::default());
    board.post(Posting { births: vec![birth()], ..posting(0, 0..1) });
    assert_eq!(board.begin_indexing(), 1);
    board.post(posting(1, 1..2));
    for number in 0..2 {
        assert!(board.find(&entry(number)).is_some());
    }
    // A second try covers what the first did.
    assert_eq!(board.begin_indexing(), 1);
    board.end_indexing();
    assert_eq!(board.find(&entry(0)), None);
    assert!(board.find(&entry(1)).is_some());
    assert_eq!(board.begin_indexing(), 2);
}

#[test]
fn only_recent_batches_stay_in_memory() {
    let board = Board::new(0, [], Vec::new(), Arc::default());
    let segment = Bytes::from(vec![0; 1 << 20]);
    for number in 0..40 {
        board.post(Posting { segment: segment.clone(), ..posting(number, 0..1) });
    }
    assert_eq!(board.segment(0), None);
    assert_eq!(board.segment(39), Some(segment));
    assert_eq!(board.segment(40), None);
}
