//! Logs that change their scheduler, their policy or their controller.

use protocol::{ControlAction, Entry, ItemBody, OutboxItem, Principal, codec};

use super::{super::*, log, shared_log, slots, start, tail};
use crate::testing::{Log, NETWORK};
use protocol::{ComputePolicy, Delivery, Hash, Limits, SecretKey, Spawn};

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// No slot.
const NONE: [u64; 0] = [];

/// The next scheduler.
fn next() -> SecretKey {
    key(8)
}

fn moving() -> ControlAction {
    ControlAction::Move(next().public().unit())
}

fn taking_over(log: &Log) -> ControlAction {
    let (slot, chain) = log.head();
    ControlAction::Takeover { scheduler: next().public().unit(), slot, chain }
}

/// A tail to the next scheduler.
fn next_tail(log: &Log, moves: &Arc<Moves>) -> Tail {
    let unit = log.compute.public().unit();
    Tail::new(unit, next().public().unit(), NETWORK, true).among(Arc::clone(moves))
}

/// Handles a frame, and tells the other tails what they must know.
fn handle(tail: &mut Tail, frame: &TailFrame) -> (Vec<u64>, CheckedBatch) {
    let mut batch = tail.handle_frame(&codec::encode(frame)).unwrap();
    let mut taken = Vec::new();
    for slot in &mut batch.slots {
        taken.push(slot.record.assignment.slot.get());
        if let Some(moved) = slot.moved.take() {
            tail.moves.learn(slot.record.assignment.process, moved);
        }
    }
    (taken, batch)
}

fn messages(log: &mut Log, count: usize) -> TailFrame {
    let entries: Vec<Entry> = (0..count).map(|_| log.message("m", &[0xa0])).collect();
    log.frame(&entries)
}

/// A log that moves in slot 2, and has two slots behind it.
fn moved_log() -> (Log, [TailFrame; 3]) {
    let mut log = log();
    let first = start(&mut log);
    let control = log.control(moving());
    let seal = log.frame(&[control]);
    log.turn(Some(&next()));
    let second = messages(&mut log, 2);
    (log, [first, seal, second])
}

#[test]
fn a_log_that_moves_is_read_from_its_new_scheduler_under_the_batches_of_both() {
    let (log, [first, seal, second]) = moved_log();
    let mut tail = next_tail(&log, &Arc::default());
    assert_eq!(slots(&mut tail, &first), Ok(vec![0, 1]));
    assert_eq!(slots(&mut tail, &seal), Ok(vec![2]));
    assert_eq!(slots(&mut tail, &second), Ok(vec![3, 4]));
    assert_eq!(slots(&mut tail, &second), Ok(vec![]), "what is executed is passed over");
}

#[test]
fn a_new_scheduler_goes_on_where_the_old_one_was_left() {
    let (log, [first, seal, second]) = moved_log();
    let moves = Arc::default();
    let mut old = tail(&log, true);
    old.scheduler = key(2).public().unit();
    let mut old = old.among(Arc::clone(&moves));
    let mut new = next_tail(&log, &moves);
    handle(&mut old, &first);
    assert!(!new.has_arrivals());
    handle(&mut old, &seal);
    assert!(new.has_arrivals());
    let behind_the_seal = Cursor { process: log.process, slot: Slot::new(3) };
    assert_eq!(new.resume(usize::MAX), [behind_the_seal]);
    assert!(!new.has_arrivals());
    assert_eq!(handle(&mut new, &seal).0, NONE);
    assert_eq!(handle(&mut new, &second).0, [3, 4]);
}

