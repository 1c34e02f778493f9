//! A redb file of derived data: one that cannot be read is put aside, and after the disk has failed
//! it is opened again.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use redb::{Builder, Database, ReadTransaction, ReadableDatabase, WriteTransaction};

/// Why derived data cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made.
    #[error("cannot make the data directory: {0}")]
    Directory(#[from] std::io::Error),
    /// The database failed.
    #[error("the database: {0}")]
    Database(Box<redb::Error>),
    /// A stored frame does not decode.
    #[error(
        "frame {0} in outcomes.redb is damaged: stop the unit and delete the file; everything in it \
         is derived again"
    )]
    Damaged(u64),
    /// A frame that this unit was given is missing, or does not decode.
    #[error(
        "given frame {0} in outcomes.redb is damaged: stop the unit and delete the file; everything \
         in it is derived again"
    )]
    Given(u64),
    /// A stored control does not decode.
    #[error("the control of slot {0} in outcomes.redb is damaged")]
    Control(u64),
    /// A stored checkpoint, or a part of one, is not what it must be.
    #[error("a checkpoint in state.redb is damaged: {0}")]
    Checkpoint(String),
    /// The files of frames cannot be read or written.
    #[error("the files of frames: {0}")]
    Frames(std::io::Error),
    /// The disk failed, and the database is not open again yet.
    #[error("the database is closed after a failure of the disk")]
    Closed,
}

impl<E: Into<redb::Error>> From<E> for StoreError
where
    E: NotIo,
{
    fn from(error: E) -> Self {
        Self::Database(Box::new(error.into()))
    }
}

/// Errors of the database, to tell them from those of the file system.
trait NotIo {}
impl NotIo for redb::DatabaseError {}
impl NotIo for redb::TransactionError {}
impl NotIo for redb::TableError {}
impl NotIo for redb::StorageError {}
impl NotIo for redb::CommitError {}

impl StoreError {
    /// Whether the file is at fault, not its surroundings.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) | Self::Given(_) | Self::Control(_) | Self::Checkpoint(_) => true,
            Self::Database(error) => match &**error {
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
            // A file that is missing was lost without the table that names it.
            Self::Frames(error) => error.kind() == std::io::ErrorKind::NotFound,
            Self::Directory(_) | Self::Closed => false,
        }
    }
}

/// An open file.
#[derive(Debug)]
pub(crate) struct DatabaseFile {
    path: PathBuf,
    cache: usize,
    /// None while it could not be opened again after the disk failed.
    database: RwLock<Option<Database>>,
}

impl DatabaseFile {
    /// Opens or makes a file in a directory, and checks it. One that cannot be read is renamed and
    /// replaced by an empty one.
    pub(crate) fn open(
        directory: &Path,
        file: &str,
        cache: usize,
        check: impl Fn(&Self) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory)?;
        let path = directory.join(file);
        match Self::open_file(&path, cache, &check) {
            Ok(opened) => Ok(opened),
            Err(error) if error.is_damage() => {
                let aside = directory.join(format!("{file}.damaged"));
                tracing::warn!(%error, aside = %aside.display(), "its contents are derived again");
                std::fs::rename(&path, aside)?;
                Self::open_file(&path, cache, &check)
            }
            Err(error) => Err(error),
        }
    }

    fn open_file(
        path: &Path,
        cache: usize,
        check: impl Fn(&Self) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        // The database asserts what it reads of itself; a damaged file must not end the unit.
        let open = AssertUnwindSafe(|| {
            let database = RwLock::new(Some(create(path, cache)?));
            let opened = Self { path: path.to_owned(), cache, database };
            check(&opened)?;
            Ok(opened)
        });
        catch_unwind(open).unwrap_or(Err(StoreError::Damaged(0)))
    }

    /// Opens the database again, which refuses everything after the disk has failed once.
    pub(crate) fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        drop(database.take());
        *database = Some(create(&self.path, self.cache)?);
        Ok(())
    }

    /// Begins to read.
    pub(crate) fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        Ok(database.as_ref().ok_or(StoreError::Closed)?.begin_read()?)
    }

    /// Begins to write.
    pub(crate) fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        Ok(database.as_ref().ok_or(StoreError::Closed)?.begin_write()?)
    }
}

fn create(path: &Path, cache: usize) -> Result<Database, StoreError> {
    Ok(Builder::new().set_cache_size(cache).create(path)?)
}
