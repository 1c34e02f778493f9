//! One log: its end, who stands for it, and the facts of its spawn that decide about later entries.

use std::sync::Arc;

use protocol::{
    Assignment, Control, ControlAction, EntryId, Epoch, Hash, ProcessId, Slot, Source, Spawn,
    Timestamp, chain_hash,
};

use super::Executors;

/// A process's log.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    /// Its place in the shard's order of birth.
    pub(crate) number: u64,
    /// The most bytes of an entry.
    pub(crate) message_bytes: usize,
    /// The most entries that may wait for execution.
    pub(crate) pending: u64,
    /// The first slot that is not executed, as far as anybody has told.
    pub(crate) executed: Slot,
    /// Who stands for it.
    pub(crate) standing: Standing,
    /// Its end.
    pub(crate) head: Head,
    /// When slots of another scheduler were taken in last, since the start. The ids of their entries
    /// are found by look-ups from then on.
    pub(super) imported: Option<Timestamp>,
}

/// Who orders, executes and controls a log at the moment.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// Scheduler, policy and controller, epoch by epoch.
    pub(crate) source: Arc<Source>,
    /// Who executes it.
    pub(crate) executors: Executors,
    /// Whether the controller lets it accept no further messages.
    pub(crate) stopped: bool,
    /// The slots of the controls that opened its later epochs.
    pub(crate) changes: Arc<[Slot]>,
    /// Who executed it before, policy by policy.
    pub(crate) retired: Arc<[Retired]>,
}

/// Those who executed a log until another policy took their place.
#[derive(Debug, Clone)]
pub(crate) struct Retired {
    /// The slot of the control that did that.
    pub(crate) slot: Slot,
    /// Who they are.
    pub(crate) executors: Executors,
}

/// The end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The next free slot.
    pub(crate) next: Slot,
    /// The span of the last slot.
    pub(crate) epoch: Epoch,
    /// When the last slot was assigned.
    pub(crate) time: Timestamp,
    /// The chain hash of the last slot.
    pub(crate) chain: Hash,
}

impl Head {
    /// The end of a log without slots.
    pub(crate) const EMPTY: Self =
        Self { next: Slot::ZERO, epoch: Epoch::ZERO, time: Timestamp::ZERO, chain: Hash::ZERO };

    /// The end of a log whose last slot is this one.
    pub(crate) fn after(assignment: &Assignment) -> Self {
        let next = assignment.slot.next().expect("a log never has 2^64 slots");
        let Assignment { epoch, time, chain, .. } = *assignment;
        Self { next, epoch, time, chain }
    }
}

impl Standing {
    /// As the spawn says.
    pub(crate) fn born(process: &ProcessId, spawn: &Spawn) -> Self {
        Self {
            source: Arc::new(Source::of_spawn(spawn)),
            executors: spawn.policy.ranking(process).into(),
            stopped: false,
            changes: Arc::default(),
            retired: Arc::default(),
        }
    }

    /// As a control in this slot leaves it.
    pub(crate) fn after(&self, process: &ProcessId, control: &Control, slot: Slot) -> Self {
        let mut next = self.clone();
        match &control.action {
            ControlAction::Upgrade { .. } => return next,
            ControlAction::Stop => next.stopped = true,
            action => {
                Arc::make_mut(&mut next.source).advance(control, slot);
                next.changes = self.changes.iter().copied().chain([slot]).collect();
                if matches!(action, ControlAction::Policy(_)) {
                    let retired = Retired { slot, executors: Arc::clone(&self.executors) };
                    next.retired = self.retired.iter().cloned().chain([retired]).collect();
                    next.executors = next.source.policy().ranking(process).into();
                }
            }
        }
        next
    }
}

impl Log {
    pub(crate) fn new(number: u64, process: &ProcessId, spawn: &Spawn, head: Head) -> Self {
        Self {
            number,
            message_bytes: usize::try_from(spawn.limits.message_bytes).unwrap_or(usize::MAX),
            pending: spawn.limits.pending.into(),
            executed: head.next,
            standing: Standing::born(process, spawn),
            head,
            imported: None,
        }
    }

    /// Whether as many entries wait for execution as may.
    pub(super) fn is_behind(&self) -> bool {
        self.head.next.get().saturating_sub(self.executed.get()) >= self.pending
    }

    pub(super) fn assign(
        &mut self,
        now: Timestamp,
        process: ProcessId,
        entry: EntryId,
    ) -> Assignment {
        let Head { next: slot, time, chain, .. } = self.head;
        let epoch = self.standing.source.epoch();
        let time = time.max(now);
        let chain = chain_hash(&chain, epoch, slot, time, &entry);
        let assignment = Assignment { process, epoch, slot, time, entry, chain };
        self.head = Head::after(&assignment);
        assignment
    }
}
