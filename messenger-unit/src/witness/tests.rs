use protocol::{
    EntryId, Gas, Hash, Kind, MerkleTree, Outcome, ProfileId, ReceiptBatch, ReceiptLeaf, Reply,
    SecretKey, Signed, UnitId, V1, api::FollowFrame,
};

use super::*;

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

fn process(byte: u8) -> ProcessId {
    ProcessId::from_bytes([byte; 32])
}

fn unit(seed: u8) -> UnitId {
    SecretKey::from_seed(&[seed; 32]).public().unit()
}

/// A frame in which a unit states of each slot how much gas it took.
pub(crate) fn frame(seed: u8, slots: &[(ProcessId, u64, u64)]) -> Arc<Frame> {
    let key = SecretKey::from_seed(&[seed; 32]);
    let outcomes: Vec<Outcome> = slots
        .iter()
        .map(|(process, slot, gas)| Outcome {
            version: V1,
            process: *process,
            slot: Slot::new(*slot),
            entry: EntryId::from_bytes([3; 32]),
            reply: Reply::Later,
            gas: Gas::new(*gas),
            logs: Vec::new(),
            events: Vec::new(),
            outbox: Vec::new(),
        })
        .collect();
    let leaf = |outcome: &Outcome| ReceiptLeaf {
        process: outcome.process,
        slot: outcome.slot,
        chain: Hash::ZERO,
        profile: ProfileId::from_bytes([2; 32]),
        outcome: outcome.digest(),
        gas: outcome.gas,
        previous: None,
        state_root: None,
    };
    let tree = MerkleTree::new(outcomes.iter().map(|outcome| leaf(outcome).leaf()).collect());
    let batch = ReceiptBatch {
        version: V1,
        kind: Kind,
        network: NETWORK,
        unit: key.public().unit(),
        count: u32::try_from(slots.len()).unwrap(),
        root: tree.root(),
        engine: String::new(),
    };
    let unit = batch.unit;
    let slots = outcomes.into_iter().map(|outcome| FollowSlot {
        leaf: leaf(&outcome),
        outcome,
        path: None,
        assignment: None,
        closed: None,
        place: None,
    });
    let batch = Signed::sign(batch, &key);
    let inner = FollowFrame { slots: slots.collect(), batch, assignments: None };
    let bytes = codec::encode(&inner).len();
    Arc::new(Frame::of(NETWORK, &unit, inner, bytes).unwrap())
}

fn contradiction(witness: &Witness, frame: &Frame) -> Option<Fault> {
    frame.inner.slots.iter().find_map(|slot| witness.contradiction(frame, slot))
}

#[test]
fn two_statements_of_one_slot_that_differ_are_a_fault_in_one_spelling() {
    let (mut one, mut two) = (Witness::new(NETWORK), Witness::new(NETWORK));
    let right = frame(1, &[(process(1), 4, 10), (process(1), 5, 10)]);
    let wrong = frame(2, &[(process(1), 4, 10), (process(1), 5, 11)]);
    one.keep(&right, &[0, 1]);
    two.keep(&wrong, &[0, 1]);
    let fault = contradiction(&one, &wrong).expect("slot 5 differs");
    assert_eq!(contradiction(&two, &right).as_ref(), Some(&fault), "whichever came first");
    let mut culprits = fault.culprits(NETWORK).unwrap();
    culprits.sort_unstable();
    let mut units = [unit(1), unit(2)];
    units.sort_unstable();
    assert_eq!(culprits, units);
}

#[test]
fn statements_that_agree_are_none() {
    let mut witness = Witness::new(NETWORK);
    witness.keep(&frame(1, &[(process(1), 4, 10)]), &[0]);
    assert_eq!(contradiction(&witness, &frame(2, &[(process(1), 4, 10)])), None);
    assert_eq!(contradiction(&witness, &frame(2, &[(process(2), 4, 11)])), None, "another process");
    assert_eq!(contradiction(&witness, &frame(2, &[(process(1), 3, 11)])), None, "another slot");
}

#[test]
fn a_process_is_reported_once_and_not_too_many_are() {
    let mut witness = Witness::new(NETWORK);
    witness.keep(&frame(1, &[(process(1), 4, 10), (process(1), 5, 10)]), &[0, 1]);
    let wrong = frame(2, &[(process(1), 4, 11), (process(1), 5, 11)]);
    assert!(contradiction(&witness, &wrong).is_some());
    assert!(witness.report(process(1)));
    assert!(!witness.report(process(1)));
    assert_eq!(contradiction(&witness, &wrong), None);
    let others = (0..REPORTS_MAX as u64).map(|number| {
        let mut bytes = [9; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        ProcessId::from_bytes(bytes)
    });
    assert_eq!(others.filter(|other| witness.report(*other)).count(), REPORTS_MAX - 1);
}

#[test]
fn old_frames_are_forgotten_with_their_slots() {
    let mut witness = Witness::new(NETWORK);
    let heavy = |slot| {
        let frame = frame(1, &[(process(1), slot, 10)]);
        let unit = frame.inner.batch.unverified().unit;
        Arc::new(Frame::of(NETWORK, &unit, frame.inner.clone(), BYTES_MAX / 2).unwrap())
    };
    (0..10).for_each(|slot| witness.keep(&heavy(slot), &[0]));
    assert_eq!((witness.frames.len(), witness.slots.len(), witness.oldest), (2, 2, 8));
    assert_eq!(contradiction(&witness, &frame(2, &[(process(1), 7, 11)])), None);
    assert!(contradiction(&witness, &frame(2, &[(process(1), 8, 11)])).is_some());
}
