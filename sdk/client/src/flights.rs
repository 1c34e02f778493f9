//! Entries under way: what was sent, what is still to be sent, who waits for what. Pure.
//!
//! # Invariants
//!
//! - An entry stays until its outcome is known, it is refused for good, or nobody waits any more.
//! - Each session sends every entry that is still under way exactly once, in order of submission,
//!   and again only after a refusal that asks to try later.
//! - An outcome is handed out only together with the assignment it belongs to.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use protocol::{
    AssignmentProof, Entry, EntryId, Hash, ProcessId, Refusal, Slot, Source, api::Executed,
};
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};

use crate::ClientError;

type Promise<T> = oneshot::Sender<Result<T, ClientError>>;
type Promised<T> = oneshot::Receiver<Result<T, ClientError>>;

/// All entries under way on one stream.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    next_tag: u64,
    flights: BTreeMap<u64, Flight>,
    unsent: VecDeque<u64>,
    later: BTreeSet<(Instant, u64)>,
    closed: bool,
}

#[derive(Debug)]
struct Flight {
    entry: Arc<Entry>,
    expected: Expected,
    sent: bool,
    /// Why it was postponed the last time.
    put_off: Option<Refusal>,
    place: Option<(Slot, Hash)>,
    /// An outcome that came before its assignment.
    early: Option<Box<Executed>>,
    assigned: Option<Promise<AssignmentProof>>,
    executed: Option<Promise<Executed>>,
    _room: Option<OwnedSemaphorePermit>,
}

/// What answers about an entry are checked against.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) process: ProcessId,
    pub(crate) entry: EntryId,
    pub(crate) source: Arc<Source>,
}

/// The waiting end of an entry under way.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) tag: u64,
    pub(crate) assigned: Promised<AssignmentProof>,
    pub(crate) executed: Promised<Executed>,
}

impl Flights {
    /// Takes an entry on; its room is given back when it has landed.
    pub(crate) fn insert(
        &mut self,
        entry: Arc<Entry>,
        expected: Expected,
        room: Option<OwnedSemaphorePermit>,
    ) -> Result<Waiting, ClientError> {
        if self.closed {
            return Err(ClientError::Closed);
        }
        self.next_tag += 1;
        let tag = self.next_tag;
        let (on_assigned, assigned) = oneshot::channel();
        let (on_executed, executed) = oneshot::channel();
        let flight = Flight {
            entry,
            expected,
            sent: false,
            put_off: None,
            place: None,
            early: None,
            assigned: Some(on_assigned),
            executed: Some(on_executed),
            _room: room,
        };
        self.flights.insert(tag, flight);
        self.unsent.push_back(tag);
        Ok(Waiting { tag, assigned, executed })
    }

    /// Starts anew on another stream: everything under way is to be sent again.
    pub(crate) fn begin(&mut self) {
        self.unsent = self.flights.keys().copied().collect();
        self.later.clear();
    }

    /// Whether nothing is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// The next entries to send, about as many as fit into so many bytes, at least one.
    pub(crate) fn take(&mut self, bytes_max: usize) -> Vec<(u64, Arc<Entry>)> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while bytes < bytes_max
            && let Some(tag) = self.unsent.pop_front()
        {
            if let Some(flight) = self.flights.get_mut(&tag) {
                flight.sent = true;
                bytes += size(&flight.entry);
                taken.push((tag, Arc::clone(&flight.entry)));
            }
        }
        taken
    }

    /// Sends an entry again at a later instant.
    pub(crate) fn postpone(&mut self, tag: u64, until: Instant, reason: Refusal) {
        if let Some(flight) = self.flights.get_mut(&tag) {
            flight.put_off = Some(reason);
            self.later.insert((until, tag));
        }
    }

    /// Why an entry was postponed the last time.
    pub(crate) fn put_off(&self, tag: u64) -> Option<Refusal> {
        self.flights.get(&tag)?.put_off.clone()
    }

    /// Queues what was postponed until now.
    pub(crate) fn wake(&mut self, now: Instant) {
        while self.later.first().is_some_and(|(until, _)| *until <= now) {
            self.unsent.extend(self.later.pop_first().map(|(_, tag)| tag));
        }
    }

    /// When the next postponed entry is due.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.later.first().map(|(until, _)| *until)
    }

    /// What answers with this tag are checked against; nothing if nobody waits any more.
    pub(crate) fn expected(&self, tag: u64) -> Option<Expected> {
        self.flights.get(&tag).map(|flight| flight.expected.clone())
    }

    /// Whether the entry was ever handed to a stream.
    pub(crate) fn was_sent(&self, tag: u64) -> bool {
        self.flights.get(&tag).is_none_or(|flight| flight.sent)
    }

    /// Learns of a checked assignment.
    pub(crate) fn assigned(&mut self, tag: u64, proof: AssignmentProof) {
        let Some(flight) = self.flights.get_mut(&tag) else { return };
        flight.place = Some((proof.assignment.slot, proof.assignment.chain));
        if let Some(promise) = flight.assigned.take() {
            let _ = promise.send(Ok(proof));
        }
        self.land(tag);
    }

    /// Learns of a checked outcome.
    pub(crate) fn executed(&mut self, tag: u64, executed: Executed) {
        let Some(flight) = self.flights.get_mut(&tag) else { return };
        flight.early = Some(Box::new(executed));
        self.land(tag);
    }

    /// Learns that nothing more will come of the entry.
    pub(crate) fn failed(&mut self, tag: u64, error: &ClientError) {
        if let Some(flight) = self.flights.remove(&tag) {
            flight.fail(error);
        }
    }

    /// Forgets an entry that nobody waits for.
    pub(crate) fn remove(&mut self, tag: u64) {
        self.flights.remove(&tag);
    }

    /// Fails everything under way and everything that comes after.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.unsent.clear();
        self.later.clear();
        for flight in std::mem::take(&mut self.flights).into_values() {
            flight.fail(&ClientError::Closed);
        }
    }

    /// Hands out an outcome once its assignment is known as well.
    fn land(&mut self, tag: u64) {
        let Some(flight) = self.flights.get_mut(&tag) else { return };
        let Some(place) = flight.place else { return };
        let Some(executed) = flight.early.take() else { return };
        let leaf = &executed.receipt.leaf;
        if (leaf.slot, leaf.chain) != place {
            return self.failed(
                tag,
                &ClientError::unverified("the outcome is of another log than the assignment"),
            );
        }
        if let Some(promise) = flight.executed.take() {
            let _ = promise.send(Ok(*executed));
        }
        self.flights.remove(&tag);
    }
}

impl Flight {
    fn fail(mut self, error: &ClientError) {
        if let Some(promise) = self.assigned.take() {
            let _ = promise.send(Err(error.clone()));
        }
        if let Some(promise) = self.executed.take() {
            let _ = promise.send(Err(error.clone()));
        }
    }
}

/// About how many bytes an entry takes in a frame.
pub(crate) fn size(entry: &Entry) -> usize {
    /// Tag, signature and the array around them; generous for entries without a signed body.
    const AROUND: usize = 160;
    let body = match entry {
        Entry::Spawn(spawn) => spawn.body_bytes().len(),
        Entry::Message(message) => message.body_bytes().len(),
        Entry::Control(control) => control.body_bytes().len(),
        Entry::Delivery(_) | Entry::Skip(_) | Entry::Timer(_) | Entry::Answer(_) => {
            protocol::codec::encode(entry).len()
        }
    };
    body + AROUND
}

#[cfg(test)]
mod tests;
