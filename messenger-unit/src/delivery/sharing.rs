//! What the post does when several messengers share the work.

use std::collections::BTreeSet;

use protocol::{
    ProcessId, Slot,
    api::{Cursor, OutboxPage},
};
use tokio::sync::watch;

use super::{Inner, Post};
use crate::{lock, outbox::Outbox, parcel::Parcel, share::Crew};

impl Post {
    /// Learns who shares the work from now on; how many processes are gained and lost by that.
    pub(crate) fn share(&self, crew: Crew) -> (usize, usize) {
        let moved = lock(&self.inner).share(crew);
        if moved.0 > 0 {
            self.rewound.send_modify(|count| *count += 1);
        }
        self.wake.notify_one();
        self.room.notify_waiters();
        moved
    }

    /// Who shares the work.
    pub(crate) fn crew(&self) -> Crew {
        lock(&self.inner).crew.clone()
    }

    /// Whether this messenger delivers what a process emits.
    pub(crate) fn serves(&self, process: &ProcessId) -> bool {
        let inner = lock(&self.inner);
        inner.crew.is_alone() || inner.crew.serves(process)
    }

    /// Keeps how far another messenger has come with the processes it serves; how many are kept.
    pub(crate) fn keep(&self, cursors: &[Cursor]) -> usize {
        let mut inner = lock(&self.inner);
        let Inner { outbox, crew, .. } = &mut *inner;
        let mut kept = 0;
        for Cursor { process, slot } in cursors {
            if outbox.is_known(process) || !crew.serves(process) {
                kept += usize::from(outbox.handle_cursor(*process, *slot));
            }
        }
        kept
    }

    /// Tells when slots that have come by are needed once more.
    pub(crate) fn rewound(&self) -> watch::Receiver<u64> {
        self.rewound.subscribe()
    }

    /// The cursors to store that may have changed, and those among them of processes that others
    /// must know of because this messenger serves them.
    pub(crate) fn take_cursors(&self) -> (Vec<(ProcessId, Slot)>, Vec<Cursor>) {
        let Inner { outbox, crew, .. } = &mut *lock(&self.inner);
        let changed = outbox.take_cursors();
        if crew.is_alone() {
            return (changed, Vec::new());
        }
        let served = changed.iter().filter(|(process, _)| !outbox.is_elsewhere(process));
        let served = served.map(|(process, slot)| Cursor { process: *process, slot: *slot });
        let served = served.collect();
        (changed, served)
    }

    /// How far this messenger has come with all processes that it serves.
    pub(crate) fn served_cursors(&self) -> Vec<Cursor> {
        let inner = lock(&self.inner);
        let served = inner.outbox.served_cursors();
        served.map(|(process, slot)| Cursor { process, slot }).collect()
    }

    /// What waits, and why.
    pub(crate) fn page(&self, source: Option<ProcessId>, limit: u32) -> OutboxPage {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let now = self.began.elapsed();
        lock(&self.inner).outbox.page(now, source, limit)
    }
}

impl Inner {
    fn share(&mut self, crew: Crew) -> (usize, usize) {
        let Self { outbox, collector, crew: present } = self;
        *present = crew;
        let (mut gained, mut lost) = (Vec::new(), BTreeSet::new());
        for (process, _) in outbox.next_slots() {
            match (present.serves(&process), outbox.is_elsewhere(&process)) {
                (true, true) => gained.push(process),
                (false, false) => drop(lost.insert(process)),
                _ => {}
            }
        }
        let counts = (gained.len(), lost.len());
        outbox.handle_lost(&lost);
        for process in &lost {
            for slot in collector.take_from(*process, Slot::ZERO) {
                outbox.release(*process, slot);
            }
        }
        outbox.handle_gained(gained);
        counts
    }
}

/// Leaves a process that comes by for the first time to whoever serves it.
pub(super) fn meet(outbox: &mut Outbox<Parcel>, crew: &Crew, process: ProcessId) {
    if !crew.is_alone() && !outbox.is_known(&process) && !crew.serves(&process) {
        outbox.handle_lost(&BTreeSet::from([process]));
    }
}

#[cfg(test)]
impl Post {
    /// How far each process is, as it would be stored.
    pub(crate) fn cursors_kept(&self) -> Vec<(ProcessId, Slot)> {
        lock(&self.inner).outbox.all_cursors().collect()
    }
}
