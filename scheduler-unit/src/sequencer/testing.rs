//! A sequencer without threads, for tests: what is submitted is one batch.

use std::sync::Arc;

use protocol::{
    Assignment, AssignmentProof, Entry, RefusalCode, RefusalProof,
    api::{FinalRefusal, Submission, SubmitEvent},
};
use tokio::sync::mpsc;

use super::{Inbox, Sequencer};
use crate::{
    archive::Archive,
    clock::{Clock, testing::Clocks},
    fixture::{NETWORK, lane, scheduler, share, verifier, verifier_since, verify},
    indexer,
    metrics::Metrics,
    running::{Opened, Written},
    store::StoreError,
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
    /// It is refused for good, durably.
    Final(RefusalCode),
}

/// A sequencer on a disk.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) sequencer: Sequencer,
    pub(crate) verifier: Verifier,
    /// The clocks of its machine.
    pub(crate) clocks: Clocks,
    lane: Arc<Lane>,
    told: mpsc::Receiver<Event>,
}

/// A sequencer of what was opened.
pub(crate) fn sequencer(opened: Opened, clock: Arc<Clock>) -> Sequencer {
    let Opened { shards, written, .. } = opened;
    let archive = Arc::clone(&shards.get(0).archive);
    let Written { order, batches, .. } = written.into_iter().next().unwrap();
    Sequencer {
        order,
        archive,
        seals: Arc::clone(&shards.seals),
        signatures: Arc::clone(&shards.signatures),
        inbox: Arc::new(Inbox::default()),
        clock,
        key: scheduler(),
        network: NETWORK,
        next: batches,
        metrics: Arc::new(Metrics::default()),
        doubtful: None,
        fenced: false,
    }
}

impl Bench {
    pub(crate) fn new(opened: Opened) -> Self {
        Self::at(opened, Clocks::at(crate::fixture::NOW))
    }

    /// A sequencer on a machine with these clocks.
    pub(crate) fn at(opened: Opened, clocks: Clocks) -> Self {
        // As a unit that starts now, it must look up what was assigned before.
        let batches = opened.written[0].batches;
        let verifier = if batches == 0 {
            verifier(&opened)
        } else {
            verifier_since(&opened, crate::fixture::NOW)
        };
        let (lane, told) = lane();
        let clock = Arc::new(clocks.start(opened.floor));
        let sequencer = sequencer(opened, clock);
        Self { sequencer, verifier, clocks, lane, told }
    }

    pub(crate) fn archive(&self) -> &Arc<Archive> {
        &self.sequencer.archive
    }

    /// Brings the index up to the log, as far as its disk allows, and indexes nothing later.
    pub(crate) fn index(&self) {
        self.archive().board.stop_indexing();
        if let Ok(indexed) = self.archive().index.batches() {
            indexer::run(self.archive(), indexed);
        }
    }

    /// Submits one entry, as a batch of its own.
    pub(crate) fn one(&mut self, submission: Submission) -> Told {
        self.submit(vec![submission]).remove(0).1
    }

    /// Verifies and sequences, as one batch; tells what came of each, by tag.
    pub(crate) fn submit(&mut self, submissions: Vec<Submission>) -> Vec<(u64, Told)> {
        let now = self.sequencer.clock.now();
        submissions.iter().for_each(|submission| self.verifier.meet(submission));
        let verify =
            |submission: Submission| (submission.tag, verify(&self.verifier, now, submission));
        let submissions = submissions.into_iter().map(verify).collect();
        let arrival = Arrival { lane: Arc::clone(&self.lane), submissions, share: share() };
        self.sequencer.inbox.put(vec![arrival]);
        self.sequencer.turn();
        self.told()
    }

    /// Sequences entries as a thread does that stops after them.
    pub(crate) fn run(self, entries: &[Entry], ended: impl Fn(StoreError)) {
        for entry in entries {
            let submission = crate::fixture::submission(0, entry.clone());
            let submissions = vec![(0, verify(&self.verifier, crate::fixture::NOW, submission))];
            let arrival = Arrival { lane: Arc::clone(&self.lane), submissions, share: share() };
            self.sequencer.inbox.put(vec![arrival]);
        }
        self.sequencer.inbox.close();
        self.sequencer.run(ended);
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
                Event::Tell(SubmitEvent::Final { batch, entries }, _) => {
                    for FinalRefusal { tag, refusal, path, .. } in entries {
                        let proof = RefusalProof { refusal, path, batch: batch.clone() };
                        proof.verify(NETWORK, &scheduler().public().unit()).unwrap();
                        told.push((tag, Told::Final(refusal.code)));
                    }
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
    /// The code of a final refusal.
    #[track_caller]
    pub(crate) fn final_code(&self) -> RefusalCode {
        match self {
            Self::Final(code) => *code,
            other => panic!("not refused for good: {other:?}"),
        }
    }

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
            Self::Refused(code) | Self::Final(code) => *code,
            other => panic!("not refused: {other:?}"),
        }
    }
}
