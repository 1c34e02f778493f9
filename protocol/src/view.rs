//! Signed answers to questions that are not in the log: views and heads.

use minicbor::{Decode, Encode};

use crate::{
    Body, Domain, Epoch, Hash, Kind, NetworkId, ProcessId, PublicKey, Reply, Slot, Timestamp,
    UnitId, V1, codec,
    message::{check_args, check_method},
};

/// A read-only call.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ViewRequest {
    /// The process asked.
    #[n(0)]
    pub process: ProcessId,
    /// The method called.
    #[n(1)]
    pub method: String,
    /// A canonical CBOR map from parameter name to value.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub args: Vec<u8>,
    /// Chosen by the caller, so that an old answer cannot be passed off as a new one.
    #[n(3)]
    pub nonce: Hash,
    /// The answer must be of this slot or a later one.
    #[n(4)]
    pub at_least: Option<Slot>,
}

impl ViewRequest {
    /// The digest an answer is bound to.
    pub fn digest(&self) -> Hash {
        Domain::ViewRequest.digest(&[&codec::encode(self)])
    }

    /// Checks method and arguments.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong.
    pub fn check(&self) -> Result<(), &'static str> {
        check_method(&self.method)?;
        check_args(&self.args)
    }
}

/// A compute unit's answer to a view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ViewAnswer {
    /// The format.
    #[n(0)]
    pub version: V1,
    /// A view answer.
    #[n(1)]
    pub kind: Kind<7>,
    /// The network.
    #[n(2)]
    pub network: NetworkId,
    /// Who answers.
    #[n(3)]
    pub unit: UnitId,
    /// The digest of the request, nonce included.
    #[n(4)]
    pub request: Hash,
    /// The process.
    #[n(5)]
    pub process: ProcessId,
    /// The last slot executed.
    #[n(6)]
    pub slot: Slot,
    /// The chain hash of that slot.
    #[n(7)]
    pub chain: Hash,
    /// What the view gave.
    #[n(8)]
    pub reply: Reply,
}

impl Body for ViewAnswer {
    const DOMAIN: Domain = Domain::ViewAnswer;

    fn network(&self) -> NetworkId {
        self.network
    }

    fn may_be_signed_by(&self, key: &PublicKey) -> bool {
        key.unit() == self.unit
    }
}

/// A scheduler's word about the end of a log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HeadStatement {
    /// The format.
    #[n(0)]
    pub version: V1,
    /// A head.
    #[n(1)]
    pub kind: Kind<8>,
    /// The network.
    #[n(2)]
    pub network: NetworkId,
    /// Who orders the log.
    #[n(3)]
    pub scheduler: UnitId,
    /// The log.
    #[n(4)]
    pub process: ProcessId,
    /// The present epoch: that of the next slot.
    #[n(5)]
    pub epoch: Epoch,
    /// Its last slot.
    #[n(6)]
    pub slot: Slot,
    /// The chain hash of that slot.
    #[n(7)]
    pub chain: Hash,
    /// When it was said.
    #[n(8)]
    pub time: Timestamp,
    /// The caller's nonce.
    #[n(9)]
    pub nonce: Hash,
}

impl Body for HeadStatement {
    const DOMAIN: Domain = Domain::Head;

    fn network(&self) -> NetworkId {
        self.network
    }

    fn may_be_signed_by(&self, key: &PublicKey) -> bool {
        key.unit() == self.scheduler
    }
}

#[cfg(test)]
mod tests;
