//! One client's submit stream: what it may have open, and what is on its way back to it.
//!
//! # Invariants
//!
//! - A client that does not read slows down only itself: its entries count as open until what
//!   became of them is written, and nothing more is read from it meanwhile.
//! - Nobody who has something for a client ever waits for it.

use std::{
    mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use protocol::{
    BatchHeader, ReceiptBatch, Refusal, Signed,
    api::{Acknowledgement, Executed, FinalRefusal, OUTCOME_FRAME_MAX},
    codec,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use transport::FrameSender;

use crate::{
    check::Frame,
    lock,
    wire::{EventRef, ExecutedRef},
};

/// Entries of one client stream whose outcome is not written back yet.
pub(crate) const OPEN_MAX: usize = 65_536;

/// Memory for the unacknowledged entries of one client stream and of all of them, in KiB.
const SHARE_MAX: usize = 16 << 10;
pub(crate) const SHARES_MAX: usize = 1 << 20;

/// Bytes that may wait to be read by one client before its stream is given up.
const UNREAD_MAX: usize = 128 << 20;

/// What a client is to be told.
#[derive(Debug)]
pub(crate) enum Event {
    /// Entries are assigned.
    Assigned { batch: Arc<Signed<BatchHeader>>, entries: Vec<Acknowledgement> },
    /// An entry is refused.
    Refused { tag: u64, refusal: Refusal },
    /// Entries are refused for good.
    Final { batch: Arc<Signed<BatchHeader>>, entries: Vec<FinalRefusal> },
    /// Entries were executed: tags, and positions in the frame.
    Executed { frame: Arc<Frame>, entries: Vec<(u64, usize)> },
    /// An entry was executed before it was submitted here.
    Fetched { tag: u64, executed: Arc<Executed> },
}

impl Event {
    /// How many entries are done with.
    fn closes(&self) -> usize {
        match self {
            Self::Assigned { .. } => 0,
            Self::Refused { .. } | Self::Fetched { .. } => 1,
            Self::Executed { entries, .. } => entries.len(),
            Self::Final { entries, .. } => entries.len(),
        }
    }

    /// The bytes it keeps in memory, about.
    fn weight(&self) -> usize {
        match self {
            Self::Assigned { entries, .. } => 512 + entries.len() * 512,
            Self::Final { entries, .. } => 512 + entries.len() * 512,
            Self::Refused { .. } => 256,
            Self::Executed { frame, .. } => frame.bytes,
            Self::Fetched { .. } => 4_096,
        }
    }
}

/// The memory that the entries of one frame take until the last of them is acknowledged.
#[derive(Debug)]
pub(crate) struct Share {
    _own: Option<OwnedSemaphorePermit>,
    _common: Option<OwnedSemaphorePermit>,
}

#[derive(Debug, Default)]
struct Queue {
    events: Vec<Event>,
    weight: usize,
    /// Whether the client submits nothing more.
    finished: bool,
}

/// A client's submit stream.
#[derive(Debug)]
pub(crate) struct Session {
    id: u64,
    queue: Mutex<Queue>,
    wake: Notify,
    open: Semaphore,
    own: Arc<Semaphore>,
    common: Arc<Semaphore>,
    ended: AtomicBool,
}

impl Session {
    /// A stream with a number of its own, sharing memory with all others.
    pub(crate) fn new(id: u64, common: Arc<Semaphore>) -> Arc<Self> {
        Arc::new(Self {
            id,
            queue: Mutex::default(),
            wake: Notify::new(),
            open: Semaphore::new(OPEN_MAX),
            own: Arc::new(Semaphore::new(SHARE_MAX)),
            common,
            ended: AtomicBool::new(false),
        })
    }

    /// The stream's number.
    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// Whether the other is the same stream.
    pub(crate) const fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }

    /// Whether the stream is gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }

    /// Ends the stream.
    pub(crate) fn end(&self) {
        self.ended.store(true, Relaxed);
        *lock(&self.queue) = Queue::default();
        self.wake.notify_one();
    }

    /// Learns that the client submits nothing more.
    pub(crate) fn finish(&self) {
        lock(&self.queue).finished = true;
        self.wake.notify_one();
    }

    /// Waits until a frame of so many bytes and entries may be worked on.
    pub(crate) async fn admit(&self, bytes: usize, entries: u32) -> Arc<Share> {
        // The semaphores are never closed, so these only wait.
        if let Ok(permits) = self.open.acquire_many(entries).await {
            permits.forget();
        }
        let share = u32::try_from((bytes >> 10) + 1).unwrap_or(u32::MAX);
        let own = Arc::clone(&self.own).acquire_many_owned(share).await.ok();
        let common = Arc::clone(&self.common).acquire_many_owned(share).await.ok();
        Arc::new(Share { _own: own, _common: common })
    }

    /// Tells the client something, when it gets to it; `false` if it has been given up.
    pub(crate) fn push(&self, event: Event) -> bool {
        if self.has_ended() {
            return true;
        }
        let slow = {
            let mut queue = lock(&self.queue);
            queue.weight += event.weight();
            queue.events.push(event);
            queue.weight > UNREAD_MAX
        };
        if slow {
            self.end();
        } else {
            self.wake.notify_one();
        }
        !slow
    }

    /// Writes events as they come, until the stream ends or nothing more can come.
    pub(crate) async fn write(&self, mut sender: FrameSender) {
        sender.set_limit(OUTCOME_FRAME_MAX);
        loop {
            let (events, finished) = {
                let mut queue = lock(&self.queue);
                queue.weight = 0;
                (mem::take(&mut queue.events), queue.finished)
            };
            if self.has_ended() {
                return;
            }
            if events.is_empty() {
                if finished && self.open.available_permits() >= OPEN_MAX {
                    let _ = sender.finish().await;
                    return;
                }
                self.wake.notified().await;
                continue;
            }
            let closed = events.iter().map(Event::closes).sum();
            let frames: Vec<_> = events.iter().flat_map(encode).collect();
            if let Err(error) = sender.send_all(frames).await {
                tracing::debug!(%error, "a client stream is gone");
                return;
            }
            self.open.add_permits(closed);
        }
    }
}

/// The frames of an event: one, unless that is too long.
fn encode(event: &Event) -> Vec<Bytes> {
    let frame = |event: &EventRef<'_>| Bytes::from(codec::encode(event));
    match event {
        Event::Assigned { batch, entries } => {
            vec![frame(&EventRef::Assigned { batch, entries })]
        }
        Event::Refused { tag, refusal } => {
            vec![frame(&EventRef::Refused { tag: *tag, refusal })]
        }
        Event::Final { batch, entries } => vec![frame(&EventRef::Final { batch, entries })],
        Event::Fetched { tag, executed } => {
            let Executed { outcome, receipt } = &**executed;
            let (leaf, path) = (&receipt.leaf, &receipt.path);
            let entry = ExecutedRef { tag: *tag, outcome, leaf, path };
            encode_entries(&receipt.batch, &[entry])
        }
        Event::Executed { frame, entries } => encode_executed(frame, entries),
    }
}

/// The frames that tell of executed slots: one, unless the tags make it too long.
pub(crate) fn encode_executed(frame: &Frame, entries: &[(u64, usize)]) -> Vec<Bytes> {
    let referred = |(tag, position): &(u64, usize)| {
        let slot = frame.inner.slots.get(*position)?;
        Some((*tag, slot, frame.path(slot)?))
    };
    let found: Vec<_> = entries.iter().filter_map(referred).collect();
    let referred: Vec<_> = found
        .iter()
        .map(|(tag, slot, path)| {
            let (tag, outcome, leaf) = (*tag, &slot.outcome, &slot.leaf);
            ExecutedRef { tag, outcome, leaf, path }
        })
        .collect();
    encode_entries(&frame.inner.batch, &referred)
}

/// The frames that tell a subscriber of slots that were fetched: one for each batch, unless that is
/// too long.
pub(crate) fn encode_fetched(page: &[Executed]) -> Vec<Bytes> {
    fn referred(Executed { outcome, receipt }: &Executed) -> ExecutedRef<'_> {
        ExecutedRef { tag: 0, outcome, leaf: &receipt.leaf, path: &receipt.path }
    }
    let groups = page.chunk_by(|one, other| one.receipt.batch == other.receipt.batch);
    let encode = |group: &[Executed]| {
        let batch = &group.first()?.receipt.batch;
        Some(encode_entries(batch, &group.iter().map(referred).collect::<Vec<_>>()))
    };
    groups.filter_map(encode).flatten().collect()
}

/// The frames of entries under one batch: one, unless that is too long.
fn encode_entries(batch: &Signed<ReceiptBatch>, entries: &[ExecutedRef<'_>]) -> Vec<Bytes> {
    let whole = codec::encode(&EventRef::Executed { batch, entries });
    if whole.len() <= OUTCOME_FRAME_MAX || entries.len() < 2 {
        return vec![whole.into()];
    }
    let (left, right) = entries.split_at(entries.len() / 2);
    [left, right].into_iter().flat_map(|half| encode_entries(batch, half)).collect()
}
