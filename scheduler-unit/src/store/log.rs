//! The log in redb: one row for each group commit, and nothing else on the acknowledgement path.

use std::sync::Arc;

use redb::{ReadableTable, TableDefinition};

use super::{Disk, LogStore, StoreError, disk::Handle};

/// Batch number to the canonical bytes of the batch as a tail frame.
const SEGMENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("segments");

/// Bytes of pages kept in memory.
const CACHE: usize = 64 << 20;

/// A log in one redb database.
#[derive(Debug)]
pub(crate) struct RedbLog(Handle);

impl RedbLog {
    /// The file's name.
    pub(crate) const FILE: &str = "log.redb";

    /// Opens `log.redb`.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let log = Self(Handle::open(disk, Self::FILE, CACHE)?);
        let transaction = log.0.begin_write()?;
        transaction.open_table(SEGMENTS).map_err(StoreError::failed)?;
        transaction.commit().map_err(StoreError::failed)?;
        Ok(log)
    }
}

impl LogStore for RedbLog {
    fn append(&self, number: u64, segment: &[u8]) -> Result<(), StoreError> {
        let transaction = self.0.begin_write()?;
        {
            let mut segments = transaction.open_table(SEGMENTS).map_err(StoreError::failed)?;
            segments.insert(number, segment).map_err(StoreError::failed)?;
        }
        transaction.commit().map_err(StoreError::failed)
    }

    fn recover(&self) -> Result<(), StoreError> {
        self.0.reopen()
    }

    fn close(&self) {
        self.0.close();
    }

    fn count(&self) -> Result<u64, StoreError> {
        let transaction = self.0.begin_read()?;
        let segments = transaction.open_table(SEGMENTS).map_err(StoreError::failed)?;
        let last = segments.last().map_err(StoreError::failed)?;
        Ok(last.map_or(0, |(number, _)| number.value().saturating_add(1)))
    }

    fn segment(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        let transaction = self.0.begin_read()?;
        let segments = transaction.open_table(SEGMENTS).map_err(StoreError::failed)?;
        match segments.get(number).map_err(StoreError::failed)? {
            Some(bytes) => Ok(bytes.value().to_vec()),
            None => Err(StoreError::Damaged(format!("batch {number} is missing in the log"))),
        }
    }
}
