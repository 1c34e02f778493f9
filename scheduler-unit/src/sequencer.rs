//! The one writer: takes everything that waits, orders it, commits it, and only then tells anybody.
//!
//! There is no timer. A batch is what has arrived while the one before it went to disk, so batches
//! grow under load and an entry that arrives alone is committed at once.
//!
//! # Invariants
//!
//! - Nothing is acknowledged, and nothing shown to readers, before it is durable.
//! - After a failed commit nothing is assigned until the log has told whether the batch is in it:
//!   no slot is ever given to two entries.
//! - Once another writer has taken over the log, nothing is assigned any more.

mod batch;
mod import;
mod inbox;

use std::{sync::Arc, time::Duration};

use protocol::{
    NetworkId, Refusal, RefusalCode, SecretKey, TRACE_TARGET, Timestamp, api::SubmitEvent,
};

use crate::{
    archive::Archive,
    clock::Clock,
    metrics::Metrics,
    order::Order,
    seals::Seals,
    store::StoreError,
    verify::{Arrival, Event, Ready, Signatures, look_up, refuse_storage},
};
use batch::{Batch, Settled};

pub(crate) use import::Import;
pub(crate) use inbox::{Inbox, Work};

/// How often the log is tried after a failed commit.
const RECOVERY_INTERVAL: Duration = Duration::from_millis(200);

/// The writer of one shard.
#[derive(Debug)]
pub(crate) struct Sequencer {
    /// What is decided by.
    pub(crate) order: Order,
    /// Where it is written.
    pub(crate) archive: Arc<Archive>,
    /// Which logs are written to no more.
    pub(crate) seals: Arc<Seals>,
    /// Where what it signs is noted.
    pub(crate) signatures: Arc<Signatures>,
    /// Where submissions come from.
    pub(crate) inbox: Arc<Inbox>,
    /// When.
    pub(crate) clock: Arc<Clock>,
    /// Who signs.
    pub(crate) key: SecretKey,
    /// For which network.
    pub(crate) network: NetworkId,
    /// The number of the next batch.
    pub(crate) next: u64,
    /// Counters.
    pub(crate) metrics: Arc<Metrics>,
    /// A batch that may or may not be in the log.
    pub(crate) doubtful: Option<Batch>,
    /// Whether another writer has taken over the log.
    pub(crate) fenced: bool,
}

impl Sequencer {
    /// Works until the inbox is closed and empty; tells once if it can never write again.
    pub(crate) fn run(mut self, ended: impl Fn(StoreError)) {
        loop {
            let patience = self.doubtful.as_ref().map(|_| RECOVERY_INTERVAL);
            let Some(work) = self.inbox.take(patience) else { return };
            let fenced = self.fenced;
            match work {
                Work::Batch(arrivals) => self.step(arrivals),
                Work::Import(import) => self.import(*import),
            }
            if self.fenced && !fenced {
                ended(StoreError::Fenced);
            }
        }
    }

    /// Decides about a batch of what has arrived, as [`Self::run`] does, and waits for nothing.
    #[cfg(any(test, simulation))]
    pub(crate) fn turn(&mut self) {
        match self.inbox.take(Some(Duration::ZERO)) {
            Some(Work::Batch(arrivals)) => self.step(arrivals),
            Some(Work::Import(import)) => self.import(*import),
            None => {}
        }
    }

    /// Decides about what has arrived.
    fn step(&mut self, arrivals: Vec<Arrival>) {
        self.order.learn_executed(self.inbox.take_executed());
        if let Err(error) = self.resolve_doubt() {
            let refusal = refuse_storage(error);
            refuse_all(arrivals, &refusal, &self.metrics);
        } else if self.archive.board.is_full() {
            refuse_all(arrivals, &behind(), &self.metrics);
        } else {
            self.process(arrivals);
        }
    }

    fn process(&mut self, arrivals: Vec<Arrival>) {
        let begun = self.clock.elapsed();
        let now = self.clock.now();
        let mut batch = Batch::new(self.next, now);
        for Arrival { lane, submissions, share } in arrivals {
            for (tag, ready) in submissions {
                match self.look_again(now, ready) {
                    Ready::Checked(checked) => {
                        let decision = self.order.handle(now, &checked);
                        batch.add(&lane, tag, *checked, decision, &self.order);
                    }
                    Ready::Known(place) => batch.settle(&lane, Settled::Known(tag, place)),
                    Ready::KnownRefused(entry) => {
                        let refusal = Refusal::new(RefusalCode::NotFound, "look it up again");
                        batch.settle(&lane, Settled::Old(tag, entry, refusal));
                    }
                    Ready::Refused(refusal) => batch.settle(&lane, Settled::Refused(tag, refusal)),
                }
            }
            drop(share);
        }
        if !batch.is_empty() {
            batch.seal(&self.key, self.network);
            let formed = self.clock.elapsed();
            self.metrics.forming_micros.add_micros(formed.saturating_sub(begun));
            if let Err(error) = self.archive.log.append(batch.number(), batch.segment()) {
                self.doubt(batch, error);
                return;
            }
            let took = self.clock.elapsed().saturating_sub(formed);
            self.metrics.commit_micros.add_micros(took);
            self.metrics.commits.note(took);
            self.metrics.segment_bytes.add_len(batch.segment().len());
            self.publish(&mut batch);
        }
        batch.tell(&self.metrics);
    }

