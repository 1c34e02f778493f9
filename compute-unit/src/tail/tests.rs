mod epochs;

use super::*;
use crate::testing::{Log, NETWORK, receipts::outcome};
use protocol::{
    Answer, ComputePolicy, Delivery, Hash, Kind, Limits, OriginProof, PairNumber, PairStatement,
    Receipt, ReceiptBatch, SecretKey, Signed, Spawn, V1, Verdict,
};

fn log() -> Log {
    Log::new(b"module", Limits::DEFAULT)
}

fn tail(log: &Log, trusted: bool) -> Tail {
    Tail::new(log.compute.public().unit(), log.scheduler.public().unit(), NETWORK, trusted)
}

fn start(log: &mut Log) -> TailFrame {
    let spawn = Entry::Spawn(log.spawn.clone());
    log.frame(&[spawn, log.message("m", &[0xa0])])
}

fn slots(tail: &mut Tail, frame: &TailFrame) -> Result<Vec<u64>, TailError> {
    let batch = tail.handle_frame(&codec::encode(frame))?;
    Ok(batch.slots.iter().map(|slot| slot.record.assignment.slot.get()).collect())
}

#[test]
fn slots_come_once_however_often_they_are_sent() {
    let mut log = log();
    let mut tail = tail(&log, true);
    let first = start(&mut log);
    assert_eq!(slots(&mut tail, &first), Ok(vec![0, 1]));
    assert_eq!(slots(&mut tail, &first), Ok(vec![]));
    let message = log.message("m", &[0xa0]);
    assert_eq!(slots(&mut tail, &log.frame(&[message])), Ok(vec![2]));
    let cursor = Cursor { process: log.process, slot: Slot::new(3) };
    assert_eq!(tail.resume(usize::MAX), vec![cursor]);
}

#[test]
fn a_gap_is_reported_and_nothing_after_it_is_executed() {
    let mut log = log();
    let mut tail = tail(&log, true);
    assert_eq!(slots(&mut tail, &start(&mut log)), Ok(vec![0, 1]));
    let message = log.message("m", &[0xa0]);
    let _lost = log.frame(&[message]);
    let message = log.message("m", &[0xa0]);
    let batch = tail.handle_frame(&codec::encode(&log.frame(&[message]))).unwrap();
    assert_eq!((batch.slots.len(), batch.gap), (0, Some(log.process)));
}

#[test]
fn a_batch_of_another_signer_or_with_other_leaves_is_refused() {
    let mut log = log();
    let mut tail = tail(&log, true);
    let good = start(&mut log);
    let stranger = SecretKey::from_seed(&[8; 32]);
    let mut forged = good.clone();
    forged.batch = Signed::sign(good.batch.unverified().clone(), &stranger);
    assert!(matches!(slots(&mut tail, &forged), Err(TailError::Signature(_))));
    let mut altered = good.clone();
    altered.leaves[1] = Hash::ZERO;
    assert_eq!(slots(&mut tail, &altered), Err(TailError::Leaves));
    let mut moved = good.clone();
    moved.records[1].index = 0;
    assert_eq!(slots(&mut tail, &moved), Err(TailError::Leaves));
    assert_eq!(slots(&mut tail, &good), Ok(vec![0, 1]));
}

#[test]
fn a_log_whose_chain_breaks_is_executed_no_further() {
    let mut log = log();
    let mut tail = tail(&log, true);
    assert_eq!(slots(&mut tail, &start(&mut log)), Ok(vec![0, 1]));
    let message = log.message("m", &[0xa0]);
    let mut frame = log.frame(&[message]);
    frame.records[0].assignment.chain = Hash::ZERO;
    let frame = log.seal(frame.records);
    assert_eq!(slots(&mut tail, &frame), Ok(vec![]));
    let message = log.message("m", &[0xa0]);
    assert_eq!(slots(&mut tail, &log.frame(&[message])), Ok(vec![]));
}

#[test]
fn an_entry_other_than_the_one_assigned_is_not_executed() {
    let mut log = log();
    let mut tail = tail(&log, true);
    let mut frame = start(&mut log);
    frame.records[1].entry = codec::encode(&log.message("other", &[0xa0]));
    assert_eq!(slots(&mut tail, &frame), Ok(vec![0]));
}

#[test]
fn a_stranger_schedulers_entries_are_verified_and_an_own_operators_are_not() {
    let mut log = log();
    let (mut strict, mut lax) = (tail(&log, false), tail(&log, true));
    let Entry::Message(message) = log.message("m", &[0xa0]) else { unreachable!() };
    let stranger = SecretKey::from_seed(&[8; 32]);
    let forged = Entry::Message(Signed::sign(message.unverified().clone(), &stranger));
    let frame = log.frame(&[Entry::Spawn(log.spawn.clone()), forged]);
    assert_eq!(slots(&mut strict, &frame), Ok(vec![0]));
    assert_eq!(slots(&mut lax, &frame), Ok(vec![0, 1]));
}

