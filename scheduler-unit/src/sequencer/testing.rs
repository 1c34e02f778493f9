//! A sequencer without threads, for tests: what is submitted is one batch.

use std::{sync::Arc, time::Duration};

use protocol::{
    Assignment, AssignmentProof, RefusalCode,
    api::{Submission, SubmitEvent},
};
use tokio::sync::mpsc;

use super::{Inbox, Sequencer};
use crate::{
    archive::Archive,
    clock::{Clock, testing::Clocks},
    fixture::{NETWORK, lane, scheduler, share, verifier, verifier_since},
    metrics::Metrics,
    running::Opened,
    verify::{Arrival, Event, Lane, Verifier},
};

/// What a submission came to.
#[derive(Debug)]
pub(crate) enum Told {
    /// It has this place, durably.
    Assigned(Box<AssignmentProof>),
    /// It was assigned or not, the index knows.
    LookUp,
    /// It is refused.
    Refused(RefusalCode),
}

/// A sequencer on a disk.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) sequencer: Sequencer,
    pub(crate) verifier: Verifier,
    lane: Arc<Lane>,
    told: mpsc::Receiver<Event>,
}

/// A sequencer of what was opened.
pub(crate) fn sequencer(opened: Opened, clock: Arc<Clock>) -> Sequencer {
    let Opened { archive, order, batches, .. } = opened;
    Sequencer {
        order,
        archive,
        inbox: Arc::new(Inbox::default()),
        clock,
        key: scheduler(),
        network: NETWORK,
        next: batches,
        metrics: Arc::new(Metrics::default()),
        doubtful: None,
    }
}

impl Sequencer {
    /// Decides about a batch of what has arrived, as [`Self::run`] does, and waits for nothing.
    pub(crate) fn turn(&mut self) {
        let arrivals = self.inbox.take(Some(Duration::ZERO)).unwrap();
        self.step(arrivals);
    }
}

impl Bench {
    pub(crate) fn new(opened: Opened) -> Self {
        // As a unit that starts now, it must look up what was assigned before.
        let verifier = if opened.batches == 0 {
            verifier(&opened)
        } else {
            verifier_since(&opened, crate::fixture::NOW)
        };
        let (lane, told) = lane();
        let clock = Arc::new(Clocks::at(crate::fixture::NOW).start(opened.floor));
        let sequencer = sequencer(opened, clock);
        Self { sequencer, verifier, lane, told }
    }

    pub(crate) fn archive(&self) -> &Arc<Archive> {
        &self.sequencer.archive
    }

    /// Verifies and sequences, as one batch; tells what came of each, by tag.
    pub(crate) fn submit(&mut self, submissions: Vec<Submission>) -> Vec<(u64, Told)> {
        let verify = |submission: Submission| (submission.tag, self.verifier.verify(submission));
        let submissions = submissions.into_iter().map(verify).collect();
        let arrival = Arrival { lane: Arc::clone(&self.lane), submissions, share: share() };
        self.sequencer.inbox.put(vec![arrival]);
        self.sequencer.turn();
        self.told()
    }

    fn told(&mut self) -> Vec<(u64, Told)> {
        let mut told = Vec::new();
        while let Ok(event) = self.told.try_recv() {
            match event {
                Event::Tell(SubmitEvent::Assigned { batch, entries }, _) => {
                    for entry in entries {
                        let (assignment, path) = (entry.assignment, entry.path);
                        let proof = AssignmentProof { assignment, path, batch: batch.clone() };
                        told.push((entry.tag, Told::Assigned(Box::new(proof))));
                    }
                }
                Event::Tell(SubmitEvent::Refused { tag, refusal }, _) => {
                    told.push((tag, Told::Refused(refusal.code)));
                }
                Event::Known(tag, _) | Event::Old(tag, ..) => told.push((tag, Told::LookUp)),
                other @ Event::Tell(..) => panic!("not said by schedulers: {other:?}"),
            }
        }
        told.sort_by_key(|(tag, _)| *tag);
        told
    }
}

impl Told {
    #[track_caller]
    pub(crate) fn assignment(&self) -> Assignment {
        match self {
            Self::Assigned(proof) => proof.assignment,
            other => panic!("not assigned: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn code(&self) -> RefusalCode {
        match self {
            Self::Refused(code) => *code,
            other => panic!("not refused: {other:?}"),
        }
    }
}
