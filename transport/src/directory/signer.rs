//! Makes a unit's own record, anew each time it is about to expire.

use std::{net::SocketAddr, time::Duration};

use protocol::{
    Kind, NetworkId, OperatorId, Role, SecretKey, Signature, Signed, Timestamp, UnitId, UnitRecord,
    V1,
};

/// Everything a unit says of itself but the time: signs a record whenever asked.
#[derive(Clone)]
pub struct RecordSigner {
    key: SecretKey,
    network: NetworkId,
    role: Role,
    operator: OperatorId,
    vouch: Signature,
    addresses: Vec<String>,
}

impl RecordSigner {
    /// How long a record is believed after it was signed.
    pub const LIFETIME: Duration = Duration::from_secs(60 * 60);

    /// How long after one record the next should be signed: early enough that a few lost
    /// announcements do no harm.
    pub const RENEWAL: Duration = Duration::from_secs(10 * 60);

    /// A signer for the unit of `key`, with its operator's word for it (see
    /// [`UnitRecord::vouch`]) and the addresses it can be dialed at, best first.
    ///
    /// Addresses beyond [`UnitRecord::ADDRESSES_MAX`] are left out.
    pub fn new(
        key: SecretKey,
        network: NetworkId,
        role: Role,
        (operator, vouch): (OperatorId, Signature),
        addresses: &[SocketAddr],
    ) -> Self {
        let addresses = addresses.iter().take(UnitRecord::ADDRESSES_MAX);
        let addresses = addresses.map(SocketAddr::to_string).collect();
        Self { key, network, role, operator, vouch, addresses }
    }

    /// The unit whose records it signs.
    pub fn unit(&self) -> UnitId {
        self.key.public().unit()
    }

    /// The role its records state.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The network its records are for.
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    pub(crate) const fn key(&self) -> &SecretKey {
        &self.key
    }

    /// Signs a record that holds from `now` on. Its sequence is `now`, so that it replaces all
    /// earlier ones even after a restart.
    pub fn sign(&self, now: Timestamp) -> Signed<UnitRecord> {
        self.sign_as(now.get(), now)
    }

    /// Signs a record that holds from `now` on and replaces `known`, the last one the network has
    /// seen, even if the clock has been set back since.
    pub fn renew(&self, known: &Signed<UnitRecord>, now: Timestamp) -> Signed<UnitRecord> {
        let next = known.unverified().sequence.saturating_add(1);
        self.sign_as(next.max(now.get()), now)
    }

    /// Whether a record says what this signer would say, the time aside.
    pub(crate) fn made(&self, record: &Signed<UnitRecord>) -> bool {
        let record = record.unverified();
        record.unit == self.unit()
            && record.role == self.role
            && record.operator == self.operator
            && record.addresses == self.addresses
    }

    fn sign_as(&self, sequence: u64, now: Timestamp) -> Signed<UnitRecord> {
        let lifetime = u64::try_from(Self::LIFETIME.as_millis()).unwrap_or(u64::MAX);
        let record = UnitRecord {
            version: V1,
            kind: Kind,
            network: self.network,
            unit: self.unit(),
            role: self.role,
            operator: self.operator,
            vouch: self.vouch,
            addresses: self.addresses.clone(),
            sequence,
            expires: now.saturating_add(lifetime),
        };
        Signed::sign(record, &self.key)
    }
}

impl std::fmt::Debug for RecordSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("RecordSigner");
        debug.field("unit", &self.unit()).field("role", &self.role).finish_non_exhaustive()
    }
}
