//! Receipts: compute units' signed statements of outcomes.

use minicbor::{Decode, Encode};

use crate::{
    Body, Domain, Gas, Hash, Kind, MerklePath, NetworkId, ProcessId, ProfileId, PublicKey, Signed,
    Slot, UnitId, V1, VerifyError, codec,
};

/// What a receipt states: executing this slot of this log, under this profile, gave this outcome.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReceiptLeaf {
    /// The process.
    #[n(0)]
    pub process: ProcessId,
    /// The slot.
    #[n(1)]
    pub slot: Slot,
    /// The chain hash of the slot: commits to the log up to it.
    #[n(2)]
    pub chain: Hash,
    /// The semantics.
    #[n(3)]
    pub profile: ProfileId,
    /// The digest of the outcome.
    #[n(4)]
    pub outcome: Hash,
    /// Gas used.
    #[n(5)]
    pub gas: Gas,
    /// The leaf of the slot before; absent for slot 0.
    #[n(6)]
    pub previous: Option<Hash>,
    /// The state after the slot, where it was computed.
    #[n(7)]
    pub state_root: Option<Hash>,
}

impl ReceiptLeaf {
    /// The digest that stands for this leaf in a receipt root. The state root stands beside it, so
    /// that units which compute it at different slots still have the same `previous`.
    pub fn digest(&self) -> Hash {
        let bare = Self { state_root: None, ..self.clone() };
        Domain::ReceiptLeaf.digest(&[&codec::encode(&bare)])
    }

    /// The digest in the Merkle tree: the leaf with its state root.
    pub fn leaf(&self) -> Hash {
        Domain::ReceiptLeaf.digest(&[&codec::encode(self)])
    }
}

/// What a compute unit signs once per batch of executed slots.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ReceiptBatch {
    /// The format.
    #[n(0)]
    pub version: V1,
    /// A receipt batch.
    #[n(1)]
    pub kind: Kind<5>,
    /// The network.
    #[n(2)]
    pub network: NetworkId,
    /// Who executed.
    #[n(3)]
    pub unit: UnitId,
    /// How many leaves the root has.
    #[n(4)]
    pub count: u32,
    /// The root over the leaves.
    #[n(5)]
    pub root: Hash,
    /// The engine, as information for people.
    #[n(6)]
    pub engine: String,
}

impl Body for ReceiptBatch {
    const DOMAIN: Domain = Domain::ReceiptBatch;

    fn network(&self) -> NetworkId {
        self.network
    }

    fn may_be_signed_by(&self, key: &PublicKey) -> bool {
        key.unit() == self.unit
    }
}

/// Shows to anybody what a compute unit stated.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Receipt {
    /// What was stated.
    #[n(0)]
    pub leaf: ReceiptLeaf,
    /// From the leaf to the receipt root.
    #[n(1)]
    pub path: MerklePath,
    /// The signed root.
    #[n(2)]
    pub batch: Signed<ReceiptBatch>,
}

impl Receipt {
    /// The unit that claims to have signed.
    pub const fn unit(&self) -> UnitId {
        self.batch.unverified().unit
    }

    /// Checks everything but the signature.
    #[must_use]
    pub fn leads_to_batch(&self) -> bool {
        let batch = self.batch.unverified();
        batch.count == self.path.count && self.path.root_from(self.leaf.leaf()) == Some(batch.root)
    }

    /// Checks the whole receipt, offline.
    ///
    /// # Errors
    ///
    /// [`ReceiptError`] says which part does not hold.
    pub fn verify(&self, network: NetworkId) -> Result<(), ReceiptError> {
        if !self.leads_to_batch() {
            return Err(ReceiptError::Path);
        }
        self.batch.verify_by(network, &self.batch.digest(), PublicKey::verifies)?;
        Ok(())
    }
}

/// Why a receipt is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The path does not lead to the signed root.
    #[error("the receipt's path does not lead to its signed root")]
    Path,
    /// The batch is not properly signed.
    #[error("the receipt's batch: {0}")]
    Batch(#[from] VerifyError),
}

#[cfg(test)]
mod tests;
