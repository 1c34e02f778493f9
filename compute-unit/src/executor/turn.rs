//! One turn of one process: a few views, then slots, then the views that waited for them.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
};

use protocol::{Assignment, Hash, Position, Reply, Slot};

use super::{
    Shared, ViewJob, Viewed, Work,
    hosted::{Hosted, Inbox, Seat, Void, next},
    lock, saving,
    settle::{Settled, fall_back, settle},
    upgrading, void,
    worker::Worker,
};
use crate::{
    agenda::AgendaChange,
    instance::{HostFault, Pause},
    metrics::Metrics,
    process::{Executed, Process},
    publisher::{Place, Publication},
    store::Head,
};

/// Slots a process may execute before others get their turn.
pub(super) const QUANTUM: usize = 64;
/// Gas after which a process starts no further slot before others get their turn.
pub(super) const QUANTUM_GAS: u64 = 50_000_000;
/// Views of a process that are answered before others get their turn.
const VIEWS_AT_ONCE: usize = 16;

/// Gives a process its turn.
pub(super) fn run(worker: &Arc<Worker>, hosted: &Arc<Hosted>) {
    let shared = &worker.shared;
    let turn = AssertUnwindSafe(|| turn(worker, hosted));
    // Whatever a panic left half done belongs to this process alone, which is let go of.
    let turn = std::panic::catch_unwind(turn).unwrap_or_else(|_| {
        tracing::error!(process = %hosted.id, "a panic: the process is halted on this unit");
        Turn::Halted
    });
    if matches!(turn, Turn::Halted | Turn::Stopped) {
        lock(&hosted.seat).process = None;
        lock(&shared.residents).remove(&hosted.id);
    }
    if turn == Turn::Stopped {
        return;
    }
    saving::make_room(shared);
    let mut inbox = lock(&hosted.inbox);
    if turn == Turn::Halted {
        shared.halt(&mut inbox);
    }
    let idle = inbox.work.is_empty() && !inbox.fresh_views && inbox.void.is_none();
    if inbox.work.is_empty() && std::mem::take(&mut inbox.behind) {
        shared.drained.send_modify(|count| *count = count.wrapping_add(1));
    }
    if inbox.halted || inbox.awaits_module || idle {
        inbox.scheduled = false;
    } else {
        shared.enqueue(Arc::clone(hosted));
    }
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The quantum is used up, or everything is done, or something has to come first.
    Over,
    /// The process cannot go on here.
    Halted,
    /// The unit stops in the middle of a message.
    Stopped,
}

fn turn(worker: &Arc<Worker>, hosted: &Arc<Hosted>) -> Turn {
    let shared = &worker.shared;
    let mut seat = lock(&hosted.seat);
    let executed = match settle(shared, hosted, &mut seat) {
        Ok(Settled::Here) => in_seat(worker, hosted, &mut seat),
        Ok(Settled::Waits | Settled::Rewound) => return Turn::Over,
        Err(fault) => Err(fault),
    };
    match executed {
        Ok(turn) => turn,
        Err(HostFault::Stopped) => Turn::Stopped,
        Err(fault @ (HostFault::Damaged | HostFault::Memory)) => {
            fall_back(shared, hosted, &mut seat, fault);
            Turn::Over
        }
        Err(fault) => {
            // This unit cannot go on executing the process; its log is not at fault.
            tracing::error!(process = %hosted.id, %fault, "the process is halted on this unit");
            Turn::Halted
        }
    }
}

/// Executes a process that is in memory, and has it saved when that is due.
fn in_seat(worker: &Arc<Worker>, hosted: &Arc<Hosted>, seat: &mut Seat) -> Result<Turn, HostFault> {
    let shared = &worker.shared;
    let pause = Arc::clone(worker) as Arc<dyn Pause>;
    seat.process.iter_mut().for_each(|process| process.set_pause(Some(Arc::clone(&pause))));
    let turn = execute(worker, hosted, seat);
    let Some(process) = seat.process.as_mut() else { return turn };
    process.set_pause(None);
    lock(&shared.residents).touch(hosted, process.memory_bytes());
    if turn.is_ok() && shared.interval.is_over(&seat.since) {
        saving::save(shared, hosted, seat)?;
    }
    turn
}

