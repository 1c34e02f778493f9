use super::*;

fn process(byte: u8) -> ProcessId {
    ProcessId::from_bytes([byte; 32])
}

#[test]
fn what_is_written_is_read_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let provenance = Provenance { spawn: vec![1, 2, 3], changes: Vec::new() };
    let store = Store::open(directory.path()).unwrap();
    let cursors = [(process(1), Slot::new(5)), (process(2), Slot::new(u64::MAX))];
    store.write(&cursors, &[(process(1), provenance.clone())]).unwrap();
    drop(store);
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(store.cursors().unwrap(), cursors);
    assert_eq!(store.acquaintance(&process(1)), Some(provenance));
    assert_eq!(store.acquaintance(&process(2)), None);
}

#[test]
fn a_broken_file_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(FILE), [0xab; 10_000]).unwrap();
    let store = Store::open(directory.path()).unwrap();
    assert_eq!(store.cursors().unwrap(), []);
}

#[test]
fn a_database_in_use_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let _store = Store::open(directory.path()).unwrap();
    assert!(matches!(Store::open(directory.path()), Err(StoreError::InUse)));
}
