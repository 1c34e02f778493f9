//! The frames a unit has published, newest in memory, for followers and for the disk.
//!
//! Followers pull: each keeps the number of the next frame it wants, so a slow one costs nothing but
//! its own delay. A frame leaves memory only after it is on disk, and while too much is not,
//! nothing more is published: a disk that takes nothing slows the unit down and loses nothing.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use protocol::{ProcessId, api::FollowFrame};
use tokio::sync::watch;

use crate::agenda::AgendaChange;

/// Stored frames stay in memory up to this many bytes, for followers that are nearly up to date.
/// Decoded they take several times as much.
const KEPT_BYTES: usize = 4 << 20;
/// While this many bytes are not stored, publishing waits.
const UNSTORED_BYTES_MAX: usize = 256 << 20;

/// A published frame.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Counts the frames of this unit's store.
    pub(crate) number: u64,
    /// The canonical encoding.
    pub(crate) bytes: Bytes,
    /// The same, decoded.
    pub(crate) frame: FollowFrame,
    /// How what processes wait for changes with its slots.
    pub(crate) agenda: Vec<AgendaChange>,
}

#[derive(Debug)]
struct Inner {
    frames: VecDeque<Arc<Frame>>,
    next: u64,
    stored: u64,
    bytes: usize,
    unstored_bytes: usize,
    closing: bool,
    /// Whether a frame was dropped, after which no other may be published.
    closed: bool,
}

/// The published frames.
#[derive(Debug)]
pub(crate) struct Feed {
    inner: Mutex<Inner>,
    /// Wakes the publisher when frames were stored.
    room: Condvar,
    latest: watch::Sender<u64>,
}

/// Where a frame is.
#[derive(Debug)]
pub(crate) enum Found {
    /// In memory.
    Here(Arc<Frame>),
    /// On disk only.
    Stored,
    /// Not published yet.
    Future,
}

impl Feed {
    /// Resumes after the frames that are on disk.
    pub(crate) fn resume(next: u64) -> Self {
        let inner = Inner {
            frames: VecDeque::new(),
            next,
            stored: next,
            bytes: 0,
            unstored_bytes: 0,
            closing: false,
            closed: false,
        };
        let (inner, room) = (Mutex::new(inner), Condvar::new());
        Self { inner, room, latest: watch::Sender::new(next) }
    }

    /// Publishes a frame; waits while too much is not stored. A feed that is closing drops it: it
    /// can be derived again.
    pub(crate) fn publish(&self, frame: FollowFrame, bytes: Bytes, agenda: Vec<AgendaChange>) {
        let next = {
            let full =
                |inner: &mut Inner| inner.unstored_bytes >= UNSTORED_BYTES_MAX && !inner.closing;
            let waited = self.room.wait_while(self.lock(), full);
            let mut inner = waited.unwrap_or_else(PoisonError::into_inner);
            inner.closed |= inner.unstored_bytes >= UNSTORED_BYTES_MAX;
            if inner.closed {
                return;
            }
            inner.unstored_bytes += bytes.len();
            let number = inner.next;
            inner.next += 1;
            inner.bytes += bytes.len();
            inner.frames.push_back(Arc::new(Frame { number, bytes, frame, agenda }));
            inner.next
        };
        self.latest.send_replace(next);
    }

    /// Wakes whenever the number of the next frame changes.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// Finds a frame.
    pub(crate) fn find(&self, number: u64) -> Found {
        let inner = self.lock();
        if number >= inner.next {
            return Found::Future;
        }
        let oldest = inner.next - inner.frames.len() as u64;
        let position = number.checked_sub(oldest).and_then(|at| usize::try_from(at).ok());
        match position.and_then(|at| inner.frames.get(at)) {
            Some(frame) => Found::Here(Arc::clone(frame)),
            None => Found::Stored,
        }
    }

    /// The frames that are not on disk yet, oldest first, up to a number of bytes.
    pub(crate) fn unstored(&self, bytes_max: usize) -> Vec<Arc<Frame>> {
        let inner = self.lock();
        let mut bytes = 0;
        let waiting = inner.frames.iter().filter(|frame| frame.number >= inner.stored);
        waiting
            .take_while(|frame| {
                let fits = bytes < bytes_max;
                bytes += frame.bytes.len();
                fits
            })
            .cloned()
            .collect()
    }

    /// Learns that all frames before a number are on disk.
    pub(crate) fn mark_stored(&self, before: u64) {
        let mut inner = self.lock();
        let (from, before) = (inner.stored, before.max(inner.stored));
        let stored = inner.frames.iter().filter(|frame| (from..before).contains(&frame.number));
        let stored: usize = stored.map(|frame| frame.bytes.len()).sum();
        inner.stored = before;
        inner.unstored_bytes -= stored;
        self.room.notify_all();
        while inner.bytes > KEPT_BYTES
            && inner.frames.front().is_some_and(|frame| frame.number < inner.stored)
        {
            let gone = inner.frames.pop_front().map_or(0, |frame| frame.bytes.len());
            inner.bytes -= gone;
        }
    }

    /// Bytes of frames that are not on disk yet.
    pub(crate) fn unstored_bytes(&self) -> usize {
        self.lock().unstored_bytes
    }

    /// Lets nobody wait any more.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.room.notify_all();
    }

    /// The frames in memory that hold slots of a process, oldest first.
    pub(crate) fn holding(&self, process: &ProcessId) -> Vec<Arc<Frame>> {
        let holds =
            |frame: &Arc<Frame>| frame.frame.slots.iter().any(|slot| slot.leaf.process == *process);
        self.lock().frames.iter().filter(|frame| holds(frame)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
