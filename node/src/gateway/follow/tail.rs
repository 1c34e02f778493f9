//! What came last of processes that are followed: one stream of a messenger for all who follow the
//! same process and are about as far.
//!
//! A tail is read on when one of its followers has taken all there is, so that nobody follows faster
//! than the fastest takes. What a slower one has not taken yet is kept, up to a limit. Whoever falls
//! behind that, or begins before it, begins another tail, which others may join, and goes over to the
//! first once it has come to where that is.
//!
//! # Invariants
//!
//! - Every follower gets the outcomes that a subscription of its own would have given it.
//! - A tail lives as long as somebody holds it. There are only so many: each takes a stream of a
//!   connection to a messenger, on which other requests must get through.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use antiphon_client::{Mark, Observed, Subscription};
use protocol::ProcessId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::kept::{Found, Kept, Told};
use crate::explorer::json;

/// Streams of messengers at once.
const STREAMS_MAX: usize = 128;

/// The tails of all processes that are followed.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Tails {
    of: Arc<Mutex<HashMap<ProcessId, Vec<Weak<Tail>>>>>,
    streams: Arc<Semaphore>,
}

/// A place at a tail.
#[derive(Debug)]
pub(super) struct Seat {
    tail: Arc<Tail>,
    /// The number of the outcome to be taken next.
    place: u64,
    newest: watch::Receiver<u64>,
}

/// What came last of one process.
#[derive(Debug)]
struct Tail {
    kept: Mutex<Kept>,
    /// How many outcomes have come.
    newest: watch::Sender<u64>,
    /// Somebody has taken all.
    wanted: Arc<Notify>,
    _reading: DropGuard,
}

impl Tails {
    pub(in crate::gateway) fn new() -> Self {
        Self { of: Arc::default(), streams: Arc::new(Semaphore::new(STREAMS_MAX)) }
    }

    /// Leave to use one stream of a messenger, if there is any left.
    pub(in crate::gateway) fn stream(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.streams).try_acquire_owned().ok()
    }

    /// A place for whoever goes on as a subscription would: at a tail of the process that has what
    /// comes next, or else at a new one, if there is room for it.
    pub(super) fn seat(&self, process: ProcessId, subscription: Subscription) -> Option<Seat> {
        let mark = subscription.mark();
        let mut all = self.lock();
        if let Some(seat) = farthest(&alive(&all, process), &mark) {
            return Some(seat);
        }
        let tail = Tail::start(subscription, self.stream()?);
        all.retain(|_, tails| {
            tails.retain(|tail| tail.strong_count() > 0);
            !tails.is_empty()
        });
        all.entry(process).or_default().push(Arc::downgrade(&tail));
        Some(Seat { newest: tail.newest.subscribe(), tail, place: 0 })
    }

    /// Moves whoever has come to where another tail is over to the one that has come farthest, so that
    /// in the end there is one.
    pub(super) fn join(&self, process: ProcessId, seat: &mut Seat, mark: &Mark) {
        let tails = alive(&self.lock(), process);
        if let [_, _, ..] = tails.as_slice()
            && let Some(other) = farthest(&tails, mark)
            && !Arc::ptr_eq(&other.tail, &seat.tail)
        {
            *seat = other;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ProcessId, Vec<Weak<Tail>>>> {
        // Every step under the lock leaves it whole.
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tails of a process that somebody holds.
fn alive(all: &HashMap<ProcessId, Vec<Weak<Tail>>>, process: ProcessId) -> Vec<Arc<Tail>> {
    all.get(&process).into_iter().flatten().filter_map(Weak::upgrade).collect()
}

/// A place at the one that has come farthest of those that have what comes behind a mark.
fn farthest(tails: &[Arc<Tail>], mark: &Mark) -> Option<Seat> {
    let mut tails: Vec<&Arc<Tail>> = tails.iter().collect();
    tails.sort_by_key(|tail| std::cmp::Reverse(tail.kept().end().next_slot()));
    tails.into_iter().find_map(|tail| Arc::clone(tail).seat(|other| mark.continues(other)))
}

impl Seat {
    /// The next outcome, when it comes; none if it is no longer kept. Safe to cancel.
    pub(super) async fn next(&mut self) -> Option<Told> {
        loop {
            self.newest.borrow_and_update();
            match self.tail.kept().at(self.place) {
                Found::Told(told) => {
                    self.place = self.place.saturating_add(1);
                    return Some(told);
                }
                Found::Gone => return None,
                Found::Later => self.tail.wanted.notify_one(),
            }
            // The sender is in the tail, which is held here.
            self.newest.changed().await.ok()?;
        }
    }
}

impl Tail {
    /// Begins to read.
    fn start(mut subscription: Subscription, stream: OwnedSemaphorePermit) -> Arc<Self> {
        let (reading, wanted) = (CancellationToken::new(), Arc::new(Notify::new()));
        let stopped = reading.clone();
        // Weak, so that the last follower to go ends the reading.
        let tail = Arc::new(Self {
            kept: Mutex::new(Kept::new(subscription.mark())),
            newest: watch::Sender::new(0),
            wanted: Arc::clone(&wanted),
            _reading: reading.drop_guard(),
        });
        let reader = Arc::downgrade(&tail);
        tokio::spawn(async move {
            let read = async {
                loop {
                    wanted.notified().await;
                    let Observed { outcome, receipt } = subscription.next().await;
                    let data = json::followed(&outcome, receipt.unit()).to_string().into();
                    let told = Told { slot: outcome.slot, data, mark: subscription.mark() };
                    let Some(tail) = reader.upgrade() else { return };
                    tail.push(told);
                }
            };
            tokio::select! { () = read => {}, () = stopped.cancelled() => {} }
            drop(stream);
        });
        tail
    }

    fn push(&self, told: Told) {
        let next = self.kept().push(told);
        self.newest.send_replace(next);
    }

    /// A place at the newest mark that fits.
    fn seat(self: Arc<Self>, fits: impl Fn(&Mark) -> bool) -> Option<Seat> {
        let place = self.kept().place_of(fits)?;
        Some(Seat { newest: self.newest.subscribe(), tail: self, place })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Every step under the lock leaves it whole.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
