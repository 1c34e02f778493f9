use super::*;
use crate::testing::receipts::outcome;

fn publication(process: u8, slot: u64) -> Publication {
    let (outcome, leaf) = outcome(ProcessId::from_bytes([process; 32]), slot, protocol::Hash::ZERO);
    let digest = leaf.digest();
    let executed = Executed { outcome, leaf, digest, waits: vec![], closed: vec![] };
    Publication { executed, place: None, agenda: None }
}

/// The batches that publications are gathered to, each with its slots.
fn batches(publications: &[(u8, u64)]) -> Vec<Vec<u64>> {
    let (sender, receiver) = sync_channel(QUEUE_MAX);
    publications.iter().for_each(|(process, slot)| {
        sender.send(publication(*process, *slot)).unwrap();
    });
    drop(sender);
    let mut source = Source { receiver, backlog: Arc::default(), held: None };
    let slots =
        |batch: Vec<Publication>| batch.iter().map(|item| item.executed.leaf.slot.get()).collect();
    std::iter::from_fn(|| source.gather()).map(slots).collect()
}

#[test]
fn what_waits_is_gathered_to_one_batch() {
    assert_eq!(batches(&[(1, 0), (2, 5), (1, 1), (2, 6)]), [[0, 5, 1, 6]]);
}

#[test]
fn what_takes_the_place_of_void_slots_begins_a_batch() {
    let batches = batches(&[(1, 5), (2, 0), (1, 6), (1, 6), (1, 7), (1, 5), (1, 6)]);
    assert_eq!(batches, [vec![5, 0, 6], vec![6, 7], vec![5, 6]]);
}

#[test]
fn a_frame_tells_what_is_waited_for_no_more() {
    let [mut one, other] = [publication(1, 0), publication(2, 0)];
    one.executed.closed = vec![(Slot::new(3), 1)];
    let key = SecretKey::from_seed(&[1; 32]);
    let frame = seal(&key, NetworkId::from_bytes([0; 32]), vec![one, other]);
    let closed: Vec<_> = frame.slots.into_iter().map(|slot| slot.closed).collect();
    assert_eq!(closed, [Some(vec![(Slot::new(3), 1)]), None]);
}
