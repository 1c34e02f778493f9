//! Reads what compute units publish and checks that it hangs together. Pure.

use std::{borrow::Cow, sync::Arc};

use protocol::{
    Assignment, BatchHeader, GrownTree, MerklePath, MerkleTree, NetworkId, PublicKey, Receipt,
    ReceiptBatch, Signed, SignedTree, UnitId, VerifyError,
    api::{Executed, FollowFrame, FollowSlot},
    codec::{self, DecodeError},
};

use crate::{location::Known, parcel::AssignmentPart};

/// A frame whose batch is signed by the unit it came from.
#[derive(Debug)]
pub(crate) struct Frame {
    /// What was published.
    pub(crate) inner: FollowFrame,
    /// Its batch, as parcels share it.
    pub(crate) batch: Arc<Signed<ReceiptBatch>>,
    /// The tree over its slots, if those are all leaves of the batch.
    tree: Option<MerkleTree>,
    /// The batches that its slots were assigned by, as parcels share them.
    assigning: Vec<(GrownTree<BatchHeader>, Arc<Signed<BatchHeader>>)>,
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
    /// Its slots are not the leaves of its batch, or of the batches that assigned them.
    #[error("its slots are not in the batches it names")]
    Leaves,
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
        Self::of(network, unit, codec::decode(bytes)?, bytes.len())
    }

    /// Checks a frame of a unit that had so many bytes.
    pub(crate) fn of(
        network: NetworkId,
        unit: &UnitId,
        mut inner: FollowFrame,
        bytes: usize,
    ) -> Result<Self, FrameError> {
        let batch = Arc::new(inner.batch.clone());
        let said = batch.unverified();
        if said.unit != *unit {
            return Err(FrameError::WrongUnit);
        }
        batch.verify_by(network, &batch.digest(), PublicKey::verifies)?;
        let whole = inner.slots.iter().any(|slot| slot.path.is_none());
        let tree = whole.then(|| inner.tree());
        let fits = |tree: &MerkleTree| {
            tree.root() == said.root && u32::try_from(inner.slots.len()) == Ok(said.count)
        };
        if !tree.as_ref().is_none_or(fits) {
            return Err(FrameError::Leaves);
        }
        let grow = |batch: SignedTree<BatchHeader>| {
            let grown = batch.open()?;
            let shared = Arc::new(grown.batch().clone());
            Some((grown, shared))
        };
        let assigning = inner.assignments.take().unwrap_or_default().into_iter().map(grow);
        let assigning = assigning.collect::<Option<_>>().ok_or(FrameError::Leaves)?;
        Ok(Self { inner, batch, tree, assigning, bytes })
    }

    /// The path of a slot, which is the frame's.
    pub(crate) fn path<'a>(&self, slot: &'a FollowSlot) -> Option<Cow<'a, MerklePath>> {
        if let Some(path) = &slot.path {
            return Some(Cow::Borrowed(path));
        }
        let at = self.inner.slots.element_offset(slot)?;
        Some(Cow::Owned(self.tree.as_ref()?.path(u32::try_from(at).ok()?)?))
    }

    /// The receipt of a slot, which is the frame's.
    pub(crate) fn receipt(&self, slot: &FollowSlot) -> Option<Receipt> {
        let (leaf, path) = (slot.leaf.clone(), self.path(slot)?.into_owned());
        Some(Receipt { leaf, path, batch: self.inner.batch.clone() })
    }

    /// The assignment of a slot, if it says where it was assigned; unchecked.
    pub(crate) fn assignment(&self, slot: &FollowSlot) -> Option<Assignment> {
        if let Some(proof) = &slot.assignment {
            return Some(proof.assignment);
        }
        let place = slot.place?;
        let (entry, chain) = (slot.outcome.entry, slot.leaf.chain);
        let link = protocol::AssignmentLink { place, entry, chain };
        Some(link.assignment(slot.leaf.process, slot.leaf.slot))
    }

    /// The assignment of a slot with what proves it; nothing if that does not hold.
    pub(crate) fn assigned(&self, slot: &FollowSlot) -> Option<AssignmentPart> {
        if let Some(proof) = &slot.assignment {
            let part = AssignmentPart::from(proof.clone());
            return proof.leads_to_batch_of(&part.batch.unverified().scheduler).then_some(part);
        }
        let (place, assignment) = (slot.place?, self.assignment(slot)?);
        let (tree, batch) = self.assigning.get(usize::try_from(place.batch).ok()?)?;
        let leaf = assignment.leaf();
        (tree.tree().leaf(place.index) == Some(leaf)).then_some(())?;
        let (path, batch) = (tree.tree().path(place.index)?, Arc::clone(batch));
        Some(AssignmentPart { assignment, leaf, path, batch })
    }

    /// Whether the unit's word counts for a process: its newest policy names it.
    pub(crate) fn counts(&self, known: &Known) -> bool {
        known.source.names(&self.inner.batch.unverified().unit, false)
    }

    /// Checks one of its slots: that the unit's word counts for the process, that the receipt leads
    /// to the batch and states this outcome. Gives the outcome's tree, and the assignment if there
    /// is one.
    pub(crate) fn check(
        &self,
        slot: &FollowSlot,
        known: &Known,
    ) -> Option<(MerkleTree, Option<AssignmentPart>)> {
        let batch = self.inner.batch.unverified();
        let FollowSlot { outcome, leaf, path, assignment, place, .. } = slot;
        let same_slot = leaf.process == outcome.process
            && leaf.slot == outcome.slot
            && leaf.gas == outcome.gas
            && leaf.profile == known.source.profile();
        // Without a path it is a leaf of the tree, whose root was compared.
        let leads = path.as_ref().map_or(self.tree.is_some(), |path| {
            batch.count == path.count && path.root_from(leaf.leaf()) == Some(batch.root)
        });
        if !same_slot || !leads || !self.counts(known) {
            return None;
        }
        let part = if assignment.is_some() || place.is_some() {
            let part = self.assigned(slot)?;
            let assignment = &part.assignment;
            let scheduler = known.source.scheduler_of(assignment.epoch, assignment.slot);
            let is_its = assignment.process == leaf.process
                && assignment.slot == leaf.slot
                && assignment.chain == leaf.chain
                && assignment.entry == outcome.entry
                && scheduler == Some(part.batch.unverified().scheduler);
            Some(is_its.then_some(part)?)
        } else {
            None
        };
        let tree = outcome.tree();
        (tree.root() == leaf.outcome).then_some((tree, part))
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
