//! Brings a process back to what a takeover has left of its log: the slots behind are void, and what
//! this unit made of them is dropped. Its receipts for them stay true: they are of another chain.

use std::sync::Arc;

use protocol::{Assignment, ControlAction, Entry, Position, Slot};

use super::{
    Rewind, Shared,
    hosted::{Hosted, Saving, Seat, Void},
    lock,
    settle::{discard, rewind_as},
};

/// What is void for a slot that is about to be queued behind a position: only a takeover that stands
/// where a slot of an epoch before was queued makes something void.
pub(super) fn made_by(
    assignment: &Assignment,
    entry: &Entry,
    last: Option<&Position>,
) -> Option<Void> {
    let Entry::Control(control) = entry else { return None };
    let ControlAction::Takeover { slot, chain, .. } = &control.unverified().action else {
        return None;
    };
    let last = last?;
    (assignment.slot <= last.slot && assignment.epoch > last.epoch)
        .then_some(Void { slot: *slot, chain: *chain })
}

/// Lets go of all that came of void slots, and has the log read again from before them.
pub(super) fn bring_back(shared: &Arc<Shared>, hosted: &Arc<Hosted>, seat: &mut Seat, void: Void) {
    let executed = seat.position.filter(|position| position.slot >= void.slot);
    let Some(position) = executed else {
        // Only what was queued is void.
        let rewind = Rewind { to: seat.position, alone: false };
        return rewind_as(shared, hosted, seat, rewind);
    };
    let chain = if position.slot == void.slot {
        Some(position.chain)
    } else {
        shared.published.chain(&hosted.id, void.slot)
    };
    // Otherwise the lost scheduler signed other slots than those that count.
    let counts = chain == Some(void.chain);
    tracing::warn!(
        process = %hosted.id, last = %void.slot, executed = %position.slot, counts,
        "a takeover makes executed slots void; they are executed again as they are now"
    );
    shared.metrics.processes_voided.increment();
    if counts && position.slot == void.slot {
        return rewind_as(shared, hosted, seat, Rewind { to: Some(position), alone: false });
    }
    seat.process = None;
    seat.restored = None;
    lock(&shared.residents).remove(&hosted.id);
    let from = if counts { void.slot.next() } else { Some(Slot::ZERO) };
    drop_checkpoints(shared, hosted, from);
    let to = if counts { shared.store.newest(&hosted.id, void.slot).ok().flatten() } else { None };
    if !counts {
        seat.published = None;
        lock(&hosted.inbox).given = Slot::ZERO;
    }
    let to = to.map(|checkpoint| checkpoint.position);
    rewind_as(shared, hosted, seat, Rewind { to, alone: !counts });
}

/// Drops the checkpoints from a slot on, one that is being written among them.
fn drop_checkpoints(shared: &Shared, hosted: &Hosted, from: Option<Slot>) {
    {
        let mut saving = lock(&hosted.saving);
        *saving =
            Saving { under_way: saving.under_way, void: saving.under_way, ..Saving::default() };
    }
    let newest = || shared.store.newest_slot(&hosted.id, Slot::new(u64::MAX)).ok().flatten();
    while let (Some(slot), Some(from)) = (newest(), from)
        && slot >= from
        && discard(shared, hosted, slot)
    {}
}

#[cfg(test)]
mod tests;
