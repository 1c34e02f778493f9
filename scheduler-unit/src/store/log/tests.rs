use std::sync::Arc;

use super::*;
use crate::{fixture::as_disk, store::testing::FaultDisk};

fn open(disk: &Arc<FaultDisk>) -> RedbLog {
    RedbLog::open(as_disk(disk)).unwrap()
}

/// Batches of 3,000 bytes, of which a file of a test has three or so.
fn fill(log: &RedbLog, through: u64) {
    for number in log.count().unwrap()..through {
        log.append(number, &[u8::try_from(number).unwrap(); 3_000]).unwrap();
    }
}

#[track_caller]
fn check(log: &RedbLog, count: u64) {
    assert_eq!(log.count().unwrap(), count);
    for number in 0..count {
        assert_eq!(log.segment(number).unwrap(), [u8::try_from(number).unwrap(); 3_000]);
    }
}

fn files(disk: &FaultDisk) -> Vec<String> {
    let files = disk.files().into_iter();
    files.filter(|name| name.starts_with("log/0")).collect()
}

#[test]
fn a_file_that_was_left_and_not_closed_is_repaired_when_it_is_read() {
    let disk = FaultDisk::new();
    disk.without_background();
    let log = open(&disk);
    fill(&log, 40);
    let left = log.0.files().leaving.as_ref().map(|file| file.first()).unwrap();
    disk.crash(1);
    let file = file::path(&file::name(left));
    let dirty = as_disk(&disk).open_sealed(redb::Builder::new(), &file);
    assert!(matches!(dirty, Err(redb::DatabaseError::RepairAborted)));
    check(&open(&disk), 40);
    drop(as_disk(&disk).open_sealed(redb::Builder::new(), &file).unwrap());
}

#[test]
fn commits_go_on_while_no_file_is_prepared_and_wait_at_the_limit() {
    let disk = FaultDisk::new();
    disk.without_background();
    let log = open(&disk);
    fill(&log, 40);
    let files = files(&disk).len();
    assert!((6..=9).contains(&files), "120,000 bytes in files of up to 16 KiB are not in {files}");
    check(&log, 40);
}

#[test]
fn an_empty_newest_file_and_a_prepared_one_are_no_hindrance() {
    let disk = FaultDisk::new();
    let log = open(&disk);
    fill(&log, 20);
    log.close();
    OpenFile::prepare(&as_disk(&disk)).unwrap().begin(20).unwrap();
    drop(OpenFile::prepare(&as_disk(&disk)).unwrap());
    assert!(disk.files().contains(&"log/next.redb".to_owned()));
    let log = open(&disk);
    assert!(!disk.files().contains(&"log/next.redb".to_owned()));
    check(&log, 20);
    fill(&log, 40);
    check(&log, 40);
}

#[test]
fn a_file_of_the_log_that_is_missing_is_noticed() {
    let disk = FaultDisk::new();
    let log = open(&disk);
    fill(&log, 40);
    log.close();
    let all = files(&disk);
    assert!(all.len() > 3, "{all:?}");
    disk.delete(&all[1]);
    let log = open(&disk);
    let error = log.segment(0).unwrap_err().to_string();
    assert!(error.contains(&all[0]) && error.contains("is missing"), "{error}");
    log.segment(39).unwrap();
    log.close();
    disk.delete(&all[0]);
    let error = RedbLog::open(as_disk(&disk)).unwrap_err().to_string();
    assert!(error.contains("the first file of the log is missing"), "{error}");
}

#[test]
fn everything_durable_can_be_read_while_the_disk_takes_no_writes() {
    let disk = FaultDisk::new();
    let log = open(&disk);
    fill(&log, 33);
    disk.fail_after(0, u64::MAX);
    log.append(33, b"in doubt").unwrap_err();
    for _ in 0..2 {
        assert!(log.recover().is_err());
        assert!(log.count().is_err());
        for number in 0..33 {
            assert_eq!(log.segment(number).unwrap().len(), 3_000);
        }
        assert_eq!(log.segments(30, 1 << 20).unwrap().len(), 3, "what is in doubt is not shown");
        assert!(log.append(33, b"still no").is_err());
    }
    disk.heal();
    log.recover().unwrap();
    let count = log.count().unwrap();
    log.append(count, b"again").unwrap();
}

#[test]
fn a_full_disk_is_recovered_from_once_there_is_room() {
    let disk = FaultDisk::new();
    let log = open(&disk);
    fill(&log, 20);
    disk.fill_up(12);
    let full = (20..40).find(|number| log.append(*number, &[9; 3_000]).is_err());
    let full = full.expect("twelve blocks do not last");
    disk.heal();
    log.recover().unwrap();
    let count = log.count().unwrap();
    assert!((full..=full + 1).contains(&count));
    log.append(count, b"again").unwrap();
}
