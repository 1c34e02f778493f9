//! What a log would have come to with another module, beside what it came to.
//!
//! Both are executed here, slot by slot, on the log as it stands. What others would have answered to
//! a module that says other things is not known: they are heard with what they said.

use std::sync::Arc;

use compute_unit::{CompiledModule, Replay, Successor};
use indicatif::ProgressBar;
use protocol::{Assignment, Gas, Hash, OutboxItem, Outcome, Reply, Slot, api::LogRecord};
use tokio::{runtime::Handle, sync::mpsc};

use super::{
    Difference, Subject, Told, Wanted,
    audit::anchor,
    pages::{End, Pages},
    past::{broken, reach},
    portrait::{tell, views, views_of},
    rules::Rules,
    subject::on_thread,
};
use crate::error::NodeError;

/// Differences that wait to be printed.
pub(crate) const WAITING: usize = 64;

/// What is supposed.
#[derive(Debug)]
pub(crate) struct Supposition {
    /// The other module.
    pub(crate) module: Vec<u8>,
    /// The slot before which it comes, by an upgrade; the process is spawned with it if absent.
    pub(crate) from: Option<Slot>,
    /// The last slot compared; the last of the log if absent.
    pub(crate) to: Option<Slot>,
    /// Whether the module gets the memory image instead of what the present one saves.
    pub(crate) raw: bool,
    /// Whether a slot counts as equal if it took other gas.
    pub(crate) ignore_gas: bool,
    /// Whether a unit's checkpoint may be believed.
    pub(crate) checkpoints: bool,
}

/// A slot that would have come to something else.
#[derive(Debug)]
pub(crate) struct Divergence {
    /// What stands in the slot.
    pub(crate) record: LogRecord,
    /// In which parts of the outcome.
    pub(crate) parts: Vec<&'static str>,
    /// What it came to, and the state root behind it.
    pub(crate) was: (Outcome, Option<Hash>),
    /// What it would have come to.
    pub(crate) would: (Outcome, Option<Hash>),
}

/// Both ways in sum, the first of each pair as it was, the second as it would have been.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// What the other module says to the state that it is given, and the gas of that.
    pub(crate) upgrade: Option<(Reply, Gas)>,
    /// Slots compared.
    pub(crate) slots: u64,
    /// Slots that differ.
    pub(crate) differing: u64,
    /// The first of these.
    pub(crate) first: Option<Slot>,
    /// Gas used.
    pub(crate) gas: [u64; 2],
    /// Slots that ended with an error.
    pub(crate) errors: [u64; 2],
    /// What the states in the end say.
    pub(crate) told: Option<[Told; 2]>,
    /// The first slot of the log that upgrades the process: from there on, neither runs the other
    /// module.
    pub(crate) upgraded: Option<Slot>,
}

/// Both ways while they are executed.
struct Run {
    subject: Arc<Subject>,
    was: Replay,
    would: Replay,
    rules: Rules,
    ignore_gas: bool,
    comparison: Comparison,
    last: Option<Assignment>,
    progress: ProgressBar,
    differences: mpsc::Sender<Divergence>,
}

/// Compares what was with what would have been, and sends on whatever differs.
pub(crate) async fn suppose(
    subject: &Arc<Subject>,
    supposition: Supposition,
    progress: ProgressBar,
    differences: mpsc::Sender<Divergence>,
) -> Result<Comparison, NodeError> {
    let head = subject.client.head(subject.process).await?;
    let last = supposition.to.unwrap_or(head.slot);
    let from = supposition.from.unwrap_or(Slot::ZERO);
    if last > head.slot || from > last {
        return Err(NodeError::Usage(format!(
            "there are no slots from {from} to {last}: the last of the log is {}",
            head.slot
        )));
    }
    let module = subject.compile(supposition.module.clone()).await?;
    let (mut was, would) = both(subject, &supposition, &module).await?;
    let state = was.state().map_err(NodeError::system)?;
    let present = state.map_or(subject.described.spawn.module, |state| state.module);
    let views = [views(&subject.client, present).await, views_of(&supposition.module)];
    let reader = match was.position() {
        Some(position) => subject.client.log_behind(subject.process, position),
        None => subject.client.log(subject.process, Slot::ZERO),
    };
    progress.set_length(last.get().saturating_add(1).saturating_sub(from.get()));
    let pages = Pages::read(Arc::clone(subject), reader, last, None);
    let spawned = was.position().is_none();
    let mut run = Run {
        subject: Arc::clone(subject),
        was,
        would,
        rules: Rules::new(spawned),
        ignore_gas: supposition.ignore_gas,
        comparison: Comparison::default(),
        last: None,
        progress,
        differences,
    };
    let run = on_thread(move |runtime| {
        if !spawned {
            let upgrade = run.would.suppose(&Successor::Ready(module), supposition.raw);
            run.comparison.upgrade = Some(upgrade.map_err(NodeError::system)?);
        }
        if !run.comparison.is_refused() {
            run.take_all(pages, runtime)?;
            run.look(&views)?;
        }
        Ok::<_, NodeError>(run)
    });
    let run = run.await??;
    if let Some(last) = &run.last
        && let Some(difference) = anchor(subject, &head, last).await?
    {
        return Err(broken(&difference));
    }
    Ok(run.comparison)
}

