//! What tails tell each other: which logs have gone over to another scheduler.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use protocol::{Position, ProcessId, UnitId};
use tokio::sync::watch;

use super::lineage::Lineage;

/// The logs that have had more than one scheduler. Shared by all tails.
#[derive(Debug)]
pub(crate) struct Moves {
    moved: Mutex<HashMap<ProcessId, Moved>>,
    changed: watch::Sender<u64>,
}

/// A log that has gone over to another scheduler.
#[derive(Debug, Clone)]
pub(crate) struct Moved {
    /// Who it is since then.
    pub(crate) lineage: Arc<Lineage>,
    /// The slot of the control, which is handed to the executor.
    pub(crate) position: Position,
}

impl Default for Moves {
    fn default() -> Self {
        Self { moved: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Moves {
    /// Learns that a log has gone over, unless something newer is known.
    pub(crate) fn learn(&self, process: ProcessId, moved: Moved) {
        let mut all = self.lock();
        let is_newer = all.get(&process).is_none_or(|known| moved.counts_more_than(known));
        if is_newer {
            all.insert(process, moved);
            drop(all);
            self.changed.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// What is known of a log.
    pub(crate) fn of(&self, process: &ProcessId) -> Option<Moved> {
        self.lock().get(process).cloned()
    }

    /// The logs that have gone over to a scheduler.
    pub(crate) fn to(&self, scheduler: &UnitId) -> Vec<ProcessId> {
        let all = self.lock();
        let its = all.iter().filter(|(_, moved)| moved.scheduler() == *scheduler);
        its.map(|(process, _)| *process).collect()
    }

    /// Wakes whenever there is something new.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ProcessId, Moved>> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Moved {
    /// Who orders the log now.
    pub(crate) fn scheduler(&self) -> UnitId {
        self.lineage.source().scheduler()
    }

    /// More changes count more; of as many a takeover does, for what it voids may be a move.
    fn counts_more_than(&self, other: &Self) -> bool {
        let rank = |moved: &Self| (moved.lineage.source().changes(), moved.lineage.is_taken_over());
        rank(self) > rank(other)
    }
}
