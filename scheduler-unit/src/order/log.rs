//! One log: its end, and the facts of its spawn that decide about later entries.

use protocol::{Assignment, EntryId, Epoch, Hash, ProcessId, Slot, Spawn, Timestamp, chain_hash};

use super::Executors;

/// A process's log.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    /// Its place in the shard's order of birth.
    pub(crate) number: u64,
    /// The most bytes of an entry.
    pub(crate) message_bytes: usize,
    /// Who executes it.
    pub(crate) executors: Executors,
    /// Its end.
    pub(crate) head: Head,
}

/// The end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The next free slot.
    pub(crate) next: Slot,
    /// The present span.
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

impl Log {
    pub(crate) fn new(number: u64, process: &ProcessId, spawn: &Spawn, head: Head) -> Self {
        Self {
            number,
            message_bytes: usize::try_from(spawn.limits.message_bytes).unwrap_or(usize::MAX),
            executors: spawn.policy.ranking(process).into(),
            head,
        }
    }

    pub(super) fn assign(
        &mut self,
        now: Timestamp,
        process: ProcessId,
        entry: EntryId,
    ) -> Assignment {
        let Head { next: slot, epoch, time, chain } = self.head;
        let time = time.max(now);
        let chain = chain_hash(&chain, epoch, slot, time, &entry);
        let assignment = Assignment { process, epoch, slot, time, entry, chain };
        self.head = Head::after(&assignment);
        assignment
    }
}
