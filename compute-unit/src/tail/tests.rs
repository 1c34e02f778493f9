use super::*;
use crate::testing::{Log, NETWORK};
use protocol::{Limits, SecretKey, Signed};

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
    assert_eq!(tail.cursors(), vec![cursor]);
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

#[test]
fn processes_of_other_units_are_passed_over() {
    let mut log = log();
    let other = SecretKey::from_seed(&[8; 32]).public().unit();
    let mut tail = Tail::new(other, log.scheduler.public().unit(), NETWORK, true);
    assert_eq!(slots(&mut tail, &start(&mut log)), Ok(vec![]));
}

proptest::proptest! {
    #[test]
    fn arbitrary_frames_never_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let log = log();
        let mut tail = tail(&log, false);
        proptest::prop_assert!(tail.handle_frame(&bytes).is_err());
        proptest::prop_assert!(tail.unknown_sources(&bytes).is_err());
    }
}
