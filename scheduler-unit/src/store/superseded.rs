//! Logs that other schedulers have taken over, in a database of their own: no log tells of it, and no
//! index can be derived with it.

use std::sync::Arc;

use protocol::{ProcessId, Provenance, codec};
use redb::{ReadableTable, TableDefinition};

use super::{Disk, StoreError, disk::Handle};

/// Process to the canonical bytes of its provenance.
const SUPERSEDED: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("superseded");

/// Bytes of pages kept in memory.
const CACHE: usize = 1 << 20;

/// Who went on with logs without this scheduler.
#[derive(Debug)]
pub(crate) struct Superseded(Handle);

impl Superseded {
    /// The file's name.
    pub(crate) const FILE: &str = "superseded.redb";

    /// Opens `superseded.redb`.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let store = Self(Handle::open(disk, Self::FILE, CACHE)?);
        let mut transaction = store.0.begin_write()?;
        transaction.set_quick_repair(true);
        transaction.open_table(SUPERSEDED).map_err(StoreError::failed)?;
        transaction.commit().map_err(StoreError::failed)?;
        Ok(store)
    }

    /// All that is stored.
    pub(crate) fn load(&self) -> Result<Vec<(ProcessId, Provenance)>, StoreError> {
        let transaction = self.0.begin_read()?;
        let table = transaction.open_table(SUPERSEDED).map_err(StoreError::failed)?;
        let mut all = Vec::new();
        for row in table.iter().map_err(StoreError::failed)? {
            let (process, provenance) = row.map_err(StoreError::failed)?;
            let provenance = codec::decode_trusted(provenance.value());
            let provenance =
                provenance.map_err(|error| StoreError::Damaged(format!("a row: {error}")))?;
            all.push((ProcessId::from_bytes(process.value()), provenance));
        }
        Ok(all)
    }

    /// Stores who a process is now, durably.
    pub(crate) fn put(&self, process: &ProcessId, now: &Provenance) -> Result<(), StoreError> {
        if let Err(error) = self.insert(process, now) {
            tracing::warn!(%error, "storing a takeover failed; opening its database again");
            self.0.reopen()?;
            self.insert(process, now)?;
        }
        Ok(())
    }

    fn insert(&self, process: &ProcessId, now: &Provenance) -> Result<(), StoreError> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_quick_repair(true);
        {
            let mut table = transaction.open_table(SUPERSEDED).map_err(StoreError::failed)?;
            let bytes = codec::encode(now);
            table.insert(process.as_bytes(), bytes.as_slice()).map_err(StoreError::failed)?;
        }
        transaction.commit().map_err(StoreError::failed)
    }

    /// Closes the database; everything fails from now on.
    pub(crate) fn close(&self) {
        if let Err(error) = self.0.close() {
            tracing::warn!(%error, "the record of takeovers was not closed well");
        }
    }
}