#[test]
fn the_next_epoch_of_a_stranger_is_not_executed() {
    let (log, [first, seal, second]) = moved_log();
    let mut tail = next_tail(&log, &Arc::default());
    handle(&mut tail, &first);
    handle(&mut tail, &seal);
    let mut forged = second.clone();
    let header = second.batch.unverified().clone();
    let stranger = key(9);
    let header = protocol::BatchHeader { scheduler: stranger.public().unit(), ..header };
    forged.batch = protocol::Signed::sign(header, &stranger);
    assert_eq!(slots(&mut tail, &forged), Ok(vec![]));
    let never = Cursor { process: log.process, slot: Slot::new(u64::MAX) };
    assert_eq!(tail.resume(usize::MAX), [never]);
}

#[test]
fn a_slot_behind_the_seal_of_its_epoch_is_evidence() {
    let mut log = log();
    let mut tail = tail(&log, true);
    handle(&mut tail, &start(&mut log));
    let control = log.control(moving());
    handle(&mut tail, &log.frame(&[control]));
    let (taken, batch) = handle(&mut tail, &messages(&mut log, 1));
    assert_eq!(taken, NONE);
    let past = &batch.past_seals[0];
    assert_eq!((past.later.slot, past.seal.slot), (Slot::new(3), Slot::new(2)));
}

#[test]
fn a_control_of_somebody_else_breaks_the_log() {
    let mut log = log();
    let mut tail = tail(&log, true);
    handle(&mut tail, &start(&mut log));
    let own = std::mem::replace(&mut log.client, key(9));
    let control = log.control(moving());
    log.client = own;
    assert_eq!(handle(&mut tail, &log.frame(&[control])).0, NONE);
}

#[test]
fn after_a_renunciation_nobody_controls() {
    let mut log = log();
    let mut tail = tail(&log, true);
    handle(&mut tail, &start(&mut log));
    let control = log.control(ControlAction::Controller(Principal::Anonymous));
    assert_eq!(handle(&mut tail, &log.frame(&[control])).0, [2]);
    log.turn(None);
    assert_eq!(handle(&mut tail, &messages(&mut log, 1)).0, [3]);
    let control = log.control(moving());
    assert_eq!(handle(&mut tail, &log.frame(&[control])).0, NONE);
}

#[test]
fn epochs_that_do_not_follow_break_the_log() {
    let mut log = log();
    let mut tail = tail(&log, true);
    handle(&mut tail, &start(&mut log));
    log.turn(None);
    assert_eq!(handle(&mut tail, &messages(&mut log, 1)).0, NONE);
}

/// A log that is taken over behind slot 1 by the next scheduler, and what the lost one ordered behind
/// that.
fn taken_over_log() -> (Log, TailFrame, TailFrame, TailFrame) {
    let mut log = log();
    let first = start(&mut log);
    let fork = log.head();
    let void = messages(&mut log, 2);
    log.back_to(fork);
    let control = log.control(taking_over(&log));
    log.turn(Some(&next()));
    let takeover = log.frame(&[control]);
    (log, first, void, takeover)
}

#[test]
fn a_takeover_goes_on_behind_the_slot_that_it_names() {
    let (mut log, first, _, takeover) = taken_over_log();
    let mut tail = next_tail(&log, &Arc::default());
    handle(&mut tail, &first);
    let (taken, batch) = handle(&mut tail, &takeover);
    assert_eq!(taken, [2]);
    assert!(batch.slots[0].opens);
    assert_eq!(handle(&mut tail, &messages(&mut log, 1)).0, [3]);
}

#[test]
fn a_takeover_that_names_another_slot_breaks_the_log() {
    let mut log = log();
    let first = start(&mut log);
    let (slot, _) = log.head();
    let scheduler = next().public().unit();
    let control = log.control(ControlAction::Takeover { scheduler, slot, chain: Hash::ZERO });
    log.turn(Some(&next()));
    let takeover = log.frame(&[control]);
    let mut tail = next_tail(&log, &Arc::default());
    handle(&mut tail, &first);
    assert_eq!(handle(&mut tail, &takeover).0, NONE);
}

