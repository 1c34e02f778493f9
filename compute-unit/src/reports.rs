//! What a unit tells a scheduler whose logs it tails: how far they are executed, and which of them
//! another scheduler has taken over.
//!
//! Reports gather while one is on its way, the newest of each process, so a slow scheduler costs
//! memory for its processes and nothing else.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use protocol::{
    ProcessId, Provenance, Slot,
    api::{Cursor, TailReport},
};
use tokio::sync::Notify;

/// Processes in one report, of about 45 bytes each.
const EXECUTED_MAX: usize = 65_536;
/// Provenances that wait to be told, and those in one report.
const SUPERSEDED_MAX: usize = 256;
const SUPERSEDED_AT_ONCE: usize = 1;

/// What one scheduler is not told yet.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    executed: HashMap<ProcessId, Slot>,
    superseded: HashMap<ProcessId, Provenance>,
}

impl Reports {
    /// Takes note of the first slot of a process that is not executed.
    pub(crate) fn executed(&self, process: ProcessId, next: Slot) {
        self.lock().executed.insert(process, next);
        self.news.notify_one();
    }

    /// Takes note that another scheduler orders a process; of too many at once some wait for another
    /// occasion.
    pub(crate) fn superseded(&self, process: ProcessId, provenance: Provenance) {
        let mut waiting = self.lock();
        if waiting.superseded.len() < SUPERSEDED_MAX {
            waiting.superseded.insert(process, provenance);
            self.news.notify_one();
        }
    }

    /// Waits until there is something to tell, and takes it.
    pub(crate) async fn next(&self) -> TailReport {
        loop {
            let report = self.take();
            if !report.executed.is_empty() || !report.superseded.is_empty() {
                return report;
            }
            self.news.notified().await;
        }
    }

    /// Forgets what was not told: the stream to tell it on is gone.
    pub(crate) fn clear(&self) {
        *self.lock() = Waiting::default();
    }

    fn take(&self) -> TailReport {
        let mut waiting = self.lock();
        let executed = if waiting.executed.len() <= EXECUTED_MAX {
            std::mem::take(&mut waiting.executed).into_iter().collect()
        } else {
            some(&mut waiting.executed, EXECUTED_MAX)
        };
        let mut executed: Vec<Cursor> =
            executed.into_iter().map(|(process, slot)| Cursor { process, slot }).collect();
        executed.sort_unstable_by_key(|cursor| cursor.process);
        let superseded = some(&mut waiting.superseded, SUPERSEDED_AT_ONCE);
        let superseded = superseded.into_iter().map(|(_, provenance)| provenance).collect();
        TailReport { executed, superseded }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a few of many.
fn some<V>(from: &mut HashMap<ProcessId, V>, most: usize) -> Vec<(ProcessId, V)> {
    let keys: Vec<ProcessId> = from.keys().copied().take(most).collect();
    keys.into_iter().filter_map(|key| from.remove_entry(&key)).collect()
}

#[cfg(test)]
mod tests;
