//! Checks a process from its first slot to its last, trusting no unit.

use std::sync::Arc;

use antiphon_client::ClientError;
use compute_unit::{Replay, Replayed};
use indicatif::ProgressBar;
use protocol::{
    Assignment, Fault, Hash, HeadStatement, NetworkId, Receipt, Slot, api::LogRecord, codec,
};
use tokio::runtime::Handle;

use super::{
    Difference, Subject,
    pages::{End, Page, Pages},
    rules::Rules,
    subject::on_thread,
    witnesses::{Testimony, Witnesses},
};
use crate::error::NodeError;

/// What became of a check.
#[derive(Debug)]
pub(crate) struct Audit {
    /// How many slots are as they must be.
    pub(crate) slots: u64,
    /// Of how many of these a unit of the policy signed the outcome.
    pub(crate) executed: u64,
    /// How many epochs they belong to.
    pub(crate) epochs: u64,
    /// The state root after the last slot; none of a process that was not born, or that differs.
    pub(crate) state_root: Option<Hash>,
    /// What differs first.
    pub(crate) difference: Option<Difference>,
    /// Units that contradict each other there.
    pub(crate) fault: Option<Fault>,
}

/// A check under way.
struct Auditor<'a> {
    subject: &'a Subject,
    runtime: &'a Handle,
    network: NetworkId,
    replay: Replay,
    rules: Rules,
    executed: u64,
    last: Option<Assignment>,
    progress: ProgressBar,
}

/// Why a check ends early.
enum Stop {
    Differs(Difference, Option<Fault>),
    Failed(NodeError),
}

/// Replays a process up to the head that its scheduler signs now, and compares.
pub(crate) async fn verify(
    subject: &Arc<Subject>,
    progress: ProgressBar,
) -> Result<Audit, NodeError> {
    let head = subject.client.head(subject.process).await?;
    progress.set_length(head.slot.get().saturating_add(1));
    let reader = subject.client.log(subject.process, Slot::ZERO);
    let witnesses = Witnesses::of(subject);
    let pages = Pages::read(Arc::clone(subject), reader, head.slot, Some(witnesses));
    let mine = Arc::clone(subject);
    let (mut audit, last) =
        on_thread(move |runtime| run(&mine, pages, progress, runtime)).await??;
    if audit.difference.is_none()
        && let Some(last) = last
        && let Some(difference) = anchor(subject, &head, &last).await?
    {
        audit.slots = difference.slot.get();
        audit.state_root = None;
        audit.difference = Some(difference);
    }
    Ok(audit)
}

/// What is wrong if the log does not hang on its scheduler's signature. The chain hash commits to
/// all slots before.
pub(super) async fn anchor(
    subject: &Subject,
    head: &HeadStatement,
    last: &Assignment,
) -> Result<Option<Difference>, NodeError> {
    let is_head = last.slot == head.slot;
    // The chain hash commits to the epoch of its slot; a head tells that of the next one.
    if is_head && last.chain != head.chain {
        let what = "the chain hash is another one than that of the head that the scheduler signed";
        return Ok(Some(Difference::at(last.slot, what)));
    }
    match subject.client.proof(last).await {
        Ok(_) => Ok(None),
        Err(ClientError::Unverified { what }) => {
            let what = format!("the scheduler does not prove the assignment: {what}");
            Ok(Some(Difference::at(last.slot, what)))
        }
        Err(error) => Err(error.into()),
    }
}

fn run(
    subject: &Subject,
    mut pages: Pages,
    progress: ProgressBar,
    runtime: &Handle,
) -> Result<(Audit, Option<Assignment>), NodeError> {
    let mut auditor = Auditor {
        subject,
        runtime,
        network: subject.client.network(),
        replay: subject.unborn().map_err(NodeError::system)?,
        rules: Rules::new(true),
        executed: 0,
        last: None,
        progress,
    };
    let stopped = loop {
        match pages.next() {
            None => break None,
            Some(Ok(page)) => {
                if let Err(stop) = auditor.take(page) {
                    break Some(stop);
                }
            }
            Some(Err(End::Broken(difference))) => break Some(Stop::Differs(difference, None)),
            Some(Err(End::Failed(error))) => break Some(Stop::Failed(error)),
        }
    };
    auditor.progress.finish_and_clear();
    let (difference, fault) = match stopped {
        None => (None, None),
        Some(Stop::Differs(difference, fault)) => (Some(difference), fault),
        Some(Stop::Failed(error)) => return Err(error),
    };
    let slots = match &difference {
        Some(difference) => difference.slot,
        None => auditor.replay.next(),
    };
    let state_root = match difference {
        None => auditor.state_root()?,
        Some(_) => None,
    };
    let (slots, executed, epochs) = (slots.get(), auditor.executed, auditor.rules.epochs());
    Ok((Audit { slots, executed, epochs, state_root, difference, fault }, auditor.last))
}