#[test]
fn void_slots_of_a_lost_scheduler_are_not_executed_and_it_is_told_once() {
    let (log, first, void, takeover) = taken_over_log();
    let moves = Arc::default();
    let unit = log.compute.public().unit();
    let lost = Tail::new(unit, key(2).public().unit(), NETWORK, true);
    let mut lost = lost.among(Arc::clone(&moves));
    let mut new = next_tail(&log, &moves);
    handle(&mut lost, &first);
    handle(&mut new, &first);
    handle(&mut new, &takeover);
    let (taken, batch) = handle(&mut lost, &void);
    assert_eq!((taken, batch.superseded), (vec![], vec![log.process]));
    let (_, batch) = handle(&mut lost, &void);
    assert_eq!((batch.superseded.len(), batch.gap), (0, None));
    let never = Cursor { process: log.process, slot: Slot::new(u64::MAX) };
    assert_eq!(lost.resume(usize::MAX), [never]);
}

#[test]
fn a_lost_scheduler_that_has_ordered_nothing_more_is_asked_for_nothing() {
    let (log, first, void, takeover) = taken_over_log();
    let moves = Arc::default();
    let unit = log.compute.public().unit();
    let lost = Tail::new(unit, key(2).public().unit(), NETWORK, true);
    let mut lost = lost.among(Arc::clone(&moves));
    let mut new = next_tail(&log, &moves);
    handle(&mut lost, &first);
    handle(&mut new, &first);
    let cursor = |slot| Cursor { process: log.process, slot: Slot::new(slot) };
    assert_eq!(lost.resume(usize::MAX), [cursor(2)]);
    handle(&mut new, &takeover);
    assert_eq!(lost.resume(usize::MAX), [cursor(u64::MAX)]);
    assert_eq!((lost.take_lost(), new.take_lost()), (vec![log.process], vec![]));
    assert_eq!((lost.resume(usize::MAX), lost.take_lost()), (vec![cursor(u64::MAX)], vec![]));
    assert_eq!(new.resume(usize::MAX), [cursor(3)]);
    assert_eq!(handle(&mut lost, &void).0, NONE);
}

#[test]
fn a_scheduler_that_takes_over_from_itself_goes_on_in_the_place_of_its_void_slots() {
    let mut log = log();
    let mut tail = tail(&log, true);
    handle(&mut tail, &start(&mut log));
    let fork = log.head();
    handle(&mut tail, &messages(&mut log, 2));
    log.back_to(fork);
    let scheduler = log.scheduler.public().unit();
    let (slot, chain) = fork;
    let control = log.control(ControlAction::Takeover { scheduler, slot, chain });
    log.turn(None);
    let takeover = log.frame(&[control]);
    tail.rewind(
        &log.process,
        Some(Position {
            slot,
            epoch: protocol::Epoch::ZERO,
            time: protocol::Timestamp::ZERO,
            chain,
        }),
    );
    assert_eq!(handle(&mut tail, &takeover).0, [2]);
}

#[test]
fn going_back_before_a_change_forgets_it_until_it_comes_again() {
    let (log, [first, seal, second]) = moved_log();
    let mut tail = next_tail(&log, &Arc::default());
    handle(&mut tail, &first);
    handle(&mut tail, &seal);
    handle(&mut tail, &second);
    tail.rewind(&log.process, None);
    assert_eq!(handle(&mut tail, &first).0, [0, 1]);
    assert_eq!(handle(&mut tail, &seal).0, [2]);
    assert_eq!(handle(&mut tail, &second).0, [3, 4]);
}

/// The policy after that of the spawn.
fn policy(log: &Log, units: Vec<UnitId>) -> ControlAction {
    let present = &log.spawn.unverified().policy;
    ControlAction::Policy(ComputePolicy {
        units,
        quorum: 1,
        version: 1,
        previous: Some(present.digest()),
    })
}

