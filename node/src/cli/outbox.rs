//! `outbox`: what waits to be delivered from process to process, and why.

use std::collections::BTreeMap;

use antiphon_client::Waiting;
use clap::Args;
use protocol::{
    ProcessId, UnitId,
    api::{WaitingPair, WaitingState},
};
use serde::Serialize;

use super::{
    completing,
    options::Globals,
    session::{Access, Session},
};
use crate::{
    error::NodeError,
    output::{count, printable, table},
};

/// Show what waits to be delivered, and why.
#[derive(Debug, Args)]
pub(crate) struct Outbox {
    /// Only what this process has emitted: an id, its beginning, or a name of the address book
    #[arg(add = completing::processes())]
    process: Option<String>,
    /// How many pairs of source and target at the most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

#[derive(Debug, Serialize)]
struct OutboxShape {
    pairs: Vec<PairShape>,
    total: u64,
    timers: u64,
    /// Messengers that do not answer.
    missing: Vec<UnitId>,
}

/// A pair with items that are not acknowledged.
#[derive(Debug, Serialize)]
struct PairShape {
    source: ProcessId,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_name: Option<String>,
    target: ProcessId,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_name: Option<String>,
    number: u64,
    slot: Option<u64>,
    waiting: u64,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// In milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in: Option<u64>,
    messenger: UnitId,
}

impl Outbox {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Read).await?;
        let source = match &self.process {
            Some(text) => Some(session.process(text).await?),
            None => None,
        };
        let waiting = session.client.waiting(source, self.limit, session.timeout).await?;
        let names = session.data.book().names()?;
        let names = names.into_iter().map(|(name, process)| (process, name)).collect();
        let shape = OutboxShape::of(&waiting, &names, self.limit);
        session.output.print(&shape, || shape.glance())
    }
}

impl OutboxShape {
    fn of(waiting: &Waiting, names: &BTreeMap<ProcessId, String>, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let pairs = waiting.pairs.iter().take(limit);
        Self {
            pairs: pairs.map(|(unit, pair)| PairShape::of(*unit, pair, names)).collect(),
            total: waiting.total,
            timers: waiting.timers,
            missing: waiting.missing.iter().map(|(unit, _)| *unit).collect(),
        }
    }

    fn glance(&self) -> String {
        let heading = ["source", "target", "number", "waiting", "why", "retry in"];
        let rows = self.pairs.iter().map(PairShape::row);
        let rows = std::iter::once(heading.map(str::to_owned).to_vec()).chain(rows);
        let mut text = if self.pairs.is_empty() {
            "nothing waits to be delivered".to_owned()
        } else {
            table(&rows.collect::<Vec<_>>())
        };
        let more = self.total.saturating_sub(self.pairs.len() as u64);
        if more > 0 {
            text.push_str(&format!("\nand {}", count(more, "more pair")));
        }
        if self.timers > 0 {
            text.push_str(&format!("\ntimers and deadlines that are set: {}", self.timers));
        }
        for unit in &self.missing {
            text.push_str(&format!("\nmessenger {unit} does not answer: more may wait there"));
        }
        text
    }
}

impl PairShape {
    fn of(messenger: UnitId, pair: &WaitingPair, names: &BTreeMap<ProcessId, String>) -> Self {
        let (state, reason, retry_in) = match pair.state {
            WaitingState::Moving => ("moving", None, None),
            WaitingState::Retrying { reason, retry_in } => {
                ("retrying", Some(reason.word()), Some(retry_in))
            }
            WaitingState::Blocked(reason) => ("blocked", Some(reason.word()), None),
        };
        Self {
            source: pair.source,
            source_name: names.get(&pair.source).cloned(),
            target: pair.target,
            target_name: names.get(&pair.target).cloned(),
            number: pair.number.get(),
            slot: pair.slot.map(protocol::Slot::get),
            waiting: pair.count,
            state,
            reason,
            retry_in,
            messenger,
        }
    }

    fn row(&self) -> Vec<String> {
        let called = |name: &Option<String>, process: &ProcessId| {
            name.as_ref().map_or_else(|| process.to_string(), |name| printable(name))
        };
        let why = match self.reason {
            Some(reason) if self.state == "blocked" => format!("blocked: {reason}"),
            Some(reason) => reason.to_owned(),
            None => "on its way".to_owned(),
        };
        let retry = match (self.state, self.retry_in) {
            (_, Some(0)) => "now".to_owned(),
            (_, Some(millis)) => format!("{} s", millis.div_ceil(1_000)),
            ("blocked", None) => "never".to_owned(),
            _ => String::new(),
        };
        vec![
            called(&self.source_name, &self.source),
            called(&self.target_name, &self.target),
            self.number.to_string(),
            self.waiting.to_string(),
            why,
            retry,
        ]
    }
}

#[cfg(test)]
mod tests;
