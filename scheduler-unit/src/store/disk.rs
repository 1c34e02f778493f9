//! Where databases are kept, and how one is opened again after its disk failed.

use std::{
    fmt::Debug,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::StoreError;

/// Opens databases by name.
pub(crate) trait Disk: Debug + Send + Sync + 'static {
    /// Opens a database, making it if it does not exist.
    fn open(&self, builder: redb::Builder, file: &str) -> Result<Database, DatabaseError>;

    /// What people call the database.
    fn describe(&self, file: &str) -> String;
}

/// Databases in a directory.
#[derive(Debug)]
pub(crate) struct Files(pub(crate) PathBuf);

impl Disk for Files {
    fn open(&self, builder: redb::Builder, file: &str) -> Result<Database, DatabaseError> {
        builder.create(self.0.join(file))
    }

    fn describe(&self, file: &str) -> String {
        self.0.join(file).display().to_string()
    }
}

/// A database that can be closed and opened again under its readers.
///
/// redb refuses everything after an I/O error until the database is opened anew.
#[derive(Debug)]
pub(crate) struct Handle {
    disk: Arc<dyn Disk>,
    file: &'static str,
    cache: usize,
    database: RwLock<Option<Database>>,
}

impl Handle {
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        file: &'static str,
        cache: usize,
    ) -> Result<Self, StoreError> {
        let handle = Self { disk, file, cache, database: RwLock::new(None) };
        handle.reopen()?;
        Ok(handle)
    }

    /// Closes the database and opens it again. Reads under way fail.
    pub(crate) fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        drop(database.take());
        let mut builder = redb::Builder::new();
        builder.set_cache_size(self.cache);
        let file = self.disk.describe(self.file);
        let opened = self.disk.open(builder, self.file).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(file),
            error => StoreError::Open { file, reason: error.to_string() },
        })?;
        *database = Some(opened);
        Ok(())
    }

    /// Closes the database.
    pub(crate) fn close(&self) {
        drop(self.database.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(crate) fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        database.as_ref().ok_or(StoreError::Closed)?.begin_read().map_err(StoreError::failed)
    }

    pub(crate) fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        database.as_ref().ok_or(StoreError::Closed)?.begin_write().map_err(StoreError::failed)
    }
}
