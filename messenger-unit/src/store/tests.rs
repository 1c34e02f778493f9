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
    store.write(cursors.to_vec(), vec![(process(1), provenance.clone())]).unwrap();
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

#[test]
fn what_the_disk_did_not_take_is_written_when_it_does() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let closed = store.database.write().unwrap().take();
    let error = store.write(vec![(process(1), Slot::new(5))], vec![]).unwrap_err();
    assert!(matches!(error, StoreError::Closed), "{error}");
    drop(closed);
    assert!(store.has_unwritten());
    // The first attempt could not open the database again, this one does.
    store.write(vec![(process(1), Slot::new(6))], vec![]).unwrap_err();
    store.write(vec![(process(2), Slot::new(7))], vec![]).unwrap();
    assert!(!store.has_unwritten());
    let cursors = [(process(1), Slot::new(6)), (process(2), Slot::new(7))];
    assert_eq!(store.cursors().unwrap(), cursors);
}

#[test]
fn a_file_cut_short_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    store.write((0..100).map(|byte| (process(byte), Slot::new(1))).collect(), vec![]).unwrap();
    drop(store);
    let file = std::fs::OpenOptions::new().write(true).open(directory.path().join(FILE)).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    drop(file);
    assert_eq!(Store::open(directory.path()).unwrap().cursors().unwrap(), []);
}
