//! Threads that verify, fair to all streams, and the order of each stream across them.
//!
//! A [`Lane`] is one stream of submissions. Its chunks are verified in parallel and leave in the
//! order in which they came. Threads take one chunk of each waiting lane in turn, so a stream that
//! sends much delays nobody else.
//!
//! # Invariants
//!
//! - Every chunk holds its [`Share`] of memory until it has been decided, so the queues here need no
//!   bound of their own.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use protocol::{
    Refusal,
    api::{Submission, SubmitEvent},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{Ready, Verifier};
use crate::{order::Place, sequencer::Inbox};

/// What a chunk may take of the memory for submissions; given back when it is dropped.
pub(crate) type Share = OwnedSemaphorePermit;

/// What a stream learns about its submissions.
#[derive(Debug)]
pub(crate) enum Event {
    /// For the peer, as it is; about so many submissions.
    Tell(SubmitEvent, u32),
    /// It has a place from before.
    Known(u64, Place),
    /// It has a place from before if the index knows its id; refused otherwise.
    Old(u64, protocol::EntryId, Refusal),
}

/// One stream of submissions.
#[derive(Debug)]
pub(crate) struct Lane {
    state: Mutex<State>,
    /// Roomy enough for an event about each submission in flight.
    events: mpsc::Sender<Event>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Chunk>,
    /// Counts the chunks that came and those that left.
    came: u64,
    left: u64,
    /// Verified before an earlier chunk.
    early: BTreeMap<u64, Arrival>,
}

#[derive(Debug)]
struct Chunk {
    submissions: Vec<Submission>,
    share: Share,
}

/// Verified submissions of one stream, in its order.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Their stream.
    pub(crate) lane: Arc<Lane>,
    /// Tags, and what verification made of them.
    pub(crate) submissions: Vec<(u64, Ready)>,
    /// Held until they are decided.
    pub(crate) share: Share,
}

impl Lane {
    /// A stream whose events go there.
    pub(crate) fn new(events: mpsc::Sender<Event>) -> Self {
        Self { state: Mutex::default(), events }
    }

    /// Tells the stream what became of a submission. A stream that is gone misses it.
    pub(crate) fn tell(&self, event: Event) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.events.try_send(event) {
            debug_assert!(false, "a stream has room for an event of each submission in flight");
            tracing::error!("a stream has more events than submissions; one is lost");
        }
    }

    /// Takes what waits longest, with its place in the stream.
    fn take(&self) -> Option<(u64, Chunk, bool)> {
        let mut state = lock(&self.state);
        let chunk = state.waiting.pop_front()?;
        let number = state.came;
        state.came += 1;
        Some((number, chunk, !state.waiting.is_empty()))
    }

    /// Passes on what is next in the stream, now that this chunk is verified.
    fn finish(&self, number: u64, arrival: Arrival, inbox: &Inbox) {
        let mut state = lock(&self.state);
        state.early.insert(number, arrival);
        let next = state.left;
        let mut ready = Vec::new();
        for number in next.. {
            match state.early.remove(&number) {
                Some(arrival) => ready.push(arrival),
                None => break,
            }
        }
        state.left += u64::try_from(ready.len()).unwrap_or_default();
        // Under the lock, or a later chunk could overtake.
        inbox.put(ready);
    }
}

/// The verifying threads.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

/// The work of one verifying thread.
#[derive(Debug)]
pub(crate) struct Worker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    verifier: Arc<Verifier>,
    inbox: Arc<Inbox>,
}

#[derive(Debug, Default)]
struct Queue {
    lanes: VecDeque<Arc<Lane>>,
    stopping: bool,
}

impl Pool {
    /// A pool without threads, which passes on what it verifies.
    pub(crate) fn new(verifier: Arc<Verifier>, inbox: Arc<Inbox>) -> Self {
        let shared = Shared { queue: Mutex::default(), wake: Condvar::new(), verifier, inbox };
        Self { shared: Arc::new(shared) }
    }

    /// The work of one more thread.
    pub(crate) fn worker(&self) -> Worker {
        Worker(Arc::clone(&self.shared))
    }

    /// Verifies submissions of a stream.
    pub(crate) fn put(&self, lane: &Arc<Lane>, submissions: Vec<Submission>, share: Share) {
        let idle = {
            let mut state = lock(&lane.state);
            state.waiting.push_back(Chunk { submissions, share });
            state.waiting.len() == 1
        };
        // A lane with more than one chunk is in the queue, or in the hands of a thread that will
        // put it back.
        if idle {
            lock(&self.shared.queue).lanes.push_back(Arc::clone(lane));
            self.shared.wake.notify_one();
        }
    }

    /// Lets the threads end; what still waits is dropped.
    pub(crate) fn stop(&self) {
        let mut queue = lock(&self.shared.queue);
        queue.stopping = true;
        queue.lanes.clear();
        self.shared.wake.notify_all();
    }
}

impl Worker {
    /// Verifies until the pool is stopped.
    pub(crate) fn work(self) {
        let shared = &*self.0;
        while let Some(lane) = shared.next() {
            let Some((number, chunk, more)) = lane.take() else { continue };
            if more {
                lock(&shared.queue).lanes.push_back(Arc::clone(&lane));
                shared.wake.notify_one();
            }
            let Chunk { submissions, share } = chunk;
            let submissions = submissions.into_iter();
            let submissions = submissions
                .map(|submission| (submission.tag, shared.verifier.verify(submission)))
                .collect();
            let arrival = Arrival { lane: Arc::clone(&lane), submissions, share };
            lane.finish(number, arrival, &shared.inbox);
        }
    }
}

impl Shared {
    fn next(&self) -> Option<Arc<Lane>> {
        let queue = lock(&self.queue);
        let idle = |queue: &mut Queue| queue.lanes.is_empty() && !queue.stopping;
        let mut queue = self.wake.wait_while(queue, idle).unwrap_or_else(PoisonError::into_inner);
        queue.lanes.pop_front()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
