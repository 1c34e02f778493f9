//! Unit records: how units are found and whose they are.

use minicbor::{Decode, Encode};

use crate::{
    Body, Domain, Hash, Kind, NetworkId, OperatorId, PublicKey, SecretKey, Signature, Signed,
    Timestamp, UnitId, V1, VerifyError,
};

/// What a unit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Orders logs.
    #[n(0)]
    Scheduler,
    /// Carries what processes say to each other.
    #[n(1)]
    Messenger,
    /// Executes.
    #[n(2)]
    Compute,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Scheduler, Self::Messenger, Self::Compute];

    /// The word for the role.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Scheduler => "scheduler",
            Self::Messenger => "messenger",
            Self::Compute => "compute",
        }
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Scheduler => 0,
            Self::Messenger => 1,
            Self::Compute => 2,
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.word())
    }
}

/// What a unit says of itself. Records are versioned by `sequence` and expire.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct UnitRecord {
    /// The format.
    #[n(0)]
    pub version: V1,
    /// A unit record.
    #[n(1)]
    pub kind: Kind<6>,
    /// The network it serves.
    #[n(2)]
    pub network: NetworkId,
    /// The unit, which is its key.
    #[n(3)]
    pub unit: UnitId,
    /// What it does.
    #[n(4)]
    pub role: Role,
    /// Who vouches for it.
    #[n(5)]
    pub operator: OperatorId,
    /// The operator's signature over network, unit and role.
    #[n(6)]
    pub vouch: Signature,
    /// Where it listens, as `ip:port` over QUIC, best first.
    #[n(7)]
    pub addresses: Vec<String>,
    /// A later record has a higher number.
    #[n(8)]
    pub sequence: u64,
    /// Not to be believed after this.
    #[n(9)]
    pub expires: Timestamp,
}

/// Why a unit record is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnitRecordError {
    /// It is not properly signed by the unit.
    #[error(transparent)]
    Unit(#[from] VerifyError),
    /// The operator does not vouch for the unit.
    #[error("the operator's signature does not hold")]
    Operator,
    /// It is past its time.
    #[error("the record has expired")]
    Expired,
}

impl UnitRecord {
    /// The most addresses a record may have.
    pub const ADDRESSES_MAX: usize = 8;

    /// Gives an operator's word for a unit.
    pub fn vouch(operator: &SecretKey, network: NetworkId, unit: &UnitId, role: Role) -> Signature {
        operator.sign(&Self::vouched(network, unit, role))
    }

    fn vouched(network: NetworkId, unit: &UnitId, role: Role) -> Hash {
        Domain::Vouch.digest(&[network.as_bytes(), unit.as_bytes(), &[role.byte()]])
    }
}

impl Signed<UnitRecord> {
    /// Checks unit, operator and time.
    ///
    /// # Errors
    ///
    /// [`UnitRecordError`] says what does not hold.
    pub fn check_record(&self, network: NetworkId, now: Timestamp) -> Result<(), UnitRecordError> {
        let record = self.unverified();
        if record.expires < now {
            return Err(UnitRecordError::Expired);
        }
        self.verify_by(network, &self.digest(), PublicKey::verifies)?;
        let vouched = UnitRecord::vouched(network, &record.unit, record.role);
        if PublicKey::from(record.operator).verifies(&vouched, &record.vouch) {
            Ok(())
        } else {
            Err(UnitRecordError::Operator)
        }
    }
}

impl Body for UnitRecord {
    const DOMAIN: Domain = Domain::UnitRecord;

    fn network(&self) -> NetworkId {
        self.network
    }

    fn may_be_signed_by(&self, key: &PublicKey) -> bool {
        key.unit() == self.unit
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.addresses.len() > Self::ADDRESSES_MAX {
            return Err("a record has at most 8 addresses");
        }
        if self.addresses.iter().any(|address| address.parse::<std::net::SocketAddr>().is_err()) {
            return Err("an address is not of the form ip:port");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
