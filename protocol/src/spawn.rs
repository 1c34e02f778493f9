//! The birth of a process: slot 0 of its log, which fixes everything an outcome may depend on.

use minicbor::{Decode, Encode};

use crate::{
    Acceptance, Body, ComputePolicy, Domain, Kind, Limits, ModuleId, NetworkId, Principal, Profile,
    ProfileId, PublicKey, Tag, Timestamp, UnitId, V1,
    message::{acts_for, check_args},
};

/// A request for a new process. The digest of its body is the process's id.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Spawn {
    /// The format.
    #[n(0)]
    pub version: V1,
    /// A spawn.
    #[n(1)]
    pub kind: Kind<2>,
    /// The network it is meant for.
    #[n(2)]
    pub network: NetworkId,
    /// Who spawns: an account, or the parent process.
    #[n(3)]
    pub sender: Principal,
    /// What runs.
    #[n(4)]
    pub module: ModuleId,
    /// The word of a unit of the policy that the module can run.
    #[n(5)]
    pub acceptance: Acceptance,
    /// A canonical CBOR map from parameter name to value, for the initialiser.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub args: Vec<u8>,
    /// What people call it, at most [`Self::NAME_MAX`] bytes; not unique.
    #[n(7)]
    pub name: String,
    /// Words about the process.
    #[n(8)]
    pub tags: Vec<Tag>,
    /// Makes two equal spawns different processes.
    #[n(9)]
    pub nonce: u64,
    /// After this instant it is refused.
    #[n(10)]
    pub expiry: Timestamp,
    /// Who orders its log in epoch 0.
    #[n(11)]
    pub scheduler: UnitId,
    /// Whose receipts count in epoch 0.
    #[n(12)]
    pub policy: ComputePolicy,
    /// The semantics of its execution.
    #[n(13)]
    pub profile: ProfileId,
    /// Who may upgrade, move and stop it.
    #[n(14)]
    pub controller: Principal,
    /// Every limit that can affect an outcome.
    #[n(15)]
    pub limits: Limits,
}

impl Spawn {
    /// The longest name in bytes.
    pub const NAME_MAX: usize = 128;
}

impl Body for Spawn {
    const DOMAIN: Domain = Domain::Spawn;

    fn network(&self) -> NetworkId {
        self.network
    }

    fn may_be_signed_by(&self, key: &PublicKey) -> bool {
        acts_for(key, &self.sender)
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.name.len() > Self::NAME_MAX {
            return Err("a process's name has at most 128 bytes");
        }
        Tag::check_all(&self.tags)?;
        self.limits.check()?;
        self.policy.check().map_err(|_| "the compute policy is not valid")?;
        if self.policy.version != 0 || self.policy.previous.is_some() {
            return Err("the first policy has version 0 and no predecessor");
        }
        if self.limits.children.is_some() && self.profile == Profile::v1().id() {
            return Err("profile 1 has no limit of children");
        }
        if !self.policy.units.contains(&self.acceptance.unit) {
            return Err("the module is accepted by a unit outside of the policy");
        }
        check_args(&self.args)
    }
}

#[cfg(test)]
mod tests;
