//! `log`: what stands in a process's log, and what came of it.

use std::time::Duration;

use antiphon_client::{ClientError, LogReader};
use clap::Args;
use protocol::{Outcome, ProcessId, Slot};

use super::{
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

/// How often a followed log is looked at even if no outcome announced anything.
const LOOK: Duration = Duration::from_secs(2);

/// Print a process's log with the outcomes.
#[derive(Debug, Args)]
pub(crate) struct Log {
    /// The process: its id, the beginning of it, or a name
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
        let mut reader = session.client.log(process, Slot::new(self.from));
        let mut watch = self.follow.then(|| session.client.watch()).transpose()?;
        loop {
            self.print_new(&session, process, &mut reader).await?;
            let done = self.to.is_some_and(|to| reader.next().get() > to);
            let Some(watch) = watch.as_mut().filter(|_| !done) else { return Ok(()) };
            let look = tokio::time::sleep(LOOK);
            let news = async {
                // A watch that has ended brings no news; the pause below goes on.
                while let Some(observed) = watch.next().await {
                    if observed.outcome.process == process {
                        return;
                    }
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = news => {}
                () = look => {}
            }
        }
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
            let mut outcomes = Outcomes::new(session, process, self.follow);
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
    let outcome = Outcomes::new(session, process, false).of(slot).await?;
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
struct Outcomes<'a> {
    session: &'a Session,
    process: ProcessId,
    /// Whether to wait for slots that are not executed yet.
    waits: bool,
    fetched: std::vec::IntoIter<Outcome>,
    exhausted: bool,
}

impl<'a> Outcomes<'a> {
    fn new(session: &'a Session, process: ProcessId, waits: bool) -> Self {
        Self { session, process, waits, fetched: Vec::new().into_iter(), exhausted: false }
    }

    /// The outcome of a slot; slots are asked for in order.
    async fn of(&mut self, slot: Slot) -> Result<Option<Outcome>, NodeError> {
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
            self.exhausted = executed.is_empty() && !self.waits;
            let outcomes: Vec<Outcome> =
                executed.into_iter().map(|executed| executed.outcome).collect();
            self.fetched = outcomes.into_iter();
        }
        if let Some(outcome) = self.fetched.next() {
            return Ok(Some(outcome));
        }
        if !self.waits {
            return Ok(None);
        }
        loop {
            match self.session.client.await_outcome(self.process, slot).await {
                Ok(executed) => return Ok(Some(executed.outcome)),
                Err(error) => tracing::debug!(%error, %slot, "not executed yet"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn print(session: &Session, shape: &LogLine) -> Result<(), NodeError> {
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
    Ok(())
}
