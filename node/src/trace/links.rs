//! What causes what: from an entry back to the slot that emitted it, and from an outbox item on to
//! the entries that it becomes. Pure.

use protocol::{
    Delivery, Entry, EntryId, ItemBody, OutboxItem, ProcessId, Slot, Timer, TimerKind, Timestamp,
};

/// The process, slot and outbox position that an entry stems from.
pub(crate) const fn emitted_by(entry: &Entry) -> Option<(ProcessId, Slot, u32)> {
    match entry {
        Entry::Delivery(delivery) | Entry::Skip(delivery) => {
            Some((delivery.source, delivery.slot, delivery.item.index))
        }
        Entry::Timer(timer) => Some((timer.process, timer.slot, timer.index)),
        Entry::Spawn(_) | Entry::Message(_) | Entry::Answer(_) | Entry::Control(_) => None,
    }
}

/// The entry that an outbox item becomes in its target's log.
pub(crate) fn entry_of(source: ProcessId, slot: Slot, item: &OutboxItem) -> Option<EntryId> {
    let delivery = Delivery { source, slot, item: item.clone() };
    match item.body {
        ItemBody::Timer { .. } | ItemBody::CancelTimer { .. } | ItemBody::Answered { .. } => None,
        ItemBody::Skip(_) => Some(delivery.skip_id()),
        // A birth that a process asks for is a delivery as well: only what an account has signed
        // has the digest of the spawn for its id.
        ItemBody::Spawn(..)
        | ItemBody::Tell { .. }
        | ItemBody::Ask { .. }
        | ItemBody::Reply { .. } => Some(delivery.delivery_id()),
    }
}

/// The entry of a timer's occurrence, or of the end of an ask or a birth: kind and time are not in
/// the id.
pub(super) fn timer_entry(process: ProcessId, slot: Slot, index: u32, occurrence: u64) -> EntryId {
    let (kind, due) = (TimerKind::Timer, Timestamp::ZERO);
    Entry::Timer(Timer { process, slot, index, occurrence, kind, due }).id()
}
