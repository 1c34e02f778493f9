//! Proof that a process emitted an item: what a target's scheduler believes instead of a messenger.

use minicbor::{Decode, Encode};

use crate::{
    AssignmentProof, ComputePolicy, Control, Delivery, Domain, Hash, MerklePath, NetworkId,
    ProcessId, ProfileId, PublicKey, Receipt, Signature, Signed, Spawn, UnitId, codec,
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
}

/// Who a process is: its spawn, whose digest is its id, and what changed its scheduler or policy.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Provenance {
    /// The bytes of its [`Spawn`].
    #[cbor(n(0), with = "minicbor::bytes")]
    pub spawn: Vec<u8>,
    /// The controls that opened its later epochs, in order.
    #[n(1)]
    pub changes: Vec<Change>,
}

/// A control that opened an epoch, with the assignment that sealed the one before.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Change {
    /// The control.
    #[n(0)]
    pub control: Signed<Control>,
    /// The last assignment of the epoch before.
    #[n(1)]
    pub sealed: AssignmentProof,
}

/// What a target's scheduler must know of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Who orders its log.
    pub scheduler: UnitId,
    /// Whose receipts count.
    pub policy: ComputePolicy,
    /// The semantics of its execution.
    pub profile: ProfileId,
}

/// Why a delivery is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginProofError {
    /// The source is not known and the proof does not introduce it.
    #[error("the source is not known here; send its introduction")]
    Unknown,
    /// The introduction is not that of the source.
    #[error("the introduction does not show who the source is: {0}")]
    Introduction(String),
    /// The assignment is of another slot or scheduler, or not in its batch.
    #[error("the source's scheduler did not assign this slot")]
    Assignment,
    /// The item is not in the outcome.
    #[error("the item is not in the outcome the receipts state")]
    Item,
    /// The receipts are not those of the policy, or state something else.
    #[error("the receipts are not those the source's policy demands")]
    Receipts,
    /// A signature does not hold.
    #[error("a signature in the proof does not hold")]
    Signature,
}

impl Provenance {
    /// Reads who the process is.
    ///
    /// # Errors
    ///
    /// [`OriginProofError::Introduction`] if this is not the provenance of the process.
    pub fn source(&self, process: &ProcessId) -> Result<Source, OriginProofError> {
        let refuse = |detail: &str| OriginProofError::Introduction(detail.to_owned());
        if Domain::Spawn.digest(&[&self.spawn]).as_bytes() != process.as_bytes() {
            return Err(refuse("its spawn has another id"));
        }
        if !self.changes.is_empty() {
            return Err(refuse("epochs after the first are not known to this profile"));
        }
        let spawn: Spawn =
            codec::decode(&self.spawn).map_err(|error| refuse(&error.to_string()))?;
        spawn.policy.check().map_err(|error| refuse(&error.to_string()))?;
        Ok(Source { scheduler: spawn.scheduler, policy: spawn.policy, profile: spawn.profile })
    }
}

impl OriginProof {
    /// Checks that the source emitted the delivery. `known` is what is known of the source already;
    /// `holds` checks a signature, and may remember those it has seen.
    ///
    /// # Errors
    ///
    /// [`OriginProofError`] says what is missing or wrong.
    pub fn verify(
        &self,
        network: NetworkId,
        delivery: &Delivery,
        known: Option<&Source>,
        mut holds: impl FnMut(&PublicKey, &Hash, &Signature) -> bool,
    ) -> Result<(), OriginProofError> {
        let introduced;
        let source = match (known, &self.introduction) {
            (Some(source), _) => source,
            (None, Some(introduction)) => {
                introduced = introduction.source(&delivery.source)?;
                &introduced
            }
            (None, None) => return Err(OriginProofError::Unknown),
        };
        let assignment = &self.assignment.assignment;
        if assignment.process != delivery.source
            || assignment.slot != delivery.slot
            || !self.assignment.leads_to_batch_of(&source.scheduler)
        {
            return Err(OriginProofError::Assignment);
        }
        let position = delivery.item.index.checked_add(1);
        let outcome = self.item.root_from(delivery.item.leaf());
        if position != Some(self.item.index) || outcome.is_none() {
            return Err(OriginProofError::Item);
        }
        self.check_receipts(source, outcome)?;
        let batch = &self.assignment.batch;
        let signed = batch.verify_by(network, &batch.digest(), &mut holds).is_ok()
            && self.receipts.iter().all(|receipt| {
                receipt.batch.verify_by(network, &receipt.batch.digest(), &mut holds).is_ok()
            });
        if signed { Ok(()) } else { Err(OriginProofError::Signature) }
    }

    fn check_receipts(
        &self,
        source: &Source,
        outcome: Option<Hash>,
    ) -> Result<(), OriginProofError> {
        let assignment = &self.assignment.assignment;
        if self.receipts.len() != usize::from(source.policy.quorum) {
            return Err(OriginProofError::Receipts);
        }
        let mut units: Vec<UnitId> = self.receipts.iter().map(Receipt::unit).collect();
        units.sort_unstable();
        units.dedup();
        let agree = |receipt: &Receipt| {
            receipt.leaf.process == assignment.process
                && receipt.leaf.slot == assignment.slot
                && receipt.leaf.chain == assignment.chain
                && receipt.leaf.profile == source.profile
                && Some(receipt.leaf.outcome) == outcome
                && source.policy.units.contains(&receipt.unit())
                && receipt.leads_to_batch()
        };
        if units.len() == self.receipts.len() && self.receipts.iter().all(agree) {
            Ok(())
        } else {
            Err(OriginProofError::Receipts)
        }
    }
}

#[cfg(test)]
mod tests;
