use std::net::Ipv4Addr;

use super::*;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[test]
fn a_port_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("port");
    let first = remembered(&file, LOCALHOST).unwrap();
    assert_eq!(remembered(&file, LOCALHOST).unwrap(), first);
    assert!(CHOICE.contains(&first.port()));
}

#[test]
fn a_port_taken_in_either_protocol_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("port");
    let udp = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    let address = udp.local_addr().unwrap();
    fs::write(&file, address.port().to_string()).unwrap();
    let error = remembered(&file, LOCALHOST).unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");

    let tcp = TcpListener::bind((LOCALHOST, 0)).unwrap();
    fs::write(&file, tcp.local_addr().unwrap().port().to_string()).unwrap();
    let error = remembered(&file, LOCALHOST).unwrap_err();
    assert!(matches!(error, NodeError::PortTaken { .. }), "{error}");
}

#[test]
fn a_damaged_file_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("port");
    fs::write(&file, "many").unwrap();
    let error = remembered(&file, LOCALHOST).unwrap_err();
    assert!(matches!(error, NodeError::BadFile { .. }), "{error}");
}
