//! Units' records for tests.

use std::net::SocketAddr;

use protocol::{Role, UnitRecord};

use crate::{
    RecordSigner,
    testing::{NETWORK, key},
};

/// The signer of a unit whose operator is number 200.
pub(crate) fn signer(number: u8, role: Role, addresses: &[SocketAddr]) -> RecordSigner {
    let (key, operator) = (key(number), key(200));
    let vouch = UnitRecord::vouch(&operator, NETWORK, &key.public().unit(), role);
    RecordSigner::new(key, NETWORK, role, (operator.public().operator(), vouch), addresses)
}
