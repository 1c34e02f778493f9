//! Reads one message: its place and proofs, where it came from, what it caused.

use std::time::Duration;

use protocol::{Assignment, Entry, EntryId, Outcome, Role, UnitId};
use tokio::{task::JoinSet, time::timeout};

use super::{Reader, STATUS_WAIT, late};
use crate::{
    explorer::facts::{
        Arrival, Call, Caused, GraphFacts, MessageFacts, Origin, Problem, Progress, ReceiptFacts,
    },
    trace::{Bounds, Tracer, emitted_by, entry_of},
};

/// Units that are asked for their receipts of one slot: those that execute come first.
const RECEIPTS_MAX: usize = 16;

impl Reader {
    /// A message, with at most `items` of what it caused.
    pub(crate) async fn message(
        &self,
        entry: EntryId,
        items_from: usize,
        items: usize,
    ) -> Result<MessageFacts, Problem> {
        self.any_answers(self.client.directory().units(Role::Scheduler)).await?;
        let record = self.find(entry).await?;
        let assignment = record.assignment;
        let described = self.client.describe(assignment.process).await?;
        let (proof, outcomes, origin) = tokio::join!(
            self.client.proof(&assignment),
            self.outcomes(assignment.process, assignment.slot, 1),
            self.origin(&record.entry),
        );
        let (progress, problem) = match outcomes {
            Ok(mut outcomes) => {
                (outcomes.remove(&assignment.slot).unwrap_or(Progress::Waiting), None)
            }
            Err(problem) => (Progress::Unknown, Some(problem)),
        };
        let caused = match progress.executed() {
            Some(executed) => self.caused(&executed.outcome, items_from, items).await,
            None => Vec::new(),
        };
        Ok(MessageFacts {
            call: Call::of_entry(&record.entry),
            record,
            described,
            proof: proof.map_err(Problem::from),
            progress,
            problem,
            origin,
            caused,
            items_from,
        })
    }

    /// What a message caused, as far as it is read in a time.
    pub(crate) async fn graph(
        &self,
        message: EntryId,
        bounds: Bounds,
        wait: Duration,
    ) -> GraphFacts {
        let tracer = Tracer::new(self.client.clone());
        let (tree, complete) = tracer.tree_within(message, bounds, wait).await;
        GraphFacts { tree, complete, from: bounds.from }
    }

    /// What a message caused, as [`Self::graph`], and the slot that emitted it.
    pub(crate) async fn graph_and_origin(
        &self,
        message: EntryId,
        bounds: Bounds,
        wait: Duration,
    ) -> Result<(GraphFacts, Option<Origin>), Problem> {
        // What nobody can tell is told sooner than a graph would take.
        self.any_answers(self.client.directory().units(Role::Scheduler)).await?;
        let record = self.find(message).await?;
        Ok(tokio::join!(self.graph(message, bounds, wait), self.origin(&record.entry)))
    }

    /// What the units of a process's policy say of a slot, those that execute it first.
    pub(crate) async fn receipts(
        &self,
        assignment: &Assignment,
        units: Vec<UnitId>,
    ) -> Vec<ReceiptFacts> {
        let (process, slot) = (assignment.process, assignment.slot);
        let mut asked = JoinSet::new();
        for (rank, unit) in units.into_iter().take(RECEIPTS_MAX).enumerate() {
            let client = self.client.clone();
            asked.spawn(async move {
                let page = timeout(STATUS_WAIT, client.outcomes_of(unit, process, slot, 1)).await;
                let answer = match page {
                    Ok(Ok(page)) => {
                        let first = page.executed.into_iter().next();
                        Ok(first.filter(|executed| executed.receipt.leaf.slot == slot))
                    }
                    Ok(Err(error)) => Err(error.into()),
                    Err(_) => Err(late()),
                };
                (rank, ReceiptFacts { unit, answer })
            });
        }
        let mut receipts = asked.join_all().await;
        receipts.sort_by_key(|(rank, _)| *rank);
        receipts.into_iter().map(|(_, receipt)| receipt).collect()
    }

    /// The slot that emitted an entry, for entries that are emitted.
    async fn origin(&self, entry: &Entry) -> Option<Origin> {
        let (process, slot, index) = emitted_by(entry)?;
        Some(Origin { process, slot, index, entry: self.record(process, slot).await })
    }

    async fn caused(&self, outcome: &Outcome, from: usize, items: usize) -> Vec<Caused> {
        let mut asked = JoinSet::new();
        for item in outcome.outbox.iter().skip(from).take(items).cloned() {
            let (reader, process, slot) = (self.clone(), outcome.process, outcome.slot);
            asked.spawn(async move {
                let call = Call::of_item(process, &item);
                let entry = entry_of(process, slot, &item);
                let arrival = match entry {
                    Some(entry) => reader.arrival(entry).await,
                    None => Arrival::Internal,
                };
                Caused { item, call, entry, arrival }
            });
        }
        let mut caused = asked.join_all().await;
        caused.sort_by_key(|caused| caused.item.index);
        caused
    }

    async fn arrival(&self, entry: EntryId) -> Arrival {
        match self.find(entry).await {
            Ok(record) => Arrival::Assigned(record.assignment.slot),
            Err(problem) if problem.is_absence() => Arrival::UnderWay,
            Err(problem) => Arrival::Unknown(problem),
        }
    }
}
