//! What processes wait for the time of, as it changes slot by slot. Derived from outcomes: what is
//! waited for is in the host tables, and stored so that it can be told of processes that are not in
//! memory.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Hash, ProcessId, Slot, Timer, api::AgendaKey};

use crate::process::{Executed, Process};

/// How what a process waits for changes with a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgendaChange {
    /// The process.
    pub(crate) process: ProcessId,
    /// Whether nothing counts that was known before.
    pub(crate) whole: bool,
    /// What is waited for from now on, or for another time.
    pub(crate) waits: Vec<Timer>,
    /// What is waited for no more; counts behind what is waited for.
    pub(crate) closed: Vec<(Slot, u32)>,
}

impl AgendaChange {
    /// What publishing a slot changes. `known` is the digest of the receipt leaf behind which what is
    /// stored is right, and becomes that of the slot. If the slot does not follow that one, what was
    /// stored came of void slots, or was lost.
    pub(crate) fn of(
        executed: &mut Executed,
        known: &mut Option<Hash>,
        process: &Process,
    ) -> Option<Self> {
        let follows = *known == executed.leaf.previous;
        *known = Some(executed.digest);
        let waits = std::mem::take(&mut executed.waits);
        let id = executed.leaf.process;
        if !follows {
            let waits = process.agenda();
            return Some(Self { process: id, whole: true, waits, closed: Vec::new() });
        }
        let is_same = waits.is_empty() && executed.closed.is_empty();
        let closed = executed.closed.clone();
        (!is_same).then_some(Self { process: id, whole: false, waits, closed })
    }
}

/// What is not stored yet.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    whole: BTreeSet<ProcessId>,
    items: BTreeMap<AgendaKey, Option<Timer>>,
}

impl Fresh {
    /// Learns what a later slot changes.
    pub(crate) fn apply(&mut self, change: &AgendaChange) {
        let process = change.process;
        if change.whole {
            self.whole.insert(process);
            let all = first(process)..=last(process);
            let keys: Vec<AgendaKey> = self.items.range(all).map(|(key, _)| *key).collect();
            for key in keys {
                self.items.remove(&key);
            }
        }
        let waits = change.waits.iter().map(|timer| (key(timer), Some(*timer)));
        self.items.extend(waits);
        let closed = change.closed.iter();
        let closed =
            closed.map(|(slot, index)| (AgendaKey { process, slot: *slot, index: *index }, None));
        self.items.extend(closed);
    }

    /// Whether something is known here that takes the place of what is stored.
    pub(crate) fn overrides(&self, key: &AgendaKey) -> bool {
        self.whole.contains(&key.process) || self.items.contains_key(key)
    }

    /// What is waited for, behind a key.
    pub(crate) fn behind(&self, after: Option<AgendaKey>) -> impl Iterator<Item = Timer> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.items.range((from, Unbounded)).filter_map(|(_, timer)| *timer)
    }
}

/// Where the item stands that a timer is of.
pub(crate) const fn key(timer: &Timer) -> AgendaKey {
    AgendaKey { process: timer.process, slot: timer.slot, index: timer.index }
}

/// Before all items of a process.
pub(crate) const fn first(process: ProcessId) -> AgendaKey {
    AgendaKey { process, slot: Slot::ZERO, index: 0 }
}

/// Behind all items of a process.
pub(crate) const fn last(process: ProcessId) -> AgendaKey {
    AgendaKey { process, slot: Slot::new(u64::MAX), index: u32::MAX }
}

#[cfg(test)]
mod tests;
