use protocol::{
    EntryId, Gas, Hash, Kind, Outcome, ProfileId, ReceiptBatch, ReceiptLeaf, Reply, SecretKey,
    Signed, V1,
    api::{FollowFrame, FollowSlot},
};

use super::*;
use crate::check::Frame;

const PROCESS: ProcessId = ProcessId::from_bytes([1; 32]);

/// A slot alone in a frame of so many bytes.
fn place(slot: u64, bytes: usize) -> Place {
    let network = protocol::NetworkId::from_bytes([7; 32]);
    let key = SecretKey::from_seed(&[2; 32]);
    let slot = Slot::new(slot);
    let outcome = Outcome {
        version: V1,
        process: PROCESS,
        slot,
        entry: EntryId::from_bytes([3; 32]),
        reply: Reply::Later,
        gas: Gas::new(1),
        logs: Vec::new(),
        events: Vec::new(),
        outbox: Vec::new(),
    };
    let leaf = ReceiptLeaf {
        process: PROCESS,
        slot,
        chain: Hash::ZERO,
        profile: ProfileId::from_bytes([4; 32]),
        outcome: outcome.digest(),
        gas: outcome.gas,
        previous: None,
        state_root: None,
    };
    let batch = ReceiptBatch {
        version: V1,
        kind: Kind,
        network,
        unit: key.public().unit(),
        count: 1,
        root: leaf.leaf(),
        engine: "none".to_owned(),
    };
    let unit = batch.unit;
    let slot =
        FollowSlot { outcome, leaf, path: None, assignment: None, closed: None, place: None };
    let batch = Signed::sign(batch, &key);
    let inner = FollowFrame { batch, slots: vec![slot], assignments: None };
    (Arc::new(Frame::of(network, &unit, inner, bytes).unwrap()), 0)
}

#[test]
fn what_comes_by_is_kept_in_order_until_it_is_taken() {
    let inlet = Inlet::default();
    (0..3).for_each(|slot| inlet.offer(place(slot, 100)));
    assert!(inlet.has(Slot::new(2)) && !inlet.has(Slot::new(3)));
    let taken = inlet.take();
    assert_eq!((taken.places.len(), taken.bytes, taken.lost), (3, 300, false));
    assert!(inlet.take().places.is_empty());
}

#[test]
fn positions_of_one_frame_count_its_bytes_once() {
    let inlet = Inlet::default();
    let (frame, _) = place(0, 100);
    (0..5).for_each(|position| inlet.offer((Arc::clone(&frame), position)));
    assert_eq!(inlet.take().bytes, 100);
}

#[test]
fn a_subscriber_that_does_not_keep_up_holds_no_memory() {
    for (bytes, fit) in [(1, WAITING_MAX), (WAITING_BYTES_MAX / 4, 4), (WAITING_BYTES_MAX + 1, 0)] {
        let inlet = Inlet::default();
        let places: Vec<_> = (0..=fit as u64).map(|slot| place(slot, bytes)).collect();
        for place in places.iter().take(fit) {
            inlet.offer(place.clone());
        }
        assert_eq!(lock(&inlet.waiting).places.len(), fit);
        inlet.offer(places[fit].clone());
        inlet.offer(places[0].clone());
        let held = places.iter().map(|(frame, _)| Arc::strong_count(frame)).max();
        assert_eq!(held, Some(1), "no frame is held");
        assert!(inlet.take().lost);
        inlet.offer(place(9, 1));
        assert!(inlet.has(Slot::new(9)), "it is kept again once the loss was seen");
    }
}

#[test]
fn the_first_void_slot_is_remembered_and_what_came_before_is_void_too() {
    let inlet = Inlet::default();
    inlet.offer(place(9, 1));
    inlet.rewind(Slot::new(7));
    inlet.rewind(Slot::new(8));
    inlet.offer(place(7, 1));
    assert!(inlet.is_void() && inlet.has(Slot::new(3)));
    let taken = inlet.take();
    assert_eq!((taken.void, taken.places.len()), (Some(Slot::new(7)), 1));
    assert!(!inlet.is_void());
}
