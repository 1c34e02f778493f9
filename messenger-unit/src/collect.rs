//! Gathers the receipts of several compute units until they are as many as a policy demands. Pure.
//!
//! # Invariants
//!
//! - Receipts are gathered for one outcome only: those of a unit that states another one never count.
//! - At most [`Collector::SLOTS_MAX`] slots wait; what does not fit is for its owner to find again.

use std::{collections::BTreeMap, sync::Arc};

use protocol::{Hash, ProcessId, Slot};

use crate::parcel::{ReceiptPart, SlotProof};

/// An outcome that some units state, by its digest.
type Rival = (Hash, Box<SlotProof>);

/// Slots that wait for more receipts.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    waiting: BTreeMap<(ProcessId, Slot), Vec<Rival>>,
}

/// What became of a receipt.
#[derive(Debug)]
pub(crate) enum Collected {
    /// It is the first of its slot, which waits for more.
    First,
    /// It is not enough yet, or was known.
    More,
    /// It was the last one needed; the slot no longer waits.
    Complete(Arc<SlotProof>),
    /// There is no room.
    Full(Box<SlotProof>),
}

impl Collector {
    /// Slots that may wait.
    pub(crate) const SLOTS_MAX: usize = 16_384;

    /// Outcomes that units may state for one slot before the rest is ignored.
    const RIVALS_MAX: usize = 8;

    /// Whether a slot waits for receipts.
    pub(crate) fn wants(&self, process: ProcessId, slot: Slot) -> bool {
        self.waiting.contains_key(&(process, slot))
    }

    /// The first slot of a process that waits for receipts.
    pub(crate) fn first(&self, process: ProcessId) -> Option<Slot> {
        let all = (process, Slot::ZERO)..=(process, Slot::new(u64::MAX));
        self.waiting.range(all).next().map(|((_, slot), _)| *slot)
    }

    /// Lets go of slots of a process from one on, and names them.
    pub(crate) fn take_from(&mut self, process: ProcessId, first: Slot) -> Vec<Slot> {
        let void = (process, first)..=(process, Slot::new(u64::MAX));
        let slots: Vec<_> = self.waiting.range(void).map(|((_, slot), _)| *slot).collect();
        for slot in &slots {
            self.waiting.remove(&(process, *slot));
        }
        slots
    }

    /// Lets go of a slot, for which one receipt is enough by now; whether it waited.
    pub(crate) fn end(&mut self, process: ProcessId, slot: Slot) -> bool {
        self.waiting.remove(&(process, slot)).is_some()
    }

    /// Adds a slot's proof, which has one receipt, and tells whether `quorum` agree now.
    pub(crate) fn add(&mut self, proof: Box<SlotProof>, quorum: usize) -> Collected {
        let key = (proof.source, proof.slot);
        let digest = proof.tree.root();
        let full = self.waiting.len() >= Self::SLOTS_MAX;
        let Some(rivals) = self.waiting.get_mut(&key) else {
            if full {
                return Collected::Full(proof);
            }
            self.waiting.insert(key, vec![(digest, proof)]);
            return Collected::First;
        };
        let Some(position) = rivals.iter().position(|(rival, _)| *rival == digest) else {
            if rivals.len() < Self::RIVALS_MAX {
                rivals.push((digest, proof));
            }
            return Collected::More;
        };
        let Some((_, held)) = rivals.get_mut(position) else { return Collected::More };
        let known =
            |receipt: &ReceiptPart| held.receipts.iter().any(|old| old.unit() == receipt.unit());
        let fresh: Vec<_> = proof.receipts.into_iter().filter(|new| !known(new)).collect();
        held.receipts.extend(fresh);
        if held.receipts.len() < quorum {
            return Collected::More;
        }
        let (_, complete) = rivals.swap_remove(position);
        self.waiting.remove(&key);
        Collected::Complete(Arc::from(complete))
    }
}

#[cfg(test)]
mod tests;
