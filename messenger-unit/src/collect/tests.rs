use protocol::{
    Assignment, AssignmentProof, BatchHeader, EntryId, Epoch, Gas, Kind, MerkleTree, NetworkId,
    ProfileId, Receipt, ReceiptBatch, ReceiptLeaf, SecretKey, Signed, Timestamp, V1,
};

use super::*;
use crate::delivery::{Came, Post};

/// A proof of a slot with one receipt, of a unit that states an outcome.
fn proof(slot: u64, unit: u8, outcome: u8) -> Box<SlotProof> {
    let key = SecretKey::from_seed(&[unit; 32]);
    let (network, process) = (NetworkId::from_bytes([7; 32]), ProcessId::from_bytes([1; 32]));
    let slot = Slot::new(slot);
    let tree = MerkleTree::new(vec![Hash::from_bytes([outcome; 32])]);
    let leaf = ReceiptLeaf {
        process,
        slot,
        chain: Hash::ZERO,
        profile: ProfileId::from_bytes([2; 32]),
        outcome: tree.root(),
        gas: Gas::new(1),
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
        engine: String::new(),
    };
    let path = MerkleTree::new(vec![leaf.leaf()]).path(0).unwrap();
    let receipt = Receipt { leaf, path: path.clone(), batch: Signed::sign(batch, &key) };
    let header = BatchHeader {
        version: V1,
        kind: Kind,
        network,
        scheduler: key.public().unit(),
        number: 0,
        time: Timestamp::ZERO,
        count: 1,
        root: Hash::ZERO,
    };
    let assignment = Assignment {
        process,
        epoch: Epoch::ZERO,
        slot,
        time: Timestamp::ZERO,
        entry: EntryId::from_bytes([3; 32]),
        chain: Hash::ZERO,
    };
    let assignment = AssignmentProof { assignment, path, batch: Signed::sign(header, &key) };
    let (source, outbox, receipts) = (process, Vec::new(), vec![receipt.into()]);
    Box::new(SlotProof { source, slot, outbox, tree, receipts, assignment: assignment.into() })
}

#[test]
fn receipts_of_different_units_for_one_outcome_complete_a_slot() {
    let mut collector = Collector::default();
    let process = ProcessId::from_bytes([1; 32]);
    assert!(matches!(collector.add(proof(4, 1, 1), 3), Collected::First));
    assert!(matches!(collector.add(proof(4, 1, 1), 3), Collected::More), "the same unit again");
    assert!(matches!(collector.add(proof(4, 2, 9), 3), Collected::More), "another outcome");
    assert!(matches!(collector.add(proof(4, 3, 1), 3), Collected::More));
    assert!(collector.wants(process, Slot::new(4)));
    assert_eq!(collector.first(process), Some(Slot::new(4)));
    let Collected::Complete(complete) = collector.add(proof(4, 4, 1), 3) else {
        panic!("three units agree");
    };
    assert_eq!(complete.receipts.len(), 3);
    assert_eq!(collector.first(process), None);
}

#[test]
fn no_more_slots_wait_than_the_limit() {
    let mut collector = Collector::default();
    let template = proof(0, 1, 1);
    for slot in 0..Collector::SLOTS_MAX as u64 {
        let proof = SlotProof { slot: Slot::new(slot), ..(*template).clone() };
        assert!(matches!(collector.add(Box::new(proof), 2), Collected::First));
    }
    let proof = SlotProof { slot: Slot::new(u64::MAX), ..(*template).clone() };
    assert!(matches!(collector.add(Box::new(proof), 2), Collected::Full(_)));
}

#[test]
fn a_slot_that_waits_is_let_go_when_a_next_policy_is_content_with_one_receipt() {
    let post = Post::new(protocol::UnitId::from_bytes([4; 32]));
    let process = proof(0, 1, 1).source;
    post.take(vec![Came::WithItems(proof(0, 1, 1), 2)]);
    assert_eq!(post.take_cursors().0, [(process, Slot::ZERO)]);
    post.take(vec![Came::WithItems(proof(0, 3, 1), 1)]);
    assert_eq!(post.take_cursors().0, [(process, Slot::new(1))]);
    let sorted = post.sort([(process, Slot::ZERO)].into_iter());
    assert_eq!(sorted.known, [0], "it is not wanted again");
}
