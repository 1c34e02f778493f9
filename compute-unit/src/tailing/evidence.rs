//! What a scheduler is told, or found out to have done, by what it sends.

use std::sync::Arc;

use protocol::{AssignmentProof, Fault, ProcessId, codec};

use super::{Link, Tailing};
use crate::{
    archive::Archive,
    tail::{CheckedBatch, PastSeal},
};

impl Tailing {
    /// Has the scheduler told of logs that another one orders, with the proof that that one has.
    pub(super) async fn tell_superseded(&self, link: &Link, processes: Vec<ProcessId>) {
        for process in processes {
            let Some(moved) = self.moves.of(&process) else { continue };
            let Some(provenance) = self.describe(moved.scheduler(), &process).await else {
                continue;
            };
            if provenance.changes.len() >= moved.lineage.source().changes() {
                tracing::warn!(%process, scheduler = %link.scheduler, "it has a log that is another's");
                link.reports.superseded(process, provenance);
            }
        }
    }

    /// Compares what came again with what came before, and takes note of what is behind the end of
    /// an epoch.
    pub(super) async fn look_for_faults(&self, batch: &CheckedBatch) {
        for (index, assignment) in &batch.again {
            let known = self.proof(assignment.process, assignment.slot).await;
            let Some(known) = known.filter(|known| known.assignment != *assignment) else {
                continue;
            };
            if let Some(other) = proof_in(batch, *index, *assignment) {
                let mut proofs = [known, other].map(Box::new);
                // In one order, whichever came first.
                proofs.sort_by_cached_key(|proof| codec::encode(&**proof));
                let [one, two] = proofs;
                self.accuse(assignment.process, Fault::Assignments(one, two)).await;
            }
        }
        for PastSeal { index, later, seal } in &batch.past_seals {
            let sealed = self.proof(later.process, seal.slot).await;
            if let (Some(sealed), Some(later)) = (sealed, proof_in(batch, *index, *later)) {
                let process = later.assignment.process;
                let control = Box::new((*seal.control).clone());
                let (sealed, later) = (Box::new(sealed), Box::new(later));
                self.accuse(process, Fault::PastSeal { control, sealed, later }).await;
            }
        }
    }

    /// The proof of a slot that this unit was given.
    async fn proof(&self, process: ProcessId, slot: protocol::Slot) -> Option<AssignmentProof> {
        let archive: Archive = self.archive.clone();
        let read = tokio::task::spawn_blocking(move || archive.proof(&process, slot));
        read.await.ok()?.ok()?
    }

    /// Writes evidence to a file, if it is evidence.
    async fn accuse(&self, process: ProcessId, fault: Fault) {
        // Two statements may differ and both be honest: of two epochs, or two schedulers.
        let Ok(culprits) = fault.culprits(self.directory.network()) else { return };
        self.metrics.scheduler_faults.increment();
        let faults = Arc::clone(&self.faults);
        let written = tokio::task::spawn_blocking(move || faults.write(&fault)).await;
        let file = written.ok().and_then(Result::ok).flatten();
        tracing::error!(%process, ?culprits, ?file, "ALARM: a scheduler contradicts itself");
    }
}

/// The proof of a slot in a batch.
fn proof_in(
    batch: &CheckedBatch,
    index: u32,
    assignment: protocol::Assignment,
) -> Option<AssignmentProof> {
    let path = batch.tree.path(index)?;
    Some(AssignmentProof { assignment, path, batch: batch.header.clone() })
}
