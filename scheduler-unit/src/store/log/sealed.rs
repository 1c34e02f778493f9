//! The files of the log that nobody writes any more.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lru::LruCache;
use redb::{Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase};

use super::{
    file::{OpenFile, name, path},
    rows,
};
use crate::store::{
    StoreError,
    disk::{Disk, builder, cannot_open},
};

/// Files that are kept open, the ones used last.
const OPEN: NonZeroUsize = NonZeroUsize::new(16).expect("it is not zero");

/// Bytes of pages of each file kept in memory; the operating system keeps more.
const CACHE: usize = 4 << 20;

/// Files that are opened as they are read.
#[derive(Debug)]
pub(super) struct Sealed {
    disk: Arc<dyn Disk>,
    open: Mutex<LruCache<u64, Arc<Reader>>>,
}

enum Reader {
    /// As it should be.
    Sealed(ReadOnlyDatabase),
    /// Not closed well, on a disk that takes no writes.
    Detached(Database),
}

impl Reader {
    fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        let begun = match self {
            Self::Sealed(database) => database.begin_read(),
            Self::Detached(database) => database.begin_read(),
        };
        begun.map_err(StoreError::failed)
    }
}

impl Sealed {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, open: Mutex::new(LruCache::new(OPEN)) }
    }

    /// Reads the file that has the batches of a range, which the file's name and the next one's tell.
    pub(super) fn read<T>(
        &self,
        range: std::ops::Range<u64>,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let first = range.start;
        let reader = self.reader(range)?;
        let done = reader.begin_read().and_then(|begun| read(&begun));
        if done.is_err() {
            // redb refuses everything after an error.
            self.lock().pop(&first);
        }
        done
    }

    /// Closes all files.
    pub(super) fn close(&self) {
        self.lock().clear();
    }

    fn reader(&self, range: std::ops::Range<u64>) -> Result<Arc<Reader>, StoreError> {
        let first = range.start;
        // Held while a file is opened: of two readers, the second finds it open.
        let mut open = self.lock();
        if let Some(reader) = open.get(&first) {
            return Ok(Arc::clone(reader));
        }
        let reader = self.open(first)?;
        let bounds = reader.begin_read()?;
        match rows::bounds(&bounds)? {
            Some((from, last)) if (from..last.saturating_add(1)) == range => {}
            found => {
                let file = self.disk.describe(&path(&name(first)));
                return Err(StoreError::Damaged(format!(
                    "{file} should have the batches {range:?} and has {found:?}: a file of the log \
                     is missing, or an older copy"
                )));
            }
        }
        drop(bounds);
        let reader = Arc::new(reader);
        open.put(first, Arc::clone(&reader));
        Ok(reader)
    }

    fn open(&self, first: u64) -> Result<Reader, StoreError> {
        let file = path(&name(first));
        let open = || self.disk.open_sealed(builder(CACHE), &file);
        let opened = match open() {
            Err(DatabaseError::RepairAborted) => {
                // The unit ended, or its disk failed, before the file was closed.
                match OpenFile::open(&self.disk, first).and_then(|file| file.close()) {
                    Ok(()) => open(),
                    Err(error) => {
                        tracing::warn!(%error, "a file of the log cannot be repaired yet");
                        let detached = self.disk.open_detached(builder(CACHE), &file);
                        let detached = detached.map(Reader::Detached);
                        return detached
                            .map_err(|error| cannot_open(self.disk.describe(&file), &error));
                    }
                }
            }
            opened => opened,
        };
        let opened = opened.map(Reader::Sealed);
        opened.map_err(|error| cannot_open(self.disk.describe(&file), &error))
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<u64, Arc<Reader>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Reader")
    }
}
