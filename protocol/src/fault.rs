//! Faults: two signed statements of one unit, or about one slot, that cannot both be honest.

use minicbor::{Decode, Encode};

use crate::{
    AssignmentProof, Control, ControlAction, NetworkId, PublicKey, Receipt, ReceiptError, Signed,
    UnitId, VerifyError,
};

/// Evidence that any third party can check offline. Nothing honest can produce one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Fault {
    /// One scheduler assigned one slot of one epoch twice.
    #[n(0)]
    Assignments(#[n(0)] Box<AssignmentProof>, #[n(1)] Box<AssignmentProof>),
    /// Two receipts state different outcomes of the same log under the same profile.
    #[n(1)]
    Receipts(#[n(0)] Box<Receipt>, #[n(1)] Box<Receipt>),
    /// One scheduler assigned a slot of an epoch behind the control with which it had ended the
    /// epoch.
    #[n(2)]
    PastSeal {
        /// The control.
        #[n(0)]
        control: Box<Signed<Control>>,
        /// Its assignment.
        #[n(1)]
        sealed: Box<AssignmentProof>,
        /// The later one.
        #[n(2)]
        later: Box<AssignmentProof>,
    },
}

/// Why a fault file proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// The two statements can both be true.
    #[error("the two statements do not contradict each other")]
    NoConflict,
    /// A statement is not properly signed.
    #[error(transparent)]
    Statement(#[from] VerifyError),
    /// A receipt does not hold.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
}

impl Fault {
    /// Checks the evidence.
    ///
    /// # Errors
    ///
    /// [`FaultError`] if it proves nothing; otherwise the units of which at least one is at fault.
    pub fn culprits(&self, network: NetworkId) -> Result<Vec<UnitId>, FaultError> {
        match self {
            Self::Assignments(a, b) => {
                let unit = a.batch.unverified().scheduler;
                let (first, second) = (&a.assignment, &b.assignment);
                let same_place = first.process == second.process
                    && first.epoch == second.epoch
                    && first.slot == second.slot;
                if !same_place || first == second {
                    return Err(FaultError::NoConflict);
                }
                a.verify(network, &unit)?;
                b.verify(network, &unit)?;
                Ok(vec![unit])
            }
            Self::PastSeal { control, sealed, later } => {
                let unit = sealed.batch.unverified().scheduler;
                let (end, past) = (&sealed.assignment, &later.assignment);
                let digest = control.digest();
                let ends = control.unverified().action.ends_epoch()
                    && !matches!(control.unverified().action, ControlAction::Takeover { .. })
                    && control.unverified().target == end.process
                    && digest.as_bytes() == end.entry.as_bytes();
                let behind =
                    end.process == past.process && end.epoch == past.epoch && end.slot < past.slot;
                if !ends || !behind {
                    return Err(FaultError::NoConflict);
                }
                control.verify_by(network, &digest, PublicKey::verifies)?;
                sealed.verify(network, &unit)?;
                later.verify(network, &unit)?;
                Ok(vec![unit])
            }
            Self::Receipts(a, b) => {
                let (first, second) = (&a.leaf, &b.leaf);
                let same_question = first.process == second.process
                    && first.slot == second.slot
                    && first.chain == second.chain
                    && first.profile == second.profile;
                let roots_differ =
                    matches!((first.state_root, second.state_root), (Some(a), Some(b)) if a != b);
                let differ =
                    first.outcome != second.outcome || first.gas != second.gas || roots_differ;
                if !same_question || !differ {
                    return Err(FaultError::NoConflict);
                }
                a.verify(network)?;
                b.verify(network)?;
                let mut units = vec![a.unit(), b.unit()];
                units.dedup();
                Ok(units)
            }
        }
    }
}

#[cfg(test)]
mod tests;
