//! Reads a page of a log: the slots that are wanted, looked for in bounded steps.

use std::time::Duration;

use protocol::{ProcessId, Slot, api::LogRecord};
use tokio::time::Instant;

use super::{Reader, rows};
use crate::explorer::{
    facts::{Call, LogFacts, LogPage, Problem, SlotFacts},
    filter::{Filter, Found, Place, Search},
};

/// How long one page may be looked for.
const SEARCH_TIME: Duration = Duration::from_secs(6);

impl Reader {
    /// A page of a log with so many slots at the most, newest first.
    pub(crate) async fn log_page(
        &self,
        process: ProcessId,
        place: Place,
        filter: Filter,
        most: u32,
    ) -> Result<LogPage, Problem> {
        self.any_answers(self.client.describe(process).await?.source.schedulers()).await?;
        let head = self.client.head(process).await?;
        let next = head.slot.next().unwrap_or(head.slot);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut search = Search::new(place, next, most, filter.is_empty());
        let (began, mut problem) = (Instant::now(), None);
        while let Some((from, count)) = search.piece() {
            let (fit, unknown) = self.piece(process, (from, count), &filter).await?;
            search.take(fit, count);
            problem = problem.or(unknown);
            if began.elapsed() > SEARCH_TIME {
                break;
            }
        }
        let Found { rows, span, cut } = search.finish();
        let latencies = self.latencies(&rows).await;
        let log = LogFacts { rows, next, problem };
        Ok(LogPage { log, filter, place, span, cut, latencies })
    }

    /// What is wanted of a piece of a log, oldest first, and why outcomes are not known.
    async fn piece(
        &self,
        process: ProcessId,
        (from, count): (Slot, u32),
        filter: &Filter,
    ) -> Result<(Vec<SlotFacts>, Option<Problem>), Problem> {
        if filter.is_empty() {
            let facts = self.log_from(process, from, count).await?;
            return Ok((facts.rows, facts.problem));
        }
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        let (mut records, _) = self.records(process, from, wanted).await?;
        records.retain(|record| filter.fits_call(&Call::of_entry(&record.entry)));
        let slot = |record: &LogRecord| record.assignment.slot;
        let Some((first, last)) = records.first().map(slot).zip(records.last().map(slot)) else {
            return Ok((Vec::new(), None));
        };
        let among = last.get().saturating_sub(first.get()).saturating_add(1);
        let among = usize::try_from(among).unwrap_or(wanted);
        let outcomes = self.outcomes(process, first, among).await;
        let (mut rows, problem) = rows(&records, outcomes);
        rows.retain(|row| filter.fits(row));
        Ok((rows, problem))
    }
}