/// The process before the first slot that is compared, twice: as it was, and to be given the other
/// module, or spawned with it.
async fn both(
    subject: &Arc<Subject>,
    supposition: &Supposition,
    module: &Arc<CompiledModule>,
) -> Result<(Replay, Replay), NodeError> {
    let before = supposition.from.and_then(|from| from.get().checked_sub(1)).map(Slot::new);
    if before.is_none() {
        let was = subject.unborn().map_err(NodeError::system)?;
        let would = subject.born_with(module).map_err(NodeError::system)?;
        return Ok((was, would));
    }
    let wanted = Wanted { slot: before, outcome: false, checkpoints: supposition.checkpoints };
    let past = || reach(subject, wanted, ProgressBar::hidden());
    Ok((Box::pin(past()).await?.replay, Box::pin(past()).await?.replay))
}

impl Run {
    fn take_all(&mut self, mut pages: Pages, runtime: &Handle) -> Result<(), NodeError> {
        while let Some(page) = pages.next() {
            let page = page.map_err(|end| match end {
                End::Broken(difference) => broken(&difference),
                End::Failed(error) => error,
            })?;
            let bad = page.checks.finish(runtime)?;
            for (index, record) in page.records.iter().enumerate() {
                let slot = record.assignment.slot;
                let what = self.rules.take(record).err().map(str::to_owned);
                let unsigned = bad.as_ref().filter(|(first, _)| *first == index);
                if let Some(what) = what.or_else(|| unsigned.map(|(_, what)| what.clone())) {
                    return Err(broken(&Difference { slot, what }));
                }
                if !self.take(record, runtime)? {
                    return Err(NodeError::ReaderGone);
                }
                self.progress.inc(1);
            }
        }
        self.progress.finish_and_clear();
        Ok(())
    }

    /// Executes a slot both ways; tells whether anybody still wants to hear of differences.
    fn take(&mut self, record: &LogRecord, runtime: &Handle) -> Result<bool, NodeError> {
        let LogRecord { assignment, entry } = record;
        if self.was.upgrade_of(entry).is_some() {
            self.comparison.upgraded.get_or_insert(assignment.slot);
        }
        let subject = &self.subject;
        let execute = |replay: &mut Replay| {
            let successor = subject.successor(replay, entry, runtime)?;
            let replayed = replay.execute(assignment, entry, successor.as_ref());
            Ok::<_, NodeError>(replayed.map_err(NodeError::system)?.outcome)
        };
        let (was, would) = (execute(&mut self.was)?, execute(&mut self.would)?);
        self.last = Some(*assignment);
        let parts = parts(&was, &would, self.ignore_gas);
        self.comparison.count(&was, &would, !parts.is_empty());
        if parts.is_empty() {
            return Ok(true);
        }
        let root = |replay: &mut Replay| {
            Ok::<_, NodeError>(replay.state().map_err(NodeError::system)?.map(|one| one.root()))
        };
        let (was, would) = ((was, root(&mut self.was)?), (would, root(&mut self.would)?));
        let divergence = Divergence { record: record.clone(), parts, was, would };
        Ok(self.differences.blocking_send(divergence).is_ok())
    }

    /// Looks at both states.
    fn look(&mut self, [was, would]: &[Vec<String>; 2]) -> Result<(), NodeError> {
        let told = [tell(&mut self.was, was)?, tell(&mut self.would, would)?];
        self.comparison.told = Some(told);
        Ok(())
    }
}

impl Comparison {
    /// Whether the other module does not take the state, so that everything stays as it was.
    pub(crate) const fn is_refused(&self) -> bool {
        matches!(&self.upgrade, Some((Reply::Failure(_), _)))
    }

    fn count(&mut self, was: &Outcome, would: &Outcome, differ: bool) {
        self.slots = self.slots.saturating_add(1);
        self.differing = self.differing.saturating_add(differ.into());
        if differ {
            self.first.get_or_insert(was.slot);
        }
        for ((gas, errors), outcome) in self.gas.iter_mut().zip(&mut self.errors).zip([was, would])
        {
            *gas = gas.saturating_add(outcome.gas.get());
            let failed = matches!(outcome.reply, Reply::Failure(_));
            *errors = errors.saturating_add(failed.into());
        }
    }
}

/// In which parts two outcomes differ. Numbers of pairs are no part of their own: they follow from
/// what was emitted before.
fn parts(was: &Outcome, would: &Outcome, ignore_gas: bool) -> Vec<&'static str> {
    let failed = |outcome: &Outcome| matches!(outcome.reply, Reply::Failure(_));
    let said = |items: &[OutboxItem]| -> Vec<_> {
        items.iter().map(|item| (item.target, item.body.clone())).collect()
    };
    let reply = if failed(was) || failed(would) { "error" } else { "reply" };
    let parts = [
        (reply, was.reply != would.reply),
        ("outbox", said(&was.outbox) != said(&would.outbox)),
        ("events", was.events != would.events),
        ("logs", was.logs != would.logs),
        ("gas", !ignore_gas && was.gas != would.gas),
    ];
    parts.into_iter().filter(|(_, differ)| *differ).map(|(part, _)| part).collect()
}

#[cfg(test)]
mod tests;
