//! `log`: what stands in a process's log, and what came of it.

use std::{collections::VecDeque, time::Duration};

use antiphon_client::{ClientError, LogReader};
use clap::Args;
use protocol::{Outcome, ProcessId, Slot, api::LogRecord};

use super::{
    completing,
    options::Globals,
    session::{Access, Session},
};
use crate::{
    error::NodeError,
    output::{LogLine, OutcomeShape, StateShape, line, printable},
    replay::{self, Subject, Wanted},
};

/// Slots read at once.
const PAGE: u32 = 256;

/// The pause before a log that could not be read is read again.
const PAUSE: Duration = Duration::from_millis(500);

/// Print a process's log with the outcomes.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// The process: its id, the beginning of it, or a name
    #[arg(add = completing::processes())]
    process: String,
    /// The first slot
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// The last slot
    #[arg(long, value_name = "N")]
    to: Option<u64>,
    /// One slot; where no unit has its outcome any more, it is replayed here
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "to", "follow"])]
    at: Option<u64>,
    /// Go on as the log grows, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
}

impl Log {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Read).await?;
        let process = session.process(&self.process).await?;
        if let Some(slot) = self.at {
            return Box::pin(print_one(&session, process, Slot::new(slot))).await;
        }
        if self.follow {
            return Box::pin(self.follow(&session, process)).await;
        }
        let mut reader = session.client.log(process, Slot::new(self.from));
        self.print_new(&session, process, &mut reader).await
    }

    /// All slots from one on, to be followed.
    pub(super) const fn all(from: Slot) -> Self {
        Self { process: String::new(), from: from.get(), to: None, at: None, follow: true }
    }

    /// Prints slots as they are executed.
    pub(super) async fn follow(
        &self,
        session: &Session,
        process: ProcessId,
    ) -> Result<(), NodeError> {
        let from = Slot::new(self.from);
        let mut subscription = session.client.subscribe(process, from).await?;
        let mut log = Followed::new(session, process, from);
        while self.to.is_none_or(|to| subscription.next_slot().get() <= to) {
            let outcome = subscription.next().await.outcome;
            if let Some(record) = log.record_of(&outcome).await? {
                print(session, &LogLine::of(&record, Some(&outcome)))?;
            }
        }
        Ok(())
    }

    /// Prints all slots up to the log's end, or the last one wanted.
    async fn print_new(
        &self,
        session: &Session,
        process: ProcessId,
        reader: &mut LogReader,
    ) -> Result<(), NodeError> {
        let last = self.to.unwrap_or(u64::MAX);
        loop {
            let from = reader.next();
            let wanted = last.saturating_sub(from.get()).saturating_add(1);
            if from.get() > last {
                return Ok(());
            }
            let limit = u32::try_from(wanted).unwrap_or(PAGE).min(PAGE);
            let page = reader.page(limit).await?;
            if page.records.is_empty() {
                return Ok(());
            }
            let mut outcomes = Outcomes::new(session, process);
            for record in &page.records {
                let outcome = outcomes.of(record.assignment.slot).await?;
                print(session, &LogLine::of(record, outcome.as_ref()))?;
            }
        }
    }
}

/// Prints one slot, with its outcome in any case.
async fn print_one(session: &Session, process: ProcessId, slot: Slot) -> Result<(), NodeError> {
    let page = session.client.log(process, slot).page(1).await?;
    let missing = || NodeError::usage(format!("the log has no slot {slot} yet"));
    let record = page.records.first().ok_or_else(missing)?;
    let outcome = Outcomes::new(session, process).of(slot).await?;
    if outcome.is_some() {
        return print(session, &LogLine::of(record, outcome.as_ref()));
    }
    let subject = Subject::open(&session.client, process).await?;
    let wanted = Wanted { slot: Some(slot), outcome: true, checkpoints: true };
    let past = replay::reach(&subject, wanted, replay::progress()?).await?;
    let here = past.replayed.as_ref().filter(|(replayed, _)| replayed == record);
    let other = || NodeError::Verification(format!("slot {slot}: the log changes"));
    let (_, replayed) = here.ok_or_else(other)?;
    let shape = LogLine::of(record, Some(&replayed.outcome));
    print(session, &LogLine { level: Some(StateShape::HERE), ..shape })
}

/// The outcomes of a page of slots, fetched as they are needed.
pub(super) struct Outcomes<'a> {
    session: &'a Session,
    process: ProcessId,
    fetched: std::vec::IntoIter<Outcome>,
    exhausted: bool,
}

