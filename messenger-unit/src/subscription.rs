//! Subscribers: the outcomes of one process from a slot on, without gaps, as they come.
//!
//! What has passed is read from compute units page by page; what comes by is handed over by the
//! board.
//!
//! # Invariants
//!
//! - Slots go out in order, each once, until a takeover makes some void: then those that come in
//!   their place go out, from the first on.
//! - What comes by waits in a queue of fixed size. A subscriber that does not keep up loses its
//!   queue and reads pages again, so that it holds no memory however slow it is.
//! - A subscriber that has everything is woken by what comes by; it asks nobody meanwhile.

use std::{
    mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use protocol::{ProcessId, Refusal, RefusalCode, Slot, api::OUTCOME_FRAME_MAX, codec};
use tokio::{
    sync::{Notify, Semaphore},
    time::timeout,
};
use transport::FrameSender;

use crate::{
    board::Place,
    hub::Hub,
    lock,
    session::{encode_executed, encode_fetched},
    wire::EventRef,
};

/// Subscribers at once.
const SUBSCRIBERS_MAX: usize = 4_096;

/// Pages read for subscribers at once.
const PAGES_MAX: usize = 32;

/// Slots that may wait for one subscriber, and the bytes of the frames they are in.
const WAITING_MAX: usize = 256;
const WAITING_BYTES_MAX: usize = 1 << 20;

/// How long a subscriber may take to read what is written at once before its stream is ended; it may
/// resume.
const STALL: Duration = Duration::from_secs(60);

/// How long to wait before units that gave nothing are asked again: at first, and at the longest.
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(8);

/// What all subscribers share.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    count: AtomicUsize,
    pages: Semaphore,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self { count: AtomicUsize::new(0), pages: Semaphore::new(PAGES_MAX) }
    }
}

impl Subscriptions {
    /// How many subscribers there are.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }
}

/// What comes by for one subscriber.
#[derive(Debug, Default)]
pub(crate) struct Inlet {
    waiting: Mutex<Waiting>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    places: Vec<Place>,
    bytes: usize,
    /// Whether something came by that is not among the places.
    lost: bool,
    /// The first slot that was learned to be void.
    void: Option<Slot>,
}

