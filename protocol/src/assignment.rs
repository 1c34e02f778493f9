//! Assignments: a scheduler's statements that an entry is a slot of a log.

use minicbor::{Decode, Encode};

use crate::{
    BatchHeader, Domain, EntryId, Epoch, Hash, MerklePath, NetworkId, ProcessId, Signed, Slot,
    Timestamp, UnitId, VerifyError, codec,
};

/// "Entry E is slot n of process P in epoch e, at time t, with chain hash h."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Assignment {
    /// The log.
    #[n(0)]
    pub process: ProcessId,
    /// The span of the log.
    #[n(1)]
    pub epoch: Epoch,
    /// The place in it.
    #[n(2)]
    pub slot: Slot,
    /// When, by the scheduler; never less than the slot before.
    #[n(3)]
    pub time: Timestamp,
    /// What.
    #[n(4)]
    pub entry: EntryId,
    /// Commits to this and every earlier slot.
    #[n(5)]
    pub chain: Hash,
}

/// The chain hash of a slot: BLAKE3 of the hash before (32 zero bytes for slot 0), epoch, slot and
/// time as 8 little-endian bytes each, and the entry id.
pub fn chain_hash(
    previous: &Hash,
    epoch: Epoch,
    slot: Slot,
    time: Timestamp,
    entry: &EntryId,
) -> Hash {
    Domain::Chain.digest(&[
        previous.as_bytes(),
        &epoch.get().to_le_bytes(),
        &slot.get().to_le_bytes(),
        &time.get().to_le_bytes(),
        entry.as_bytes(),
    ])
}

impl Assignment {
    /// The digest that stands for this assignment in a batch root.
    pub fn leaf(&self) -> Hash {
        Domain::AssignmentLeaf.digest(&[&codec::encode(self)])
    }

    /// Whether the chain hash follows from the one before.
    #[must_use]
    pub fn follows(&self, previous: &Hash) -> bool {
        self.chain == chain_hash(previous, self.epoch, self.slot, self.time, &self.entry)
    }
}

/// Shows to anybody that a scheduler made an assignment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AssignmentProof {
    /// What was assigned.
    #[n(0)]
    pub assignment: Assignment,
    /// From the assignment's leaf to the batch root.
    #[n(1)]
    pub path: MerklePath,
    /// The signed batch root.
    #[n(2)]
    pub batch: Signed<BatchHeader>,
}

impl AssignmentProof {
    /// Checks everything but the signature of the batch: that it is this scheduler's batch and that
    /// the path leads from the assignment to its root.
    #[must_use]
    pub fn leads_to_batch_of(&self, scheduler: &UnitId) -> bool {
        let batch = self.batch.unverified();
        batch.scheduler == *scheduler
            && batch.count == self.path.count
            && self.path.root_from(self.assignment.leaf()) == Some(batch.root)
    }

    /// Checks the whole proof, offline.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] says which part does not hold.
    pub fn verify(&self, network: NetworkId, scheduler: &UnitId) -> Result<(), VerifyError> {
        if !self.leads_to_batch_of(scheduler) {
            return Err(VerifyError::BadBody("the assignment is not in the scheduler's batch"));
        }
        self.batch.verify_by(network, &self.batch.digest(), crate::PublicKey::verifies)
    }
}

#[cfg(test)]
mod tests;
