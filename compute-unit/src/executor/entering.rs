//! How slots and views come to a process, and which of them are turned away.

use std::sync::atomic::Ordering;

use protocol::{Assignment, Entry, Hash, Position, ProcessId, Refusal, RefusalCode, Slot};

use super::{Executor, Pushed, ViewJob, Work, hosted, lock, void};

/// Views that may wait for one process.
pub(super) const VIEWS_MAX: usize = 1_024;

impl Executor {
    /// The first slot of a process that was not noted yet as given to this unit, where this one is
    /// about to be queued.
    pub(crate) fn given(&self, id: &ProcessId, assignment: &Assignment, entry: &Entry) -> Slot {
        let Some(hosted) = self.find(id) else { return Slot::ZERO };
        let inbox = lock(&hosted.inbox);
        // What was noted in the place of a new takeover is void.
        let opens = void::end_by(entry).is_some() && assignment.epoch > inbox.opened;
        match void::made_by(assignment, entry, &inbox) {
            Some(_) => assignment.slot,
            None if opens => inbox.given.min(assignment.slot),
            None => inbox.given,
        }
    }

    /// Whether a slot of so many bytes may be queued, where so many are free for all processes.
    /// `held` is what is about to be queued of the process. One that is turned away is behind until
    /// it has nothing left to do.
    pub(crate) fn admits(&self, id: &ProcessId, held: usize, bytes: usize, free: usize) -> bool {
        let Some(hosted) = self.find(id) else { return true };
        let mut inbox = lock(&hosted.inbox);
        let waiting = inbox.bytes.saturating_add(held);
        let admitted = waiting == 0 || waiting.saturating_add(bytes) <= free;
        inbox.behind |= !admitted;
        admitted
    }

    /// Whether a process was turned away and still has something to do.
    pub(crate) fn is_behind(&self, id: &ProcessId) -> bool {
        self.find(id).is_some_and(|hosted| lock(&hosted.inbox).behind)
    }

    /// Queues a slot of a hosted process.
    pub(crate) fn push(&self, work: Work) -> Pushed {
        let Some(hosted) = self.find(&work.assignment.process) else { return Pushed::Ahead(None) };
        let mut inbox = lock(&hosted.inbox);
        if inbox.halted || inbox.void.is_some() {
            return Pushed::Passed;
        }
        if let Some(void) = void::made_by(&work.assignment, &work.entry, &inbox) {
            self.shared.forget_work(&mut inbox);
            inbox.given = work.assignment.slot;
            inbox.void = Some(void);
            self.wake(&hosted, &mut inbox);
            return Pushed::Passed;
        }
        let Assignment { slot, epoch, time, chain, .. } = work.assignment;
        let next = hosted::next(inbox.last.as_ref());
        if slot != next {
            // What is early was under way when the log was rewound: it comes again.
            let early = slot > next && !inbox.forked;
            return if early { Pushed::Ahead(inbox.last) } else { Pushed::Passed };
        }
        if !work.assignment.follows(&inbox.last.map_or(Hash::ZERO, |last| last.chain)) {
            // Two schedulers hand on what a lost one signed twice. A takeover tells what counts.
            inbox.forked |= inbox.last.is_some_and(|last| epoch >= last.epoch);
            return Pushed::Passed;
        }
        inbox.last = Some(Position { slot, epoch, time, chain });
        let noted = hosted::next(inbox.last.as_ref());
        if void::end_by(&work.entry).is_some() && epoch > inbox.opened {
            (inbox.opened, inbox.given) = (epoch, noted);
        }
        inbox.given = inbox.given.max(noted);
        self.shared.backlog.fetch_add(1, Ordering::Relaxed);
        inbox.bytes = inbox.bytes.saturating_add(work.bytes());
        inbox.work.push_back(work);
        self.wake(&hosted, &mut inbox);
        Pushed::Queued
    }

    /// Queues a view of a hosted process.
    pub(crate) fn view(&self, id: &ProcessId, job: ViewJob) {
        let refusal = match self.find(id) {
            None => Refusal::new(RefusalCode::NotHosted, "this unit does not execute the process"),
            Some(hosted) => {
                let mut inbox = lock(&hosted.inbox);
                if inbox.views.len() >= VIEWS_MAX {
                    inbox.views.retain(|job| !job.answer.is_closed());
                }
                if inbox.halted {
                    Refusal::new(RefusalCode::NotHosted, "the process is halted on this unit")
                } else if inbox.views.len() >= VIEWS_MAX {
                    Refusal::new(RefusalCode::Busy, "too many views wait for the process")
                } else {
                    inbox.views.push_back(job);
                    inbox.fresh_views = true;
                    return self.wake(&hosted, &mut inbox);
                }
            }
        };
        // Whoever asked may be gone.
        let _ = job.answer.send(Err(refusal));
    }
}

impl Work {
    /// The memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.share.num_permits()
    }
}
