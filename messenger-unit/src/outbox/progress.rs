//! How far each process's outcomes are delivered: which slots came by, and which of them still hold
//! items that nobody has acknowledged.
//!
//! # Invariants
//!
//! - A cursor never passes a slot with an item that is not acknowledged: whoever resumes at the
//!   cursor misses nothing.

use std::collections::{BTreeMap, HashMap};

use protocol::{ProcessId, Slot};

/// The progress of all processes.
#[derive(Debug, Default)]
pub(super) struct Progress {
    sources: HashMap<ProcessId, Source>,
    /// Those whose cursor may have changed since [`Progress::take_changed`].
    changed: Vec<ProcessId>,
}

#[derive(Debug, Default)]
struct Source {
    /// The first slot that has not come by.
    next: Slot,
    /// Slots that hold unacknowledged items, with how many.
    open: BTreeMap<Slot, u64>,
    changed: bool,
}

impl Source {
    fn cursor(&self) -> Slot {
        self.open.first_key_value().map_or(self.next, |(slot, _)| *slot).min(self.next)
    }
}

impl Progress {
    /// The first slot of a process that has not come by.
    pub(super) fn next(&self, process: &ProcessId) -> Slot {
        self.sources.get(process).map_or(Slot::ZERO, |source| source.next)
    }

    /// Learns that all slots below this one have come by.
    pub(super) fn pass(&mut self, process: ProcessId, next: Slot) {
        self.change(process, |source| source.next = source.next.max(next));
    }

    /// Learns that slots of a process from this one on are void: others will come in their place.
    pub(super) fn rewind(&mut self, process: ProcessId, first: Slot) {
        self.change(process, |source| source.next = source.next.min(first));
    }

    /// Keeps the cursor at or below a slot until as many calls of [`Progress::close`].
    pub(super) fn open(&mut self, process: ProcessId, slot: Slot) {
        self.change(process, |source| *source.open.entry(slot).or_default() += 1);
    }

    /// Takes back one call of [`Progress::open`].
    pub(super) fn close(&mut self, process: ProcessId, slot: Slot) {
        self.change(process, |source| {
            let Some(count) = source.open.get_mut(&slot) else {
                debug_assert!(false, "only open slots are closed");
                return;
            };
            *count -= 1;
            if *count == 0 {
                source.open.remove(&slot);
            }
        });
    }

    /// The first slot that is still needed, for each process whose cursor may have changed.
    pub(super) fn take_changed(&mut self) -> Vec<(ProcessId, Slot)> {
        let changed = std::mem::take(&mut self.changed);
        let cursor = |process: ProcessId| {
            let source = self.sources.get_mut(&process)?;
            source.changed = false;
            Some((process, source.cursor()))
        };
        changed.into_iter().filter_map(cursor).collect()
    }

    /// The first slot that has not come by, for every process, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = (ProcessId, Slot)> + '_ {
        self.sources.iter().map(|(process, source)| (*process, source.next))
    }

    fn change(&mut self, process: ProcessId, change: impl FnOnce(&mut Source)) {
        let source = self.sources.entry(process).or_default();
        change(source);
        if !source.changed {
            source.changed = true;
            self.changed.push(process);
        }
    }
}
