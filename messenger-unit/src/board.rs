//! Who waits for which outcome, and which outcomes have come by.
//!
//! # Invariants
//!
//! - An outcome either finds who waits for it, or has passed before they asked: both are decided
//!   under one lock, so nobody misses it unknowingly.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use protocol::{Assignment, EntryId, ProcessId, Slot};
use tokio::sync::oneshot;

use crate::{check::Frame, lock, session::Session, subscription::Inlet};

/// A client stream's interest in an entry, with the tag it knows it by.
type Interest = (Arc<Session>, u64);

/// An executed slot: a frame and a position in it.
pub(crate) type Place = (Arc<Frame>, usize);

/// A client stream, and the tags and positions of outcomes in a frame.
type Return = (Arc<Session>, Vec<(u64, usize)>);

/// Requests that may wait for outcomes.
const WAITERS_MAX: usize = 16_384;

#[derive(Debug, Default)]
struct Inner {
    interests: HashMap<EntryId, Vec<Interest>>,
    /// The first slot of each process that has not come by.
    heads: HashMap<ProcessId, Slot>,
    waiters: HashMap<(ProcessId, Slot), Vec<oneshot::Sender<Place>>>,
    waiting: usize,
    /// Who subscribes to a process.
    subscribers: HashMap<ProcessId, Vec<Arc<Inlet>>>,
}

/// The board.
#[derive(Debug, Default)]
pub(crate) struct Board {
    inner: Mutex<Inner>,
}

/// How to come by an outcome.
#[derive(Debug)]
pub(crate) enum Prospect {
    /// It has passed: ask a compute unit.
    Passed,
    /// It will come.
    Coming(oneshot::Receiver<Place>),
    /// Too many wait already.
    Full,
}

/// What passing a frame brought about.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// For each client stream, the tags and positions of the outcomes it waits for.
    pub(crate) returns: Vec<Return>,
    /// The positions of slots that came by for the first time.
    pub(crate) fresh: Vec<usize>,
}

impl Board {
    /// Resumes a process at a cursor: everything below it has passed.
    pub(crate) fn resume(&self, process: ProcessId, next: Slot) {
        lock(&self.inner).heads.insert(process, next);
    }

    /// Learns that slots of a process from one on are void: others will come by in their place.
    pub(crate) fn rewind(&self, process: ProcessId, first: Slot) {
        let mut inner = lock(&self.inner);
        if let Some(head) = inner.heads.get_mut(&process) {
            *head = first.min(*head);
        }
        for inlet in inner.subscribers.get(&process).into_iter().flatten() {
            inlet.rewind(first);
        }
    }

