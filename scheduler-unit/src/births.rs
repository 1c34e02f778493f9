//! The order of birth of all processes of a unit, over all its shards.
//!
//! # Invariants
//!
//! - It only grows while the unit runs, so that a reader who goes on at an offset misses nobody. It is
//!   put together anew at each start.

use std::sync::{PoisonError, RwLock};

use protocol::ProcessId;

/// Processes in order of birth.
#[derive(Debug, Default)]
pub(crate) struct Births(RwLock<Vec<ProcessId>>);

impl Births {
    /// Adds processes at the end.
    pub(crate) fn add(&self, processes: impl IntoIterator<Item = ProcessId>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).extend(processes);
    }

    /// Some of the processes, and how many there are in all.
    pub(crate) fn page(&self, offset: u64, limit: usize) -> (Vec<ProcessId>, u64) {
        let born = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let page = born.iter().skip(offset).take(limit).copied().collect();
        (page, u64::try_from(born.len()).unwrap_or(u64::MAX))
    }
}
