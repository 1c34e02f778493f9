//! Finds out whether the store is an older copy of what this scheduler has signed, and whether other
//! schedulers have gone on with its logs meanwhile.
//!
//! A store that was put back from a copy would give slots a second time. Compute units know better: what
//! they have executed, this scheduler has signed, or one that has taken over. Only its own signature
//! counts as evidence against the store, and only a provenance shows that another one has taken over.
//!
//! # Invariants
//!
//! - No submission is looked at before the units that can know have answered, or [`PATIENCE`] is over.
//! - A unit's word alone seals nothing.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use protocol::{
    AssignmentProof, ProcessId, Role, Slot, UnitId,
    api::{Cursor, ExecutedHead, HeadPage, Request},
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::{board::Known, order::Place, store::StoreError, unit::Unit, verify::refuse_storage};

/// How long submissions wait for the answers of units at the most.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a unit is asked after that.
const ASK_TIME: Duration = Duration::from_secs(60);

/// Heads in an answer at the most.
const PAGE: u32 = 4_096;

/// Answers of a unit at the most.
const PAGES_MAX: u32 = 1 << 12;

/// Processes that are read together when units are looked for.
const PROCESSES: usize = 1_024;

/// Cursors of one tail that are looked into.
const CURSORS_MAX: usize = 64;

/// A slot that this scheduler may have signed and does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Doubt {
    process: ProcessId,
    slot: Slot,
}

/// What the proof of a slot that is not here says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// This scheduler has signed it.
    Stale,
    /// Somebody else has.
    Foreign,
    /// Nothing that is not known.
    Nothing,
}

impl Unit {
    /// Asks the units that execute this scheduler's processes and are known, and opens the gate for
    /// submissions when they have answered or the time is up. Goes on to wait for those that are late.
    pub(crate) async fn check_store(self: Arc<Self>, gate: watch::Sender<bool>) {
        let patience = Instant::now() + PATIENCE;
        let named = self.read(|unit| Ok(unit.named_units())).await.unwrap_or_default();
        let known = self.directory.units(Role::Compute);
        let mut asking = JoinSet::new();
        for peer in known.into_iter().filter(|peer| named.contains(peer)) {
            asking.spawn(Arc::clone(&self).check_with(peer));
        }
        let answered = async { while asking.join_next().await.is_some() {} };
        if timeout_at(patience, answered).await.is_err() {
            tracing::warn!("some compute units do not say what they have executed; going on");
        }
        gate.send_replace(true);
        while asking.join_next().await.is_some() {}
    }

    /// Waits until submissions are looked at.
    pub(crate) async fn checked(&self) {
        // The gate is gone only if the unit is stopping.
        let _ = self.gate.clone().wait_for(|open| *open).await;
    }

    /// Looks into the cursors with which a compute unit opens its tail.
    pub(crate) async fn check_cursors(self: &Arc<Self>, peer: UnitId, cursors: Vec<Cursor>) {
        // Whoever is not known cannot be asked.
        if self.directory.record(&peer).is_none() {
            return;
        }
        let ahead = self.read(move |unit| {
            let ahead = cursors.iter().filter_map(|cursor| {
                let last = Slot::new(cursor.slot.get().checked_sub(1)?);
                unit.doubt_end(&cursor.process, last)
            });
            Ok(ahead.take(CURSORS_MAX).collect())
        });
        self.settle(peer, ahead.await.unwrap_or_default()).await;
    }

    /// The compute units that policies of this unit's processes name.
    fn named_units(&self) -> BTreeSet<UnitId> {
        let (mut named, mut offset) = (BTreeSet::new(), 0);
        loop {
            let (page, total) = self.shards.processes(offset, PROCESSES);
            for (_, known) in &page {
                let policies = known.standing.source.policies().iter();
                named.extend(policies.flat_map(|policy| policy.units.iter().copied()));
            }
            offset += u64::try_from(PROCESSES).unwrap_or(u64::MAX);
            if offset >= total {
                return named;
            }
        }
    }