#[test]
fn a_retired_unit_stops_behind_the_control() {
    let mut log = log();
    let mut tail = tail(&log, true);
    handle(&mut tail, &start(&mut log));
    let control = log.control(policy(&log, vec![key(9).public().unit()]));
    let mut entries = vec![control];
    let (taken, batch) = handle(&mut tail, &log.frame(&entries));
    assert_eq!((taken, batch.ranked), (vec![2], vec![(log.process, false)]));
    log.turn(None);
    entries = vec![log.message("m", &[0xa0])];
    assert_eq!(handle(&mut tail, &log.frame(&entries)).0, NONE);
    assert_eq!(tail.resume(usize::MAX), [], "nothing of it is wanted");
}

/// What shows others that a log goes on under the control in this frame.
fn provenance(log: &Log, control: Entry, frame: &TailFrame) -> Provenance {
    let Entry::Control(control) = control else { unreachable!() };
    let sealed = protocol::AssignmentProof {
        assignment: frame.records[0].assignment,
        path: MerkleTree::new(frame.leaves.clone()).path(0).unwrap(),
        batch: frame.batch.clone(),
    };
    let change = protocol::Change { control, sealed, attested: None };
    Provenance { spawn: log.spawn.body_bytes().to_vec(), changes: vec![change] }
}

#[test]
fn a_retired_unit_that_was_not_sent_all_slots_before_the_control_waits_for_none() {
    let mut log = log();
    let mut tail = tail(&log, true);
    handle(&mut tail, &start(&mut log));
    messages(&mut log, 1);
    let control = log.control(policy(&log, vec![key(9).public().unit()]));
    let frame = log.frame(std::slice::from_ref(&control));
    assert_eq!(handle(&mut tail, &frame).1.gap, Some(log.process));
    let changed = tail.introduce(log.process, &provenance(&log, control, &frame));
    assert_eq!(changed, Some((log.process, false)));
    let (taken, batch) = handle(&mut tail, &frame);
    assert_eq!((taken, batch.gap), (vec![], None));
    assert_eq!(tail.resume(usize::MAX), [], "nothing of it is wanted");
}

#[test]
fn a_unit_that_a_new_policy_names_executes_the_whole_log() {
    let mut log = log();
    let me = key(9).public().unit();
    let mut tail = Tail::new(me, log.scheduler.public().unit(), NETWORK, true);
    let first = start(&mut log);
    let (slot, control) = (log.head().0.next().unwrap(), log.control(policy(&log, vec![me])));
    let second = log.frame(std::slice::from_ref(&control));
    log.turn(None);
    let third = messages(&mut log, 1);
    // By the spawn alone the unit has nothing to do with it.
    let unknown = Unknown { sources: vec![], logs: vec![log.process] };
    assert_eq!(tail.unknown(&first), unknown);
    assert_eq!(tail.unknown(&first), Unknown::default(), "it is asked for once");
    assert_eq!(second.records[0].assignment.slot, slot);
    tail.introduce(log.process, &provenance(&log, control, &second));
    for (frame, expected) in [(&first, vec![0, 1]), (&second, vec![2]), (&third, vec![3])] {
        assert_eq!(slots(&mut tail, frame), Ok(expected));
    }
}

/// A log that two units may execute, of which the policy in its next slot wants both; the tail of the
/// one that ranks second, to which the first is up or not; and what that policy is.
fn widened_log(first_is_up: bool) -> (Log, Tail, [TailFrame; 2], Provenance) {
    let (mut log, mut tail, first) = shared_log();
    tail.set_present(Some(if first_is_up { first } else { UnitSet::default() }));
    let begun = start(&mut log);
    let units = log.spawn.unverified().policy.units.clone();
    let ControlAction::Policy(wider) = policy(&log, units) else { unreachable!() };
    let control = log.control(ControlAction::Policy(ComputePolicy { quorum: 2, ..wider }));
    let frame = log.frame(std::slice::from_ref(&control));
    let provenance = provenance(&log, control, &frame);
    log.turn(None);
    (log, tail, [begun, frame], provenance)
}