/// An answer about an item, of a scheduler that says that it is the target's.
fn answer((asker, target): (ProcessId, ProcessId), (named, by): (&SecretKey, &SecretKey)) -> Entry {
    let statement = PairStatement {
        version: V1,
        kind: Kind,
        network: NETWORK,
        scheduler: named.public().unit(),
        source: asker,
        target,
        number: PairNumber::ZERO,
        verdict: Verdict::Assigned(Slot::new(1)),
    };
    Entry::Answer(Answer { statement: Signed::sign(statement, by) })
}

#[test]
fn an_answer_is_of_the_scheduler_that_it_names_and_in_the_log_of_whoever_asked() {
    let other = ProcessId::from_bytes([9; 32]);
    let (own, stranger) = (log().scheduler, SecretKey::from_seed(&[7; 32]));
    let holds = |(asker, target): (Option<ProcessId>, Option<ProcessId>), named, by| {
        let mut log = log();
        let mut tail = tail(&log, false);
        let first = start(&mut log);
        assert_eq!(slots(&mut tail, &first), Ok(vec![0, 1]));
        let pair = (asker.unwrap_or(log.process), target.unwrap_or(log.process));
        let entry = answer(pair, (named, by));
        let frame = log.frame(&[entry]);
        slots(&mut tail, &frame) == Ok(vec![2])
    };
    assert!(holds((None, Some(other)), &stranger, &stranger), "another process's scheduler");
    assert!(!holds((None, Some(other)), &own, &stranger), "signed by somebody else");
    assert!(!holds((Some(other), None), &own, &own), "another process asked");
    assert!(holds((None, None), &own, &own), "the process asked itself");
    assert!(!holds((None, None), &stranger, &stranger), "it never ordered the process");
}

#[test]
fn processes_of_other_units_are_passed_over() {
    let mut log = log();
    let other = SecretKey::from_seed(&[8; 32]).public().unit();
    let mut tail = Tail::new(other, log.scheduler.public().unit(), NETWORK, true);
    assert_eq!(slots(&mut tail, &start(&mut log)), Ok(vec![]));
}

/// A log that two units may execute, and the tail of the one that ranks second.
fn shared_log() -> (Log, Tail, UnitSet) {
    let mut log = log();
    let other = SecretKey::from_seed(&[8; 32]).public().unit();
    let units = vec![log.compute.public().unit(), other];
    log.respawn(|spawn| Spawn { policy: ComputePolicy { units, ..spawn.policy.clone() }, ..spawn });
    let ranked = log.spawn.unverified().policy.ranked(&log.process);
    let tail = Tail::new(ranked[1], log.scheduler.public().unit(), NETWORK, true);
    (log, tail, UnitSet::new([ranked[0]]))
}

#[test]
fn a_unit_steps_in_from_slot_0_when_the_first_is_gone() {
    let (mut log, mut tail, first) = shared_log();
    let start = start(&mut log);
    assert_eq!(slots(&mut tail, &start), Ok(vec![]), "all are presumed up");
    assert_eq!(tail.set_present(Some(first)), []);
    assert_eq!(slots(&mut tail, &start), Ok(vec![]));
    assert_eq!(tail.resume(usize::MAX), []);
    assert_eq!(tail.set_present(Some(UnitSet::default())), [], "it has executed nothing yet");
    let from_the_start = Cursor { process: log.process, slot: Slot::ZERO };
    assert_eq!(tail.resume(usize::MAX), [from_the_start]);
    assert_eq!(slots(&mut tail, &start), Ok(vec![0, 1]));
}

#[test]
fn a_unit_steps_back_and_later_goes_on_where_it_stood() {
    let (mut log, mut tail, first) = shared_log();
    tail.set_present(Some(UnitSet::default()));
    assert_eq!(slots(&mut tail, &start(&mut log)), Ok(vec![0, 1]));
    assert_eq!(tail.set_present(Some(first.clone())), [(log.process, false)]);
    assert_eq!(tail.resume(usize::MAX), [], "nothing of it is wanted");
    let message = log.message("m", &[0xa0]);
    let missed = log.frame(&[message]);
    let message = log.message("m", &[0xa0]);
    let later = log.frame(&[message]);
    for frame in [&missed, &later] {
        let batch = tail.handle_frame(&codec::encode(frame)).unwrap();
        assert_eq!((batch.slots.len(), batch.gap), (0, None), "what comes all the same is nothing");
    }
    assert_eq!(tail.set_present(Some(first)), [], "nothing changes");
    assert_eq!(tail.set_present(Some(UnitSet::default())), [(log.process, true)]);
    let where_it_stood = Cursor { process: log.process, slot: Slot::new(2) };
    assert_eq!(tail.resume(usize::MAX), [where_it_stood]);
    assert_eq!(slots(&mut tail, &missed), Ok(vec![2]));
    assert_eq!(slots(&mut tail, &later), Ok(vec![3]));
}