impl Auditor<'_> {
    fn take(&mut self, page: Page) -> Result<(), Stop> {
        let Page { records, checks, testimonies } = page;
        let bad = checks.finish(self.runtime).map_err(Stop::Failed)?;
        for (index, record) in records.iter().enumerate() {
            let slot = record.assignment.slot;
            self.rules.take(record).map_err(|what| differs(Difference::at(slot, what)))?;
            if let Some((_, what)) = bad.as_ref().filter(|(first, _)| *first == index) {
                return Err(differs(Difference::at(slot, what)));
            }
            self.execute(record, &testimonies)?;
            self.progress.inc(1);
        }
        Ok(())
    }

    fn execute(&mut self, record: &LogRecord, testimonies: &[Testimony]) -> Result<(), Stop> {
        let LogRecord { assignment, entry } = record;
        let failed = |fault| Stop::Failed(NodeError::system(fault));
        let successor = self.subject.successor(&self.replay, entry, self.runtime);
        let successor = successor.map_err(Stop::Failed)?;
        let replayed =
            self.replay.execute(assignment, entry, successor.as_ref()).map_err(failed)?;
        self.last = Some(*assignment);
        let slot = assignment.slot;
        for testimony in testimonies {
            if let Some(difference) = testimony.broken_at(slot) {
                return Err(differs(difference.clone()));
            }
        }
        let receipts: Vec<&Receipt> =
            testimonies.iter().filter_map(|testimony| testimony.of(slot)).collect();
        for receipt in &receipts {
            if let Some(what) = self.compare(receipt, &replayed).map_err(Stop::Failed)? {
                let fault = contradiction(self.network, &receipts);
                return Err(Stop::Differs(Difference::at(slot, what), fault));
            }
        }
        self.executed = self.executed.saturating_add(u64::from(!receipts.is_empty()));
        Ok(())
    }

    /// What a unit signed of the slot that was executed last otherwise than it must.
    fn compare(
        &mut self,
        receipt: &Receipt,
        replayed: &Replayed,
    ) -> Result<Option<String>, NodeError> {
        let (theirs, ours, unit) = (&receipt.leaf, &replayed.leaf, receipt.unit());
        if theirs == ours {
            return Ok(None);
        }
        if theirs.chain != ours.chain {
            return Ok(Some(format!(
                "{unit} signed an outcome of another log: its chain hash is other"
            )));
        }
        if theirs.outcome != ours.outcome {
            return Ok(Some(format!("the outcome that {unit} signed is another one")));
        }
        if theirs.gas != ours.gas {
            let (theirs, ours) = (theirs.gas, ours.gas);
            return Ok(Some(format!("the gas that {unit} signed is {theirs}; it took {ours}")));
        }
        if theirs.previous != ours.previous {
            return Ok(Some(format!(
                "the receipt of {unit} follows another one of the slot before"
            )));
        }
        let Some(root) = theirs.state_root else { return Ok(None) };
        match self.state_root()? {
            Some(ours) if ours == root => Ok(None),
            Some(ours) => {
                Ok(Some(format!("the state root that {unit} signed is {root}; it is {ours}")))
            }
            None => Ok(Some(format!("{unit} signed a state root of a process that was not born"))),
        }
    }

    fn state_root(&mut self) -> Result<Option<Hash>, NodeError> {
        Ok(self.replay.state().map_err(NodeError::system)?.map(|state| state.root()))
    }
}

fn differs(difference: Difference) -> Stop {
    Stop::Differs(difference, None)
}

/// Two receipts of one slot that cannot both be right, in one order whoever was asked first.
fn contradiction(network: NetworkId, receipts: &[&Receipt]) -> Option<Fault> {
    let pairs = receipts.iter().enumerate().flat_map(|(index, one)| {
        receipts.iter().skip(index.saturating_add(1)).map(move |other| [*one, *other])
    });
    pairs
        .map(|mut pair| {
            pair.sort_by_cached_key(|receipt| codec::encode(*receipt));
            let [one, two] = pair.map(|receipt| Box::new(receipt.clone()));
            Fault::Receipts(one, two)
        })
        .find(|fault| fault.culprits(network).is_ok())
}