    /// What verification could not know: that a log is sealed, and what was imported since.
    fn look_again(&self, now: Timestamp, ready: Ready) -> Ready {
        let Ready::Checked(mut checked) = ready else { return ready };
        let process = checked.body.target();
        let changes = || self.order.log(&process).map_or(0, |log| log.standing.source.changes());
        if let Some(refusal) = self.seals.refuses(&process, changes) {
            return Ready::Refused(refusal);
        }
        if self.order.may_miss(&checked) {
            checked.looked_up = now;
            match look_up(&self.archive, &checked.id) {
                Ok(None) => {}
                Ok(Some(known)) => return known,
                Err(error) => return Ready::Refused(refuse_storage(error)),
            }
        }
        Ready::Checked(checked)
    }

    /// Makes a durable batch visible.
    fn publish(&mut self, batch: &mut Batch) {
        batch.signed().into_iter().for_each(|signed| self.signatures.note(signed));
        self.order.commit(batch.time());
        self.next = batch.number().saturating_add(1);
        self.metrics.batches.add(1);
        if tracing::enabled!(target: TRACE_TARGET, tracing::Level::DEBUG) {
            batch.trace();
        }
        self.archive.board.post(batch.take_posting());
        if let Some(process) = batch.brings() {
            let at = self.clock.now();
            self.archive.board.note_import(&process, at);
            self.order.note_import(&process, at);
        }
    }

    /// A commit failed: nobody is acknowledged, and the batch waits for the log to tell. Returns why.
    fn doubt(&mut self, mut batch: Batch, error: StoreError) -> Refusal {
        self.metrics.commits_failed.add(1);
        let refusal = refuse_storage(error);
        batch.refuse(&refusal, &self.metrics);
        self.doubtful = Some(batch);
        match self.resolve_doubt() {
            Ok(()) => {}
            Err(StoreError::Fenced) => tracing::error!("{}", StoreError::Fenced),
            Err(error) => tracing::warn!(%error, "the log cannot be opened again yet"),
        }
        refusal
    }

    /// Finds out whether the doubtful batch is in the log.
    fn resolve_doubt(&mut self) -> Result<(), StoreError> {
        if self.fenced {
            return Err(StoreError::Fenced);
        }
        let Some(mut batch) = self.doubtful.take() else {
            return Ok(());
        };
        let count = self.archive.log.recover().and_then(|()| self.archive.log.count());
        match count {
            Ok(count) if count == batch.number() => {
                tracing::info!(batch = batch.number(), "a failed batch is not in the log");
                self.order.roll_back();
                Ok(())
            }
            Ok(count) if count == batch.number().saturating_add(1) => {
                tracing::info!(batch = batch.number(), "a failed batch is in the log after all");
                self.publish(&mut batch);
                Ok(())
            }
            Ok(count) => {
                let detail = format!("the log has {count} batches, not about {}", batch.number());
                self.doubtful = Some(batch);
                Err(StoreError::Damaged(detail))
            }
            Err(StoreError::Fenced) => {
                // Whether it is in the log, the other writer knows.
                self.fenced = true;
                Err(StoreError::Fenced)
            }
            Err(error) => {
                self.doubtful = Some(batch);
                Err(error)
            }
        }
    }
}

/// Refuses while too much waits for the index.
fn behind() -> Refusal {
    let detail = "the index of the log is behind; try again later";
    Refusal { retry_after: Some(1_000), ..Refusal::new(RefusalCode::Busy, detail) }
}

fn refuse_all(arrivals: Vec<Arrival>, refusal: &Refusal, metrics: &Metrics) {
    for Arrival { lane, submissions, .. } in arrivals {
        for (tag, _) in submissions {
            metrics.refused.add(1);
            let refusal = refusal.clone();
            lane.tell(Event::Tell(SubmitEvent::Refused { tag, refusal }, 1));
        }
    }
}

#[cfg(test)]
mod faults;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