#[test]
fn a_log_that_is_behind_when_its_unit_steps_back_goes_on_where_it_was() {
    let (mut log, mut tail, first) = shared_log();
    tail.set_present(None);
    tail.set_present(Some(UnitSet::default()));
    let start = start(&mut log);
    let batch = tail.handle_frame(&codec::encode(&start)).unwrap();
    tail.fall_behind(log.process, batch.slots[1].before.clone());
    tail.set_present(Some(first));
    assert_eq!(tail.behind().count(), 0, "nothing is to be caught up with");
    tail.set_present(Some(UnitSet::default()));
    assert_eq!(tail.behind().collect::<Vec<_>>(), vec![log.process]);
    tail.catch_up(&log.process);
    assert_eq!(slots(&mut tail, &start), Ok(vec![1]));
}

#[test]
fn a_unit_outside_the_policy_never_steps_in() {
    let mut log = log();
    let other = SecretKey::from_seed(&[8; 32]).public().unit();
    let mut tail = Tail::new(other, log.scheduler.public().unit(), NETWORK, true);
    tail.set_present(Some(UnitSet::default()));
    assert_eq!(slots(&mut tail, &start(&mut log)), Ok(vec![]));
}

#[test]
fn a_spawn_that_names_another_scheduler_is_not_executed() {
    let mut log = log();
    let other = SecretKey::from_seed(&[8; 32]);
    let mut tail = Tail::new(log.compute.public().unit(), other.public().unit(), NETWORK, true);
    let mut frame = start(&mut log);
    let header = frame.batch.unverified().clone();
    let header = protocol::BatchHeader { scheduler: other.public().unit(), ..header };
    frame.batch = Signed::sign(header, &other);
    assert_eq!(slots(&mut tail, &frame), Ok(vec![]));
}

#[test]
fn a_log_that_fell_behind_comes_again_from_where_it_was() {
    let mut log = log();
    let mut tail = tail(&log, true);
    let first = start(&mut log);
    let batch = tail.handle_frame(&codec::encode(&first)).unwrap();
    tail.fall_behind(log.process, batch.slots[1].before.clone());
    let message = log.message("m", &[0xa0]);
    let second = log.frame(&[message]);
    let passed = tail.handle_frame(&codec::encode(&second)).unwrap();
    assert_eq!((passed.slots.len(), passed.gap), (0, None), "nobody else is held up");
    let unwanted = Cursor { process: log.process, slot: Slot::new(u64::MAX) };
    assert_eq!(tail.resume(usize::MAX), vec![unwanted]);
    assert_eq!(tail.behind().collect::<Vec<_>>(), vec![log.process]);
    tail.catch_up(&log.process);
    assert_eq!(tail.behind().count(), 0);
    let wanted = Cursor { process: log.process, slot: Slot::new(1) };
    assert_eq!(tail.resume(usize::MAX), vec![wanted]);
    assert_eq!(slots(&mut tail, &first), Ok(vec![1]));
    assert_eq!(slots(&mut tail, &second), Ok(vec![2]));
}

#[test]
fn with_too_many_logs_the_longest_keep_their_cursors() {
    let (mut one, mut other) = (log(), Log::new(b"other", Limits::DEFAULT));
    let mut tail = tail(&one, true);
    assert_eq!(slots(&mut tail, &start(&mut one)), Ok(vec![0, 1]));
    let spawn = Entry::Spawn(other.spawn.clone());
    assert_eq!(slots(&mut tail, &other.frame(&[spawn])), Ok(vec![0]));
    assert_eq!(tail.resume(2).len(), 2);
    assert_eq!(tail.resume(1), vec![Cursor { process: one.process, slot: Slot::new(2) }]);
}

