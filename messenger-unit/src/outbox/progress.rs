//! How far each process's outcomes are delivered: which slots came by, and which of them still hold
//! items that nobody has acknowledged.
//!
//! # Invariants
//!
//! - A cursor never passes a slot with an item that is not acknowledged: whoever resumes at the
//!   cursor misses nothing.
//! - The cursor of a process that another messenger serves is what that one has said, never how far
//!   its slots have come by here.

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
    /// Whether another messenger serves it.
    elsewhere: Option<Elsewhere>,
    changed: bool,
}

/// How far another messenger has come with a process.
#[derive(Debug, Clone, Copy)]
struct Elsewhere {
    cursor: Slot,
    /// The cursor may not pass this slot: slots from it on have become void since, and who said how
    /// far it has come may not have known that.
    limit: Slot,
}

impl Source {
    fn cursor(&self) -> Slot {
        if let Some(elsewhere) = self.elsewhere {
            return elsewhere.cursor;
        }
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
        self.change(process, |source| {
            source.next = source.next.min(first);
            if let Some(elsewhere) = &mut source.elsewhere {
                elsewhere.limit = elsewhere.limit.min(first);
                elsewhere.cursor = elsewhere.cursor.min(first);
            }
        });
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

    /// Whether a process is known.
    pub(super) fn contains(&self, process: &ProcessId) -> bool {
        self.sources.contains_key(process)
    }

    /// How many processes are known.
    pub(super) fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether another messenger serves a process.
    pub(super) fn is_elsewhere(&self, process: &ProcessId) -> bool {
        self.sources.get(process).is_some_and(|source| source.elsewhere.is_some())
    }

    /// Leaves a process to another messenger: its cursor stays until that one says more.
    pub(super) fn leave(&mut self, process: ProcessId) {
        self.change(process, |source| {
            let cursor = source.cursor();
            let limit = Slot::new(u64::MAX);
            source.elsewhere.get_or_insert(Elsewhere { cursor, limit });
        });
    }

    /// Takes a process back: what is not known to be delivered is awaited once more.
    pub(super) fn take_back(&mut self, process: ProcessId) {
        self.change(process, |source| {
            if let Some(Elsewhere { cursor, .. }) = source.elsewhere.take() {
                source.next = source.next.min(cursor);
            }
        });
    }

    /// Learns how far another messenger has come with a process that it serves.
    pub(super) fn hear(&mut self, process: ProcessId, cursor: Slot) {
        self.change(process, |source| {
            if let Some(elsewhere) = &mut source.elsewhere {
                elsewhere.cursor = cursor.min(elsewhere.limit);
            }
        });
    }

    /// The cursors of all processes.
    #[cfg(test)]
    pub(super) fn cursors(&self) -> impl Iterator<Item = (ProcessId, Slot)> + '_ {
        self.sources.iter().map(|(process, source)| (*process, source.cursor()))
    }

    /// The cursors of all processes that are served here.
    pub(super) fn served(&self) -> impl Iterator<Item = (ProcessId, Slot)> + '_ {
        let served = self.sources.iter().filter(|(_, source)| source.elsewhere.is_none());
        served.map(|(process, source)| (*process, source.cursor()))
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
