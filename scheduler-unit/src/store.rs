//! What stands on disk. Table names and row layouts live below this module and nowhere else;
//! `docs/storage.md` shows their bytes.
//!
//! Three databases: the log, which must be durable before anything depends on it; the index, which
//! is derived from the log off the acknowledgement path; and the modules.
//!
//! # Invariants
//!
//! - Batch numbers in the log are dense from 0.
//! - The index never knows of a batch that the log does not have. Without its file it is derived
//!   anew.

mod derived;
mod disk;
mod index;
mod log;
mod modules;
mod sum;

use std::fmt::Debug;

pub(crate) use derived::Derived;
pub(crate) use disk::{Disk, Files};
pub(crate) use index::Index;
pub(crate) use log::RedbLog;
pub(crate) use modules::Modules;

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another program has the database open.
    #[error("{0} is in use by another program: stop it, or choose another data directory")]
    InUse(String),
    /// The database cannot be opened.
    #[error("cannot open {file}: {reason}")]
    Open {
        /// The file.
        file: String,
        /// What the database said.
        reason: String,
    },
    /// The disk, or the database on it, failed.
    #[error("the disk failed: {0}")]
    Failed(String),
    /// The database failed before and is not open again yet.
    #[error("the database is closed after a failure of the disk")]
    Closed,
    /// What was read is not what was written.
    #[error("{0}")]
    Damaged(String),
}

impl StoreError {
    fn failed<E: Into<redb::Error>>(error: E) -> Self {
        Self::Failed(error.into().to_string())
    }
}

/// Where the log is kept: an append-only list of group commits.
pub(crate) trait LogStore: Debug + Send + Sync + 'static {
    /// Appends the group commit of the next number. It is durable when this returns. After an
    /// error, only [`LogStore::recover`] tells whether it is.
    fn append(&self, number: u64, segment: &[u8]) -> Result<(), StoreError>;

    /// Makes the log usable again after a failed append, if the disk allows.
    fn recover(&self) -> Result<(), StoreError>;

    /// Closes the log; everything else fails from now on.
    fn close(&self);

    /// How many group commits there are.
    fn count(&self) -> Result<u64, StoreError>;

    /// The bytes of a group commit that exists.
    fn segment(&self, number: u64) -> Result<Vec<u8>, StoreError>;
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
