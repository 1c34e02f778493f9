//! A process after a slot and what that slot changed, within a budget: for whoever looks at one slot
//! after another. Keeps no memory behind.

use std::{collections::BTreeMap, sync::Arc};

use compute_unit::Replay;
use protocol::{Hash, ModuleId, Outcome, Slot, State, api::LogRecord};
use tokio::runtime::Handle;

use super::{
    Bytes, Change, Subject, Wanted,
    budget::{Budget, Halt, Pace},
    bytes, changes, keys,
    past::{Basis, Past, reach_within, step},
    portrait::{Told, tell_while, views},
    subject::on_thread,
};
use crate::error::NodeError;

/// Changes of what a state says that are told.
const CHANGES_MAX: usize = 50;

/// Larger memories are not compared byte by byte: that would take a second one.
const COMPARED_MAX: usize = 64 << 20;

/// A process after a slot.
#[derive(Debug)]
pub(crate) struct Visit {
    /// The slot.
    pub(crate) record: LogRecord,
    /// What it came to here.
    pub(crate) outcome: Outcome,
    /// The state after it.
    pub(crate) sight: Sight,
    /// What it changed; none if nothing was before it.
    pub(crate) shift: Option<Shift>,
    /// Whose checkpoint it rests on; none if every slot was executed here.
    pub(crate) basis: Option<Basis>,
}

/// What a state is, without its memory.
#[derive(Debug)]
pub(crate) struct Sight {
    /// What it says of itself.
    pub(crate) told: Told,
    /// Its root; none of a process that was not born.
    pub(crate) root: Option<Hash>,
    /// The module that made it.
    pub(crate) module: ModuleId,
    /// Bytes of memory.
    pub(crate) memory: usize,
    /// The root of the memory.
    pub(crate) memory_root: Option<Hash>,
    /// Keys in the host table.
    pub(crate) keys: usize,
}

/// What a slot changed.
#[derive(Debug)]
pub(crate) struct Shift {
    /// What the state says otherwise, and how much more there is; none if it cannot be compared.
    pub(crate) told: Option<(Vec<Change>, usize)>,
    /// Bytes of the memory; none if it is too large.
    pub(crate) bytes: Option<Bytes>,
    /// Keys of the host table that are new, gone and changed.
    pub(crate) keys: [usize; 3],
}

/// What is kept of a state to compare the next one with.
struct Before {
    told: Told,
    memory: Option<Vec<u8>>,
    table: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// Finds a process after a slot, and what that slot changed. Ends soon after its budget does.
pub(crate) async fn visit(
    subject: &Arc<Subject>,
    slot: Slot,
    budget: Budget,
) -> Result<Visit, Halt> {
    let head = subject.client.head(subject.process).await.map_err(NodeError::from)?;
    let pace = Pace::within(budget);
    let wanted = |slot, outcome| Wanted { slot: Some(slot), outcome, checkpoints: true };
    let (past, before) = match slot.get().checked_sub(1).map(Slot::new) {
        None => (reach_within(subject, wanted(slot, true), &head, &pace).await?, None),
        Some(previous) => {
            let mut past = reach_within(subject, wanted(previous, false), &head, &pace).await?;
            let (mine, my_pace) = (Arc::clone(subject), pace.clone());
            let looked = on_thread(move |runtime| {
                let before = look_before((&mine, runtime), &mut past.replay, &my_pace);
                before.map(|before| (past, before))
            });
            let (past, before) = looked.await??;
            (step(subject, past, &head, &pace).await?, Some(before))
        }
    };
    let Past { mut replay, replayed, basis } = past;
    let none = || NodeError::System("no slot was executed".to_owned());
    let (record, replayed) = replayed.ok_or_else(none)?;
    let mine = Arc::clone(subject);
    let looked = on_thread(move |runtime| look((&mine, runtime), &mut replay, before, &pace));
    let (sight, shift) = looked.await??;
    Ok(Visit { record, outcome: replayed.outcome, sight, shift, basis })
}

/// What a state says. For threads that are none of the runtime's.
fn ask(
    (subject, runtime): (&Subject, &Handle),
    replay: &mut Replay,
    module: ModuleId,
    pace: &Pace,
) -> Result<Told, Halt> {
    let views = runtime.block_on(views(&subject.client, module));
    let told = tell_while(replay, &views, || pace.check().is_ok())?;
    pace.check()?;
    Ok(told)
}

fn module_of(subject: &Subject, state: Option<&State>) -> ModuleId {
    state.map_or(subject.described.spawn.module, |state| state.module)
}

fn look_before(
    (subject, runtime): (&Subject, &Handle),
    replay: &mut Replay,
    pace: &Pace,
) -> Result<Before, Halt> {
    let state = replay.state().map_err(NodeError::system)?;
    let module = module_of(subject, state.as_ref());
    let told = ask((subject, runtime), replay, module, pace)?;
    let memory = replay.memory().unwrap_or_default();
    let memory = (memory.len() <= COMPARED_MAX).then(|| memory.to_vec());
    Ok(Before { told, memory, table: table(replay) })
}

fn table(replay: &Replay) -> BTreeMap<Vec<u8>, Vec<u8>> {
    replay.table().iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

fn look(
    (subject, runtime): (&Subject, &Handle),
    replay: &mut Replay,
    before: Option<Before>,
    pace: &Pace,
) -> Result<(Sight, Option<Shift>), Halt> {
    let state = replay.state().map_err(NodeError::system)?;
    let module = module_of(subject, state.as_ref());
    let told = ask((subject, runtime), replay, module, pace)?;
    let memory = replay.memory().unwrap_or_default();
    let length = memory.len();
    let compared = before.as_ref().and_then(|before| before.memory.as_ref());
    let compared = compared.filter(|_| length <= COMPARED_MAX);
    let moved = compared.map(|before| bytes(before, memory, Replay::PAGE_BYTES, 0));
    let shift = before.map(|before| Shift {
        told: differences(&before.told, &told),
        bytes: moved,
        keys: keys(&before.table, &table(replay)),
    });
    let sight = Sight {
        told,
        root: state.as_ref().map(|state| state.root()),
        module,
        memory: length,
        memory_root: state.as_ref().map(|state| state.memory),
        keys: replay.table().len(),
    };
    Ok((sight, shift))
}

/// What is saved and what views answer have nothing in common.
fn differences(before: &Told, after: &Told) -> Option<(Vec<Change>, usize)> {
    let alike = before.word() == after.word();
    let (before, after) = before.value().zip(after.value()).filter(|_| alike)?;
    Some(changes(before, after, CHANGES_MAX))
}
