//! Units for tests.

use std::net::SocketAddr;

use protocol::{NetworkId, Role, SecretKey, UnitRecord};

use crate::RecordSigner;

/// The network of all tests.
pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

/// A key that differs for every number.
pub(crate) fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32])
}

/// The signer of a unit whose operator is number 200.
pub(crate) fn signer(number: u8, role: Role, addresses: &[SocketAddr]) -> RecordSigner {
    let (key, operator) = (secret(number), secret(200));
    let vouch = UnitRecord::vouch(&operator, NETWORK, &key.public().unit(), role);
    RecordSigner::new(key, NETWORK, role, (operator.public().operator(), vouch), addresses)
}
