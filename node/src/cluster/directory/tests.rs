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
fn keys_are_listed_by_name() {
    let (_temporary, directory) = directory();
    assert!(directory.all_keys().unwrap().is_empty());
    for name in ["zoe", "adam"] {
        directory.new_key(&name.parse().unwrap()).unwrap();
    }
    fs::write(directory.keys().join("notes.txt"), "mine").unwrap();
    let names = directory.all_keys().unwrap();
    let names: Vec<String> = names.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["adam", "zoe"]);
    assert!(directory.new_key(&"zoe".parse().unwrap()).is_err());
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
