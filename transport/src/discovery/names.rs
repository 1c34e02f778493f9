//! How units, roles, records and addresses are called in libp2p.

use std::net::SocketAddr;

use libp2p::{
    Multiaddr, PeerId, StreamProtocol,
    identity::{self, ed25519},
    kad::RecordKey,
    multiaddr::Protocol,
};
use protocol::{NetworkId, Role, UnitId};

/// Before the 32 bytes of a unit: the key of its record.
const UNIT: &[u8] = b"antiphon v1 unit/";

/// Before the word of a role: the key whose providers are the units of the role.
const ROLE: &[u8] = b"antiphon v1 role/";

/// The code of the multihash that is its own preimage.
const IDENTITY: u64 = 0;

/// The Kademlia of one network.
pub(super) fn kademlia(network: NetworkId) -> StreamProtocol {
    StreamProtocol::try_from_owned(format!("/antiphon/{network}/kad/1"))
        .expect("a protocol name begins with a slash")
}

/// What identify calls the whole of one network's protocols.
pub(super) fn version(network: NetworkId) -> String {
    format!("/antiphon/{network}/1")
}

pub(super) fn record_key(unit: &UnitId) -> RecordKey {
    RecordKey::from([UNIT, unit.as_bytes()].concat())
}

pub(super) fn role_key(role: Role) -> RecordKey {
    RecordKey::from([ROLE, role.word().as_bytes()].concat())
}

/// The unit whose record has this key.
pub(super) fn unit_of_key(key: &RecordKey) -> Option<UnitId> {
    let unit = key.as_ref().strip_prefix(UNIT)?;
    Some(UnitId::from_bytes(unit.try_into().ok()?))
}

/// The role whose providers have this key.
pub(super) fn role_of_key(key: &RecordKey) -> Option<Role> {
    let word = key.as_ref().strip_prefix(ROLE)?;
    Role::ALL.into_iter().find(|role| role.word().as_bytes() == word)
}

/// The libp2p name of a unit; none if the unit's bytes are not a key.
pub(super) fn peer_id(unit: &UnitId) -> Option<PeerId> {
    let key = ed25519::PublicKey::try_from_bytes(unit.as_bytes()).ok()?;
    Some(identity::PublicKey::from(key).to_peer_id())
}

/// The unit that a libp2p peer is; none if it is no Ed25519 key.
pub(super) fn unit_of_peer(peer: &PeerId) -> Option<UnitId> {
    let name = peer.as_ref();
    if name.code() != IDENTITY {
        return None;
    }
    let key = identity::PublicKey::try_decode_protobuf(name.digest()).ok()?;
    Some(UnitId::from_bytes(key.try_into_ed25519().ok()?.to_bytes()))
}

pub(super) fn multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()))
}

/// The socket address of `/ip4/../tcp/..` or `/ip6/../tcp/..`, with or without a peer at the end.
pub(super) fn socket_address(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    let Protocol::Tcp(port) = parts.next()? else {
        return None;
    };
    match (parts.next(), parts.next()) {
        (None | Some(Protocol::P2p(_)), None) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
