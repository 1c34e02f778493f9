//! A file of the log that is written, or was until a moment ago.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use redb::ReadTransaction;

use super::rows;
use crate::store::{
    StoreError,
    disk::{Disk, Handle},
};

/// The directory of the files.
pub(super) const DIRECTORY: &str = "log";

/// The file that is prepared to be the next one.
pub(super) const NEXT: &str = "next.redb";

/// What keeps a second program out.
pub(super) const LOCK: &str = "lock";

/// Bytes of pages kept in memory.
const CACHE: usize = 32 << 20;

/// A file of the log that is open for writing.
#[derive(Debug)]
pub(super) struct OpenFile {
    handle: Handle,
    first: u64,
    bytes: AtomicU64,
}

impl OpenFile {
    /// Makes the file that will be the next one.
    pub(super) fn prepare(disk: &Arc<dyn Disk>) -> Result<Self, StoreError> {
        let handle = Handle::open(Arc::clone(disk), path(NEXT), CACHE)?;
        let transaction = handle.begin_write()?;
        rows::make(&transaction)?;
        transaction.commit().map_err(StoreError::failed)?;
        Ok(Self { handle, first: 0, bytes: AtomicU64::new(0) })
    }

    /// Makes a prepared file the one that begins with a batch; durably, before that batch is in it.
    pub(super) fn begin(&mut self, first: u64) -> Result<(), StoreError> {
        self.handle.rename(path(&name(first)))?;
        self.first = first;
        Ok(())
    }

    /// Opens the file that begins with a batch, and repairs it where a crash made that necessary.
    pub(super) fn open(disk: &Arc<dyn Disk>, first: u64) -> Result<Self, StoreError> {
        let file = path(&name(first));
        let handle = Handle::open(Arc::clone(disk), file.as_str(), CACHE)?;
        // redb has trimmed the file, whether it had to repair it or not.
        let length = disk.length(&file).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(Self { handle, first, bytes: AtomicU64::new(length) })
    }

    /// Opens the file for reading while the disk takes no writes.
    pub(super) fn detached(disk: &Arc<dyn Disk>, first: u64) -> Result<Self, StoreError> {
        let handle = Handle::detached(Arc::clone(disk), path(&name(first)), CACHE)?;
        Ok(Self { handle, first, bytes: AtomicU64::new(0) })
    }

    /// The number of its first batch, or of the one that will be.
    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    /// About how long it is.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// How many batches the log has up to the end of this file.
    pub(super) fn count(&self) -> Result<u64, StoreError> {
        match self.read(rows::bounds)? {
            None => Ok(self.first),
            Some((first, last)) if first == self.first => Ok(last.saturating_add(1)),
            Some((first, _)) => Err(StoreError::Damaged(format!(
                "the log has batch {first} where {} should be",
                self.first
            ))),
        }
    }

    /// Adds a batch. It is durable when this returns.
    pub(super) fn append(&self, number: u64, segment: &[u8]) -> Result<(), StoreError> {
        let transaction = self.handle.begin_write()?;
        let taken = rows::put(&transaction, number, segment)?;
        transaction.commit().map_err(StoreError::failed)?;
        self.bytes.fetch_add(taken, Relaxed);
        Ok(())
    }

    /// Reads the file, which is not closed meanwhile.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.handle.read(read)
    }

    /// Closes the file such that it needs no repair, if the disk allows.
    pub(super) fn close(&self) -> Result<(), StoreError> {
        self.handle.close()
    }
}

/// The name of the file that begins with a batch.
pub(super) fn name(first: u64) -> String {
    format!("{first:020}.redb")
}

/// The first batch of the file with a name.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".redb")?;
    let first = digits.parse().ok()?;
    (self::name(first) == name).then_some(first)
}

/// Where a file of the log lies.
pub(super) fn path(name: &str) -> String {
    format!("{DIRECTORY}/{name}")
}
