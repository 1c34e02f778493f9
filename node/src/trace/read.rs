//! Looks up what a tree wants, through a client that checks what it is told.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use antiphon_client::{Client, ClientError};
use futures::future::join_all;
use protocol::{
    Assignment, EntryId, ProcessId, RefusalCode, Slot, UnitId,
    api::{Executed, LogRecord},
};
use tokio::time::{Instant, timeout_at};

use super::{
    hop::{Execution, Hop},
    links::emitted_by,
    tree::{Bounds, Growth, Reached, Tree},
};

/// Entries looked up at once.
const UNDER_WAY: usize = 16;

/// How many causes are followed back before giving up on the first.
const BACK_MAX: usize = 1_000;

/// Looks things up in a network.
#[derive(Debug, Clone)]
pub(crate) struct Tracer {
    client: Client,
    /// Units that did not answer: nobody waits for them twice.
    silent: Arc<Mutex<BTreeSet<UnitId>>>,
}

impl Tracer {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, silent: Arc::default() }
    }

    /// The tree of a message.
    pub(crate) async fn tree(&self, message: EntryId, bounds: Bounds) -> Tree {
        let mut growth = Growth::new(message, bounds);
        while self.extend(&mut growth, None).await {}
        growth.finish()
    }

    /// The tree of a message as far as it is read in a time, and whether that is all of it within
    /// its bounds.
    pub(crate) async fn tree_within(
        &self,
        message: EntryId,
        bounds: Bounds,
        wait: Duration,
    ) -> (Tree, bool) {
        let mut growth = Growth::new(message, bounds);
        let end = Instant::now() + wait;
        while Instant::now() < end {
            if !self.extend(&mut growth, Some(end)).await {
                return (growth.finish(), true);
            }
        }
        (growth.finish(), false)
    }

    /// Looks up some of what a tree wants, until a time at the latest; false if it wants nothing.
    async fn extend(&self, growth: &mut Growth, end: Option<Instant>) -> bool {
        let wanted: Vec<_> = std::iter::from_fn(|| growth.next()).take(UNDER_WAY).collect();
        let found = join_all(wanted.iter().map(async |wanted| {
            match end {
                None => self.reach(wanted.entry).await,
                Some(end) => timeout_at(end, self.reach(wanted.entry))
                    .await
                    .unwrap_or_else(|_| Reached::Unknown("not read in time".to_owned())),
            }
        }));
        let found = found.await;
        let any = !wanted.is_empty();
        for (wanted, reached) in wanted.into_iter().zip(found) {
            growth.handle(wanted, reached);
        }
        any
    }

    /// The first cause of an entry that logs tell of, and whether that is where it all began.
    ///
    /// # Errors
    ///
    /// What the client says of the entry, or of one that caused it.
    pub(crate) async fn first_cause(&self, entry: EntryId) -> Result<(EntryId, bool), ClientError> {
        let mut record = self.client.find(entry).await?;
        for _ in 0..BACK_MAX {
            let Some((process, slot, _)) = emitted_by(&record.entry) else {
                return Ok((record.assignment.entry, true));
            };
            match self.record(process, slot).await? {
                Some(cause) => record = cause,
                None => return Ok((record.assignment.entry, false)),
            }
        }
        Ok((record.assignment.entry, false))
    }

    /// What stands in a slot, if there is such a slot.
    pub(crate) async fn record(
        &self,
        process: ProcessId,
        slot: Slot,
    ) -> Result<Option<LogRecord>, ClientError> {
        Ok(self.client.log(process, slot).page(1).await?.records.into_iter().next())
    }

    async fn reach(&self, entry: EntryId) -> Reached {
        let record = match self.client.find(entry).await {
            Ok(record) => record,
            Err(error) if error.code() != RefusalCode::NotFound.word() => {
                return Reached::Unknown(error.to_string());
            }
            // What was refused for good is in no log.
            Err(_) => {
                return match self.client.refusal(entry).await {
                    Ok(proof) => Reached::Refused(proof.refusal.code),
                    Err(_) => Reached::UnderWay,
                };
            }
        };
        let (proof, execution) =
            tokio::join!(self.client.proof(&record.assignment), self.execution(&record.assignment));
        let proof = proof.map_err(|error| error.to_string());
        Reached::Hop(Box::new(Hop { record, proof, execution }))
    }

    /// What as many units as the policy wants to agree state of a slot.
    async fn execution(&self, assignment: &Assignment) -> Execution {
        let Assignment { process, slot, .. } = *assignment;
        let first = match self.client.outcomes(process, slot, 1).await {
            Ok(page) => page.executed.into_iter().next(),
            Err(error) => return Execution::Unknown(error.to_string()),
        };
        let Some(first) = first else { return Execution::Waiting };
        // The client has found out who executes the process now.
        let described = match self.client.describe(process).await {
            Ok(described) => described,
            Err(error) => return Execution::Unknown(error.to_string()),
        };
        let policy = described.source.policy();
        let quorum = usize::from(policy.quorum);
        let mut units = policy.ranked(&process);
        units.retain(|unit| *unit != first.receipt.unit());
        let mut units = units.into_iter();
        let mut answers = vec![first];
        while answers.len() < quorum {
            let missing = quorum.saturating_sub(answers.len());
            let asked: Vec<UnitId> = units.by_ref().take(missing).collect();
            if asked.is_empty() {
                break;
            }
            let asked = asked.into_iter().map(|unit| self.stated_by(unit, process, slot));
            answers.extend(join_all(asked).await.into_iter().flatten());
        }
        Execution::of(assignment, answers, policy.quorum.into())
    }

    /// What one unit states of a slot, if it states something that holds.
    async fn stated_by(&self, unit: UnitId, process: ProcessId, slot: Slot) -> Option<Executed> {
        // Entries are put whole.
        let silent = || self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if silent().contains(&unit) {
            return None;
        }
        match self.client.outcomes_of(unit, process, slot, 1).await {
            Ok(page) => page.executed.into_iter().next(),
            Err(error) => {
                tracing::debug!(%unit, %process, %slot, %error, "no outcome");
                if matches!(error, ClientError::Unreachable { .. }) {
                    silent().insert(unit);
                }
                None
            }
        }
    }
}