impl Inlet {
    /// Takes a slot that comes by, in order, or loses everything if there is no room.
    pub(crate) fn offer(&self, place: Place) {
        let mut waiting = lock(&self.waiting);
        if waiting.lost {
            return;
        }
        let same = waiting.places.last().is_some_and(|(last, _)| Arc::ptr_eq(last, &place.0));
        let bytes = if same { waiting.bytes } else { waiting.bytes + place.0.bytes };
        if bytes > WAITING_BYTES_MAX || waiting.places.len() >= WAITING_MAX {
            waiting.lose();
        } else {
            waiting.bytes = bytes;
            waiting.places.push(place);
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Learns that slots from one on are void: others will come by in their place.
    pub(crate) fn rewind(&self, first: Slot) {
        let mut waiting = lock(&self.waiting);
        let earlier = waiting.void.map_or(first, |void| void.min(first));
        *waiting = Waiting { void: Some(earlier), ..Waiting::default() };
        drop(waiting);
        self.wake.notify_one();
    }

    /// Takes everything that waits; from now on slots are kept again.
    fn take(&self) -> Waiting {
        mem::take(&mut lock(&self.waiting))
    }

    /// Whether slots have become void since the last look.
    fn is_void(&self) -> bool {
        lock(&self.waiting).void.is_some()
    }

    /// Whether a slot has come by, or some are void.
    fn has(&self, number: Slot) -> bool {
        let waiting = lock(&self.waiting);
        let is_it = |(frame, position): &Place| {
            frame.inner.slots.get(*position).is_some_and(|slot| slot.leaf.slot == number)
        };
        waiting.void.is_some() || waiting.places.iter().any(is_it)
    }
}

impl Waiting {
    fn lose(&mut self) {
        *self = Self { lost: true, void: self.void, ..Self::default() };
    }
}

/// Serves a subscriber until it goes away.
pub(crate) async fn serve(hub: &Arc<Hub>, process: ProcessId, from: Slot, mut sender: FrameSender) {
    sender.set_limit(OUTCOME_FRAME_MAX);
    let stopped = sender.stopped();
    let Some(subscription) = Subscription::open(hub, process, from) else {
        let detail = "too many subscribe already: try another messenger, or again";
        return refuse(sender, Refusal::new(RefusalCode::Busy, detail)).await;
    };
    tokio::select! {
        () = subscription.run(sender) => {}
        () = stopped => {}
    }
}

/// Ends a stream with a reason.
async fn refuse(mut sender: FrameSender, refusal: Refusal) {
    let event = EventRef::Refused { tag: 0, refusal: &refusal };
    // Whoever has gone needs no reason.
    if sender.send(&codec::encode(&event)).await.is_ok() {
        let _ = sender.finish().await;
    }
}

/// One subscriber.
struct Subscription {
    hub: Arc<Hub>,
    process: ProcessId,
    /// The first slot that has not gone out.
    next: Slot,
    inlet: Arc<Inlet>,
    /// Whether slots from the next on may have passed that were not among those that came by.
    behind: bool,
    retry: Duration,
}

impl Subscription {
    fn open(hub: &Arc<Hub>, process: ProcessId, from: Slot) -> Option<Self> {
        let took = |count: usize| (count < SUBSCRIBERS_MAX).then_some(count + 1);
        hub.subscriptions.count.fetch_update(Relaxed, Relaxed, took).ok()?;
        let (inlet, head) = hub.board.subscribe(process);
        // Who is not known here may have a long past all the same.
        let behind = head.is_none_or(|head| head > from);
        Some(Self { hub: Arc::clone(hub), process, next: from, inlet, behind, retry: RETRY })
    }

    async fn run(mut self, mut sender: FrameSender) {
        loop {
            let waiting = self.inlet.take();
            if let Some(void) = waiting.void {
                self.next = self.next.min(void);
            }
            self.behind |= waiting.lost;
            let mut frames = self.pass(waiting.places);
            if frames.is_empty() && self.behind {
                frames = match self.past().await {
                    Ok(frames) => frames,
                    Err(refusal) => return refuse(sender, refusal).await,
                };
            }
            if frames.is_empty() {
                self.rest().await;
                continue;
            }
            self.retry = RETRY;
            match timeout(STALL, sender.send_all(frames)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return tracing::debug!(%error, "a subscriber is gone"),
                Err(_) => return tracing::debug!("a subscriber does not read"),
            }
        }
    }

    /// The frames of slots that came by, as far as they go on where this subscriber stands.
    fn pass(&mut self, places: Vec<Place>) -> Vec<Bytes> {
        let mut groups: Vec<(Place, Vec<(u64, usize)>)> = Vec::new();
        for place in places {
            let (frame, position) = &place;
            let Some(slot) = frame.inner.slots.get(*position) else { continue };
            let number = slot.leaf.slot;
            if number > self.next {
                self.behind = true;
                break;
            }
            let Some(next) = number.next().filter(|_| number == self.next) else { continue };
            self.next = next;
            self.behind = false;
            match groups.last_mut().filter(|((last, _), _)| Arc::ptr_eq(last, frame)) {
                Some((_, entries)) => entries.push((0, *position)),
                None => groups.push((place.clone(), vec![(0, *position)])),
            }
        }
        groups.iter().flat_map(|((frame, _), entries)| encode_executed(frame, entries)).collect()
    }

    /// The frames of a page of what has passed; none if nothing can be had, or there is nothing.
    async fn past(&mut self) -> Result<Vec<Bytes>, Refusal> {
        let page = {
            // Never closed, so this only waits.
            let _turn = self.hub.subscriptions.pages.acquire().await;
            self.hub.past(self.process, self.next).await
        };
        if self.inlet.is_void() {
            // Whoever gave the page may not have known.
            return Ok(Vec::new());
        }
        match page {
            Ok(page) => {
                let last = page.last().and_then(|last| last.outcome.slot.next());
                match last {
                    Some(next) => self.next = next,
                    None => self.behind = self.hub.board.has_passed(self.process, self.next),
                }
                Ok(encode_fetched(&page))
            }
            Err(code @ RefusalCode::UnknownProcess) => {
                let detail = format!("no scheduler knows {}: check the identifier", self.process);
                Err(Refusal::new(code, detail))
            }
            Err(code) => {
                tracing::debug!(process = %self.process, code = code.word(), "no outcomes at the moment");
                // Others may execute it by now.
                let _ = self.hub.find(self.process, true).await;
                Ok(Vec::new())
            }
        }
    }

    /// Waits until there is something to do.
    async fn rest(&mut self) {
        if !self.behind {
            return self.inlet.wake.notified().await;
        }
        let comes = async {
            while !self.inlet.has(self.next) {
                self.inlet.wake.notified().await;
            }
        };
        let _ = timeout(self.retry, comes).await;
        self.retry = self.retry.saturating_mul(2).min(RETRY_MAX);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.board.unsubscribe(self.process, &self.inlet);
        self.hub.subscriptions.count.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests;
