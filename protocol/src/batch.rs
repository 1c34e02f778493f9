//! What a scheduler signs once per group commit.

use minicbor::{Decode, Encode};

use crate::{
    Body, Domain, EntryId, Hash, Kind, MerklePath, NetworkId, ProcessId, PublicKey, RefusalCode,
    Signed, Timestamp, UnitId, V1, VerifyError, codec,
};

/// The signed head of a group commit: one Merkle root over its assignments and final refusals.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BatchHeader {
    /// The format.
    #[n(0)]
    pub version: V1,
    /// A batch.
    #[n(1)]
    pub kind: Kind<4>,
    /// The network.
    #[n(2)]
    pub network: NetworkId,
    /// Who committed.
    #[n(3)]
    pub scheduler: UnitId,
    /// Counts the commits of one of the scheduler's writers. A hint for finding them; proves nothing.
    #[n(4)]
    pub number: u64,
    /// When the batch was formed, by the scheduler.
    #[n(5)]
    pub time: Timestamp,
    /// How many leaves the root has.
    #[n(6)]
    pub count: u32,
    /// The root over the leaves of assignments and final refusals, in order.
    #[n(7)]
    pub root: Hash,
}

impl Body for BatchHeader {
    const DOMAIN: Domain = Domain::Batch;

    fn network(&self) -> NetworkId {
        self.network
    }

    fn may_be_signed_by(&self, key: &PublicKey) -> bool {
        key.unit() == self.scheduler
    }
}

/// A refusal that will never be taken back, as it stands under a batch root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct RefusalLeaf {
    /// The log it was meant for.
    #[n(0)]
    pub process: ProcessId,
    /// The entry refused.
    #[n(1)]
    pub entry: EntryId,
    /// Why.
    #[n(2)]
    pub code: RefusalCode,
    /// No entry that expires before this will be accepted any more.
    #[n(3)]
    pub floor: Timestamp,
}

/// Shows to anybody that a scheduler refused an entry for good.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RefusalProof {
    /// What was refused, and why.
    #[n(0)]
    pub refusal: RefusalLeaf,
    /// From the leaf to the batch root.
    #[n(1)]
    pub path: MerklePath,
    /// The signed batch root.
    #[n(2)]
    pub batch: Signed<BatchHeader>,
}

impl RefusalProof {
    /// Checks the whole proof, offline.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] says which part does not hold.
    pub fn verify(&self, network: NetworkId, scheduler: &UnitId) -> Result<(), VerifyError> {
        let batch = self.batch.unverified();
        let leads = batch.scheduler == *scheduler
            && batch.count == self.path.count
            && self.path.root_from(self.refusal.leaf()) == Some(batch.root);
        if !leads {
            return Err(VerifyError::BadBody("the refusal is not in the scheduler's batch"));
        }
        self.batch.verify_by(network, &self.batch.digest(), PublicKey::verifies)
    }
}

impl RefusalLeaf {
    /// The digest that stands for this refusal in a batch root.
    pub fn leaf(&self) -> Hash {
        Domain::RefusalLeaf.digest(&[&codec::encode(self)])
    }
}
