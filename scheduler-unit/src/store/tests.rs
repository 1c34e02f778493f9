use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use super::{
    conformance::{Site, conformance},
    *,
};
use crate::{
    fixture::{WASM, as_disk},
    store::testing::FaultDisk,
};

fn redb_on(disk: &Arc<dyn Disk>) -> Result<Arc<dyn LogStore>, StoreError> {
    Ok(Arc::new(RedbLog::open(Arc::clone(disk))?))
}

fn modules_on(disk: &Arc<dyn Disk>) -> Result<Box<dyn ModuleStore>, StoreError> {
    Ok(Box::new(RedbModules::open(Arc::clone(disk))?))
}

/// A directory; after a crash it is a copy of what was in it.
struct Directory {
    root: tempfile::TempDir,
    now: Mutex<PathBuf>,
}

impl Directory {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let now = root.path().join("0");
        fs::create_dir(&now).unwrap();
        Self { root, now: Mutex::new(now) }
    }

    fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(Files(self.now.lock().unwrap().clone()))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

impl Site for Directory {
    fn log(&self) -> Result<Arc<dyn LogStore>, StoreError> {
        redb_on(&self.disk())
    }

    fn modules(&self) -> Result<Box<dyn ModuleStore>, StoreError> {
        modules_on(&self.disk())
    }

    fn crash(&self) {
        let mut now = self.now.lock().unwrap();
        let copies = fs::read_dir(self.root.path()).unwrap().count();
        let next = self.root.path().join(copies.to_string());
        copy(&now, &next);
        *now = next;
    }

    fn fail(&self) -> Option<()> {
        None
    }
}

/// A disk in memory.
struct Memory(Arc<FaultDisk>);

impl Site for Memory {
    fn log(&self) -> Result<Arc<dyn LogStore>, StoreError> {
        redb_on(&as_disk(&self.0))
    }

    fn modules(&self) -> Result<Box<dyn ModuleStore>, StoreError> {
        modules_on(&as_disk(&self.0))
    }

    fn crash(&self) {
        self.0.crash(self.0.done());
    }

    fn fail(&self) -> Option<()> {
        self.0.fail_after(1, 1);
        Some(())
    }
}

mod redb_in_a_directory {
    use super::*;
    conformance!(Directory::new());
}

mod redb_in_memory {
    use super::*;
    conformance!(Memory(FaultDisk::new()));
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

#[test]
fn what_an_opening_writes_leaves_nothing_to_repair_after_a_crash() {
    let disk = FaultDisk::new();
    let open = || {
        let disk = as_disk(&disk);
        let index = Index::open(Arc::clone(&disk), 1).unwrap();
        let modules = RedbModules::open(Arc::clone(&disk)).unwrap();
        (index, modules, Superseded::open(disk).unwrap())
    };
    for seed in 0..4 {
        let killed = open();
        disk.crash(seed);
        for file in [Index::FILE, RedbModules::FILE, Superseded::FILE] {
            let mut builder = redb::Builder::new();
            builder.set_repair_callback(redb::RepairSession::abort);
            as_disk(&disk).open(builder, file).unwrap();
        }
        drop(killed);
    }
}
