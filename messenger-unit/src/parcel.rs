//! What is delivered: an outbox item with all that proves where it comes from.

use std::sync::Arc;

use protocol::{
    AssignmentProof, Delivery, ItemBody, MerklePath, MerkleTree, OutboxItem, ProcessId, Receipt,
    Slot,
};

use crate::outbox::{Item, PairKey};

/// What proves the items of one slot, shared among them.
#[derive(Debug, Clone)]
pub(crate) struct SlotProof {
    /// Who emitted.
    pub(crate) source: ProcessId,
    /// In which slot.
    pub(crate) slot: Slot,
    /// Everything emitted in that slot.
    pub(crate) outbox: Vec<OutboxItem>,
    /// The outcome's tree: the head, then the items.
    pub(crate) tree: MerkleTree,
    /// As many as the source's policy demands.
    pub(crate) receipts: Vec<Receipt>,
    /// The source scheduler's assignment of the slot.
    pub(crate) assignment: AssignmentProof,
}

/// One item of a slot.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    /// The slot's proof.
    pub(crate) proof: Arc<SlotProof>,
    /// The item's position in the outbox.
    index: u32,
}

/// About what a parcel keeps in memory beside its item.
const PARCEL_WEIGHT: usize = 1_024;

impl SlotProof {
    /// The items to deliver, in order, with their pairs.
    pub(crate) fn items(self: &Arc<Self>) -> Vec<(PairKey, Item<Parcel>)> {
        tells(&self.outbox)
            .filter_map(|item| {
                let pair = PairKey { source: self.source, target: item.target };
                let payload = Parcel { proof: Arc::clone(self), index: item.index };
                let number = item.pair?.number;
                let weight = PARCEL_WEIGHT + weight(item);
                Some((pair, Item { number, slot: self.slot, weight, payload }))
            })
            .collect()
    }
}

/// The items of an outbox that are delivered: tells, at the position they name, with a number.
pub(crate) fn tells(outbox: &[OutboxItem]) -> impl Iterator<Item = &OutboxItem> {
    let tell = |(item, position): &(&OutboxItem, u32)| {
        matches!(item.body, ItemBody::Tell { .. }) && item.pair.is_some() && item.index == *position
    };
    outbox.iter().zip(0_u32..).filter(tell).map(|(item, _)| item)
}

fn weight(item: &OutboxItem) -> usize {
    match &item.body {
        ItemBody::Tell { method, args } => method.len() + args.len(),
        _ => 0,
    }
}

impl Parcel {
    /// The entry and the path of its item; nothing if the position is not in the outbox.
    pub(crate) fn delivery(&self) -> Option<(Delivery, MerklePath)> {
        let SlotProof { source, slot, outbox, tree, .. } = &*self.proof;
        let item = outbox.get(usize::try_from(self.index).ok()?)?.clone();
        let path = tree.path(self.index.checked_add(1)?)?;
        Some((Delivery { source: *source, slot: *slot, item }, path))
    }
}
