//! One process: its log, and the fold of its module over it.

use std::sync::Arc;

use compute_unit::{CompiledModule, HostFault, Replay, Replayed};
use protocol::{
    Assignment, Delivery, Entry, Epoch, Hash, Outcome, ProcessId, Reply, Spawn, Timer, TimerKind,
    Timestamp, chain_hash,
};

/// A slot: what was executed, and what came of it.
struct Executed {
    assignment: Assignment,
    entry: Entry,
    replayed: Replayed,
}

/// A process and its log.
pub(super) struct Process {
    id: ProcessId,
    spawn: Spawn,
    module: Arc<CompiledModule>,
    replay: Replay,
    log: Vec<Executed>,
}

impl Process {
    /// A process that has executed nothing yet.
    pub(super) fn new(id: ProcessId, spawn: Spawn, module: &Arc<CompiledModule>) -> Self {
        let replay = healthy(Replay::new(id, spawn.clone(), module));
        Self { id, spawn, module: Arc::clone(module), replay, log: Vec::new() }
    }

    /// Assigns the next slot to an entry and executes it.
    pub(super) fn execute(&mut self, time: Timestamp, entry: Entry) -> &Outcome {
        let (slot, epoch, id) = (self.replay.next(), Epoch::ZERO, entry.id());
        let before = self.log.last().map_or(Hash::ZERO, |last| last.assignment.chain);
        let chain = chain_hash(&before, epoch, slot, time, &id);
        let assignment = Assignment { process: self.id, epoch, slot, time, entry: id, chain };
        let replayed = healthy(self.replay.execute(&assignment, &entry, None));
        &self.log.push_mut(Executed { assignment, entry, replayed }).replayed.outcome
    }

    /// Answers a view.
    pub(super) fn view(&mut self, method: &str, args: &[u8]) -> Reply {
        healthy(self.replay.view(method, args))
    }

    /// What is due first of what the process waits for.
    pub(super) fn next_due(&self) -> Option<Timer> {
        let order = |timer: &Timer| (timer.due, timer.slot, timer.index);
        self.replay.agenda().into_iter().min_by_key(order)
    }

    /// The deadline of an ask that it emitted, if the ask is open, and when that was.
    pub(super) fn open_ask(&self, delivery: &Delivery) -> Option<(Timestamp, Timer)> {
        let (slot, index) = (delivery.slot, delivery.item.index);
        let is_it = |timer: &Timer| (timer.slot, timer.index) == (slot, index);
        let timer = self.replay.agenda().into_iter().find(is_it)?;
        let asked = self.log.get(usize::try_from(slot.get()).ok()?)?.assignment.time;
        (timer.kind == TimerKind::AskTimeout).then_some((asked, timer))
    }

    /// What came of every slot.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.log.iter().map(|slot| &slot.replayed.outcome)
    }

    /// Executes the log again, on another machine.
    pub(super) fn check_replay(&self) {
        let mut replay = healthy(Replay::new(self.id, self.spawn.clone(), &self.module));
        for Executed { assignment, entry, replayed } in &self.log {
            let again = healthy(replay.execute(assignment, entry, None));
            assert_eq!(&again, replayed, "slot {} of {} differs", assignment.slot, self.id);
        }
    }
}

/// What this machine gives; a test cannot go on where it fails.
fn healthy<T>(result: Result<T, HostFault>) -> T {
    result.unwrap_or_else(|fault| panic!("this machine failed: {fault}"))
}