impl<'a> Outcomes<'a> {
    pub(super) fn new(session: &'a Session, process: ProcessId) -> Self {
        Self { session, process, fetched: Vec::new().into_iter(), exhausted: false }
    }

    /// The outcome of a slot; slots are asked for in order.
    pub(super) async fn of(&mut self, slot: Slot) -> Result<Option<Outcome>, NodeError> {
        if self.fetched.as_slice().is_empty() && !self.exhausted {
            let page = self.session.client.outcomes(self.process, slot, PAGE).await;
            let executed = match page {
                Ok(page) => page.executed,
                // Nobody has executed this far, or whoever has is not there: the log is there.
                Err(error @ (ClientError::Refused { .. } | ClientError::Unreachable { .. })) => {
                    tracing::debug!(%error, %slot, "no outcomes");
                    Vec::new()
                }
                Err(error) => return Err(error.into()),
            };
            self.exhausted = executed.is_empty();
            let outcomes: Vec<Outcome> =
                executed.into_iter().map(|executed| executed.outcome).collect();
            self.fetched = outcomes.into_iter();
        }
        Ok(self.fetched.next())
    }
}

/// The entries of a log that is followed, read as they are executed.
struct Followed<'a> {
    session: &'a Session,
    process: ProcessId,
    reader: LogReader,
    /// Whether the reader has read nothing yet, so that it knows of no slot before.
    fresh: bool,
    /// What was read and is not executed yet, from a slot on.
    records: VecDeque<LogRecord>,
    next: Slot,
}

impl<'a> Followed<'a> {
    fn new(session: &'a Session, process: ProcessId, from: Slot) -> Self {
        let reader = session.client.log(process, from);
        Self { session, process, reader, fresh: true, records: VecDeque::new(), next: from }
    }

    /// What stands in a slot that was executed; nothing if it is void by now.
    async fn record_of(&mut self, outcome: &Outcome) -> Result<Option<LogRecord>, NodeError> {
        let slot = outcome.slot;
        // Behind a takeover the log goes on from an earlier slot.
        if slot != self.next {
            self.begin(slot);
        }
        while self.records.is_empty() {
            match self.reader.page(PAGE).await {
                Ok(page) if page.records.is_empty() => tokio::time::sleep(PAUSE).await,
                Ok(page) => {
                    self.records.extend(page.records);
                    self.fresh = false;
                }
                // A takeover may have come between two pages.
                Err(ClientError::Broken { .. }) if !self.fresh => self.begin(slot),
                // It was executed, so it will be there again.
                Err(error @ (ClientError::Refused { .. } | ClientError::Unreachable { .. })) => {
                    tracing::debug!(%error, %slot, "the log cannot be read");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let record = self.records.pop_front().filter(|record| {
            record.assignment.slot == slot && record.assignment.entry == outcome.entry
        });
        self.next = slot.next().unwrap_or(slot);
        if record.is_none() {
            self.begin(self.next);
        }
        Ok(record)
    }

    fn begin(&mut self, from: Slot) {
        *self = Self::new(self.session, self.process, from);
    }
}

/// Prints a slot.
pub(super) fn print(session: &Session, shape: &LogLine) -> Result<(), NodeError> {
    if session.output.json {
        return session.output.object(shape);
    }
    let level = shape.level.map(|level| format!(" ({level})")).unwrap_or_default();
    let epoch = shape.epoch.map(|epoch| format!("e{epoch}  ")).unwrap_or_default();
    let came = match &shape.outcome {
        None => "(not executed yet)".to_owned(),
        Some(OutcomeShape { error: Some(error), .. }) => {
            printable(&format!("error {}: {}", error.code, error.detail))
        }
        Some(OutcomeShape { reply, outbox, .. }) => {
            let reply = reply.as_ref().map(ToString::to_string).unwrap_or_default();
            match outbox.len() {
                0 => reply,
                count => format!("{reply}, {count} in the outbox"),
            }
        }
    };
    let method = printable(shape.method.as_deref().unwrap_or("-"));
    line(&format!(
        "{:>6}  {epoch}{}  {}  {method} {}  -> {came}{level}",
        shape.slot, shape.time, shape.from, shape.args
    ))?;
    for logged in shape.outcome.iter().flat_map(|outcome| &outcome.logs) {
        line(&format!("        {logged}"))?;
    }
    for event in shape.outcome.iter().flat_map(|outcome| &outcome.events) {
        line(&format!("        {event}"))?;
    }
    Ok(())
}
