//! The cursors and acquaintances of a messenger on disk. All of it is a cache: without it everything
//! is followed from the beginning and found again.
//!
//! | table | key | value |
//! |---|---|---|
//! | `cursors` | process | the first slot whose items may not all be acknowledged |
//! | `acquaintances` | process | the canonical bytes of its [`Provenance`] |

use std::path::Path;

use protocol::{ProcessId, Provenance, Slot, codec};
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition,
};

const CURSORS: TableDefinition<'_, &[u8; 32], u64> = TableDefinition::new("cursors");
const ACQUAINTANCES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("acquaintances");

/// The file within the unit's directory.
const FILE: &str = "messenger.redb";

/// Memory for pages of the database.
const CACHE_BYTES: usize = 16 << 20;

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("the messenger's database is in use by another process")]
    InUse,
    /// The directory cannot be made or the broken file not be removed.
    #[error("the messenger's data directory: {0}")]
    Directory(#[from] std::io::Error),
    /// The database fails.
    #[error("the messenger's database: {0}")]
    Database(#[from] redb::Error),
}

macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                Self::Database(error.into())
            }
        })*
    };
}

from_redb!(TransactionError, TableError, StorageError, CommitError);

/// The database.
#[derive(Debug)]
pub(crate) struct Store {
    database: Database,
}

impl Store {
    /// Opens the database; one that cannot be read is replaced by an empty one.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory)?;
        let path = directory.join(FILE);
        let open = || Database::builder().set_cache_size(CACHE_BYTES).create(&path);
        let database = match open() {
            Ok(database) => database,
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(StoreError::InUse),
            Err(error) if !is_broken(&error) => return Err(StoreError::Database(error.into())),
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "the cache is broken: starting anew");
                std::fs::remove_file(&path)?;
                open().map_err(|error| StoreError::Database(error.into()))?
            }
        };
        let transaction = database.begin_write()?;
        transaction.open_table(CURSORS)?;
        transaction.open_table(ACQUAINTANCES)?;
        transaction.commit()?;
        Ok(Self { database })
    }

    /// All cursors.
    pub(crate) fn cursors(&self) -> Result<Vec<(ProcessId, Slot)>, StoreError> {
        let table = self.database.begin_read()?.open_table(CURSORS)?;
        let mut cursors = Vec::new();
        for row in table.iter()? {
            let (process, slot) = row?;
            cursors.push((ProcessId::from_bytes(*process.value()), Slot::new(slot.value())));
        }
        Ok(cursors)
    }

    /// Who a process is, if that was written.
    pub(crate) fn acquaintance(&self, process: &ProcessId) -> Option<Provenance> {
        let read = || -> Result<Option<Vec<u8>>, StoreError> {
            let table = self.database.begin_read()?.open_table(ACQUAINTANCES)?;
            Ok(table.get(process.as_bytes())?.map(|bytes| bytes.value().to_vec()))
        };
        codec::decode(&read().ok()??).ok()
    }

    /// Writes what has changed.
    pub(crate) fn write(
        &self,
        cursors: &[(ProcessId, Slot)],
        acquaintances: &[(ProcessId, Provenance)],
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_write()?;
        {
            let mut table = transaction.open_table(CURSORS)?;
            for (process, slot) in cursors {
                table.insert(process.as_bytes(), slot.get())?;
            }
            let mut table = transaction.open_table(ACQUAINTANCES)?;
            for (process, provenance) in acquaintances {
                table.insert(process.as_bytes(), codec::encode(provenance).as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Whether the file is at fault, not its surroundings.
fn is_broken(error: &DatabaseError) -> bool {
    match error {
        DatabaseError::RepairAborted | DatabaseError::UpgradeRequired(_) => true,
        DatabaseError::Storage(StorageError::Corrupted(_)) => true,
        DatabaseError::Storage(StorageError::Io(error)) => {
            error.kind() == std::io::ErrorKind::InvalidData
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
