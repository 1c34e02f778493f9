//! A disk in memory that fails when told to, and that loses what was not synced when it crashes.
//!
//! A file has a live image, which programs see, and a durable one, which is what a crash leaves; so
//! do the names of files. Of what was written since the last sync, a crash keeps some writes, loses
//! some, and tears some.

mod fault;
mod image;
mod names;

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::{Database, DatabaseError, ReadOnlyDatabase, StorageBackend, StorageError};

use self::{
    fault::Fault,
    image::Change,
    names::{File, Names, Naming},
};
use super::{
    Disk,
    disk::{Detached, Lock},
};

/// A disk whose files survive their databases.
#[derive(Debug, Default)]
pub(crate) struct FaultDisk {
    names: Mutex<Names>,
    locks: Mutex<BTreeMap<String, Weak<()>>>,
    fault: Arc<Mutex<Fault>>,
    /// Nothing is done in the background.
    idle: AtomicBool,
}

impl FaultDisk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Lets so many more changes and syncs succeed, and so many fail after them.
    pub(crate) fn fail_after(&self, left: u64, failures: u64) {
        let mut fault = self.fault.lock().unwrap();
        fault.left = Some(left);
        fault.failures = failures;
    }

    /// Lets files grow by so many blocks, and fails what needs more of them.
    pub(crate) fn fill_up(&self, blocks: u64) {
        self.fault.lock().unwrap().room = Some(blocks);
    }

    /// Works again.
    pub(crate) fn heal(&self) {
        let mut fault = self.fault.lock().unwrap();
        let Fault { done, seed, failed, .. } = *fault;
        *fault = Fault { done, seed, failed, ..Fault::default() };
    }

    /// Whether anything has failed since the last crash.
    pub(crate) fn has_failed(&self) -> bool {
        self.fault.lock().unwrap().failed
    }

    /// Makes nothing durable from now on, and says that it does.
    pub(crate) fn lie(&self) {
        self.fault.lock().unwrap().lying = true;
    }

    /// Does nothing in the background, as if the processor were busy.
    pub(crate) fn without_background(&self) {
        self.idle.store(true, Ordering::Relaxed);
    }

    /// How many changes and syncs there were.
    pub(crate) fn done(&self) -> u64 {
        self.fault.lock().unwrap().done
    }

    /// The power fails: of what was not synced, an arbitrary part is on the platter.
    pub(crate) fn crash(&self, seed: u64) {
        let mut fault = self.fault.lock().unwrap();
        *fault = Fault { seed, ..Fault::default() };
        self.locks.lock().unwrap().clear();
        let mut names = self.names.lock().unwrap();
        let unsynced = std::mem::take(&mut names.unsynced);
        // A journal keeps the order of what happens to names.
        let kept = fault.random() % (u64::try_from(unsynced.len()).unwrap() + 1);
        for naming in unsynced.iter().take(usize::try_from(kept).unwrap()) {
            naming.apply(&mut names.durable);
        }
        names.live = names.durable.clone();
        for file in names.live.values_mut() {
            // A database that outlived the crash writes to a file that is no more.
            let crashed = file.lock().unwrap().crash(|| fault.random());
            *file = Arc::new(Mutex::new(crashed));
        }
        names.durable = names.live.clone();
    }

    /// The names of all files.
    pub(crate) fn files(&self) -> Vec<String> {
        self.names.lock().unwrap().live.keys().cloned().collect()
    }

    /// Overwrites a file with noise.
    pub(crate) fn damage(&self, file: &str) {
        self.names.lock().unwrap().live[file].lock().unwrap().fill(0x5a);
    }

    /// Forgets a file.
    pub(crate) fn delete(&self, file: &str) {
        let mut names = self.names.lock().unwrap();
        names.live.remove(file);
        names.durable.remove(file);
    }

    fn backend(&self, file: &str) -> io::Result<Backend> {
        let names = self.names.lock().unwrap();
        let image = names.live.get(file).ok_or(io::ErrorKind::NotFound)?;
        Ok(Backend { image: Arc::clone(image), fault: Arc::clone(&self.fault) })
    }

    fn change_names(&self, naming: Naming) -> io::Result<()> {
        self.fault.lock().unwrap().count()?;
        let mut names = self.names.lock().unwrap();
        naming.apply(&mut names.live);
        names.unsynced.push(naming);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut fault = self.fault.lock().unwrap();
        fault.count()?;
        if !fault.lying {
            let mut names = self.names.lock().unwrap();
            for naming in std::mem::take(&mut names.unsynced) {
                naming.apply(&mut names.durable);
            }
        }
        Ok(())
    }
}

