//! What a simulated unit keeps: the frames it has published, of which a crash leaves those that were
//! synced.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use protocol::{
    ProcessId, Slot, UnitId,
    api::{Cursor, FollowFrame},
};

use crate::{
    agenda::{AgendaChange, Fresh},
    store::Head,
};

/// A published frame.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) frame: FollowFrame,
    pub(super) bytes: Bytes,
    pub(super) agenda: Vec<AgendaChange>,
}

#[derive(Debug, Default)]
struct Files {
    frames: Vec<Arc<Frame>>,
    durable: usize,
    schedulers: BTreeMap<ProcessId, UnitId>,
    refuses: bool,
}

/// A disk. Clones are of one and the same.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<Files>>);

impl Disk {
    /// The power fails: what was not synced is gone.
    pub fn crash(&self) {
        let mut files = self.lock();
        let durable = files.durable;
        files.frames.truncate(durable);
        files.refuses = false;
    }

    /// Takes nothing any more, or everything again.
    pub fn refuse(&self, refuses: bool) {
        self.lock().refuses = refuses;
    }

    pub(super) fn sync(&self) {
        let mut files = self.lock();
        if !files.refuses {
            files.durable = files.frames.len();
        }
    }

    pub(super) fn publish(&self, frame: Frame) {
        self.lock().frames.push(Arc::new(frame));
    }

    pub(super) fn note(&self, process: ProcessId, scheduler: UnitId) {
        self.lock().schedulers.insert(process, scheduler);
    }

    pub(super) fn scheduler(&self, process: &ProcessId) -> Option<UnitId> {
        self.lock().schedulers.get(process).copied()
    }

    pub(super) fn frames(&self) -> Vec<Arc<Frame>> {
        self.lock().frames.clone()
    }

    pub(super) fn frame(&self, number: usize) -> Option<Bytes> {
        self.lock().frames.get(number).map(|frame| frame.bytes.clone())
    }

    /// What was published of each process.
    pub(super) fn heads(&self) -> BTreeMap<ProcessId, Head> {
        let files = self.lock();
        let slots = files.frames.iter().flat_map(|frame| &frame.frame.slots);
        let head = |leaf: &protocol::ReceiptLeaf| {
            let next = leaf.slot.next().unwrap_or(leaf.slot);
            Head { next, leaf: leaf.digest() }
        };
        slots.map(|slot| (slot.leaf.process, head(&slot.leaf))).collect()
    }

    /// What processes wait for.
    pub(super) fn agenda(&self) -> Fresh {
        let files = self.lock();
        let mut agenda = Fresh::default();
        let changes = files.frames.iter().flat_map(|frame| &frame.agenda);
        changes.for_each(|change| agenda.apply(change));
        agenda
    }

    /// The first frame that holds a slot from a cursor on, or that is not durable.
    pub(super) fn first_needed(&self, cursors: &[Cursor]) -> usize {
        let wanted: BTreeMap<ProcessId, Slot> =
            cursors.iter().map(|cursor| (cursor.process, cursor.slot)).collect();
        let files = self.lock();
        let holds = |frame: &Arc<Frame>| {
            frame.frame.slots.iter().any(|slot| {
                let from = wanted.get(&slot.leaf.process).copied().unwrap_or_default();
                slot.leaf.slot >= from
            })
        };
        files.frames.iter().position(holds).unwrap_or(files.frames.len()).min(files.durable)
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
