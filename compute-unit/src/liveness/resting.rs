//! Processes that this unit has executed and that others execute at present.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

use protocol::ProcessId;

/// These processes: their state here is not the newest, so views are not answered on it.
#[derive(Debug, Default)]
pub(crate) struct Resting(RwLock<HashSet<ProcessId>>);

impl Resting {
    /// Learns of processes whether this unit goes on with them.
    pub(crate) fn change(&self, changes: Vec<(ProcessId, bool)>) {
        let mut resting = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (process, goes_on) in changes {
            if goes_on {
                resting.remove(&process);
            } else {
                resting.insert(process);
            }
        }
    }

    /// Whether others execute a process.
    pub(crate) fn contains(&self, process: &ProcessId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(process)
    }
}
