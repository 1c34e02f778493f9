use std::sync::Arc;

use super::*;
use crate::{
    fixture::{WASM, as_disk},
    store::testing::FaultDisk,
};

#[test]
fn the_log_keeps_what_was_appended() {
    let disk = FaultDisk::new();
    let log = RedbLog::open(as_disk(&disk)).unwrap();
    assert_eq!(log.count().unwrap(), 0);
    log.append(0, b"one").unwrap();
    log.append(1, b"two").unwrap();
    log.close();
    assert!(matches!(log.segment(0), Err(StoreError::Closed)));
    disk.crash(1);
    let log = RedbLog::open(as_disk(&disk)).unwrap();
    assert_eq!(log.count().unwrap(), 2);
    assert_eq!(log.segment(1).unwrap(), b"two");
    assert!(matches!(log.segment(2), Err(StoreError::Damaged(_))));
}

#[test]
fn a_log_recovers_from_a_failed_append() {
    let disk = FaultDisk::new();
    let log = RedbLog::open(as_disk(&disk)).unwrap();
    disk.fail_after(0, 1);
    assert!(matches!(log.append(0, b"one"), Err(StoreError::Failed(_))));
    log.recover().unwrap();
    let count = log.count().unwrap();
    log.append(count, b"two").unwrap();
    assert_eq!(log.segment(count).unwrap(), b"two");
}

#[test]
fn modules_are_durable_once_put() {
    let disk = FaultDisk::new();
    let modules = RedbModules::open(as_disk(&disk)).unwrap();
    let id = modules.put(WASM).unwrap();
    assert_eq!(modules.put(WASM).unwrap(), id);
    modules.close();
    disk.crash(3);
    let modules = RedbModules::open(as_disk(&disk)).unwrap();
    assert!(modules.contains(&id));
    assert_eq!(modules.get(&id).unwrap().as_deref(), Some(WASM));
}

#[test]
fn modules_are_put_in_spite_of_a_passing_fault() {
    let disk = FaultDisk::new();
    let modules = RedbModules::open(as_disk(&disk)).unwrap();
    disk.fail_after(2, 1);
    let id = modules.put(WASM).unwrap();
    assert!(modules.contains(&id));
}

#[test]
fn a_database_in_use_is_reported_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(Files(directory.path().to_owned()));
    let _open = RedbLog::open(Arc::clone(&disk)).unwrap();
    let error = RedbLog::open(disk).unwrap_err();
    assert!(matches!(&error, StoreError::InUse(file) if file.ends_with("log")), "{error}");
}

#[test]
fn a_database_can_be_opened_again_under_its_readers() {
    let directory = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(Files(directory.path().to_owned()));
    let handle = disk::Handle::open(disk, "some.redb", 1 << 20).unwrap();
    let reader = handle.begin_read().unwrap();
    handle.reopen().unwrap();
    drop(handle.begin_write().unwrap());
    drop(reader);
}
