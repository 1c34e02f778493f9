//! Which processes are in memory, and who leaves first. Pure.
//!
//! Processes leave in the order in which they were used last, those first for whom nothing waits.
//! One that leaves counts no more, although it is in memory until its checkpoint is stored.

use std::sync::Arc;

use lru::LruCache;
use protocol::ProcessId;

use super::hosted::Hosted;

/// How many of those used longest ago are asked whether something waits for them.
const ASKED: usize = 64;

/// How much may be in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Processes.
    pub(crate) processes: usize,
    /// Bytes of their memories.
    pub(crate) bytes: usize,
}

/// The processes in memory.
#[derive(Debug)]
pub(super) struct Residents {
    used: LruCache<ProcessId, Resident>,
    room: Room,
    /// Of those that do not leave.
    staying: Room,
    generation: u64,
}

#[derive(Debug)]
struct Resident {
    hosted: Arc<Hosted>,
    bytes: usize,
    leaving: bool,
    generation: u64,
}

impl Residents {
    /// No process in memory, where there is so much room.
    pub(super) fn new(room: Room) -> Self {
        let staying = Room { processes: 0, bytes: 0 };
        Self { used: LruCache::unbounded(), room, staying, generation: 0 }
    }

    /// Learns that a process of so many bytes was used just now.
    pub(super) fn touch(&mut self, hosted: &Arc<Hosted>, bytes: usize) {
        self.remove(&hosted.id);
        let (hosted, generation) = (Arc::clone(hosted), self.generation);
        let id = hosted.id;
        self.used.put(id, Resident { hosted, bytes, leaving: false, generation });
        self.staying.processes = self.staying.processes.saturating_add(1);
        self.staying.bytes = self.staying.bytes.saturating_add(bytes);
    }

    /// Learns that a process is no longer in memory.
    pub(super) fn remove(&mut self, id: &ProcessId) {
        if let Some(resident) = self.used.pop(id)
            && !resident.leaving
        {
            self.staying.processes = self.staying.processes.saturating_sub(1);
            self.staying.bytes = self.staying.bytes.saturating_sub(resident.bytes);
        }
    }

    /// Whether a process leaves.
    pub(super) fn is_leaving(&self, id: &ProcessId) -> bool {
        self.used.peek(id).is_some_and(|resident| resident.leaving)
    }

    /// The process that shall leave next, if any must; it leaves from now on.
    pub(super) fn next_to_leave(&mut self) -> Option<Arc<Hosted>> {
        let over = self.staying.processes > self.room.processes
            || (self.staying.bytes > self.room.bytes && self.staying.processes > 1);
        if !over {
            return None;
        }
        let mut staying = self.used.iter().rev().filter(|(_, resident)| !resident.leaving);
        let first = staying.clone().next().map(|(id, _)| *id);
        let idle = staying.by_ref().take(ASKED).find(|(_, resident)| resident.hosted.is_idle());
        let id = idle.map(|(id, _)| *id).or(first)?;
        self.leave(&id)
    }

    /// Whether there are far more than there is room for, those that leave among them.
    pub(super) fn is_overfull(&self) -> bool {
        self.used.len() > self.room.processes.saturating_mul(2)
    }

    /// Begins another generation, and gives the idle processes, at most so many, that were used in
    /// none of the last few; they leave from now on.
    pub(super) fn age(&mut self, generations: u64, most: usize) -> Vec<Arc<Hosted>> {
        self.generation = self.generation.saturating_add(1);
        let oldest = self.generation.saturating_sub(generations);
        let old = self.used.iter().rev().take_while(|(_, r)| r.generation < oldest);
        // One that leaves already may have been at its last turn when it was asked to.
        let idle = old.filter(|(_, r)| r.hosted.is_idle());
        let ids: Vec<ProcessId> = idle.take(most).map(|(id, _)| *id).collect();
        ids.iter().filter_map(|id| self.leave(id)).collect()
    }

    fn leave(&mut self, id: &ProcessId) -> Option<Arc<Hosted>> {
        let resident = self.used.peek_mut(id)?;
        if !std::mem::replace(&mut resident.leaving, true) {
            self.staying.processes = self.staying.processes.saturating_sub(1);
            self.staying.bytes = self.staying.bytes.saturating_sub(resident.bytes);
        }
        Some(Arc::clone(&resident.hosted))
    }

    /// How many processes are in memory.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.used.len()
    }
}

#[cfg(test)]
mod tests;
