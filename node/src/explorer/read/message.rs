//! Reads one message: its place and proofs, where it came from, what it caused.

use protocol::{Entry, EntryId, Outcome, Role};
use tokio::task::JoinSet;

use super::Reader;
use crate::{
    explorer::facts::{Arrival, Call, Caused, MessageFacts, Origin, Problem, Progress},
    trace::{emitted_by, entry_of},
};

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
