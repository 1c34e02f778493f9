//! The log in redb: one row for each group commit, in files that are written one after another.
//!
//! Only the newest file is written. When it is long enough it is closed, and from then on opened only
//! to be read, so that what a crash leaves to repair is that file and seldom the one before it,
//! however long the log is. The next file is made and the last one closed beside the commits.
//!
//! # Invariants
//!
//! - A file is named for its first batch, and has all batches up to the first one of the next file.
//! - The name is durable before a batch is in the file: `next.redb` never has one.

mod file;
mod files;
mod rows;
mod sealed;

use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};

use redb::ReadTransaction;

use self::{
    file::{DIRECTORY, LOCK, OpenFile},
    files::{Files, Found},
    sealed::Sealed,
};
use super::{
    LogStore, StoreError,
    disk::{Disk, Lock},
};

/// Bytes after which a file is followed by another. Tests go through many files.
const FILE_BYTES: u64 = if cfg!(test) { 8 << 10 } else { 64 << 20 };

/// Bytes after which commits wait until another file can follow.
const FILE_BYTES_MAX: u64 = 2 * FILE_BYTES;

/// A log in a directory of redb databases.
#[derive(Debug)]
pub(crate) struct RedbLog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    disk: Arc<dyn Disk>,
    /// Held by whoever changes the log; what keeps other programs out until the log is closed.
    writer: Mutex<Option<Lock>>,
    files: RwLock<Files>,
    sealed: Sealed,
    /// Whether files are made and closed at the moment.
    upkeep: Mutex<bool>,
    upkept: Condvar,
}

impl RedbLog {
    /// The directory's name.
    pub(crate) const DIRECTORY: &str = DIRECTORY;

    /// Opens the log, and repairs what a crash has left.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        // Makes the directory of the lock.
        disk.names(DIRECTORY).map_err(failed)?;
        let lock = disk.lock(&file::path(LOCK)).map_err(failed)?;
        let lock = lock.ok_or_else(|| StoreError::InUse(disk.describe(DIRECTORY)))?;
        let files = Files::load(&disk)?;
        Ok(Self(Arc::new(Shared {
            sealed: Sealed::new(Arc::clone(&disk)),
            disk,
            writer: Mutex::new(Some(lock)),
            files: RwLock::new(files),
            upkeep: Mutex::new(false),
            upkept: Condvar::new(),
        })))
    }
}

impl Shared {
    fn append(self: &Arc<Self>, number: u64, segment: &[u8]) -> Result<(), StoreError> {
        let (mut open, next) = {
            let files = self.files();
            let open = files.open.as_ref().filter(|_| !files.in_doubt).ok_or(StoreError::Closed)?;
            if number != files.count {
                return Err(StoreError::Misnumbered { number, count: files.count });
            }
            (Arc::clone(open), files.next.is_some() && files.leaving.is_none())
        };
        if open.bytes() >= FILE_BYTES_MAX || (next && open.bytes() >= FILE_BYTES) {
            open = self.roll_over(number)?;
        }
        open.append(number, segment)?;
        let leaving = {
            let mut files = self.files_mut();
            files.count = number.saturating_add(1);
            files.leaving.is_some() || (files.next.is_none() && open.bytes() >= FILE_BYTES / 2)
        };
        if leaving {
            self.begin_upkeep();
        }
        Ok(())
    }

    /// Makes the prepared file the newest, to begin with a batch.
    fn roll_over(&self, number: u64) -> Result<Arc<OpenFile>, StoreError> {
        if self.files().next.is_none() {
            self.await_upkeep();
        }
        let next = self.files_mut().next.take();
        let mut next = next.map_or_else(|| OpenFile::prepare(&self.disk), Ok)?;
        next.begin(number)?;
        let next = Arc::new(next);
        let mut files = self.files_mut();
        files.firsts.insert(number);
        files.leaving = files.open.replace(Arc::clone(&next));
        Ok(next)
    }

    /// Closes the file that was left and prepares the next one, beside the commits.
    fn begin_upkeep(self: &Arc<Self>) {
        if std::mem::replace(&mut *lock(&self.upkeep), true) {
            return;
        }
        let upkeep = Upkeep(Arc::clone(self));
        let begun = self.disk.in_background(Box::new(move || upkeep.0.keep_up()));
        if let Err(error) = begun {
            tracing::warn!(%error, "no thread for the files of the log; it will be tried again");
        }
    }

