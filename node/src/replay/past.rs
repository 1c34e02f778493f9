//! The state of a process after any slot: from the nearest checkpoint that holds, or from slot 0,
//! and a replay of the log from there.

use std::{collections::HashMap, sync::Arc};

use antiphon_client::LogReader;
use compute_unit::{CompiledModule, Replay, Replayed};
use indicatif::ProgressBar;
use protocol::{
    Assignment, Hash, HeadStatement, Position, Signed, Slot, StateStatement, UnitId, api::LogRecord,
};
use tokio::runtime::Handle;

use super::{
    Subject,
    audit::anchor,
    budget::{Halt, Pace},
    checkpoints::{self, Candidate},
    pages::{End, Pages},
    rules::Rules,
    subject::on_thread,
};
use crate::{error::NodeError, output::note};

/// Checkpoints that are tried before all is replayed.
const ATTEMPTS_MAX: usize = 16;

/// What to find.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// After which slot; after the last if absent.
    pub(crate) slot: Option<Slot>,
    /// Whether the outcome of that slot is wanted, so that it is executed here in any case.
    pub(crate) outcome: bool,
    /// Whether a unit's checkpoint may be believed.
    pub(crate) checkpoints: bool,
}

/// A process after a slot.
#[derive(Debug)]
pub(crate) struct Past {
    /// The process.
    pub(crate) replay: Replay,
    /// What the slot came to, if it was executed here.
    pub(crate) replayed: Option<(LogRecord, Replayed)>,
    /// Whose checkpoint it rests on; none if every slot was executed here.
    pub(crate) basis: Option<Basis>,
}

/// A checkpoint that a replay began with.
#[derive(Debug, Clone)]
pub(crate) struct Basis {
    /// Whose it is.
    pub(crate) unit: UnitId,
    /// The unit's word.
    pub(crate) statement: Signed<StateStatement>,
}

/// Where a replay stands, and what the next slot must continue.
struct Start {
    replay: Replay,
    basis: Option<Basis>,
}

/// Finds the state of a process.
pub(crate) async fn reach(
    subject: &Arc<Subject>,
    wanted: Wanted,
    progress: ProgressBar,
) -> Result<Past, NodeError> {
    let head = subject.client.head(subject.process).await?;
    Ok(reach_within(subject, wanted, &head, &Pace::free(progress)).await?)
}

/// Finds the state of a process, at a pace.
pub(super) async fn reach_within(
    subject: &Arc<Subject>,
    wanted: Wanted,
    head: &HeadStatement,
    pace: &Pace,
) -> Result<Past, Halt> {
    let slot = wanted.slot.unwrap_or(head.slot);
    if slot > head.slot {
        return Err(Halt::Failed(NodeError::Usage(format!(
            "there is no slot {slot} yet: the last of the log is {}",
            head.slot
        ))));
    }
    // An outcome shows only to whoever executes the slot.
    let latest = match wanted.outcome {
        true => slot.get().checked_sub(1).map(Slot::new),
        false => Some(slot),
    };
    let start = match latest.filter(|_| wanted.checkpoints) {
        Some(latest) => from_checkpoint(subject, latest, pace).await?,
        None => None,
    };
    let start = match start {
        Some(start) => start,
        None => {
            pace.allows(slot.get().saturating_add(1))?;
            Start { replay: subject.unborn().map_err(NodeError::system)?, basis: None }
        }
    };
    // It is as large as all that it waits for.
    Box::pin(go_on(subject, start, (slot, head), pace)).await
}

/// The same process after the next slot.
pub(super) async fn step(
    subject: &Arc<Subject>,
    past: Past,
    head: &HeadStatement,
    pace: &Pace,
) -> Result<Past, Halt> {
    let Past { replay, basis, .. } = past;
    let slot = replay.next();
    Box::pin(go_on(subject, Start { replay, basis }, (slot, head), pace)).await
}

/// The best checkpoint that holds; tells of those that do not.
async fn from_checkpoint(
    subject: &Arc<Subject>,
    latest: Slot,
    pace: &Pace,
) -> Result<Option<Start>, Halt> {
    let mut offered = checkpoints::offered(subject, latest).await;
    for _ in 0..ATTEMPTS_MAX {
        let Some(candidate) = offered.pop() else { return Ok(None) };
        let (unit, slot) = (candidate.unit, candidate.checkpoint.position.slot);
        // The memory is not worth fetching for what would not be replayed from it.
        pace.allows(latest.get().saturating_sub(slot.get()))?;
        match restore(subject, candidate).await? {
            Ok(start) => return Ok(Some(start)),
            Err(reason) => note(&format!(
                "warning: the checkpoint of {unit} after slot {slot} is not used: {reason}"
            )),
        }
        if let Some(before) = slot.get().checked_sub(1) {
            offered.extend(checkpoints::by(subject, unit, Slot::new(before)).await);
            offered.sort_by_key(|candidate| candidate.checkpoint.position.slot);
        }
    }
    Ok(None)
}

