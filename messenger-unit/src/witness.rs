//! Compares what compute units state of slots that came by lately: two receipts that contradict each
//! other are a fault of at least one of their units. Pure.
//!
//! Most slots come once. Where several units execute a process, because its policy demands it or
//! because one steps in for another, the second statement is compared with the first, if that is
//! recent.
//!
//! # Invariants
//!
//! - At most [`BYTES_MAX`] bytes of frames are held, and the last frame.
//! - A process is reported once, and no more than [`REPORTS_MAX`] are: after the first contradiction
//!   all later slots contradict each other as well.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use protocol::{Fault, NetworkId, ProcessId, Slot, api::FollowSlot, codec};
use transport::FaultFiles;

use crate::check::Frame;

/// Bytes of frames held, as they were on the wire.
const BYTES_MAX: usize = 8 << 20;

/// Contradictions reported.
const REPORTS_MAX: usize = 256;

// Each is a file.
const _: () = assert!(REPORTS_MAX <= FaultFiles::MAX);

/// The frames that came lately.
#[derive(Debug)]
pub(crate) struct Witness {
    network: NetworkId,
    frames: VecDeque<Arc<Frame>>,
    /// The number of the oldest frame held.
    oldest: u64,
    bytes: usize,
    /// Where a slot came first: the number of its frame, and its position in it.
    slots: HashMap<(ProcessId, Slot), (u64, usize)>,
    reported: HashSet<ProcessId>,
}

impl Witness {
    /// Has seen nothing.
    pub(crate) fn new(network: NetworkId) -> Self {
        Self {
            network,
            frames: VecDeque::new(),
            oldest: 0,
            bytes: 0,
            slots: HashMap::new(),
            reported: HashSet::new(),
        }
    }

    /// Remembers checked slots of a frame, those that come for the first time.
    pub(crate) fn keep(&mut self, frame: &Arc<Frame>, positions: &[usize]) {
        let number = self.oldest + self.frames.len() as u64;
        let mut held = false;
        for position in positions {
            let Some(slot) = frame.inner.slots.get(*position) else { continue };
            let place = (slot.leaf.process, slot.leaf.slot);
            held |= *self.slots.entry(place).or_insert((number, *position)) == (number, *position);
        }
        if !held {
            return;
        }
        self.bytes += frame.bytes;
        self.frames.push_back(Arc::clone(frame));
        while self.bytes > BYTES_MAX && self.frames.len() > 1 {
            self.forget();
        }
    }

    /// Whether a slot has come lately.
    pub(crate) fn has_seen(&self, slot: &FollowSlot) -> bool {
        self.slots.contains_key(&(slot.leaf.process, slot.leaf.slot))
    }

    /// Compares a slot of a frame with what another one stated of it, and tells if they contradict
    /// each other. The frame's signature holds; that its unit's word counts is for the caller to
    /// check.
    pub(crate) fn contradiction(&self, frame: &Frame, slot: &FollowSlot) -> Option<Fault> {
        let leaf = &slot.leaf;
        let (number, position) = self.slots.get(&(leaf.process, leaf.slot))?;
        let index = usize::try_from(number.checked_sub(self.oldest)?).ok()?;
        let other = self.frames.get(index)?;
        let first = other.inner.slots.get(*position)?;
        if first.leaf == *leaf || self.reported.contains(&leaf.process) {
            return None;
        }
        let mut receipts = [other.receipt(first)?, frame.receipt(slot)?].map(Box::new);
        // In one order, whichever came first.
        receipts.sort_by_cached_key(|receipt| codec::encode(&**receipt));
        let [one, two] = receipts;
        let fault = Fault::Receipts(one, two);
        fault.culprits(self.network).is_ok().then_some(fault)
    }

    /// Takes note that a process is reported; whether there is room for it.
    pub(crate) fn report(&mut self, process: ProcessId) -> bool {
        self.reported.len() < REPORTS_MAX && self.reported.insert(process)
    }

    fn forget(&mut self) {
        let Some(frame) = self.frames.pop_front() else { return };
        self.bytes -= frame.bytes;
        for slot in &frame.inner.slots {
            let place = (slot.leaf.process, slot.leaf.slot);
            if self.slots.get(&place).is_some_and(|(number, _)| *number == self.oldest) {
                self.slots.remove(&place);
            }
        }
        self.oldest += 1;
    }
}

#[cfg(test)]
pub(crate) mod tests;