    /// Compares what a unit has executed with the logs.
    async fn check_with(self: Arc<Self>, peer: UnitId) {
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let request = Request::Heads { scheduler: self.id, after, limit: PAGE };
            let asked = self.adoptions.peers().ask_within::<HeadPage>(peer, &request, ASK_TIME);
            let HeadPage { heads, more } = match asked.await {
                Ok(page) => page,
                Err(error) => {
                    return tracing::debug!(%peer, %error, "a unit does not tell its heads");
                }
            };
            let last = heads.last().map(|head| head.process);
            let doubts = self.read(move |unit| {
                let doubts = heads.iter().map(|head| unit.doubt(head).map_err(refuse_storage));
                doubts.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()
            });
            match doubts.await {
                Ok(doubts) => self.settle(peer, doubts).await,
                Err(error) => return tracing::warn!(%peer, %error, "heads cannot be compared"),
            }
            if !more || last <= after {
                return;
            }
            after = last;
        }
    }

    /// What stands against the log, if what a unit has executed is right.
    fn doubt(&self, head: &ExecutedHead) -> Result<Option<Doubt>, StoreError> {
        let ExecutedHead { process, slot, chain } = *head;
        if let Some(doubt) = self.doubt_end(&process, slot) {
            return Ok(Some(doubt));
        }
        let archive = self.shards.archive(&process);
        let Some(known) = archive.board.process(&process) else { return Ok(None) };
        if !self.orders(&process, &known) {
            return Ok(None);
        }
        let here = if Some(known.head.next) == slot.next() {
            Some(known.head.chain)
        } else {
            archive.record(&Place { process, slot })?.map(|record| record.assignment.chain)
        };
        Ok((here != Some(chain)).then_some(Doubt { process, slot }))
    }

    /// The first slot that is not here, if somebody has a later one.
    fn doubt_end(&self, process: &ProcessId, last: Slot) -> Option<Doubt> {
        let next = match self.shards.archive(process).board.process(process) {
            Some(known) => self.orders(process, &known).then_some(known.head.next)?,
            None => Slot::ZERO,
        };
        (last >= next).then_some(Doubt { process: *process, slot: next })
    }

    /// Whether this scheduler orders a log now: others go on with the rest.
    fn orders(&self, process: &ProcessId, known: &Known) -> bool {
        let source = &known.standing.source;
        let sealed = self.shards.seals.successor(process, source.changes());
        source.scheduler() == self.id && sealed.is_none()
    }

    /// Asks for what proves doubts right, and seals the logs of which it does.
    async fn settle(self: &Arc<Self>, peer: UnitId, doubts: Vec<Doubt>) {
        for Doubt { process, slot } in doubts {
            let request = Request::Proof { process, slot };
            let asked = self.adoptions.peers().ask::<AssignmentProof>(peer, &request);
            let proof = match asked.await {
                Ok(proof) => proof,
                Err(error) => {
                    tracing::debug!(%peer, %process, %error, "no proof of a slot that is not here");
                    continue;
                }
            };
            let judged = self.read(move |unit| unit.judge(Doubt { process, slot }, &proof));
            match judged.await {
                Ok(Verdict::Stale) => self.distrust(process, slot),
                Ok(Verdict::Foreign) => self.look_for_successor(peer, process).await,
                Ok(Verdict::Nothing) => {}
                Err(error) => tracing::warn!(%process, %error, "a proof cannot be compared"),
            }
        }
    }

    /// Whether this scheduler has signed a slot that its store does not have, or has otherwise.
    fn judge(&self, doubt: Doubt, proof: &AssignmentProof) -> Result<Verdict, protocol::Refusal> {
        let Doubt { process, slot } = doubt;
        let signed = proof.assignment;
        if signed.process != process || signed.slot != slot {
            return Ok(Verdict::Nothing);
        }
        let archive = self.shards.archive(&process);
        if proof.verify(self.network, &self.id).is_err() {
            // Logs that this scheduler never had are not asked about.
            let is_here = archive.board.process(&process).is_some();
            return Ok(if is_here { Verdict::Foreign } else { Verdict::Nothing });
        }
        let here = archive.record(&Place { process, slot }).map_err(refuse_storage)?;
        let is_news = here.is_none_or(|here| here.assignment != signed);
        Ok(if is_news { Verdict::Stale } else { Verdict::Nothing })
    }

    /// Asks the other schedulers who a process is, and seals its log if one of them goes on with it.
    async fn look_for_successor(self: &Arc<Self>, peer: UnitId, process: ProcessId) {
        let Some(provenance) = self.describe(&process, &[]).await else { return };
        let learn = move |unit: &Self| {
            unit.learn_successor(peer, provenance);
            Ok(())
        };
        if let Err(error) = self.read(learn).await {
            tracing::warn!(%process, %error, "a provenance cannot be looked at");
        }
    }

    fn distrust(&self, process: ProcessId, slot: Slot) {
        if !self.shards.seals.distrust(process) {
            return;
        }
        self.metrics.stale_processes.add(1);
        tracing::error!(
            %process,
            %slot,
            "the store is an older copy of what this scheduler has signed: it lacks this slot, or has \
             another entry there. Nothing is written to the log. Stop the scheduler and put the newest \
             copy of its data back; if there is none, have another scheduler take the process over \
             (antiphon takeover)"
        );
    }
}