#[test]
fn a_unit_that_stepped_back_goes_on_when_a_policy_wants_it_beside_the_first() {
    let (mut log, mut tail, [begun, frame], provenance) = widened_log(false);
    assert_eq!(slots(&mut tail, &begun), Ok(vec![0, 1]));
    let first = log.spawn.unverified().policy.ranked(&log.process)[0];
    tail.set_present(Some(UnitSet::new([first])));
    assert_eq!(tail.resume(usize::MAX), [], "it is left to the first");
    assert_eq!(tail.unknown(&frame).logs, [log.process], "what comes all the same has a reason");
    let changed = tail.introduce(log.process, &provenance);
    assert_eq!(changed, Some((log.process, true)));
    assert_eq!(slots(&mut tail, &frame), Ok(vec![2]));
    assert_eq!(slots(&mut tail, &messages(&mut log, 1)), Ok(vec![3]));
}

#[test]
fn a_birth_that_comes_because_of_a_later_policy_is_executed() {
    let (log, mut tail, [begun, frame], provenance) = widened_log(true);
    assert_eq!(tail.unknown(&begun).logs, [log.process], "by its spawn it is left to the first");
    tail.introduce(log.process, &provenance);
    assert_eq!(slots(&mut tail, &begun), Ok(vec![0, 1]));
    assert_eq!(slots(&mut tail, &frame), Ok(vec![2]));
}

#[test]
fn a_birth_by_a_delivery_names_its_parent_as_the_sender() {
    let parent = ProcessId::from_bytes([7; 32]);
    let born = |sender| {
        let mut log = Log::new(b"module", Limits::DEFAULT);
        let spawn = Spawn { sender, ..log.spawn.unverified().clone() };
        let bytes = codec::encode(&spawn);
        log.process = ProcessId::from_bytes(*protocol::Domain::Spawn.digest(&[&bytes]).as_bytes());
        let body = ItemBody::Spawn(bytes, None);
        let item = OutboxItem { index: 0, target: log.process, pair: None, body, hint: None };
        let birth = Entry::Delivery(Delivery { source: parent, slot: Slot::ZERO, item });
        let mut tail = tail(&log, true);
        let frame = log.frame(&[birth]);
        slots(&mut tail, &frame).unwrap()
    };
    assert_eq!(born(Principal::Process(parent)), [0]);
    assert_eq!(born(Principal::Anonymous), NONE);
}

#[test]
fn slots_that_come_again_are_there_to_be_compared() {
    let mut log = log();
    let mut tail = tail(&log, true);
    let first = start(&mut log);
    handle(&mut tail, &first);
    let (_, batch) = handle(&mut tail, &first);
    let last = first.records[1].assignment;
    assert_eq!(batch.again, [(1, last)]);
}

#[test]
fn final_refusals_of_logs_that_are_executed_come_once() {
    let mut log = log();
    let mut tail = tail(&log, true);
    handle(&mut tail, &start(&mut log));
    let refusal = protocol::RefusalLeaf {
        process: log.process,
        entry: log.message("m", &[0xa0]).id(),
        code: protocol::RefusalCode::TooLarge,
        floor: protocol::Timestamp::ZERO,
    };
    let mut frame = log.seal(vec![]);
    let header = frame.batch.unverified().clone();
    frame.leaves = vec![refusal.leaf(), refusal.leaf()];
    let root = MerkleTree::new(frame.leaves.clone()).root();
    let header = protocol::BatchHeader { count: 2, root, ..header };
    frame.batch = protocol::Signed::sign(header, &log.scheduler);
    let record = |index| RefusalRecord { index, refusal, pair: None };
    frame.refusals = Some(vec![record(0), record(1)]);
    let (_, batch) = handle(&mut tail, &frame);
    let slots: Vec<Slot> = batch.refusals.iter().map(|(_, slot)| *slot).collect();
    assert_eq!(slots, [Slot::new(1), Slot::new(1)]);
    assert_eq!(handle(&mut tail, &frame).1.refusals, []);
}
