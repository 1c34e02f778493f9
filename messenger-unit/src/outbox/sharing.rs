//! Processes that another messenger serves: their slots pass by here, and nothing of theirs is
//! delivered.
//!
//! The order matters: a process is left before what is held of it is let go of, so that this moves its
//! cursor nowhere; and whoever takes it back awaits everything from its cursor on once more, whatever
//! has come by meanwhile.

use std::collections::BTreeSet;

use protocol::{ProcessId, Slot};

use super::{Outbox, PairKey};

impl<P: Clone> Outbox<P> {
    /// Processes that may be known; others' cursors of more are not kept.
    const SOURCES_MAX: usize = 4 << 20;

    /// Whether a process is known.
    pub(crate) fn is_known(&self, process: &ProcessId) -> bool {
        self.progress.contains(process)
    }

    /// Whether another messenger serves a process.
    pub(crate) fn is_elsewhere(&self, process: &ProcessId) -> bool {
        self.progress.is_elsewhere(process)
    }

    /// Learns that other messengers serve these processes from now on.
    pub(crate) fn handle_lost(&mut self, processes: &BTreeSet<ProcessId>) {
        processes.iter().for_each(|process| self.progress.leave(*process));
        let lost = |key: &&PairKey| processes.contains(&key.source);
        let keys: Vec<_> = self.pairs.keys().filter(lost).copied().collect();
        keys.into_iter().for_each(|key| self.drop_pair(key));
    }

    /// Learns that this messenger serves these processes from now on. All of their slots from
    /// [`Self::next_slot`] on must come by once more.
    pub(crate) fn handle_gained(&mut self, processes: impl IntoIterator<Item = ProcessId>) {
        processes.into_iter().for_each(|process| self.progress.take_back(process));
    }

    /// Learns how far another messenger has come with a process that it serves; whether that is
    /// kept.
    pub(crate) fn handle_cursor(&mut self, process: ProcessId, cursor: Slot) -> bool {
        if !self.is_known(&process) && self.progress.len() < Self::SOURCES_MAX {
            self.progress.leave(process);
        }
        let elsewhere = self.is_elsewhere(&process);
        if elsewhere {
            self.progress.hear(process, cursor);
        }
        elsewhere
    }

    /// The cursors of all processes that this messenger serves, in no order.
    pub(crate) fn served_cursors(&self) -> impl Iterator<Item = (ProcessId, Slot)> + '_ {
        self.progress.served()
    }

    /// The cursors of all processes, in no order.
    #[cfg(test)]
    pub(crate) fn all_cursors(&self) -> impl Iterator<Item = (ProcessId, Slot)> + '_ {
        self.progress.cursors()
    }

    /// Forgets a pair with all its items. Whatever is still answered to it finds it gone, or one
    /// with other tickets in its place.
    fn drop_pair(&mut self, key: PairKey) {
        self.void_skips(key, Slot::ZERO);
        let Some(pair) = self.pairs.remove(&key) else { return };
        self.tickets = self.tickets.max(pair.ticket + 1);
        for item in &pair.queue {
            self.let_go(key.source, item);
        }
        if let Some(spill) = pair.spill {
            self.progress.close(key.source, spill.from);
        }
    }
}
