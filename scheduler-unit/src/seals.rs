//! Logs that are written to no more, though nothing in them says so.
//!
//! A scheduler that was believed to be lost learns from others that its log goes on elsewhere. A
//! scheduler whose store is an older copy of what it has signed would give slots a second time.
//!
//! # Invariants
//!
//! - What another scheduler has taken over stays sealed across restarts, until the log itself has come
//!   as far as what is known of it.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use protocol::{ProcessId, Provenance, Refusal, RefusalCode, UnitId};

use crate::store::{StoreError, Superseded};

/// How long to wait where only the operator can help, in milliseconds.
const STALE_RETRY_AFTER: u64 = 10_000;

/// The sealed logs of a unit.
#[derive(Debug)]
pub(crate) struct Seals {
    store: Superseded,
    sealed: RwLock<Sealed>,
    /// How many there are: mostly none, which costs no lock.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Sealed {
    superseded: HashMap<ProcessId, Successor>,
    stale: HashSet<ProcessId>,
}

/// Who goes on with a log.
#[derive(Debug, Clone)]
pub(crate) struct Successor {
    /// The scheduler.
    pub(crate) scheduler: UnitId,
    /// What shows it.
    pub(crate) provenance: Arc<Provenance>,
}

impl Seals {
    /// The seals that a store remembers.
    pub(crate) fn new(
        store: Superseded,
        superseded: impl IntoIterator<Item = (ProcessId, Successor)>,
    ) -> Self {
        let superseded: HashMap<_, _> = superseded.into_iter().collect();
        let count = AtomicUsize::new(superseded.len());
        let sealed = RwLock::new(Sealed { superseded, stale: HashSet::new() });
        Self { store, sealed, count }
    }

    /// Why nothing is written to a log that knows of so many changes, if it is sealed.
    pub(crate) fn refuses(
        &self,
        process: &ProcessId,
        changes: impl FnOnce() -> usize,
    ) -> Option<Refusal> {
        if self.count.load(Relaxed) == 0 {
            return None;
        }
        if let Some(Successor { scheduler, .. }) = self.successor(process, changes()) {
            let detail = format!("{scheduler} orders the log now");
            return Some(Refusal::new(RefusalCode::Moved, detail));
        }
        self.read().stale.contains(process).then(|| {
            let detail = "the scheduler's store is an older copy of what it has signed; its \
                          operator must put the newest one back";
            let refusal = Refusal::new(RefusalCode::StaleStore, detail);
            Refusal { retry_after: Some(STALE_RETRY_AFTER), ..refusal }
        })
    }

    /// Who goes on with a log that knows of so many changes, if others know of more.
    pub(crate) fn successor(&self, process: &ProcessId, changes: usize) -> Option<Successor> {
        if self.count.load(Relaxed) == 0 {
            return None;
        }
        let sealed = self.read();
        let successor = sealed.superseded.get(process);
        successor.filter(|successor| successor.provenance.changes.len() > changes).cloned()
    }

    /// Seals a log that another scheduler goes on with. It is sealed even if that cannot be stored.
    pub(crate) fn supersede(
        &self,
        process: ProcessId,
        successor: Successor,
    ) -> Result<(), StoreError> {
        let provenance = Arc::clone(&successor.provenance);
        self.change(|sealed| drop(sealed.superseded.insert(process, successor)));
        self.store.put(&process, &provenance)
    }

    /// Seals a log of which this scheduler has signed more than it has; whether that is news.
    pub(crate) fn distrust(&self, process: ProcessId) -> bool {
        let mut news = false;
        self.change(|sealed| news = sealed.stale.insert(process));
        news
    }

    /// Closes the store.
    pub(crate) fn close(&self) {
        self.store.close();
    }

    fn change(&self, change: impl FnOnce(&mut Sealed)) {
        let mut sealed = self.sealed.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut sealed);
        self.count.store(sealed.superseded.len() + sealed.stale.len(), Relaxed);
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Sealed> {
        self.sealed.read().unwrap_or_else(PoisonError::into_inner)
    }
}
