//! Threads that verify, fair to all streams, and the order of each stream across them.
//!
//! A [`Lane`] is one stream of submissions. Its chunks are verified in parallel, split by shard, and
//! reach each shard in the order in which they came. Threads take one chunk of each waiting lane in turn, so a stream that
//! sends much delays nobody else.
//!
//! # Invariants
//!
//! - Every chunk holds its [`Share`] of memory until all of it has been decided, so the queues here
//!   need no bound of their own.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use protocol::{Refusal, api::SubmitEvent};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{Ready, Verifier};
use crate::{clock::Clock, order::Place, shard::Shards, submit::Received};

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
    early: BTreeMap<u64, Parts>,
}

#[derive(Debug)]
struct Chunk {
    submissions: Vec<Received>,
    share: Share,
}

/// What a chunk has for each shard.
type Parts = BTreeMap<u16, Arrival>;

/// Verified submissions of one stream to one shard, in its order.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Their stream.
    pub(crate) lane: Arc<Lane>,
    /// Tags, and what verification made of them.
    pub(crate) submissions: Vec<(u64, Ready)>,
    /// Held until they, and what their chunk had for other shards, are decided.
    pub(crate) share: Arc<Share>,
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
    fn finish(&self, number: u64, parts: Parts, shards: &Shards) {
        let mut state = lock(&self.state);
        state.early.insert(number, parts);
        let mut ready: BTreeMap<u16, Vec<Arrival>> = BTreeMap::new();
        while let next = state.left
            && let Some(parts) = state.early.remove(&next)
        {
            state.left += 1;
            for (shard, arrival) in parts {
                ready.entry(shard).or_default().push(arrival);
            }
        }
        // Under the lock, or a later chunk could overtake.
        for (shard, arrivals) in ready {
            shards.get(shard).inbox.put(arrivals);
        }
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
    shards: Arc<Shards>,
    clock: Arc<Clock>,
}

#[derive(Debug, Default)]
struct Queue {
    lanes: VecDeque<Arc<Lane>>,
    stopping: bool,
}

impl Pool {
    /// A pool without threads, which passes on what it verifies.
    pub(crate) fn new(verifier: Arc<Verifier>, shards: Arc<Shards>, clock: Arc<Clock>) -> Self {
        let (queue, wake) = (Mutex::default(), Condvar::new());
        let shared = Shared { queue, wake, verifier, shards, clock };
        Self { shared: Arc::new(shared) }
    }

    /// The work of one more thread.
    pub(crate) fn worker(&self) -> Worker {
        Worker(Arc::clone(&self.shared))
    }

    /// Verifies submissions of a stream.
    pub(crate) fn put(&self, lane: &Arc<Lane>, submissions: Vec<Received>, share: Share) {
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
        while let Some(lane) = self.0.next() {
            self.0.work_on(&lane);
        }
    }

    /// Verifies what waits, and returns.
    #[cfg(simulation)]
    pub(crate) fn work_off(&self) {
        while let Some(lane) = self.0.first() {
            self.0.work_on(&lane);
        }
    }
}

impl Shared {
    /// Verifies what waits longest in a stream.
    fn work_on(&self, lane: &Arc<Lane>) {
        let Some((number, chunk, more)) = lane.take() else { return };
        if more {
            lock(&self.queue).lanes.push_back(Arc::clone(lane));
            self.wake.notify_one();
        }
        lane.finish(number, self.verify(lane, chunk), &self.shards);
    }

    /// Verifies a chunk of a stream and splits it by shard.
    fn verify(&self, lane: &Arc<Lane>, chunk: Chunk) -> Parts {
        let share = Arc::new(chunk.share);
        let mut parts = Parts::new();
        let now = self.clock.now();
        let (mut said, mut places) = (Vec::new(), Vec::new());
        for received in chunk.submissions {
            let tag = received.tag;
            let place = received.decode().map(|one| {
                let shard = self.shards.number_of(&one.submission.entry.target());
                said.push(one);
                shard
            });
            places.push((tag, place));
        }
        let mut verified = self.verifier.verify(now, said).into_iter();
        for (tag, place) in places {
            let (shard, ready) = match place {
                Ok(shard) => (shard, verified.next().expect("each is verified")),
                Err(refusal) => (0, Ready::Refused(refusal)),
            };
            let part = parts.entry(shard).or_insert_with(|| {
                let (lane, share) = (Arc::clone(lane), Arc::clone(&share));
                Arrival { lane, submissions: Vec::new(), share }
            });
            part.submissions.push((tag, ready));
        }
        parts
    }

    /// A lane that waits, if any does.
    #[cfg(simulation)]
    fn first(&self) -> Option<Arc<Lane>> {
        lock(&self.queue).lanes.pop_front()
    }

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