/// Restores a checkpoint, if it holds and belongs to this log.
async fn restore(
    subject: &Arc<Subject>,
    candidate: Candidate,
) -> Result<Result<Start, String>, NodeError> {
    let position = candidate.checkpoint.position;
    if !stands_in_log(subject, &position).await? {
        return Ok(Err("the log is another one".to_owned()));
    }
    let blobs = match checkpoints::fetch(subject, &candidate).await {
        Ok(blobs) => blobs,
        Err(reason) => return Ok(Err(reason.to_string())),
    };
    let mine = Arc::clone(subject);
    on_thread(move |runtime| {
        let Candidate { unit, statement, checkpoint } = candidate;
        let module = mine.module(checkpoint.module, runtime).map_err(|error| error.to_string())?;
        let replay = restored(&module, &statement, checkpoint, blobs)?;
        Ok(Start { replay, basis: Some(Basis { unit, statement }) })
    })
    .await
}

fn restored(
    module: &Arc<CompiledModule>,
    statement: &Signed<StateStatement>,
    checkpoint: protocol::Checkpoint,
    blobs: HashMap<Hash, Vec<u8>>,
) -> Result<Replay, String> {
    let restored = Replay::restore(checkpoint, blobs, module);
    let mut replay = restored.map_err(|error| error.to_string())?;
    let state = replay.state().map_err(|error| error.to_string())?;
    if state.map(|state| state.root()) == statement.unverified().state_root {
        Ok(replay)
    } else {
        Err("it is not the state that the unit signed".to_owned())
    }
}

/// Whether a position is one of the log, by the word of its scheduler.
async fn stands_in_log(subject: &Subject, position: &Position) -> Result<bool, NodeError> {
    let page = subject.client.log(subject.process, position.slot).page(1).await?;
    let Some(record) = page.records.first() else { return Ok(false) };
    let Assignment { slot, epoch, time, chain, .. } = record.assignment;
    Ok(*position == Position { slot, epoch, time, chain })
}

/// Replays the log up to a slot, and checks that it hangs on its scheduler's signature.
async fn go_on(
    subject: &Arc<Subject>,
    start: Start,
    (slot, head): (Slot, &HeadStatement),
    pace: &Pace,
) -> Result<Past, Halt> {
    let Start { replay, basis } = start;
    let position = replay.position().copied();
    let left = slot.get().saturating_add(1).saturating_sub(replay.next().get());
    pace.begin(left)?;
    let (client, process) = (&subject.client, subject.process);
    let reader: LogReader = match &position {
        Some(position) => client.log_behind(process, position),
        None => client.log(process, Slot::ZERO),
    };
    let pages = Pages::read(Arc::clone(subject), reader, slot, None);
    let whole = position.is_none();
    let (mine, my_pace) = (Arc::clone(subject), pace.clone());
    let done = on_thread(move |runtime| execute((&mine, runtime), replay, whole, pages, &my_pace));
    let done = done.await??;
    let (replay, replayed) = done;
    let last = match &replayed {
        Some((record, _)) => record.assignment,
        None => {
            let page = client.log(process, slot).page(1).await.map_err(NodeError::from)?;
            let found = page.records.first().map(|record| record.assignment);
            let same = found.filter(|found| position.is_some_and(|at| at.chain == found.chain));
            let changed = || NodeError::Verification(format!("slot {slot}: the log changes"));
            same.ok_or_else(changed)?
        }
    };
    if let Some(difference) = anchor(subject, head, &last).await? {
        return Err(Halt::Failed(broken(&difference)));
    }
    Ok(Past { replay, replayed, basis })
}

fn execute(
    (subject, runtime): (&Subject, &Handle),
    mut replay: Replay,
    whole: bool,
    mut pages: Pages,
    pace: &Pace,
) -> Result<(Replay, Option<(LogRecord, Replayed)>), Halt> {
    let mut rules = Rules::new(whole);
    let mut last = None;
    while let Some(page) = pages.next() {
        let page = page.map_err(|end| match end {
            End::Broken(difference) => broken(&difference),
            End::Failed(error) => error,
        })?;
        let bad = page.checks.finish(runtime)?;
        for (index, record) in page.records.iter().enumerate() {
            pace.check()?;
            let slot = record.assignment.slot;
            let what = rules.take(record).err().map(str::to_owned);
            let unsigned = bad.as_ref().filter(|(first, _)| *first == index);
            if let Some(what) = what.or_else(|| unsigned.map(|(_, what)| what.clone())) {
                return Err(Halt::Failed(broken(&super::Difference { slot, what })));
            }
            let successor = subject.successor(&replay, &record.entry, runtime)?;
            let replayed = replay.execute(&record.assignment, &record.entry, successor.as_ref());
            last = Some((record.clone(), replayed.map_err(NodeError::system)?));
            pace.done();
        }
    }
    pace.finish();
    Ok((replay, last))
}

/// The log breaks a rule.
pub(super) fn broken(difference: &super::Difference) -> NodeError {
    NodeError::Verification(format!("slot {}: {}", difference.slot, difference.what))
}
