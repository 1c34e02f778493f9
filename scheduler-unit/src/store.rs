//! What stands on disk. Table names and row layouts live below this module and nowhere else;
//! `docs/storage.md` shows their bytes.
//!
//! Three stores: the log, which must be durable before anything depends on it; the index, which is
//! derived from the log off the acknowledgement path; and the modules. Log and modules are behind
//! traits, so that another engine can hold them.
//!
//! # Invariants
//!
//! - Batch numbers in the log are dense from 0.
//! - The index never knows of a batch that the log does not have. Without its file it is derived
//!   anew.

mod derived;
mod disk;
mod index;
mod loaded;
mod log;
mod modules;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
mod sum;
mod superseded;

use std::fmt::Debug;

use protocol::ModuleId;

pub(crate) use derived::Derived;
pub(crate) use disk::{Disk, Files};
pub(crate) use index::Index;
pub(crate) use loaded::Loaded;
pub(crate) use log::RedbLog;
pub(crate) use modules::RedbModules;
pub(crate) use superseded::Superseded;

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
    /// A batch does not follow what the log has.
    #[error("batch {number} does not follow the {count} batches of the log")]
    Misnumbered {
        /// The batch's number.
        number: u64,
        /// How many there are.
        count: u64,
    },
    /// Another writer has taken the log over. This one must never write again.
    #[error("another scheduler has taken over the log; this one writes no more")]
    Fenced,
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
///
/// One writer appends; any number of threads read meanwhile. A store that lets another writer take
/// over answers this one with [`StoreError::Fenced`] from then on.
pub(crate) trait LogStore: Debug + Send + Sync + 'static {
    /// Appends the group commit of the next number; any other number is refused. It is durable when
    /// this returns. After another error, nothing can be appended until [`LogStore::recover`] and
    /// then [`LogStore::count`] have told whether this one is in the log.
    fn append(&self, number: u64, segment: &[u8]) -> Result<(), StoreError>;

    /// Makes the log usable again after a failed append, if the disk allows. What was durable before
    /// can be read even if it does not.
    fn recover(&self) -> Result<(), StoreError>;

    /// Closes the log; everything else fails from now on.
    fn close(&self);

    /// How many group commits there are. Costs nothing.
    fn count(&self) -> Result<u64, StoreError>;

    /// The bytes of a group commit that exists.
    fn segment(&self, number: u64) -> Result<Vec<u8>, StoreError>;

    /// The bytes of consecutive group commits from a number on, in order: one at least if it exists,
    /// and more while they have no more than so many bytes together. There may be more of them.
    fn segments(&self, from: u64, limit_bytes: usize) -> Result<Vec<Vec<u8>>, StoreError>;
}

/// Where modules are kept: durable before they are acknowledged, and never deleted.
pub(crate) trait ModuleStore: Debug + Send + Sync + 'static {
    /// Whether a module is durably stored.
    fn contains(&self, module: &ModuleId) -> bool;

    /// Stores a module durably, unless it is stored already.
    fn put(&self, wasm: &[u8]) -> Result<ModuleId, StoreError>;

    /// The Wasm binary of a module.
    fn get(&self, module: &ModuleId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Closes the store; everything fails from now on.
    fn close(&self);
}

#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(simulation)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
