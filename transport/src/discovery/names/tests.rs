use libp2p::PeerId;
use protocol::{Role, UnitId};

use super::{
    multiaddr, peer_id, record_key, role_key, role_of_key, socket_address, unit_of_key,
    unit_of_peer,
};
use crate::testing::key;

#[test]
fn a_unit_and_its_peer_name_each_other() {
    let unit = key(1).public().unit();
    assert_eq!(unit_of_peer(&peer_id(&unit).unwrap()), Some(unit));
}

#[test]
fn names_of_other_kinds_are_no_units() {
    let hashed = [&[0x12, 32], [1; 32].as_slice()].concat();
    assert_eq!(unit_of_peer(&PeerId::from_bytes(&hashed).unwrap()), None);
    let unprefixed = [&[0, 32], [1; 32].as_slice()].concat();
    assert_eq!(unit_of_peer(&PeerId::from_bytes(&unprefixed).unwrap()), None);
    // The y coordinate 2 belongs to no point.
    let mut no_point = [0; 32];
    no_point[0] = 2;
    assert_eq!(peer_id(&UnitId::from_bytes(no_point)), None);
}

#[test]
fn keys_of_units_and_roles_are_never_mixed() {
    let unit = key(1).public().unit();
    assert_eq!(unit_of_key(&record_key(&unit)), Some(unit));
    assert_eq!(role_of_key(&record_key(&unit)), None);
    for role in Role::ALL {
        assert_eq!(role_of_key(&role_key(role)), Some(role));
        assert_eq!(unit_of_key(&role_key(role)), None);
    }
    let long = [record_key(&unit).as_ref(), &[0]].concat();
    assert_eq!(unit_of_key(&long.into()), None);
}

#[test]
fn only_plain_tcp_addresses_are_read() {
    for text in ["127.0.0.1:7000", "[::1]:7000"] {
        let address = text.parse().unwrap();
        assert_eq!(socket_address(&multiaddr(address)), Some(address));
    }
    let peer = peer_id(&key(1).public().unit()).unwrap();
    let read = |text: &str| socket_address(&text.parse().unwrap()).map(|at| at.to_string());
    let direct = format!("/ip4/10.0.0.1/tcp/7/p2p/{peer}");
    assert_eq!(read(&direct), Some("10.0.0.1:7".to_owned()));
    assert_eq!(read(&format!("{direct}/p2p-circuit")), None);
    assert_eq!(read("/ip4/10.0.0.1/udp/7"), None);
    assert_eq!(read("/dns4/example.org/tcp/7"), None);
    assert_eq!(read("/ip4/10.0.0.1"), None);
}
