//! Where processes go on after a restart, and how those that nobody uses leave memory.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use protocol::{Assignment, Hash, Position, ProcessId, Slot, Source, UnitId};
use tokio_util::sync::CancellationToken;

use crate::{
    archive::Archive,
    checkpoint::CheckpointStore,
    database::StoreError,
    executor::Executor,
    published::Published,
    store::Head,
    tail::{Lineage, Moved, Moves},
};

/// How often idle processes are looked for.
const SWEEP_PACE: Duration = Duration::from_secs(5);

/// Where an earlier run left a process.
#[derive(Debug)]
pub(crate) struct Resume {
    /// The process.
    pub(crate) process: ProcessId,
    /// Who it is, by all that this unit was given of its log.
    pub(crate) lineage: Arc<Lineage>,
    /// The last slot executed.
    pub(crate) position: Position,
}

/// What earlier runs have left on disk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'a> {
    /// What was published.
    pub(crate) published: &'a Published,
    /// What was given to execute.
    pub(crate) archive: &'a Archive,
    /// Checkpoints.
    pub(crate) checkpoints: &'a CheckpointStore,
    /// How far each process was published.
    pub(crate) heads: &'a BTreeMap<ProcessId, Head>,
}

/// Hosts the processes that earlier runs have checkpoints of, and tells where their logs go on.
///
/// Of each the newest checkpoint counts whose outcomes are stored as well: what was not published
/// is executed again. A log is asked for from all who have ordered it, for not all of them may be up.
pub(crate) fn resumes(
    left: Left<'_>,
    moves: &Moves,
    executor: &Executor,
) -> Result<BTreeMap<UnitId, Vec<Resume>>, StoreError> {
    let mut resumes: BTreeMap<UnitId, Vec<Resume>> = BTreeMap::new();
    for process in left.checkpoints.processes()? {
        let known = left.heads.get(&process).copied();
        let Some(latest) = known.and_then(|head| head.next.get().checked_sub(1)) else { continue };
        let Some((lineage, position)) = left.newest(&process, Slot::new(latest))? else {
            // Its log is read again from the start.
            continue;
        };
        if let Some(moved) = left.moved(&process, &lineage) {
            moves.learn(process, moved);
        }
        let lineage = Arc::new(lineage);
        executor.host(process, lineage.source().scheduler(), known, Some(position));
        for scheduler in lineage.schedulers() {
            let resume = Resume { process, lineage: Arc::clone(&lineage), position };
            resumes.entry(scheduler).or_default().push(resume);
        }
    }
    Ok(resumes)
}

impl Left<'_> {
    /// The newest usable checkpoint of a process up to a slot. Those that are void are dropped.
    fn newest(
        &self,
        process: &ProcessId,
        latest: Slot,
    ) -> Result<Option<(Lineage, Position)>, StoreError> {
        let controls = self.published.store.controls(process)?;
        let mut latest = Some(latest);
        // One that cannot be read is looked at again when the process is needed.
        while let Some(slot) = latest
            && let Ok(Some(checkpoint)) = self.checkpoints.newest(process, slot)
            && let Ok(spawn) = checkpoint.spawn()
        {
            let position = checkpoint.position;
            let mut lineage = Lineage::born(Arc::new(Source::of_spawn(&spawn)));
            for (slot, control) in &controls {
                lineage.advance(Arc::new(control.clone()), *slot);
            }
            if self.is_usable(process, &lineage, &position) {
                return Ok(Some((lineage, position)));
            }
            tracing::warn!(%process, slot = %position.slot, "a checkpoint is void, or of what is not published");
            self.checkpoints.discard(process, position.slot)?;
            latest = position.slot.get().checked_sub(1).map(Slot::new);
        }
        Ok(None)
    }

    /// Whether a process can go on from a position: it is of the log that counts, and what was
    /// published up to there is so too. Without changes of epoch there is no doubt.
    fn is_usable(&self, process: &ProcessId, lineage: &Lineage, position: &Position) -> bool {
        if lineage.changes().is_empty() {
            return lineage.leads_to(position);
        }
        lineage.leads_to(position)
            && self.published.chain(process, position.slot) == Some(position.chain)
            && lineage.takeovers().all(|(slot, chain)| self.was_given(process, slot, chain))
    }

    /// Whether a slot that counts is not known as another one: a lost scheduler may have signed two.
    fn was_given(&self, process: &ProcessId, slot: Slot, chain: Hash) -> bool {
        let given = self.archive.proof(process, slot).ok().flatten();
        given.is_none_or(|given| given.assignment.chain == chain)
    }

    /// What tails must know of a log that has gone over to another scheduler.
    fn moved(&self, process: &ProcessId, lineage: &Lineage) -> Option<Moved> {
        let (lineage, slot) = lineage.last_move()?;
        let Assignment { epoch, time, chain, .. } =
            self.archive.proof(process, slot).ok()??.assignment;
        let position = Position { slot, epoch, time, chain };
        Some(Moved { lineage: Arc::new(lineage), position })
    }
}

/// Lets processes that nobody uses leave memory, until the unit stops.
pub(crate) async fn sweep(executor: Arc<Executor>, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(tokio::time::sleep(SWEEP_PACE)).await.is_some() {
        let executor = Arc::clone(&executor);
        // Pages are copied and hashed.
        if tokio::task::spawn_blocking(move || executor.sweep()).await.is_err() {
            tracing::error!("processes could not leave memory");
        }
    }
}
