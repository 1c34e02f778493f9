use std::net::Ipv4Addr;

use super::*;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn directory() -> (tempfile::TempDir, DataDirectory) {
    let temporary = tempfile::tempdir().unwrap();
    let directory = DataDirectory::new(temporary.path().join("data"));
    directory.create().unwrap();
    (temporary, directory)
}

#[test]
fn the_network_is_chosen_once() {
    let (_temporary, directory) = directory();
    assert_eq!(directory.network().unwrap(), None);
    let network = directory.join(None).unwrap();
    assert_eq!(directory.join(None).unwrap(), network);
    assert_eq!(directory.join(Some(network)).unwrap(), network);
    let error = directory.join(Some(NetworkId::from_bytes([1; 32]))).unwrap_err();
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn the_default_account_is_made_once_and_never_beside_an_encrypted_one() {
    let (_temporary, directory) = directory();
    let name = KeyName::default_key();
    let key = directory.ensure_key(&name).unwrap();
    assert_eq!(directory.ensure_key(&name).unwrap().seed(), key.seed());
    fs::rename(directory.keys().join("default.key"), directory.keys().join("default.age")).unwrap();
    directory.ensure_account(&name).unwrap();
    assert!(matches!(directory.ensure_key(&name), Err(NodeError::KeyLocked { .. })));
    assert!(!directory.keys().join("default.key").exists());
}

#[test]
fn a_unit_keeps_key_and_port_and_its_record_is_found() {
    let (_temporary, directory) = directory();
    let network = directory.join(None).unwrap();
    let unit = || directory.unit(Role::Compute, "compute-1", (network, LOCALHOST)).unwrap();
    let (first, second) = (unit(), unit());
    assert_eq!(first.unit_address(), second.unit_address());

    let now = Timestamp::new(1_000);
    let record = first.publish(now).unwrap();
    record.check_record(network, now).unwrap();
    assert_eq!(directory.records().unwrap(), [record]);
    directory.keep_records(&[first]).unwrap();
    assert_eq!(directory.records().unwrap().len(), 1);
    directory.keep_records(&[]).unwrap();
    assert!(directory.records().unwrap().is_empty());
}

#[tokio::test]
async fn a_directory_runs_while_a_unit_holds_its_place() {
    let (_temporary, directory) = directory();
    let network = directory.join(None).unwrap();
    assert!(!directory.is_running().unwrap());
    let home = directory.unit(Role::Scheduler, "scheduler-1", (network, LOCALHOST)).unwrap();
    let lock = home.lock().await.unwrap();
    assert!(directory.is_running().unwrap());
    drop(lock);
    assert!(!directory.is_running().unwrap());
}
