//! What the executor keeps of a process, whether it is in memory or not.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use protocol::{Epoch, Hash, ModuleId, Position, ProcessId, Slot, UnitId};

use super::{ViewJob, Work};
use crate::{process::Process, store::Head};

/// A process that this unit executes.
#[derive(Debug)]
pub(super) struct Hosted {
    pub(super) id: ProcessId,
    /// Who orders its log, and has its module.
    pub(super) scheduler: UnitId,
    pub(super) inbox: Mutex<Inbox>,
    /// Held by the thread that executes the process. Locked before the others.
    pub(super) seat: Mutex<Seat>,
    pub(super) saving: Mutex<Saving>,
    /// Its module, once it was executed here, for those who must not wait for the seat.
    pub(super) module: Mutex<Option<ModuleId>>,
    /// The first slot that is not executed, for those who must not wait for the seat.
    executed: AtomicU64,
}

/// What waits for a process.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub(super) work: VecDeque<Work>,
    /// The memory that the work takes.
    pub(super) bytes: usize,
    /// The last slot queued; none before slot 0.
    pub(super) last: Option<Position>,
    /// The first slot that the unit has not noted yet as given to it.
    pub(super) given: Slot,
    /// The newest epoch of which a takeover was queued, which was noted before.
    pub(super) opened: Epoch,
    /// Whether slots came of another log than what is queued.
    pub(super) forked: bool,
    /// What a takeover has left of the log, until the process is brought back to that.
    pub(super) void: Option<Void>,
    /// Whether work was turned away since there was none.
    pub(super) behind: bool,
    pub(super) views: VecDeque<ViewJob>,
    /// Whether a view came in since views were last looked at.
    pub(super) fresh_views: bool,
    /// Whether the process is in the run queue or being executed.
    pub(super) scheduled: bool,
    /// Whether its module is not here yet, or that of the upgrade it would execute next.
    pub(super) awaits_module: bool,
    /// The module of that upgrade.
    pub(super) upgrade: Option<ModuleId>,
    /// The module it waited for last, if that can never be run.
    pub(super) unfit: Option<ModuleId>,
    pub(super) halted: bool,
}

/// The end of what counts of an epoch that a takeover has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Void {
    /// The last slot that counts.
    pub(super) slot: Slot,
    /// Its chain hash.
    pub(super) chain: Hash,
    /// Whether what was queued or published up to there is known to be of another log.
    pub(super) forked: bool,
}

/// Where a process is executed.
#[derive(Debug, Default)]
pub(super) struct Seat {
    /// The process, while it is in memory.
    pub(super) process: Option<Box<Process>>,
    /// The last slot executed; none before slot 0.
    pub(super) position: Option<Position>,
    /// What has been published, now or by an earlier run.
    pub(super) published: Option<Head>,
    /// Whether that is of another log than what is executed: nothing is published until a takeover
    /// tells which of them counts.
    pub(super) forked: bool,
    /// The digest of the receipt leaf behind which it is right what is stored of what the process
    /// waits for.
    pub(super) agenda: Option<Hash>,
    /// The slot of the checkpoint that the process in memory was restored from.
    pub(super) restored: Option<Slot>,
    /// What was executed since the last checkpoint was begun.
    pub(super) since: Since,
}

/// An amount of execution.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Since {
    pub(super) slots: u64,
    pub(super) gas: u64,
    /// Bytes of entries.
    pub(super) bytes: u64,
}

/// What is known of checkpoints of a process.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// The slot of the last one stored since the process was hosted or restored.
    pub(super) slot: Option<Slot>,
    /// Whether one is being written.
    pub(super) under_way: bool,
    /// Whether the next one must hold everything, as one could not be written.
    pub(super) whole: bool,
    /// Whether the one being written holds void slots, and must not stay.
    pub(super) void: bool,
}

impl Hosted {
    /// A process after a slot, of which so much has been published.
    pub(super) fn new(
        id: ProcessId,
        scheduler: UnitId,
        published: Option<Head>,
        position: Option<Position>,
    ) -> Arc<Self> {
        // What is published follows from frames that were noted before.
        let given = published.map_or(Slot::ZERO, |head| head.next);
        let inbox = Inbox { last: position, given, ..Inbox::default() };
        let executed = AtomicU64::new(next(position.as_ref()).get());
        let agenda = published.map(|head| head.leaf);
        let seat = Seat { position, published, agenda, ..Seat::default() };
        let saving = Saving::default();
        Arc::new(Self {
            id,
            scheduler,
            inbox: Mutex::new(inbox),
            seat: Mutex::new(seat),
            saving: Mutex::new(saving),
            module: Mutex::default(),
            executed,
        })
    }

    /// The first slot that is not executed.
    pub(super) fn executed(&self) -> Slot {
        Slot::new(self.executed.load(Ordering::Relaxed))
    }

    /// Learns up to where it is executed.
    pub(super) fn set_executed(&self, next: Slot) {
        self.executed.store(next.get(), Ordering::Relaxed);
    }

    /// Whether nothing waits for it.
    pub(super) fn is_idle(&self) -> bool {
        let inbox = super::lock(&self.inbox);
        !inbox.scheduled && inbox.work.is_empty() && inbox.views.is_empty()
    }
}

impl Saving {
    /// Begins with a process that has come into memory, from a checkpoint after a slot or new. What
    /// is being written of what it was before still is, and may still be void.
    pub(super) fn begin(&mut self, slot: Option<Slot>) {
        let (under_way, void) = (self.under_way, self.void);
        *self = Self { slot, under_way, whole: false, void };
    }
}

impl Inbox {
    /// Gives back the room of what is empty: the process may sleep for long.
    pub(super) fn rest(&mut self) {
        self.work.shrink_to_fit();
        self.views.shrink_to_fit();
    }
}

/// The slot after a position.
pub(super) fn next(position: Option<&Position>) -> Slot {
    position.map_or(Slot::ZERO, |position| position.slot.next().unwrap_or(position.slot))
}