#[test]
fn a_delivery_whose_source_nobody_knows_yet_is_judged_again_and_breaks_no_log() {
    let (mut log, mut source) = (log(), Log::new(b"source", Limits::DEFAULT));
    let mut tail = tail(&log, false);
    let spawned = source.frame(&[Entry::Spawn(source.spawn.clone())]);
    let tree = MerkleTree::new(spawned.leaves.clone());
    let assignment = protocol::AssignmentProof {
        assignment: spawned.records[0].assignment,
        path: tree.path(0).unwrap(),
        batch: spawned.batch.clone(),
    };
    let origin = OriginProof {
        item: tree.path(0).unwrap(),
        receipts: vec![],
        assignment,
        introduction: None,
        emitted: None,
    };
    let body = protocol::ItemBody::Tell { method: "m".to_owned(), args: vec![0xa0] };
    let item = protocol::OutboxItem { index: 0, target: log.process, pair: None, body, hint: None };
    let delivery = Delivery { source: source.process, slot: Slot::ZERO, item };
    let mut frame = log.frame(&[Entry::Spawn(log.spawn.clone()), Entry::Delivery(delivery)]);
    frame.records[1].origin = Some(codec::encode(&origin).into());
    let unknown = Unknown { sources: vec![source.process], logs: vec![] };
    assert_eq!(tail.unknown(&frame), unknown);
    assert_eq!(slots(&mut tail, &frame), Ok(vec![0]));
    assert!(tail.is_undecided());
    let again = Cursor { process: log.process, slot: Slot::new(1) };
    assert_eq!(tail.resume(usize::MAX), vec![again]);
    // Once the source is known the proof is judged, and this one does not hold.
    let spawn = source.spawn.body_bytes().to_vec();
    tail.learn(source.process, &Provenance { spawn, changes: vec![] });
    assert_eq!(tail.unknown_sources(&frame), []);
    let mut later = origin;
    later.assignment.assignment.epoch = protocol::Epoch::new(1);
    let mut moved = frame.clone();
    moved.records[1].origin = Some(codec::encode(&later).into());
    assert_eq!(tail.unknown_sources(&moved), [source.process], "it is known from before it moved");
    assert_eq!(slots(&mut tail, &frame), Ok(vec![]));
    assert!(!tail.is_undecided());
    let never = Cursor { process: log.process, slot: Slot::new(u64::MAX) };
    assert_eq!(tail.resume(usize::MAX), vec![never]);
}

/// A frame with a delivery whose proof is a link, and who its source is. The receipt is of the slot's
/// place in the log, or of another.
fn linked(log: &mut Log, honest: bool) -> (TailFrame, ProcessId, Provenance) {
    let mut source = Log::new(b"source", Limits::DEFAULT);
    let spawned = source.frame(&[Entry::Spawn(source.spawn.clone())]);
    let assignment = protocol::AssignmentProof {
        assignment: spawned.records[0].assignment,
        path: MerkleTree::new(spawned.leaves.clone()).path(0).unwrap(),
        batch: spawned.batch.clone(),
    };
    let body = protocol::ItemBody::Tell { method: "m".to_owned(), args: vec![0xa0] };
    let item = protocol::OutboxItem { index: 0, target: log.process, pair: None, body, hint: None };
    let (mut outcome, mut leaf) = outcome(source.process, 0, assignment.assignment.chain);
    outcome.outbox = vec![item.clone()];
    leaf.outcome = outcome.digest();
    leaf.chain = if honest { leaf.chain } else { Hash::ZERO };
    let path = MerkleTree::new(vec![leaf.leaf()]).path(0).unwrap();
    let batch = ReceiptBatch {
        version: V1,
        kind: Kind,
        network: NETWORK,
        unit: source.compute.public().unit(),
        count: 1,
        root: leaf.leaf(),
        engine: String::new(),
    };
    let receipt = Receipt { leaf, path, batch: Signed::sign(batch, &source.compute) };
    let proof = OriginProof {
        item: outcome.item_path(0).unwrap(),
        receipts: vec![receipt],
        assignment,
        introduction: None,
        emitted: None,
    };
    let (basis, mut links) = OriginBasis::of(&[proof]).unwrap();
    let delivery = Delivery { source: source.process, slot: Slot::ZERO, item };
    let mut frame = log.frame(&[Entry::Spawn(log.spawn.clone()), Entry::Delivery(delivery)]);
    frame.records[1].link = links.pop().map(Box::new);
    frame.basis = Some(basis);
    let spawn = source.spawn.body_bytes().to_vec();
    (frame, source.process, Provenance { spawn, changes: vec![] })
}

#[test]
fn a_delivery_is_proven_by_its_link() {
    let mut log = log();
    let mut tail = tail(&log, false);
    let (frame, source, provenance) = linked(&mut log, true);
    assert_eq!(tail.unknown(&frame).sources, vec![source]);
    tail.learn(source, &provenance);
    assert_eq!(slots(&mut tail, &frame), Ok(vec![0, 1]));
}

#[test]
fn a_link_that_does_not_hold_breaks_the_log_unless_the_scheduler_is_trusted() {
    for (trusted, taken) in [(false, vec![0]), (true, vec![0, 1])] {
        let mut log = log();
        let mut tail = tail(&log, trusted);
        let (frame, source, provenance) = linked(&mut log, false);
        tail.learn(source, &provenance);
        assert_eq!(slots(&mut tail, &frame), Ok(taken));
    }
}

proptest::proptest! {
    #[test]
    fn arbitrary_frames_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let log = log();
        let mut tail = tail(&log, false);
        proptest::prop_assert!(tail.handle_frame(&bytes).is_err());
    }
}