    /// Subscribes to what comes by of a process from now on; tells the first slot that has not.
    pub(crate) fn subscribe(&self, process: ProcessId) -> (Arc<Inlet>, Option<Slot>) {
        let inlet = Arc::new(Inlet::default());
        let mut inner = lock(&self.inner);
        inner.subscribers.entry(process).or_default().push(Arc::clone(&inlet));
        (inlet, inner.heads.get(&process).copied())
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribe(&self, process: ProcessId, inlet: &Arc<Inlet>) {
        let mut inner = lock(&self.inner);
        let Some(inlets) = inner.subscribers.get_mut(&process) else { return };
        inlets.retain(|other| !Arc::ptr_eq(other, inlet));
        if inlets.is_empty() {
            inner.subscribers.remove(&process);
        }
    }

    /// Whether a slot has come by.
    pub(crate) fn has_passed(&self, process: ProcessId, slot: Slot) -> bool {
        lock(&self.inner).heads.get(&process).is_some_and(|head| *head > slot)
    }

    /// Registers interests in entries by id, before they are submitted.
    pub(crate) fn register(&self, session: &Arc<Session>, entries: &[(EntryId, u64)]) {
        let mut inner = lock(&self.inner);
        for (entry, tag) in entries {
            inner.interests.entry(*entry).or_default().push((Arc::clone(session), *tag));
        }
    }

    /// Takes an interest back; whether it was still there.
    pub(crate) fn withdraw(&self, session: &Session, entry: &EntryId, tag: u64) -> bool {
        let mut inner = lock(&self.inner);
        let Some(interests) = inner.interests.get_mut(entry) else { return false };
        let is_it = |(other, other_tag): &Interest| other.is(session) && *other_tag == tag;
        let found = interests.iter().position(is_it).map(|at| interests.swap_remove(at));
        if interests.is_empty() {
            inner.interests.remove(entry);
        }
        found.is_some()
    }

    /// Forgets the interests of client streams that have ended.
    pub(crate) fn sweep(&self) {
        lock(&self.inner).interests.retain(|_, interests| {
            interests.retain(|(session, _)| !session.has_ended());
            !interests.is_empty()
        });
    }

    /// Those of the assignments whose outcomes have passed although somebody waits for them.
    pub(crate) fn missed(&self, assignments: &[Assignment]) -> Vec<Assignment> {
        let inner = lock(&self.inner);
        let missed = |assignment: &&Assignment| {
            inner.heads.get(&assignment.process).is_some_and(|head| *head > assignment.slot)
                && inner.interests.contains_key(&assignment.entry)
        };
        assignments.iter().filter(missed).copied().collect()
    }

    /// Whether anybody waits for an entry who has not gone.
    pub(crate) fn is_awaited(&self, entry: &EntryId) -> bool {
        let inner = lock(&self.inner);
        let waits = |(session, _): &Interest| !session.has_ended();
        inner.interests.get(entry).is_some_and(|interests| interests.iter().any(waits))
    }

    /// Takes everybody who waits for an entry.
    pub(crate) fn take(&self, entry: &EntryId) -> Vec<Interest> {
        lock(&self.inner).interests.remove(entry).unwrap_or_default()
    }

    /// Waits for a slot.
    pub(crate) fn expect(&self, process: ProcessId, slot: Slot) -> Prospect {
        let mut inner = lock(&self.inner);
        if inner.heads.get(&process).is_some_and(|head| *head > slot) {
            return Prospect::Passed;
        }
        if inner.waiting >= WAITERS_MAX {
            // Some may have given up.
            inner.waiters.retain(|_, waiters| {
                waiters.retain(|waiter| !waiter.is_closed());
                !waiters.is_empty()
            });
            inner.waiting = inner.waiters.values().map(Vec::len).sum();
        }
        if inner.waiting >= WAITERS_MAX {
            return Prospect::Full;
        }
        let (sender, receiver) = oneshot::channel();
        inner.waiters.entry((process, slot)).or_default().push(sender);
        inner.waiting += 1;
        Prospect::Coming(receiver)
    }

    /// Lets checked slots of a frame pass: whoever waits for one gets it.
    pub(crate) fn pass(&self, frame: &Arc<Frame>, positions: &[usize]) -> Passed {
        let mut passed = Passed::default();
        let mut by_session: HashMap<u64, usize> = HashMap::new();
        let mut inner = lock(&self.inner);
        for &position in positions {
            let Some(slot) = frame.inner.slots.get(position) else { continue };
            let (process, number) = (slot.leaf.process, slot.leaf.slot);
            let head = inner.heads.entry(process).or_default();
            if number >= *head {
                *head = number.next().unwrap_or(number);
                passed.fresh.push(position);
                // Most processes have no subscriber, and most messengers none at all.
                if !inner.subscribers.is_empty() {
                    for inlet in inner.subscribers.get(&process).into_iter().flatten() {
                        inlet.offer((Arc::clone(frame), position));
                    }
                }
            }
            for (session, tag) in inner.interests.remove(&slot.outcome.entry).unwrap_or_default() {
                let at = *by_session.entry(session.id()).or_insert_with(|| {
                    passed.returns.push((Arc::clone(&session), Vec::new()));
                    passed.returns.len() - 1
                });
                if let Some((_, entries)) = passed.returns.get_mut(at) {
                    entries.push((tag, position));
                }
            }
            if inner.waiting > 0
                && let Some(waiters) = inner.waiters.remove(&(process, number))
            {
                inner.waiting = inner.waiting.saturating_sub(waiters.len());
                for waiter in waiters {
                    // Whoever gave up does not mind.
                    let _ = waiter.send((Arc::clone(frame), position));
                }
            }
        }
        passed
    }
}
