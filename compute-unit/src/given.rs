//! What schedulers gave this unit to execute: their signed batches, newest in memory, for the disk
//! and for whoever wants to see them.
//!
//! A frame is noted before any of its slots can be executed, so what is published is never without
//! what it follows from.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use protocol::{ProcessId, Slot, UnitId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// While so many bytes are not stored, tails wait.
const UNSTORED_BYTES_MAX: usize = 64 << 20;

/// A frame that slots were executed from.
#[derive(Debug)]
pub(crate) struct GivenFrame {
    /// Counts the frames of this unit's store.
    pub(crate) number: u64,
    /// Who signed the batch.
    pub(crate) scheduler: UnitId,
    /// The canonical bytes of a [`protocol::api::TailFrame`] of what is executed here.
    pub(crate) bytes: Bytes,
    /// The pieces of logs in it, each with its process once.
    pub(crate) runs: Vec<Run>,
    /// Controls that ended or opened an epoch: their process and slot, and their signed bytes.
    pub(crate) controls: Vec<(ProcessId, Slot, Vec<u8>)>,
    /// Its part of what may be in memory.
    _share: Option<OwnedSemaphorePermit>,
}

/// The slots of one process in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// The process.
    pub(crate) process: ProcessId,
    /// The first slot; the one after `last` if there are only refusals.
    pub(crate) first: Slot,
    /// The last slot.
    pub(crate) last: Slot,
    /// Whether an epoch begins in it.
    pub(crate) opens: bool,
}

/// Where a piece of a log is.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    /// The number of the frame.
    pub(crate) number: u64,
    /// The slots that count.
    pub(crate) first: Slot,
    /// The last of them.
    pub(crate) last: Slot,
    /// The frame, if it is in memory.
    pub(crate) frame: Option<Arc<GivenFrame>>,
}

/// The frames that are not on disk yet.
#[derive(Debug)]
pub(crate) struct Given {
    inner: Mutex<Inner>,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
struct Inner {
    next: u64,
    frames: VecDeque<Arc<GivenFrame>>,
}

impl Given {
    /// Resumes after the frames that are on disk.
    pub(crate) fn resume(next: u64) -> Self {
        let inner = Mutex::new(Inner { next, frames: VecDeque::new() });
        Self { inner, room: Arc::new(Semaphore::new(UNSTORED_BYTES_MAX)) }
    }

    /// Notes a frame; waits while too much is not stored.
    pub(crate) async fn note(
        &self,
        scheduler: UnitId,
        bytes: Bytes,
        runs: Vec<Run>,
        controls: Vec<(ProcessId, Slot, Vec<u8>)>,
    ) {
        let size = u32::try_from(bytes.len().min(UNSTORED_BYTES_MAX)).unwrap_or(u32::MAX);
        let share = Arc::clone(&self.room).acquire_many_owned(size).await;
        let share = Some(share.expect("the semaphore is never closed"));
        let mut inner = self.lock();
        let number = inner.next;
        inner.next = number.saturating_add(1);
        let frame = GivenFrame { number, scheduler, bytes, runs, controls, _share: share };
        inner.frames.push_back(Arc::new(frame));
    }

    /// The frames that are not on disk yet, oldest first.
    pub(crate) fn unstored(&self) -> Vec<Arc<GivenFrame>> {
        self.lock().frames.iter().cloned().collect()
    }

    /// Learns that all frames before a number are on disk.
    pub(crate) fn mark_stored(&self, before: u64) {
        let mut inner = self.lock();
        while inner.frames.front().is_some_and(|frame| frame.number < before) {
            inner.frames.pop_front();
        }
    }

    /// The pieces of a log in memory, in order. What a later piece begins with takes the place of what
    /// earlier ones have there, on disk as well.
    pub(crate) fn pieces(&self, process: &ProcessId) -> Vec<Piece> {
        let frames = self.unstored();
        let mut pieces = Vec::new();
        for frame in frames {
            for run in frame.runs.iter().filter(|run| run.process == *process) {
                cut(&mut pieces, run.first);
                let (number, first, last) = (frame.number, run.first, run.last);
                pieces.push(Piece { number, first, last, frame: Some(Arc::clone(&frame)) });
            }
        }
        pieces
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GivenFrame {
    /// A frame that nobody has to wait for.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) fn new(number: u64, scheduler: UnitId, bytes: Bytes, runs: Vec<Run>) -> Self {
        Self { number, scheduler, bytes, runs, controls: Vec::new(), _share: None }
    }
}

/// Lets pieces end before a slot.
pub(crate) fn cut(pieces: &mut Vec<Piece>, from: Slot) {
    let before = from.get().checked_sub(1).map(Slot::new);
    pieces.retain_mut(|piece| {
        let starts_before = piece.first < from;
        if let (true, Some(before)) = (starts_before, before) {
            piece.last = piece.last.min(before);
        }
        // Refusals alone stand behind the slot before them.
        starts_before || piece.first == from && piece.last < from
    });
}
