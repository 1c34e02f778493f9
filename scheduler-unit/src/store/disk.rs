//! Where databases are kept, and how one is opened again after its disk failed.
//!
//! Everything that the stores do to a disk passes through [`Disk`], so that a test can fail or
//! forget any part of it.

mod detached;

use std::{
    fmt::Debug,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::{
    Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, WriteTransaction,
    backends::FileBackend,
};

use super::StoreError;
pub(crate) use detached::Detached;

/// Keeps others out for as long as it lives.
pub(crate) type Lock = Box<dyn Debug + Send + Sync>;

/// Databases and directories, by name.
pub(crate) trait Disk: Debug + Send + Sync + 'static {
    /// Opens a database, making it if it does not exist. Its name is durable when this returns.
    fn open(&self, builder: redb::Builder, file: &str) -> Result<Database, DatabaseError>;

    /// Opens a database that was closed properly, to read it.
    fn open_sealed(
        &self,
        builder: redb::Builder,
        file: &str,
    ) -> Result<ReadOnlyDatabase, DatabaseError>;

    /// Opens a database so that it can be read while the disk takes no writes: what its repair
    /// writes stays in memory.
    fn open_detached(&self, builder: redb::Builder, file: &str) -> Result<Database, DatabaseError>;

    /// Takes a lock that a program holds alone; nothing if another one holds it.
    fn lock(&self, file: &str) -> io::Result<Option<Lock>>;

    /// The names in a directory, which is made if it does not exist. They are durable when this
    /// returns.
    fn names(&self, directory: &str) -> io::Result<Vec<String>>;

    /// The length of a file.
    fn length(&self, file: &str) -> io::Result<u64>;

    /// Gives a file another name in its directory, which is durable when this returns. The file
    /// may be open.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, file: &str) -> io::Result<()>;

    /// Does something beside what the caller goes on with.
    fn in_background(&self, work: Box<dyn FnOnce() + Send>) -> io::Result<()>;

    /// What people call the file.
    fn describe(&self, file: &str) -> String;
}

/// Databases in a directory.
#[derive(Debug)]
pub(crate) struct Files(pub(crate) PathBuf);

impl Files {
    /// Makes the names in the directory of a file durable.
    fn sync_directory_of(&self, file: &str) -> io::Result<()> {
        // Only there can a directory be opened as a file is.
        if cfg!(unix)
            && let Some(directory) = self.0.join(file).parent()
        {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }
}

impl Disk for Files {
    fn open(&self, builder: redb::Builder, file: &str) -> Result<Database, DatabaseError> {
        let database = builder.create(self.0.join(file))?;
        // Always: after a failure nobody knows whether the name of a file that exists is durable.
        self.sync_directory_of(file).map_err(redb::StorageError::from)?;
        Ok(database)
    }

    fn open_sealed(
        &self,
        builder: redb::Builder,
        file: &str,
    ) -> Result<ReadOnlyDatabase, DatabaseError> {
        builder.open_read_only(self.0.join(file))
    }

    fn open_detached(&self, builder: redb::Builder, file: &str) -> Result<Database, DatabaseError> {
        let opened = File::open(self.0.join(file)).map_err(redb::StorageError::from)?;
        builder.create_with_backend(Detached::new(FileBackend::new(opened)?)?)
    }

    fn lock(&self, file: &str) -> io::Result<Option<Lock>> {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(self.0.join(file))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn names(&self, directory: &str) -> io::Result<Vec<String>> {
        let path = self.0.join(directory);
        fs::create_dir_all(&path)?;
        self.sync_directory_of(directory)?;
        self.sync_directory_of(&format!("{directory}/any"))?;
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        Ok(names)
    }

    fn length(&self, file: &str) -> io::Result<u64> {
        Ok(fs::metadata(self.0.join(file))?.len())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))?;
        self.sync_directory_of(to)
    }

    fn remove(&self, file: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(file))
    }

    fn in_background(&self, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let builder = std::thread::Builder::new().name("scheduler-log".to_owned());
        builder.spawn(work).map(drop)
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
    file: String,
    cache: usize,
    database: RwLock<Option<Database>>,
    /// Whether it was closed for good.
    closed: AtomicBool,
}

impl Handle {
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        file: impl Into<String>,
        cache: usize,
    ) -> Result<Self, StoreError> {
        let handle = Self::closed(disk, file.into(), cache);
        match handle.disk.length(&handle.file) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => handle.make()?,
            Err(error) => return Err(StoreError::Failed(error.to_string())),
        }
        handle.reopen()?;
        Ok(handle)
    }

    /// Makes the database under another name, for redb does not open what it has not made in full.
    fn make(&self) -> Result<(), StoreError> {
        let making = format!("{}.tmp", self.file);
        let failed = |error: io::Error| StoreError::Failed(error.to_string());
        match self.disk.remove(&making) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let made = self.disk.open(builder(self.cache), &making);
        let made = made.map_err(|error| cannot_open(self.disk.describe(&making), &error))?;
        made.close().map_err(StoreError::failed)?;
        self.disk.rename(&making, &self.file).map_err(failed)
    }

    fn closed(disk: Arc<dyn Disk>, file: String, cache: usize) -> Self {
        Self { disk, file, cache, database: RwLock::new(None), closed: AtomicBool::new(false) }
    }

    /// Opens a database that is only read, while the disk takes no writes.
    pub(crate) fn detached(
        disk: Arc<dyn Disk>,
        file: impl Into<String>,
        cache: usize,
    ) -> Result<Self, StoreError> {
        let handle = Self::closed(disk, file.into(), cache);
        let opened = handle.disk.open_detached(builder(cache), &handle.file);
        *handle.lock() = Some(opened.map_err(|error| handle.cannot_open(&error))?);
        Ok(handle)
    }

    /// Closes the database and opens it again. Reads under way fail.
    pub(crate) fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self.lock();
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        drop(database.take());
        let opened = self.disk.open(builder(self.cache), &self.file);
        *database = Some(opened.map_err(|error| self.cannot_open(&error))?);
        Ok(())
    }

    /// Closes the database for good; tells if that could not be done as it should.
    pub(crate) fn close(&self) -> Result<(), StoreError> {
        let mut database = self.lock();
        self.closed.store(true, Ordering::Release);
        match database.take() {
            Some(database) => database.close().map_err(StoreError::failed),
            None => Ok(()),
        }
    }

    /// Gives the file another name.
    pub(crate) fn rename(&mut self, to: String) -> Result<(), StoreError> {
        let renamed = self.disk.rename(&self.file, &to);
        renamed.map_err(|error| StoreError::Failed(error.to_string()))?;
        self.file = to;
        Ok(())
    }

    /// Reads the database, which is not closed meanwhile.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or(StoreError::Closed)?;
        read(&database.begin_read().map_err(StoreError::failed)?)
    }

    pub(crate) fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        database.as_ref().ok_or(StoreError::Closed)?.begin_read().map_err(StoreError::failed)
    }

    pub(crate) fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        database.as_ref().ok_or(StoreError::Closed)?.begin_write().map_err(StoreError::failed)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.database.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn cannot_open(&self, error: &DatabaseError) -> StoreError {
        cannot_open(self.disk.describe(&self.file), error)
    }
}

/// How a database with so many bytes of pages in memory is opened.
pub(crate) fn builder(cache: usize) -> redb::Builder {
    let mut builder = redb::Builder::new();
    builder.set_cache_size(cache);
    builder
}

/// Why a file cannot be opened.
pub(crate) fn cannot_open(file: String, error: &DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(file),
        error => StoreError::Open { file, reason: error.to_string() },
    }
}
