//! What compute units tell of logs that this scheduler orders and another one has taken over.

use std::sync::Arc;

use protocol::{Domain, ProcessId, Provenance, UnitId, api::TailReport};

use crate::{seals::Successor, unit::Unit};

/// Provenances that are looked at in one report.
const REPORTED_MAX: usize = 64;

impl Unit {
    /// Seals the logs that a compute unit provably says to go on elsewhere.
    pub(crate) async fn learn_successors(self: &Arc<Self>, peer: UnitId, report: TailReport) {
        if report.superseded.is_empty() {
            return;
        }
        let learnt = self.read(move |unit| {
            let reported = report.superseded.into_iter().take(REPORTED_MAX);
            reported.for_each(|provenance| unit.learn_successor(peer, provenance));
            Ok(())
        });
        if let Err(refusal) = learnt.await {
            tracing::warn!(%peer, %refusal, "a report cannot be looked at");
        }
    }

    /// Seals the log of a process that this unit orders, if a provenance shows that another one does.
    pub(crate) fn learn_successor(&self, peer: UnitId, provenance: Provenance) {
        let digest = Domain::Spawn.digest(&[&provenance.spawn]);
        let process = ProcessId::from_bytes(*digest.as_bytes());
        let Some(known) = self.shards.archive(&process).board.process(&process) else { return };
        let own = &known.standing.source;
        let sealed = self.shards.seals.successor(&process, own.changes());
        let changes =
            sealed.map_or_else(|| own.changes(), |sealed| sealed.provenance.changes.len());
        // Before the signatures, which cost more.
        if own.scheduler() != self.id || provenance.changes.len() <= changes {
            return;
        }
        let scheduler = match provenance.source(&process, self.network) {
            Ok(source) if source.scheduler() != self.id => source.scheduler(),
            Ok(_) => return,
            Err(error) => {
                return tracing::warn!(%peer, %process, %error, "a provenance does not hold");
            }
        };
        tracing::warn!(%process, %scheduler, "another scheduler has taken over a log of this one");
        self.verifier.origins.meet(&process, &provenance);
        let successor = Successor { scheduler, provenance: Arc::new(provenance) };
        if let Err(error) = self.shards.seals.supersede(process, successor) {
            tracing::error!(%process, %error, "that a log was taken over cannot be stored");
        }
    }
}