    fn keep_up(&self) {
        let leaving = self.files().leaving.clone();
        if let Some(file) = leaving {
            if let Err(error) = file.close() {
                tracing::warn!(%error, "a file of the log was not closed well; it will be repaired");
            }
            self.files_mut().leaving = None;
        }
        let wanted = {
            let files = self.files();
            let long = |open: &Arc<OpenFile>| open.bytes() >= FILE_BYTES / 2;
            files.next.is_none() && files.open.as_ref().is_some_and(long)
        };
        if wanted {
            match OpenFile::prepare(&self.disk) {
                Ok(next) => self.files_mut().next = Some(next),
                Err(error) => tracing::warn!(%error, "the next file of the log cannot be made yet"),
            }
        }
    }

    fn await_upkeep(&self) {
        let upkeep = lock(&self.upkeep);
        drop(self.upkept.wait_while(upkeep, |busy| *busy).unwrap_or_else(PoisonError::into_inner));
    }

    /// Reads the file that has a batch.
    fn read<T>(
        &self,
        number: u64,
        read: impl Fn(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // The newest file can be left and closed between being found and being read.
        for _ in 0..2 {
            let Found { open, range, left } = self.files().find(number)?;
            match open.map(|file| file.read(&read)) {
                None | Some(Err(StoreError::Closed)) if left => {
                    return self.sealed.read(range, read);
                }
                None | Some(Err(StoreError::Closed)) => {}
                Some(done) => return done,
            }
        }
        Err(StoreError::Closed)
    }

    fn files(&self) -> RwLockReadGuard<'_, Files> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn files_mut(&self) -> RwLockWriteGuard<'_, Files> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogStore for RedbLog {
    fn append(&self, number: u64, segment: &[u8]) -> Result<(), StoreError> {
        let _writer = lock(&self.0.writer);
        let appended = self.0.append(number, segment);
        if !matches!(appended, Ok(()) | Err(StoreError::Misnumbered { .. })) {
            self.0.files_mut().in_doubt = true;
        }
        appended
    }

    fn recover(&self) -> Result<(), StoreError> {
        let writer = lock(&self.0.writer);
        writer.as_ref().ok_or(StoreError::Closed)?;
        self.0.await_upkeep();
        let mut files = self.0.files_mut();
        files.close();
        self.0.sealed.close();
        let error = match Files::load(&self.0.disk) {
            Ok(loaded) => {
                *files = loaded;
                return Ok(());
            }
            Err(error) => error,
        };
        files.in_doubt = true;
        if let Some(newest) = files.firsts.last() {
            match OpenFile::detached(&self.0.disk, *newest) {
                Ok(open) => files.open = Some(Arc::new(open)),
                Err(error) => tracing::warn!(%error, "the newest file of the log cannot be read"),
            }
        }
        Err(error)
    }

    fn close(&self) {
        let mut writer = lock(&self.0.writer);
        self.0.await_upkeep();
        let mut files = self.0.files_mut();
        files.close();
        *files = Files::default();
        self.0.sealed.close();
        *writer = None;
    }

    fn count(&self) -> Result<u64, StoreError> {
        let files = self.0.files();
        let known = files.open.as_ref().filter(|_| !files.in_doubt);
        known.map(|_| files.count).ok_or(StoreError::Closed)
    }

    fn segment(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        let found = self.0.read(number, |transaction| rows::range(transaction, number, 0))?;
        found.into_iter().next().ok_or_else(|| missing(number))
    }

    fn segments(&self, from: u64, limit_bytes: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let count = {
            let files = self.0.files();
            files.firsts.first().ok_or(StoreError::Closed)?;
            files.count
        };
        if from >= count {
            return Ok(Vec::new());
        }
        let read = |transaction: &ReadTransaction| rows::range(transaction, from, limit_bytes);
        let mut found = self.0.read(from, read)?;
        // A batch in doubt is not shown, nor is one that was added meanwhile.
        found.truncate(usize::try_from(count - from).unwrap_or(usize::MAX));
        if found.is_empty() {
            return Err(missing(from));
        }
        Ok(found)
    }
}

/// Upkeep under way; it has ended when this is dropped.
struct Upkeep(Arc<Shared>);

impl Drop for Upkeep {
    fn drop(&mut self) {
        *lock(&self.0.upkeep) = false;
        self.0.upkept.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: std::io::Error) -> StoreError {
    StoreError::Failed(error.to_string())
}

fn missing(number: u64) -> StoreError {
    StoreError::Damaged(format!("batch {number} is missing in the log"))
}

#[cfg(test)]
mod tests;