impl Disk for FaultDisk {
    fn open(&self, builder: redb::Builder, file: &str) -> Result<Database, DatabaseError> {
        if !self.files().iter().any(|name| name == file) {
            let made = Naming::Make(file.to_owned(), File::default());
            self.change_names(made).map_err(StorageError::from)?;
        }
        self.sync_names().map_err(StorageError::from)?;
        builder.create_with_backend(self.backend(file).map_err(StorageError::from)?)
    }

    fn open_sealed(
        &self,
        builder: redb::Builder,
        file: &str,
    ) -> Result<ReadOnlyDatabase, DatabaseError> {
        builder.open_read_only_with_backend(self.backend(file).map_err(StorageError::from)?)
    }

    fn open_detached(&self, builder: redb::Builder, file: &str) -> Result<Database, DatabaseError> {
        let backend = self.backend(file).map_err(StorageError::from)?;
        builder.create_with_backend(Detached::new(backend)?)
    }

    fn lock(&self, file: &str) -> io::Result<Option<Lock>> {
        let mut locks = self.locks.lock().unwrap();
        if locks.get(file).is_some_and(|lock| lock.strong_count() > 0) {
            return Ok(None);
        }
        let lock = Arc::new(());
        locks.insert(file.to_owned(), Arc::downgrade(&lock));
        Ok(Some(Box::new(lock)))
    }

    fn names(&self, directory: &str) -> io::Result<Vec<String>> {
        self.sync_names()?;
        let prefix = format!("{directory}/");
        let names = self.names.lock().unwrap();
        Ok(names
            .live
            .keys()
            .filter_map(|name| name.strip_prefix(&prefix))
            .map(str::to_owned)
            .collect())
    }

    fn length(&self, file: &str) -> io::Result<u64> {
        self.backend(file)?.len()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change_names(Naming::Rename(from.to_owned(), to.to_owned()))?;
        self.sync_names()
    }

    fn remove(&self, file: &str) -> io::Result<()> {
        self.backend(file)?;
        self.change_names(Naming::Remove(file.to_owned()))
    }

    /// At once, so that what happens is the same every time.
    fn in_background(&self, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        match self.idle.load(Ordering::Relaxed) {
            true => drop(work),
            false => work(),
        }
        Ok(())
    }

    fn describe(&self, file: &str) -> String {
        file.to_owned()
    }
}

#[derive(Debug)]
struct Backend {
    image: File,
    fault: Arc<Mutex<Fault>>,
}

impl Backend {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut fault = self.fault.lock().unwrap();
        let mut image = self.image.lock().unwrap();
        let allowed = fault.count().and_then(|()| fault.allocate(image.new_blocks(&change)));
        match allowed {
            Ok(()) => image.change(change),
            Err(_) => {
                let part = change.torn(fault.random());
                image.change(part);
            }
        }
        allowed
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.image.lock().unwrap().len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.image.lock().unwrap().read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::Length(usize::try_from(len).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut fault = self.fault.lock().unwrap();
        fault.count()?;
        if !fault.lying {
            self.image.lock().unwrap().sync();
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write(usize::try_from(offset).unwrap(), data.to_vec()))
    }
}
