//! Which compute units a process trusts, and their word that a module can run.

use minicbor::{Decode, Encode};

use crate::{
    Domain, Hash, ModuleId, NetworkId, ProcessId, ProfileId, PublicKey, SecretKey, Signature,
    UnitId, UnitSet, codec,
};

/// The compute units whose receipts count for a process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct ComputePolicy {
    /// The units, without repetition.
    #[n(0)]
    pub units: Vec<UnitId>,
    /// How many of them must agree on an outcome.
    #[n(1)]
    pub quorum: u16,
    /// Counts the policies of a process; the highest seen counts.
    #[n(2)]
    pub version: u64,
    /// The digest of the policy before, absent in a spawn.
    #[n(3)]
    pub previous: Option<Hash>,
}

/// Why a policy is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It names no unit, or too many.
    #[error("a policy names 1 to {} units", ComputePolicy::UNITS_MAX)]
    Units,
    /// It names a unit twice.
    #[error("a policy names a unit twice")]
    Repeated,
    /// Its quorum is zero or more than its units.
    #[error("a policy's quorum is between 1 and the number of its units")]
    Quorum,
}

impl ComputePolicy {
    /// The most units a policy may name.
    pub const UNITS_MAX: usize = 64;

    /// Checks the policy's own rules.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] names the rule.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.units.is_empty() || self.units.len() > Self::UNITS_MAX {
            return Err(PolicyError::Units);
        }
        let mut sorted = self.units.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != self.units.len() {
            return Err(PolicyError::Repeated);
        }
        if self.quorum == 0 || usize::from(self.quorum) > self.units.len() {
            return Err(PolicyError::Quorum);
        }
        Ok(())
    }

    /// The digest by which a next policy names this one.
    pub fn digest(&self) -> Hash {
        Domain::Policy.digest(&[&codec::encode(self)])
    }

    /// The units in the order in which they serve a process: highest random weight first
    /// (rendezvous hashing). The first `quorum` execute.
    pub fn ranked(&self, process: &ProcessId) -> Vec<UnitId> {
        let weight = |unit: &UnitId| {
            Domain::PolicyRank.digest(&[process.as_bytes().as_slice(), unit.as_bytes()])
        };
        let mut units = self.units.clone();
        units.sort_by_cached_key(|unit| std::cmp::Reverse(weight(unit)));
        units
    }

    /// Who executes a process, and who steps in.
    pub fn ranking(&self, process: &ProcessId) -> Ranking {
        Ranking { units: self.ranked(process).into(), quorum: self.quorum }
    }
}

/// The units of a policy in the order in which they serve one process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ranking {
    units: Box<[UnitId]>,
    quorum: u16,
}

impl Ranking {
    /// Whether a unit executes the process where only `present` ones are up: whether it is among the
    /// first `quorum` of those. All are presumed up if `present` is none; the unit itself always is.
    pub fn executes(&self, unit: &UnitId, present: Option<&UnitSet>) -> bool {
        let is_up = |other: &UnitId| present.is_none_or(|present| present.contains(other));
        match self.units.iter().position(|other| other == unit) {
            Some(rank) => {
                let before = self.units.iter().take(rank).filter(|other| is_up(other));
                before.count() < usize::from(self.quorum)
            }
            None => false,
        }
    }
}

/// A policy unit's word that it prepared a module under a profile and will execute it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Acceptance {
    /// The unit.
    #[n(0)]
    pub unit: UnitId,
    /// Over network, module and profile.
    #[n(1)]
    pub signature: Signature,
}

impl Acceptance {
    /// Gives a unit's word.
    pub fn sign(
        key: &SecretKey,
        network: NetworkId,
        module: &ModuleId,
        profile: &ProfileId,
    ) -> Self {
        let signature = key.sign(&Self::digest(network, module, profile));
        Self { unit: key.public().unit(), signature }
    }

    /// Whether the unit gave its word for this module, profile and network.
    #[must_use]
    pub fn holds(&self, network: NetworkId, module: &ModuleId, profile: &ProfileId) -> bool {
        PublicKey::from(self.unit)
            .verifies(&Self::digest(network, module, profile), &self.signature)
    }

    fn digest(network: NetworkId, module: &ModuleId, profile: &ProfileId) -> Hash {
        Domain::Acceptance.digest(&[network.as_bytes(), module.as_bytes(), profile.as_bytes()])
    }
}

#[cfg(test)]
mod tests;
