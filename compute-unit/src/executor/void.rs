//! Brings a process back to what a takeover has left of its log: the slots behind are void, and what
//! this unit made of them is dropped. Its receipts for them stay true: they are of another chain.

use std::sync::Arc;

use protocol::{Assignment, ControlAction, Entry, Hash, ProcessId, Slot};

use super::{
    Rewind, Shared,
    hosted::{Hosted, Inbox, Seat, Void},
    lock,
    settle::{discard, rewind_as},
};
use crate::store::Head;

/// The last slot that counts of the epoch before and its chain hash, by a takeover.
pub(super) fn end_by(entry: &Entry) -> Option<(Slot, Hash)> {
    let Entry::Control(control) = entry else { return None };
    match &control.unverified().action {
        ControlAction::Takeover { slot, chain, .. } => Some((*slot, *chain)),
        _ => None,
    }
}

/// What is void for a slot that is about to be queued: only a takeover that does not follow what was
/// queued of an epoch before makes something void.
pub(super) fn made_by(assignment: &Assignment, entry: &Entry, inbox: &Inbox) -> Option<Void> {
    let (slot, chain) = end_by(entry)?;
    let last = inbox.last.filter(|last| assignment.epoch > last.epoch)?;
    let forked = inbox.forked || last.slot == slot && last.chain != chain;
    (forked || last.slot > slot).then_some(Void { slot, chain, forked })
}

/// Whether slots were published in the place of a takeover, of another log than that which it goes on
/// with.
pub(super) fn is_other_log(
    shared: &Shared,
    process: &ProcessId,
    published: Option<&Head>,
    (takeover, (last, chain)): (Slot, (Slot, Hash)),
) -> bool {
    published.is_some_and(|head| head.next > takeover)
        && shared.published.chain(process, last).is_some_and(|known| known != chain)
}

/// Lets go of all that came of void slots, and has the log read again from before them.
pub(super) fn bring_back(shared: &Arc<Shared>, hosted: &Arc<Hosted>, seat: &mut Seat, void: Void) {
    let executed = seat.position.filter(|position| position.slot >= void.slot);
    if executed.is_none() && !void.forked {
        // Only what was queued is void.
        let rewind = Rewind { to: seat.position, alone: false };
        return rewind_as(shared, hosted, seat, rewind);
    }
    let at_end = executed.filter(|position| position.slot == void.slot);
    let chain = || match at_end {
        Some(position) => Some(position.chain),
        None => shared.published.chain(&hosted.id, void.slot),
    };
    // Otherwise the lost scheduler signed other slots than those that count.
    let counts = !void.forked && chain() == Some(void.chain);
    tracing::warn!(
        process = %hosted.id, last = %void.slot, executed = ?seat.position, counts,
        "a takeover makes executed slots void; they are executed again as they are now"
    );
    shared.metrics.processes_voided.increment();
    if counts && at_end.is_some() {
        return rewind_as(shared, hosted, seat, Rewind { to: at_end, alone: false });
    }
    seat.process = None;
    seat.restored = None;
    lock(&shared.residents).remove(&hosted.id);
    let from = if counts { void.slot.next() } else { Some(Slot::ZERO) };
    drop_checkpoints(shared, hosted, from);
    let to = if counts { shared.store.newest(&hosted.id, void.slot).ok().flatten() } else { None };
    if !counts {
        seat.published = None;
        seat.forked = false;
        lock(&hosted.inbox).given = Slot::ZERO;
    }
    let to = to.map(|checkpoint| checkpoint.position);
    rewind_as(shared, hosted, seat, Rewind { to, alone: !counts });
}

/// Drops the checkpoints from a slot on, one that is being written among them.
fn drop_checkpoints(shared: &Shared, hosted: &Hosted, from: Option<Slot>) {
    {
        let mut saving = lock(&hosted.saving);
        saving.begin(None);
        saving.void = saving.under_way;
    }
    let newest = || shared.store.newest_slot(&hosted.id, Slot::new(u64::MAX)).ok().flatten();
    while let (Some(slot), Some(from)) = (newest(), from)
        && slot >= from
        && discard(shared, hosted, slot)
    {}
}

#[cfg(test)]
mod tests;
