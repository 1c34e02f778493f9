//! Where verified submissions wait for the writer.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use protocol::{Limits, ProcessId, Slot, api::Cursor};

use super::Import;
use crate::{
    submit::CHUNK_BYTES,
    verify::{Arrival, Origin, PROOF_BYTES, Ready},
};

/// Entries in a batch at the most, give or take one arrival.
const BATCH_ENTRIES: usize = 4_096;

/// Bytes of entries and proofs after which no arrival is added to a batch.
const BATCH_BYTES: usize = 2 << 20;

/// Bytes that a batch can have at the most: the largest entry with the largest proof.
const BATCH_BYTES_MAX: usize = (7 << 19) + (16 << 10);

/// The longest frame that transport carries by default: a batch is one frame of a tail.
const FRAME: usize = 4 << 20;

// A whole batch fits into a frame, and so does the largest arrival: the largest entry with the
// largest proof after a chunk that was nearly full.
const _: () = assert!(BATCH_BYTES_MAX + (64 << 10) <= FRAME);
const _: () = assert!(CHUNK_BYTES + MESSAGE_BYTES + PROOF_BYTES + (64 << 10) <= FRAME);
const MESSAGE_BYTES: usize = 2 << 20;
const _: () = assert!(Limits::MAX.message_bytes == 2 << 20);

/// What an entry adds to a batch beside its own bytes.
const OVERHEAD: usize = 200;

/// Verified submissions, in order. Their number is bounded by the share of memory that each holds.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    arrivals: VecDeque<Arrival>,
    /// The first slots that are not executed, of known processes: one for each.
    executed: HashMap<ProcessId, Slot>,
    /// At most one for each adoption under way.
    imports: VecDeque<Box<Import>>,
    /// Whether an import was taken last: then arrivals are next.
    imported: bool,
    stopping: bool,
}

/// What the writer does next.
#[derive(Debug)]
pub(crate) enum Work {
    /// Verified submissions, as one batch.
    Batch(Vec<Arrival>),
    /// A batch of another scheduler.
    Import(Box<Import>),
}

impl Inbox {
    /// Adds arrivals at the end.
    pub(crate) fn put(&self, arrivals: Vec<Arrival>) {
        if arrivals.is_empty() {
            return;
        }
        let mut state = self.lock();
        if !state.stopping {
            state.arrivals.extend(arrivals);
            self.wake.notify_one();
        }
    }

    /// Takes note of how far a process is executed. Nobody is woken: it matters when more arrives.
    pub(crate) fn report(&self, cursor: Cursor) {
        let mut state = self.lock();
        let known = state.executed.entry(cursor.process).or_default();
        *known = cursor.slot.max(*known);
    }

    /// The first slots that are not executed, where that has changed.
    pub(crate) fn take_executed(&self) -> Vec<Cursor> {
        let executed = std::mem::take(&mut self.lock().executed);
        executed.into_iter().map(|(process, slot)| Cursor { process, slot }).collect()
    }

    /// Adds an import, which is dropped if the unit is stopping.
    pub(crate) fn put_import(&self, import: Import) {
        let mut state = self.lock();
        if !state.stopping {
            state.imports.push_back(Box::new(import));
            self.wake.notify_one();
        }
    }

    /// Takes an import or what fits into a batch, in turns, waiting for something, at most for this
    /// long if a patience is given; nothing once the inbox is closed and empty.
    pub(crate) fn take(&self, patience: Option<Duration>) -> Option<Work> {
        let idle = |state: &mut State| state.is_empty() && !state.stopping;
        let state = self.lock();
        let mut state = match patience {
            None => self.wake.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                let waited = self.wake.wait_timeout_while(state, patience, idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if state.stopping && state.is_empty() {
            return None;
        }
        let turn = !state.imported || state.arrivals.is_empty();
        if turn && let Some(import) = state.imports.pop_front() {
            state.imported = true;
            return Some(Work::Import(import));
        }
        state.imported = false;
        let (mut taken, mut entries, mut bytes) = (Vec::new(), 0, 0);
        while entries < BATCH_ENTRIES && bytes < BATCH_BYTES {
            let Some(arrival) = state.arrivals.front() else { break };
            let weight = weight(arrival);
            if !taken.is_empty() && bytes + weight > BATCH_BYTES_MAX {
                break;
            }
            entries += arrival.submissions.len();
            bytes += weight;
            taken.extend(state.arrivals.pop_front());
        }
        Some(Work::Batch(taken))
    }

    /// Takes nothing more in; what is there can still be taken out.
    pub(crate) fn close(&self) {
        self.lock().stopping = true;
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.arrivals.is_empty() && self.imports.is_empty()
    }
}

fn weight(arrival: &Arrival) -> usize {
    let weights = arrival.submissions.iter().map(|(_, ready)| match ready {
        Ready::Checked(checked) => {
            checked.entry.len() + checked.origin.as_ref().map_or(0, Origin::length) + OVERHEAD
        }
        Ready::Known(_) | Ready::KnownRefused(_) | Ready::Refused(_) => 0,
    });
    weights.sum()
}
