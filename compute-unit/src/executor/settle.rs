//! Brings a process into memory: new, from its newest checkpoint, or back to where its log has to
//! be read again.

use std::sync::Arc;

use protocol::{Checkpoint, Entry, ItemBody, Position, Slot, Spawn, codec};

use super::{
    Rewind, Shared,
    hosted::{Hosted, Seat, Since, next},
    lock, void,
};
use crate::{
    checkpoint,
    database::StoreError,
    instance::HostFault,
    process::{Process, Restored},
};

/// How bringing a process into memory ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// It is in memory, where it was.
    Here,
    /// Something is missing that will come: its spawn, or its module.
    Waits,
    /// Its log is read again from an earlier slot.
    Rewound,
}

/// Brings a process into memory if it is not there.
pub(super) fn settle(
    shared: &Arc<Shared>,
    hosted: &Arc<Hosted>,
    seat: &mut Seat,
) -> Result<Settled, HostFault> {
    // Not in the condition, which would hold the lock for as long as the branch takes it again.
    let void = lock(&hosted.inbox).void;
    if let Some(void) = void {
        void::bring_back(shared, hosted, seat, void);
        return Ok(Settled::Rewound);
    }
    if seat.process.is_some() {
        return Ok(Settled::Here);
    }
    let Some(position) = seat.position else { return give_birth(shared, hosted, seat) };
    loop {
        let (found, restored) = match load(shared, hosted, position.slot) {
            Loaded::None => {
                rewind(shared, hosted, seat, None);
                return Ok(Settled::Rewound);
            }
            Loaded::Damaged(slot) => match discard(shared, hosted, slot) {
                true => continue,
                false => {
                    rewind(shared, hosted, seat, None);
                    return Ok(Settled::Rewound);
                }
            },
            Loaded::Found(found, restored) => (found, restored),
        };
        if found != position {
            rewind(shared, hosted, seat, Some(found));
            return Ok(Settled::Rewound);
        }
        let Some(module) = shared.module(hosted, restored.module_id(), hosted.scheduler) else {
            return Ok(Settled::Waits);
        };
        match Process::restore(*restored, &module) {
            Ok(process) => seat.process = Some(Box::new(process)),
            Err(HostFault::Damaged) if discard(shared, hosted, found.slot) => continue,
            Err(fault) => return Err(fault),
        }
        seat.restored = Some(found.slot);
        seat.since = Since::default();
        lock(&hosted.saving).begin(Some(found.slot));
        shared.metrics.processes_restored.increment();
        return Ok(Settled::Here);
    }
}

/// Lets go of a process that this unit could not go on executing, and goes on from a checkpoint or
/// the log. If its memory turned out to be damaged, the checkpoint that it came from goes too; if
/// the machine has no memory for it now, it may have when the log comes again.
pub(super) fn fall_back(
    shared: &Arc<Shared>,
    hosted: &Arc<Hosted>,
    seat: &mut Seat,
    fault: HostFault,
) {
    tracing::warn!(process = %hosted.id, %fault, "the process goes on from an older state");
    seat.process = None;
    lock(&shared.residents).remove(&hosted.id);
    if let Some(slot) = seat.restored.take()
        && fault == HostFault::Damaged
    {
        discard(shared, hosted, slot);
    }
    let latest = seat.position.map_or(Slot::ZERO, |position| position.slot);
    let older = shared.store.newest(&hosted.id, latest).ok().flatten();
    rewind(shared, hosted, seat, older.map(|checkpoint| checkpoint.position));
}

/// Makes a process of the spawn that waits for it.
fn give_birth(
    shared: &Arc<Shared>,
    hosted: &Arc<Hosted>,
    seat: &mut Seat,
) -> Result<Settled, HostFault> {
    let spawn: Option<Spawn> = {
        let mut inbox = lock(&hosted.inbox);
        inbox.fresh_views = false;
        inbox.work.front().and_then(|work| match &work.entry {
            Entry::Spawn(spawn) => Some(spawn.unverified().clone()),
            // The tail has read it.
            Entry::Delivery(delivery) => match &delivery.item.body {
                ItemBody::Spawn(bytes, _) => codec::decode(bytes).ok(),
                _ => None,
            },
            _ => None,
        })
    };
    let Some(spawn) = spawn else { return Ok(Settled::Waits) };
    let Some(module) = shared.module(hosted, spawn.module, hosted.scheduler) else {
        return Ok(Settled::Waits);
    };
    seat.process = Some(Box::new(Process::new(hosted.id, spawn, &module)?));
    seat.restored = None;
    seat.since = Since::default();
    lock(&hosted.saving).begin(None);
    Ok(Settled::Here)
}

/// What is stored of a process.
enum Loaded {
    /// A checkpoint, after the slot wanted or before it.
    Found(Position, Box<Restored>),
    /// None.
    None,
    /// One that cannot be used, after a slot.
    Damaged(Slot),
}

fn load(shared: &Shared, hosted: &Hosted, latest: Slot) -> Loaded {
    let checkpoint = match shared.store.newest(&hosted.id, latest) {
        Ok(Some(checkpoint)) => checkpoint,
        Ok(None) => return Loaded::None,
        Err(StoreError::Checkpoint(reason)) => {
            tracing::error!(process = %hosted.id, reason, "a checkpoint is damaged");
            let slot = shared.store.newest_slot(&hosted.id, latest).ok().flatten();
            return slot.map_or(Loaded::None, Loaded::Damaged);
        }
        Err(error) => {
            tracing::warn!(process = %hosted.id, %error, "no checkpoint can be read");
            return Loaded::None;
        }
    };
    let Checkpoint { position, .. } = checkpoint;
    match checkpoint::restore(&shared.store, checkpoint) {
        Ok(restored) => Loaded::Found(position, Box::new(restored)),
        Err(error) => {
            tracing::error!(process = %hosted.id, %error, "a checkpoint is damaged");
            Loaded::Damaged(position.slot)
        }
    }
}

/// Drops a damaged checkpoint; false if the disk does not let it.
pub(super) fn discard(shared: &Shared, hosted: &Hosted, slot: Slot) -> bool {
    shared.metrics.checkpoints_damaged.increment();
    let discarded = shared.store.discard(&hosted.id, slot);
    if let Err(error) = &discarded {
        tracing::warn!(process = %hosted.id, %error, "a damaged checkpoint cannot be dropped");
    }
    discarded.is_ok()
}

/// Has the log read again from behind a position.
pub(super) fn rewind(
    shared: &Arc<Shared>,
    hosted: &Arc<Hosted>,
    seat: &mut Seat,
    to: Option<Position>,
) {
    rewind_as(shared, hosted, seat, Rewind { to, alone: false });
}

/// The same, and from whom.
pub(super) fn rewind_as(shared: &Shared, hosted: &Hosted, seat: &mut Seat, rewind: Rewind) {
    seat.position = rewind.to;
    {
        let mut inbox = lock(&hosted.inbox);
        shared.forget_work(&mut inbox);
        (inbox.void, inbox.forked) = (None, false);
        inbox.last = rewind.to;
    }
    hosted.set_executed(next(rewind.to.as_ref()));
    shared.rewind(hosted.id, rewind);
}
