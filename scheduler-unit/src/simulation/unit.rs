//! One life of the unit under test: everything but its threads and its network.

use std::sync::Arc;

use protocol::{
    Timestamp,
    api::{Submission, SubmitEvent},
};
use tokio::sync::mpsc;

use super::platter::Platter;
use crate::{
    archive::Archive,
    clock::testing::Clocks,
    fixture::{WASM, as_disk, lane, scheduler, share, verifier_since, verify},
    indexer,
    running::open_with,
    sequencer::{Sequencer, testing::sequencer},
    shard::Shards,
    store::{LogStore, StoreError, testing::FaultDisk},
    submit,
    verify::{Arrival, Event, Lane, Verifier},
};

/// How the unit differs from one that is right: a checker that finds nothing wrong with these is
/// worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// Not at all.
    Right,
    /// It acknowledges before the log is durable.
    AcknowledgesEarly,
    /// After a restart it does not look for messages that were assigned before.
    ForgetsIds,
    /// After a restart its time may be behind that of its log.
    ForgetsTime,
}

/// A unit between two crashes.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) archive: Arc<Archive>,
    shards: Arc<Shards>,
    sequencer: Sequencer,
    verifier: Verifier,
    lanes: Vec<(Arc<Lane>, mpsc::Receiver<Event>)>,
}

impl Unit {
    /// Starts on what survived, with a stream from each of so many peers.
    pub(super) fn start(
        platter: &Arc<Platter>,
        disk: &Arc<FaultDisk>,
        clocks: &Clocks,
        peers: usize,
        variant: Variant,
    ) -> Result<Self, StoreError> {
        let opened = open_with(
            Arc::clone(platter) as Arc<dyn LogStore>,
            &as_disk(disk),
            scheduler().public().unit(),
        )?;
        opened.shards.modules.put(WASM)?;
        let floor = if variant == Variant::ForgetsTime { Timestamp::ZERO } else { opened.floor };
        let clock = Arc::new(clocks.start(floor));
        let since = if variant == Variant::ForgetsIds { Timestamp::ZERO } else { clock.started() };
        let verifier = verifier_since(&opened, since);
        // Indexing never waits from here on.
        let shards = Arc::clone(&opened.shards);
        let archive = Arc::clone(&shards.get(0).archive);
        archive.board.stop_indexing();
        let sequencer = sequencer(opened, clock);
        let lanes = (0..peers).map(|_| lane()).collect();
        Ok(Self { shards, archive, sequencer, verifier, lanes })
    }

    /// Takes submissions from the stream of a peer.
    pub(super) fn receive(&self, peer: usize, submissions: Vec<Submission>) {
        let now = self.sequencer.clock.now();
        let verify = |submission: Submission| {
            self.verifier.meet(&submission);
            (submission.tag, verify(&self.verifier, now, submission))
        };
        let submissions = submissions.into_iter().map(verify).collect();
        let lane = Arc::clone(&self.lanes[peer].0);
        self.sequencer.inbox.put(vec![Arrival { lane, submissions, share: share() }]);
    }

    /// Decides about what has arrived, a batch of it, and gives what peers are to be told.
    pub(super) fn step(&mut self) -> Vec<(usize, SubmitEvent)> {
        self.sequencer.turn();
        let mut told = Vec::new();
        for (peer, (_, events)) in self.lanes.iter_mut().enumerate() {
            let (mut known, mut old) = (Vec::new(), Vec::new());
            while let Ok(event) = events.try_recv() {
                match event {
                    Event::Tell(event, _) => told.push((peer, event)),
                    Event::Known(tag, place) => known.push((tag, place)),
                    Event::Old(tag, entry, refusal) => old.push((tag, entry, refusal)),
                }
            }
            let tags = known.iter().map(|(tag, _)| *tag);
            let tags: Vec<u64> = tags.chain(old.iter().map(|(tag, ..)| *tag)).collect();
            let metrics = &self.sequencer.metrics;
            let found = submit::answer(&self.shards, metrics, known, old);
            let found = found.unwrap_or_else(|refusal| {
                let refuse = |tag| SubmitEvent::Refused { tag, refusal: refusal.clone() };
                tags.into_iter().map(refuse).collect()
            });
            told.extend(found.into_iter().map(|event| (peer, event)));
        }
        told
    }

    /// Brings the index up to the log, if its disk allows.
    pub(super) fn index(&self) {
        if let Ok(indexed) = self.archive.index.batches() {
            indexer::run(&self.archive, indexed);
        } else if let Err(error) = self.archive.index.recover() {
            tracing::debug!(%error, "the index cannot be opened yet");
        }
    }
}