fn execute(worker: &Worker, hosted: &Arc<Hosted>, seat: &mut Seat) -> Result<Turn, HostFault> {
    let shared = &worker.shared;
    let Seat { process: Some(process), position, published, forked, agenda, since, .. } = seat
    else {
        return Ok(Turn::Over);
    };
    answer_views(shared, hosted, process)?;
    let mut gas = 0_u64;
    let mut last = None;
    for _ in 0..QUANTUM {
        let Some(successor) = upgrading::bring(shared, hosted, process) else { break };
        let Some(work) = lock(&hosted.inbox).pop() else { break };
        shared.backlog.fetch_sub(1, Ordering::Relaxed);
        if let Some(end) = void::end_by(&work.entry) {
            let place = (work.assignment.slot, end);
            if *forked || void::is_other_log(shared, &hosted.id, published.as_ref(), place) {
                let void = Void { slot: end.0, chain: end.1, forked: true };
                lock(&hosted.inbox).void = Some(void);
                return Ok(Turn::Over);
            }
            end_publication(published, process, work.assignment.slot);
        }
        let executed = process.execute_with(&work.assignment, &work.entry, successor.as_ref())?;
        let Assignment { slot, epoch, time, chain, .. } = work.assignment;
        *position = Some(Position { slot, epoch, time, chain });
        since.slots = since.slots.saturating_add(1);
        since.gas = since.gas.saturating_add(executed.outcome.gas.get());
        since.bytes = since.bytes.saturating_add(work.bytes() as u64);
        gas = gas.saturating_add(executed.outcome.gas.get());
        count(&shared.metrics, &executed);
        let place = (&**hosted, &**process);
        if !publish(worker, place, (published, forked, agenda), &work, executed) {
            return Ok(Turn::Halted);
        }
        drop(work.share);
        last = Some(work.batch);
        if gas >= QUANTUM_GAS {
            break;
        }
    }
    if let (Some(batch), Some(position)) = (last, position) {
        let next = next(Some(position));
        hosted.set_executed(next);
        *lock(&hosted.module) = Some(process.module());
        batch.reports.executed(hosted.id, next);
    }
    // Those that waited for the slots just executed may have no other occasion.
    answer_views(shared, hosted, process)?;
    Ok(Turn::Over)
}

impl Inbox {
    fn pop(&mut self) -> Option<Work> {
        let work = self.work.pop_front()?;
        self.bytes = self.bytes.saturating_sub(work.bytes());
        Some(work)
    }

    /// Takes views that can be answered after a slot, a few; the rest stay.
    fn take_views(&mut self, slot: Slot) -> Vec<ViewJob> {
        let mut taken = Vec::new();
        self.views.retain(|job| !job.answer.is_closed());
        for job in std::mem::take(&mut self.views) {
            let due = job.at_least.is_none_or(|at_least| at_least <= slot);
            if due && taken.len() < VIEWS_AT_ONCE {
                taken.push(job);
            } else {
                self.fresh_views |= due;
                self.views.push_back(job);
            }
        }
        taken
    }
}

/// Lets nothing count as published that a takeover in a slot makes void.
fn end_publication(published: &mut Option<Head>, process: &Process, slot: Slot) {
    if let Some(head) = published
        && head.next > slot
    {
        *published = process.previous_leaf().map(|leaf| Head { next: slot, leaf });
    }
}

/// Publishes a slot unless that was done before. False if it contradicts what was published.
fn publish(
    worker: &Worker,
    (hosted, process): (&Hosted, &Process),
    (published, forked, known): (&mut Option<Head>, &mut bool, &mut Option<Hash>),
    work: &Work,
    mut executed: Executed,
) -> bool {
    let Assignment { slot, chain, .. } = work.assignment;
    if *forked {
        return true;
    }
    if let Some(known) = published.as_ref().filter(|known| slot < known.next) {
        let last = slot.next() == Some(known.next);
        if last && executed.digest != known.leaf {
            let before = worker.shared.published.chain(&hosted.id, slot);
            *forked = before.is_some_and(|before| before != chain);
        }
        if *forked {
            tracing::error!(
                process = %hosted.id,
                %slot,
                "ALARM: the log is another one than what this unit executed before; nothing is \
                 published unless a takeover tells that this one counts"
            );
        } else if last && executed.digest != known.leaf {
            tracing::error!(
                process = %hosted.id,
                %slot,
                "ALARM: replay contradicts what this unit signed before; the process is halted here"
            );
            return false;
        }
        return true;
    }
    if let Some(next) = slot.next() {
        *published = Some(Head { next, leaf: executed.digest });
    }
    // Here, where a bug costs one process: the publisher serves all.
    let leaves = work.batch.assigning.header.unverified().count;
    assert!(work.index < leaves, "the tail checked the index");
    let place = (!executed.outcome.outbox.is_empty()).then(|| Place {
        assignment: work.assignment,
        index: work.index,
        batch: Arc::clone(&work.batch.assigning),
    });
    let agenda = AgendaChange::of(&mut executed, known, process);
    // The publisher only ends after the executor.
    let _ = worker.publisher.send(Publication { executed, place, agenda });
    true
}

fn count(metrics: &Metrics, executed: &Executed) {
    metrics.slots_executed.increment();
    metrics.gas_used.add(executed.outcome.gas.get());
    if let Reply::Failure(failure) = &executed.outcome.reply
        && failure.kind != protocol::FailureKind::Actor
    {
        metrics.slots_failed.increment();
    }
}

/// Answers views whose slot has been executed.
fn answer_views(shared: &Shared, hosted: &Hosted, process: &mut Process) -> Result<(), HostFault> {
    let jobs = {
        let mut inbox = lock(&hosted.inbox);
        inbox.fresh_views = false;
        match process.last() {
            Some(slot) if !inbox.views.is_empty() => inbox.take_views(slot),
            // Slot 0 looks at them again.
            _ => return Ok(()),
        }
    };
    for job in jobs {
        let reply = process.view(&job.method, &job.args)?;
        shared.metrics.views_answered.increment();
        let Some(slot) = process.last() else { return Ok(()) };
        let viewed = Viewed { reply, slot, chain: *process.chain() };
        // Whoever asked may be gone.
        let _ = job.answer.send(Ok(viewed));
    }
    Ok(())
}
