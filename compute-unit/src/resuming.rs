//! Where processes go on after a restart, and how those that nobody uses leave memory.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use protocol::{Position, ProcessId, Slot, Source, UnitId};
use tokio_util::sync::CancellationToken;

use crate::{
    checkpoint::CheckpointStore,
    database::StoreError,
    executor::Executor,
    store::{Head, Store},
    tail::Lineage,
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

/// Hosts the processes that earlier runs have checkpoints of, and tells where their logs go on.
///
/// Of each the newest checkpoint counts whose outcomes are stored as well: what was not published
/// is executed again. A log is asked for from all who have ordered it, for not all of them may be up.
pub(crate) fn resumes(
    store: &Store,
    checkpoints: &CheckpointStore,
    heads: &BTreeMap<ProcessId, Head>,
    executor: &Executor,
) -> Result<BTreeMap<UnitId, Vec<Resume>>, StoreError> {
    let mut resumes: BTreeMap<UnitId, Vec<Resume>> = BTreeMap::new();
    for process in checkpoints.processes()? {
        let known = heads.get(&process).copied();
        let Some(latest) = known.and_then(|head| head.next.get().checked_sub(1)) else { continue };
        // One that cannot be read is looked at again when the process is needed.
        let Ok(Some(checkpoint)) = checkpoints.newest(&process, Slot::new(latest)) else {
            continue;
        };
        let Ok(spawn) = checkpoint.spawn() else { continue };
        let position = checkpoint.position;
        let mut lineage = Lineage::born(Arc::new(Source::of_spawn(&spawn)));
        for (slot, control) in store.controls(&process)? {
            lineage.advance(Arc::new(control), slot);
        }
        if !lineage.leads_to(&position) {
            // Its log is read again from the start.
            continue;
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
