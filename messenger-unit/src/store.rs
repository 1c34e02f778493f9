//! The cursors and acquaintances of a messenger on disk. All of it is a cache: without it everything
//! is followed from the beginning and found again.
//!
//! | table | key | value |
//! |---|---|---|
//! | `cursors` | process | the first slot whose items may not all be acknowledged |
//! | `acquaintances` | process | the canonical bytes of its [`Provenance`] |

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock},
};

use protocol::{ProcessId, Provenance, Slot, codec};
use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition,
};

use crate::lock;

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
    /// The file is damaged.
    #[error("the messenger's database is damaged")]
    Damaged,
    /// The disk failed, and the database is not open again yet.
    #[error("the messenger's database is closed after a failure of the disk")]
    Closed,
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

/// Acquaintances that could not be written and are kept, to be written later.
const UNWRITTEN_MAX: usize = 65_536;

/// The database.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    /// Absent while the disk does not let it be opened again.
    database: RwLock<Option<Database>>,
    /// What the disk did not take.
    unwritten: Mutex<Unwritten>,
}

#[derive(Debug, Default)]
struct Unwritten {
    cursors: BTreeMap<ProcessId, Slot>,
    acquaintances: BTreeMap<ProcessId, Provenance>,
}

impl Store {
    /// Opens the database; one that cannot be read is replaced by an empty one.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        // A simulated machine has no directories.
        if cfg!(not(simulation)) {
            std::fs::create_dir_all(directory)?;
        }
        let path = directory.join(FILE);
        match Self::open_file(&path) {
            Ok(store) => Ok(store),
            Err(error) if error.is_damage() => {
                tracing::warn!(%error, path = %path.display(), "the cache is broken: starting anew");
                std::fs::remove_file(&path)?;
                Self::open_file(&path)
            }
            Err(error) => Err(error),
        }
    }

    fn open_file(path: &Path) -> Result<Self, StoreError> {
        // The database asserts what it reads of itself; a damaged file must not end the messenger.
        let open = AssertUnwindSafe(|| {
            let database = open_database(path)?;
            let transaction = database.begin_write()?;
            transaction.open_table(CURSORS)?;
            transaction.open_table(ACQUAINTANCES)?;
            transaction.commit()?;
            let (path, unwritten) = (path.to_owned(), Mutex::default());
            let store = Self { path, database: RwLock::new(Some(database)), unwritten };
            store.cursors()?;
            Ok(store)
        });
        catch_unwind(open).unwrap_or(Err(StoreError::Damaged))
    }

    /// Opens the database again, which refuses everything after the disk has failed once.
    fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        drop(database.take());
        *database = Some(open_database(&self.path)?);
        Ok(())
    }

    fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        Ok(database.as_ref().ok_or(StoreError::Closed)?.begin_read()?)
    }

    /// All cursors.
    pub(crate) fn cursors(&self) -> Result<Vec<(ProcessId, Slot)>, StoreError> {
        let table = self.begin_read()?.open_table(CURSORS)?;
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
            let table = self.begin_read()?.open_table(ACQUAINTANCES)?;
            Ok(table.get(process.as_bytes())?.map(|bytes| bytes.value().to_vec()))
        };
        codec::decode(&read().ok()??).ok()
    }

    /// Writes what has changed, and what could not be written before. What the disk does not take is
    /// kept and written with the next change.
    pub(crate) fn write(
        &self,
        cursors: Vec<(ProcessId, Slot)>,
        acquaintances: Vec<(ProcessId, Provenance)>,
    ) -> Result<(), StoreError> {
        let mut unwritten = std::mem::take(&mut *lock(&self.unwritten));
        unwritten.cursors.extend(cursors);
        unwritten.acquaintances.extend(acquaintances);
        let written = self.try_write(&unwritten);
        if written.is_err() {
            while unwritten.acquaintances.len() > UNWRITTEN_MAX {
                unwritten.acquaintances.pop_last();
            }
            *lock(&self.unwritten) = unwritten;
            if let Err(error) = self.reopen() {
                tracing::debug!(%error, "the messenger's database cannot be opened again yet");
            }
        }
        written
    }

    /// Whether the disk has not taken everything.
    pub(crate) fn has_unwritten(&self) -> bool {
        let unwritten = lock(&self.unwritten);
        !unwritten.cursors.is_empty() || !unwritten.acquaintances.is_empty()
    }

    fn try_write(&self, unwritten: &Unwritten) -> Result<(), StoreError> {
        let transaction = {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            database.as_ref().ok_or(StoreError::Closed)?.begin_write()?
        };
        {
            let mut table = transaction.open_table(CURSORS)?;
            for (process, slot) in &unwritten.cursors {
                table.insert(process.as_bytes(), slot.get())?;
            }
            let mut table = transaction.open_table(ACQUAINTANCES)?;
            for (process, provenance) in &unwritten.acquaintances {
                table.insert(process.as_bytes(), codec::encode(provenance).as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

impl StoreError {
    /// Whether the file is at fault, not its surroundings.
    fn is_damage(&self) -> bool {
        match self {
            Self::Damaged => true,
            Self::Database(error) => match error {
                redb::Error::Corrupted(_)
                | redb::Error::UpgradeRequired(_)
                | redb::Error::RepairAborted
                | redb::Error::TableTypeMismatch { .. }
                | redb::Error::TypeDefinitionChanged { .. } => true,
                redb::Error::Io(error) => matches!(
                    error.kind(),
                    std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
                ),
                _ => false,
            },
            Self::InUse | Self::Directory(_) | Self::Closed => false,
        }
    }
}

fn open_database(path: &Path) -> Result<Database, StoreError> {
    Database::builder().set_cache_size(CACHE_BYTES).create(path).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse,
        error => StoreError::Database(error.into()),
    })
}

#[cfg(test)]
mod tests;
