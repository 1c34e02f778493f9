//! Outcomes that nobody has executed, for tests of what becomes of them.

use protocol::{
    EntryId, Gas, Hash, Kind, MerkleTree, NetworkId, Outcome, ProcessId, Profile, ReceiptBatch,
    ReceiptLeaf, Reply, SecretKey, Signed, Slot, V1,
    api::{FollowFrame, FollowSlot},
};

/// The outcome of a slot, and what its receipt states.
pub(crate) fn outcome(process: ProcessId, slot: u64, chain: Hash) -> (Outcome, ReceiptLeaf) {
    let slot = Slot::new(slot);
    let outcome = Outcome {
        version: V1,
        process,
        slot,
        entry: EntryId::from_bytes([0; 32]),
        reply: Reply::Later,
        gas: Gas::ZERO,
        logs: vec![],
        events: vec![],
        outbox: vec![],
    };
    let leaf = ReceiptLeaf {
        process,
        slot,
        chain,
        profile: Profile::current().id(),
        outcome: outcome.digest(),
        gas: Gas::ZERO,
        previous: None,
        state_root: None,
    };
    (outcome, leaf)
}

/// A frame of outcomes, in one signed batch.
pub(crate) fn frame(parts: Vec<(Outcome, ReceiptLeaf)>) -> FollowFrame {
    let tree = MerkleTree::new(parts.iter().map(|(_, leaf)| leaf.leaf()).collect());
    let key = SecretKey::from_seed(&[1; 32]);
    let batch = ReceiptBatch {
        version: V1,
        kind: Kind,
        network: NetworkId::from_bytes([0; 32]),
        unit: key.public().unit(),
        count: u32::try_from(parts.len()).expect("a frame is small"),
        root: tree.root(),
        engine: String::new(),
    };
    let slots = parts.into_iter().map(|(outcome, leaf)| FollowSlot {
        outcome,
        leaf,
        path: None,
        assignment: None,
        closed: None,
        place: None,
    });
    let batch = Signed::sign(batch, &key);
    FollowFrame { slots: slots.collect(), batch, assignments: None }
}
