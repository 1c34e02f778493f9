//! What is delivered: an outbox item with all that proves where it comes from.

use std::sync::Arc;

use protocol::{
    AskAnswer, Assignment, AssignmentProof, BatchHeader, Delivery, Entry, Hash, ItemBody,
    MerklePath, MerkleTree, OutboxItem, PairNumber, ProcessId, Receipt, ReceiptBatch, ReceiptLeaf,
    Signed, Slot, UnitId,
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
    pub(crate) receipts: Vec<ReceiptPart>,
    /// The source scheduler's assignment of the slot.
    pub(crate) assignment: AssignmentPart,
}

/// A [`Receipt`] whose batch is shared.
#[derive(Debug, Clone)]
pub(crate) struct ReceiptPart {
    /// What is stated.
    pub(crate) stated: ReceiptLeaf,
    /// Its digest in the tree.
    pub(crate) leaf: Hash,
    /// From there to the root.
    pub(crate) path: MerklePath,
    /// The signed root.
    pub(crate) batch: Arc<Signed<ReceiptBatch>>,
}

/// An [`AssignmentProof`] whose batch is shared.
#[derive(Debug, Clone)]
pub(crate) struct AssignmentPart {
    /// What was assigned.
    pub(crate) assignment: Assignment,
    /// Its digest in the tree.
    pub(crate) leaf: Hash,
    /// From there to the root.
    pub(crate) path: MerklePath,
    /// The signed root.
    pub(crate) batch: Arc<Signed<BatchHeader>>,
}

impl ReceiptPart {
    /// Who states it.
    pub(crate) fn unit(&self) -> UnitId {
        self.batch.unverified().unit
    }
}

impl From<Receipt> for ReceiptPart {
    fn from(Receipt { leaf: stated, path, batch }: Receipt) -> Self {
        Self { leaf: stated.leaf(), stated, path, batch: Arc::new(batch) }
    }
}

impl From<AssignmentProof> for AssignmentPart {
    fn from(AssignmentProof { assignment, path, batch }: AssignmentProof) -> Self {
        Self { leaf: assignment.leaf(), assignment, path, batch: Arc::new(batch) }
    }
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

/// What an outbox holds, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Items for other processes, and words that some of them will never come.
    pub(crate) parcels: usize,
    /// Items that nobody need do anything about, or that break a rule.
    pub(crate) rest: usize,
}

impl Contents {
    /// Counts the items of an outbox.
    pub(crate) fn of(outbox: &[OutboxItem]) -> Self {
        let mut contents = Self::default();
        for (item, position) in outbox.iter().zip(0_u32..) {
            let dated = is_dated(item);
            let parcel = is_delivered(item, position) || is_skip(item, position);
            contents.parcels += usize::from(parcel);
            contents.rest += usize::from(!dated && !parcel);
        }
        contents
    }
}

impl SlotProof {
    /// The items to deliver, in order, with their pairs.
    pub(crate) fn items(
        self: &Arc<Self>,
    ) -> impl Iterator<Item = (PairKey, Item<Parcel>)> + use<'_> {
        deliveries(&self.outbox).filter_map(|item| {
            let pair = PairKey { source: self.source, target: item.target };
            let number = item.pair?.number;
            let weight = PARCEL_WEIGHT + weight(item);
            let skippable = !matches!(item.body, ItemBody::Spawn(..));
            let asks = matches!(item.body, ItemBody::Ask { .. });
            let payload = self.parcel(item.index);
            Some((pair, Item { number, slot: self.slot, weight, skippable, asks, payload }))
        })
    }

    /// The numbers that the source has given up, with their pairs.
    pub(crate) fn skips(
        self: &Arc<Self>,
    ) -> impl Iterator<Item = (PairKey, PairNumber, Parcel)> + use<'_> {
        let skips = self.outbox.iter().zip(0_u32..);
        skips.filter(|(item, position)| is_skip(item, *position)).filter_map(|(item, _)| {
            let ItemBody::Skip(number) = item.body else { return None };
            let pair = PairKey { source: self.source, target: item.target };
            Some((pair, number, self.parcel(item.index)))
        })
    }

    /// One item of the slot.
    pub(crate) fn parcel(self: &Arc<Self>, index: u32) -> Parcel {
        Parcel { proof: Arc::clone(self), index }
    }
}

/// The items of an outbox that are delivered, at the position they name, with a number.
pub(crate) fn deliveries(outbox: &[OutboxItem]) -> impl Iterator<Item = &OutboxItem> {
    let items = outbox.iter().zip(0_u32..);
    items.filter(|(item, position)| is_delivered(item, *position)).map(|(item, _)| item)
}

/// Whether an item comes due at some time, or ends one that would.
pub(crate) const fn is_dated(item: &OutboxItem) -> bool {
    matches!(
        item.body,
        ItemBody::Ask { .. }
            | ItemBody::Spawn(_, Some(_))
            | ItemBody::Timer { .. }
            | ItemBody::CancelTimer { .. }
    )
}

fn is_delivered(item: &OutboxItem, position: u32) -> bool {
    let kind = match item.body {
        ItemBody::Tell { .. }
        | ItemBody::Ask { .. }
        | ItemBody::Reply { .. }
        | ItemBody::Spawn(..) => true,
        ItemBody::Skip(_)
        | ItemBody::Timer { .. }
        | ItemBody::CancelTimer { .. }
        | ItemBody::Answered { .. } => false,
    };
    kind && item.pair.is_some() && item.index == position
}

fn is_skip(item: &OutboxItem, position: u32) -> bool {
    matches!(item.body, ItemBody::Skip(_)) && item.index == position
}

fn weight(item: &OutboxItem) -> usize {
    match &item.body {
        ItemBody::Tell { method, args } | ItemBody::Ask { method, args, .. } => {
            method.len() + args.len()
        }
        ItemBody::Reply { answer: AskAnswer::Value(value), .. } => value.len(),
        ItemBody::Reply { answer: AskAnswer::Failure(failure, _), .. } => {
            failure.code.len() + failure.detail.len()
        }
        ItemBody::Spawn(bytes, _) => bytes.len(),
        _ => 0,
    }
}

impl Parcel {
    /// The item; nothing if the position is not in the outbox.
    pub(crate) fn item(&self) -> Option<&OutboxItem> {
        self.proof.outbox.get(usize::try_from(self.index).ok()?)
    }

    /// The path of the item in the outcome's tree.
    pub(crate) fn path(&self) -> Option<MerklePath> {
        self.proof.tree.path(self.index.checked_add(1)?)
    }

    /// The entry: a delivery, or the skip of one.
    pub(crate) fn entry(&self) -> Option<Entry> {
        let item = self.item()?.clone();
        let delivery = Delivery { source: self.proof.source, slot: self.proof.slot, item };
        Some(match delivery.item.body {
            ItemBody::Skip(_) => Entry::Skip(delivery),
            _ => Entry::Delivery(delivery),
        })
    }

    /// The bytes of the spawn that it carries, if it is a birth.
    pub(crate) fn birth(&self) -> Option<&[u8]> {
        match &self.item()?.body {
            ItemBody::Spawn(bytes, _) => Some(bytes),
            _ => None,
        }
    }

    /// Whether its source waits for what becomes of it.
    pub(crate) fn is_awaited(&self) -> bool {
        let awaited = |item: &OutboxItem| {
            matches!(item.body, ItemBody::Ask { .. } | ItemBody::Spawn(_, Some(_)))
        };
        self.item().is_some_and(awaited)
    }
}

#[cfg(test)]
mod tests;
