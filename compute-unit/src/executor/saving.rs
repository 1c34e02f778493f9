//! Writes checkpoints of processes as they execute, and lets processes leave memory.

use std::sync::Arc;

use super::{
    Shared,
    hosted::{Hosted, Seat, Since},
    lock,
    settle::discard,
};
use crate::{checkpoint::Job, instance::HostFault};

/// Processes that one call lets leave for want of room.
const LEAVING_AT_ONCE: usize = 8;
/// Idle processes that one sweep lets leave.
const SWEPT_AT_ONCE: usize = 512;
/// Sweeps that a process may sleep through.
const SWEEPS: u64 = 3;

/// When a checkpoint of a process at work is due.
#[derive(Debug, Clone, Copy)]
pub struct Interval {
    /// After so many slots.
    pub slots: u64,
    /// After so much gas.
    pub gas: u64,
    /// After so many bytes of entries.
    pub bytes: u64,
}

impl Interval {
    /// Whether a checkpoint is due after so much.
    pub(super) const fn is_over(&self, since: &Since) -> bool {
        since.slots >= self.slots || since.gas >= self.gas || since.bytes >= self.bytes
    }
}

/// Has a checkpoint of a process in memory written, unless one is under way or there is no room.
pub(super) fn save(
    shared: &Arc<Shared>,
    hosted: &Arc<Hosted>,
    seat: &mut Seat,
) -> Result<(), HostFault> {
    let Some(writer) = shared.writer() else { return Ok(()) };
    let Some(process) = seat.process.as_mut() else { return Ok(()) };
    let mut saving = lock(&hosted.saving);
    if saving.under_way || !writer.has_room() {
        return Ok(());
    }
    let Some(saved) = process.save(saving.whole)? else { return Ok(()) };
    seat.since = Since::default();
    saving.under_way = true;
    drop(saving);
    let slot = saved.position.slot;
    let (shared, hosted) = (Arc::clone(shared), Arc::clone(hosted));
    let done = Box::new(move |stored: bool| {
        {
            let mut saving = lock(&hosted.saving);
            saving.under_way = false;
            if std::mem::take(&mut saving.void) {
                discard(&shared, &hosted, slot);
            } else {
                saving.whole = !stored;
                if stored {
                    saving.slot = Some(slot);
                }
            }
        }
        if lock(&shared.residents).is_leaving(&hosted.id) {
            leave(&shared, &hosted);
        }
    });
    writer.write(Job { saved, done });
    Ok(())
}

/// Lets processes leave until there is room.
pub(super) fn make_room(shared: &Arc<Shared>) {
    for _ in 0..LEAVING_AT_ONCE {
        let next = lock(&shared.residents).next_to_leave();
        let Some(hosted) = next else { break };
        leave(shared, &hosted);
    }
    if lock(&shared.residents).is_overfull()
        && let Some(writer) = shared.writer()
    {
        // More come than the disk lets leave: whoever executes waits for it.
        writer.catch_up();
    }
}

/// Lets processes leave that were not used for some sweeps.
pub(super) fn sweep(shared: &Arc<Shared>) {
    if let Some(writer) = shared.writer() {
        writer.try_again();
    }
    let old = lock(&shared.residents).age(SWEEPS, SWEPT_AT_ONCE);
    old.iter().for_each(|hosted| leave(shared, hosted));
}

/// Takes a process out of memory, at once if its checkpoint is stored, else when it will be.
fn leave(shared: &Arc<Shared>, hosted: &Arc<Hosted>) {
    // Whoever executes it at the moment says so when the turn is over.
    let Ok(mut seat) = hosted.seat.try_lock() else { return };
    let Some(process) = &seat.process else {
        return lock(&shared.residents).remove(&hosted.id);
    };
    let stored = lock(&hosted.saving).slot;
    if stored.is_some() && stored == process.last() {
        seat.process = None;
        lock(&hosted.inbox).rest();
        shared.metrics.processes_evicted.increment();
        return lock(&shared.residents).remove(&hosted.id);
    }
    let bytes = process.memory_bytes();
    if let Err(fault) = save(shared, hosted, &mut seat) {
        super::settle::fall_back(shared, hosted, &mut seat, fault);
    } else if !lock(&hosted.saving).under_way {
        // It could not be written now: it stays, and its turn comes again.
        lock(&shared.residents).touch(hosted, bytes);
    }
}
