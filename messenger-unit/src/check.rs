//! Reads what compute units publish and checks that it hangs together. Pure.

use protocol::{
    MerkleTree, NetworkId, PublicKey, UnitId, VerifyError,
    api::{Executed, FollowFrame, FollowSlot},
    codec::{self, DecodeError},
};

use crate::location::Known;

/// A frame whose batch is signed by the unit it came from.
#[derive(Debug)]
pub(crate) struct Frame {
    /// What was published.
    pub(crate) inner: FollowFrame,
    /// Its length on the wire.
    pub(crate) bytes: usize,
}

/// Why a frame is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// It cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Its batch is another unit's.
    #[error("the receipt batch is another unit's")]
    WrongUnit,
    /// Its batch is not properly signed.
    #[error("the receipt batch: {0}")]
    Signature(#[from] VerifyError),
}

impl Frame {
    /// Reads a frame of a unit and checks its one signature.
    pub(crate) fn read(
        network: NetworkId,
        unit: &UnitId,
        bytes: &[u8],
    ) -> Result<Self, FrameError> {
        let inner: FollowFrame = codec::decode(bytes)?;
        let batch = &inner.batch;
        if batch.unverified().unit != *unit {
            return Err(FrameError::WrongUnit);
        }
        batch.verify_by(network, &batch.digest(), PublicKey::verifies)?;
        Ok(Self { inner, bytes: bytes.len() })
    }

    /// Whether the unit's word counts for a process: its newest policy names it.
    pub(crate) fn counts(&self, known: &Known) -> bool {
        known.source.names(&self.inner.batch.unverified().unit, false)
    }

    /// Checks one of its slots: that the unit's word counts for the process, that the receipt leads
    /// to the batch and states this outcome. Gives the outcome's tree.
    pub(crate) fn check(&self, slot: &FollowSlot, known: &Known) -> Option<MerkleTree> {
        let batch = self.inner.batch.unverified();
        let FollowSlot { outcome, leaf, path, assignment, .. } = slot;
        let same_slot = leaf.process == outcome.process
            && leaf.slot == outcome.slot
            && leaf.gas == outcome.gas
            && leaf.profile == known.source.profile();
        let leads = batch.count == path.count && path.root_from(leaf.leaf()) == Some(batch.root);
        let assigned = assignment.as_ref().is_none_or(|proof| {
            let assignment = &proof.assignment;
            let scheduler = known.source.scheduler_of(assignment.epoch, assignment.slot);
            assignment.process == leaf.process
                && assignment.slot == leaf.slot
                && assignment.chain == leaf.chain
                && assignment.entry == outcome.entry
                && scheduler.is_some_and(|scheduler| proof.leads_to_batch_of(&scheduler))
        });
        if !same_slot || !leads || !assigned || !self.counts(known) {
            return None;
        }
        let tree = outcome.tree();
        (tree.root() == leaf.outcome).then_some(tree)
    }
}

/// Checks an executed slot that was asked for: its receipt, and that the unit's word counts.
pub(crate) fn check_executed(network: NetworkId, executed: &Executed, known: &Known) -> bool {
    let Executed { outcome, receipt } = executed;
    let leaf = &receipt.leaf;
    leaf.process == outcome.process
        && leaf.slot == outcome.slot
        && leaf.gas == outcome.gas
        && leaf.profile == known.source.profile()
        && leaf.outcome == outcome.digest()
        && known.source.names(&receipt.unit(), false)
        && receipt.verify(network).is_ok()
}
