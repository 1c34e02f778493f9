//! Proof that a process emitted an item: what a target's scheduler believes instead of a messenger.

mod basis;

use minicbor::{Decode, Encode};

use crate::{
    Assignment, AssignmentProof, ComputePolicy, Delivery, Hash, MerklePath, NetworkId, OutboxItem,
    ProcessId, Provenance, ProvenanceError, PublicKey, Receipt, ReceiptLeaf, Signature, Slot,
    Source, UnitId,
};

pub use basis::{
    AssignmentLink, AssignmentPlace, GrownTree, OpenBasis, OriginBasis, OriginLink, ReceiptLink,
    SignedTree,
};

/// Shows that an item is in an outcome that the source's policy units stated for a slot that the
/// source's scheduler assigned.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OriginProof {
    /// From the item to the outcome's digest.
    #[n(0)]
    pub item: MerklePath,
    /// As many receipts of different units as the source's policy demands.
    #[n(1)]
    pub receipts: Vec<Receipt>,
    /// The source scheduler's assignment of the slot.
    #[n(2)]
    pub assignment: AssignmentProof,
    /// Who the source is, on first contact.
    #[n(3)]
    pub introduction: Option<Provenance>,
    /// The item itself, for timers and ask timeouts, whose entries do not carry it.
    #[n(4)]
    pub emitted: Option<Box<OutboxItem>>,
}

/// An item and where its source emitted it.
#[derive(Debug, Clone, Copy)]
pub struct Emitted<'a> {
    /// Who emitted it.
    pub source: &'a ProcessId,
    /// In which slot.
    pub slot: Slot,
    /// The item.
    pub item: &'a OutboxItem,
}

impl<'a> From<&'a Delivery> for Emitted<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        Self { source: &delivery.source, slot: delivery.slot, item: &delivery.item }
    }
}

/// Why a delivery is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginProofError {
    /// The source, or its present epoch, is not known and the proof does not introduce it.
    #[error("the source is not known here as it is now; send its introduction")]
    Unknown,
    /// The introduction is not that of the source.
    #[error("the introduction does not show who the source is: {0}")]
    Introduction(#[from] ProvenanceError),
    /// The assignment is of another slot or scheduler, or not in its batch.
    #[error("the source's scheduler did not assign this slot")]
    Assignment,
    /// The item is not in the outcome.
    #[error("the item is not in the outcome the receipts state")]
    Item,
    /// A receipt is of a unit that the newest policy does not name.
    #[error("a receipt is of a unit that the source's newest policy does not name")]
    Policy,
    /// The receipts are not those of the policy, or state something else.
    #[error("the receipts are not those the source's policy demands")]
    Receipts,
    /// A signature does not hold.
    #[error("a signature in the proof does not hold")]
    Signature,
}

impl OriginProof {
    /// Checks that the source emitted the item. `known` is what is known of the source already; an
    /// introduction that says more is believed instead. Receipts count of units that the newest
    /// policy names or, if `ever`, any policy of the source: what stands in a log was accepted
    /// under the policy of its time. `holds` checks a signature, and may remember those it has seen.
    ///
    /// # Errors
    ///
    /// [`OriginProofError`] says what is missing or wrong.
    pub fn verify(
        &self,
        network: NetworkId,
        emitted: Emitted<'_>,
        known: Option<&Source>,
        ever: bool,
        mut holds: impl FnMut(&PublicKey, &Hash, &Signature) -> bool,
    ) -> Result<(), OriginProofError> {
        let newer = |introduction: &&Provenance| {
            known.is_none_or(|known| introduction.changes.len() > known.changes())
        };
        let introduced;
        let source = match (self.introduction.as_ref().filter(newer), known) {
            (Some(introduction), _) => {
                introduced = introduction.source(emitted.source, network)?;
                &introduced
            }
            (None, Some(source)) => source,
            (None, None) => return Err(OriginProofError::Unknown),
        };
        let assignment = &self.assignment.assignment;
        if assignment.epoch > source.epoch() && self.introduction.is_none() {
            return Err(OriginProofError::Unknown);
        }
        let batch = &self.assignment.batch;
        let scheduler = batch.unverified().scheduler;
        Grounds {
            item: &self.item,
            assignment,
            scheduler,
            assigned: self.assignment.leads_to_batch_of(&scheduler),
            receipts: self.receipts.iter().map(|receipt| Stated {
                unit: receipt.unit(),
                leaf: &receipt.leaf,
                leads: receipt.leads_to_batch(),
            }),
        }
        .check(emitted, source, ever)?;
        let signed = batch.verify_by(network, &batch.digest(), &mut holds).is_ok()
            && self.receipts.iter().all(|receipt| {
                receipt.batch.verify_by(network, &receipt.batch.digest(), &mut holds).is_ok()
            });
        if signed { Ok(()) } else { Err(OriginProofError::Signature) }
    }
}

/// What a proof says, however it came, but for its signatures.
struct Grounds<'a, R> {
    item: &'a MerklePath,
    assignment: &'a Assignment,
    /// Whose batch the assignment is said to stand in.
    scheduler: UnitId,
    /// Whether it does.
    assigned: bool,
    receipts: R,
}

/// What a receipt says.
#[derive(Clone, Copy)]
struct Stated<'a> {
    unit: UnitId,
    leaf: &'a ReceiptLeaf,
    /// Whether it stands in the unit's batch.
    leads: bool,
}

impl<'a, R: Iterator<Item = Stated<'a>> + Clone> Grounds<'a, R> {
    /// Checks everything but the signatures.
    fn check(
        &self,
        emitted: Emitted<'_>,
        source: &Source,
        ever: bool,
    ) -> Result<(), OriginProofError> {
        let assignment = self.assignment;
        if assignment.process != *emitted.source
            || assignment.slot != emitted.slot
            || source.scheduler_of(assignment.epoch, assignment.slot) != Some(self.scheduler)
            || !self.assigned
        {
            return Err(OriginProofError::Assignment);
        }
        let position = emitted.item.index.checked_add(1);
        let outcome = self.item.root_from(emitted.item.leaf());
        if position != Some(self.item.index) || outcome.is_none() {
            return Err(OriginProofError::Item);
        }
        let receipts = || self.receipts.clone();
        let mut units: Vec<UnitId> = receipts().map(|receipt| receipt.unit).collect();
        let count = units.len();
        units.sort_unstable();
        units.dedup();
        if !units.iter().all(|unit| source.names(unit, ever)) {
            return Err(OriginProofError::Policy);
        }
        let agrees = |receipt: Stated<'_>| {
            let leaf = receipt.leaf;
            leaf.process == assignment.process
                && leaf.slot == assignment.slot
                && leaf.chain == assignment.chain
                && leaf.profile == source.profile()
                && Some(leaf.outcome) == outcome
                && receipt.leads
        };
        let enough = |policy: &ComputePolicy| {
            units.len() == usize::from(policy.quorum)
                && units.iter().all(|unit| policy.units.contains(unit))
        };
        let mut policies = source.policies().iter().rev().take(if ever { usize::MAX } else { 1 });
        if units.len() == count && policies.any(enough) && receipts().all(agrees) {
            Ok(())
        } else {
            Err(OriginProofError::Receipts)
        }
    }
}

#[cfg(test)]
mod tests;
