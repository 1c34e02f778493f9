//! The objects printed with `--json`.

use antiphon_client::{Handover, SendResult};
use protocol::{
    AccountId, AskAnswer, Assignment, ComputePolicy, ControlAction, Entry, EntryId, Event, Failure,
    ItemBody, Message, ModuleId, OutboxItem, Outcome, Principal, ProcessId, Reply, UnitId,
    api::LogRecord,
    json::{bytes_to_json, to_json},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::Output;
use crate::error::NodeError;

/// A failure of the command; with the message if one is on its way all the same.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<EntryId>,
    error: ErrorBody,
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    code: String,
    number: u16,
    detail: String,
}

impl ErrorShape {
    pub(crate) fn of(error: &NodeError) -> Self {
        let (code, number) = (error.code().to_owned(), error.number());
        let message = error.message();
        Self { message, error: ErrorBody { code, number, detail: error.to_string() } }
    }
}

/// An error that an actor, or its execution, answered with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ActorError {
    pub(crate) code: String,
    pub(crate) detail: String,
}

impl From<&Failure> for ActorError {
    fn from(failure: &Failure) -> Self {
        Self { code: failure.code.clone(), detail: failure.detail.clone() }
    }
}

/// A new process; with `error` if its initialiser failed.
#[derive(Debug, Serialize)]
pub(crate) struct SpawnedShape {
    pub(crate) process: ProcessId,
    pub(crate) message: EntryId,
    pub(crate) slot: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ActorError>,
}

/// A message that was executed: either `reply` and `gas`, or `error`.
#[derive(Debug, Serialize)]
pub(crate) struct Sent {
    pub(crate) message: EntryId,
    pub(crate) slot: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gas: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ActorError>,
}

impl Sent {
    /// A message with its final reply, as far as that was waited for.
    pub(crate) fn with_reply(result: &SendResult) -> Self {
        let sent = Self::of(result.message, &result.outcome);
        match result.late.as_deref().map(|late| &late.answer) {
            None => sent,
            Some(AskAnswer::Value(bytes)) => Self { reply: Some(bytes_to_json(bytes)), ..sent },
            Some(AskAnswer::Failure(failure, _)) => {
                Self { reply: None, gas: None, error: Some(failure.into()), ..sent }
            }
        }
    }

    pub(crate) fn of(message: EntryId, outcome: &Outcome) -> Self {
        let slot = outcome.slot.get();
        let sent = Self { message, slot, reply: None, gas: None, error: None };
        match &outcome.reply {
            Reply::Value(bytes) => {
                Self { reply: Some(bytes_to_json(bytes)), gas: Some(outcome.gas.get()), ..sent }
            }
            Reply::Later => Self { reply: Some(Json::Null), gas: Some(outcome.gas.get()), ..sent },
            Reply::Failure(failure) => Self { error: Some(failure.into()), ..sent },
        }
    }
}

/// A view's answer.
#[derive(Debug, Serialize)]
pub(crate) struct Viewed {
    pub(crate) reply: Json,
    pub(crate) slot: u64,
}

impl Viewed {
    pub(crate) fn of(view: &antiphon_client::ViewResult) -> Self {
        Self { reply: to_json(&view.reply), slot: view.slot.get() }
    }
}

/// A slot of a log.
#[derive(Debug, Serialize)]
pub(crate) struct LogLine {
    pub(crate) slot: u64,
    pub(crate) time: u64,
    pub(crate) message: EntryId,
    pub(crate) from: String,
    pub(crate) method: Option<String>,
    pub(crate) args: Json,
    pub(crate) outcome: Option<OutcomeShape>,
    /// The epoch, of all but the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epoch: Option<u64>,
    /// How the outcome is known, where that is not by the receipt of a unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) level: Option<&'static str>,
}

impl LogLine {
    pub(crate) fn of(record: &LogRecord, outcome: Option<&Outcome>) -> Self {
        let assignment = &record.assignment;
        let (from, method, args) = describe(&record.entry);
        Self {
            slot: assignment.slot.get(),
            time: assignment.time.get(),
            message: assignment.entry,
            from,
            method,
            args,
            outcome: outcome.map(OutcomeShape::of),
            epoch: Some(assignment.epoch.get()).filter(|epoch| *epoch > 0),
            level: None,
        }
    }
}

/// Who sent an entry, what it calls, and with what.
fn describe(entry: &Entry) -> (String, Option<String>, Json) {
    let sender = |principal: &Principal| principal.to_string();
    match entry {
        Entry::Spawn(spawn) => {
            let spawn = spawn.unverified();
            (sender(&spawn.sender), Some("spawn".to_owned()), bytes_to_json(&spawn.args))
        }
        Entry::Message(message) => {
            let Message { sender: from, method, args, .. } = message.unverified();
            (sender(from), Some(method.clone()), bytes_to_json(args))
        }
        Entry::Delivery(delivery) | Entry::Skip(delivery) => {
            let (_, method, args) = item(&delivery.item.body);
            (delivery.source.to_string(), method, args)
        }
        Entry::Timer(timer) => (timer.process.to_string(), Some("timer".to_owned()), Json::Null),
        Entry::Answer(answer) => {
            (answer.statement.unverified().scheduler.to_string(), None, Json::Null)
        }
        Entry::Control(control) => {
            let control = control.unverified();
            let (word, args) = order(&control.action);
            (sender(&control.sender), Some(word.to_owned()), args)
        }
    }
}

/// What a controller orders, and with what.
fn order(action: &ControlAction) -> (&'static str, Json) {
    match action {
        ControlAction::Upgrade { module, raw, .. } => {
            ("upgrade", json!({"module": module, "raw": raw}))
        }
        ControlAction::Policy(policy) => {
            let ComputePolicy { units, quorum, version, .. } = policy;
            ("policy", json!({"units": units, "quorum": quorum, "version": version}))
        }
        ControlAction::Controller(controller) => {
            ("controller", json!({"controller": controller.to_string()}))
        }
        ControlAction::Move(scheduler) => ("move", json!({"scheduler": scheduler})),
        ControlAction::Stop => ("stop", Json::Null),
        ControlAction::Takeover { scheduler, slot, .. } => {
            ("takeover", json!({"scheduler": scheduler, "slot": slot.get()}))
        }
    }
}

/// The kind, the method and the arguments of an outbox item.
fn item(body: &ItemBody) -> (&'static str, Option<String>, Json) {
    match body {
        ItemBody::Tell { method, args } => ("tell", Some(method.clone()), bytes_to_json(args)),
        ItemBody::Ask { method, args, .. } => ("ask", Some(method.clone()), bytes_to_json(args)),
        ItemBody::Reply { .. } | ItemBody::Answered { .. } => ("reply", None, Json::Null),
        ItemBody::Spawn(..) => ("spawn", None, Json::Null),
        ItemBody::Skip(_) => ("skip", None, Json::Null),
        ItemBody::Timer { method, args, .. } => {
            ("timer", Some(method.clone()), bytes_to_json(args))
        }
        ItemBody::CancelTimer { .. } => ("cancel-timer", None, Json::Null),
    }
}

/// What came of a slot: `reply` or `error`, then gas, logs, outbox and, if there are any, events.
#[derive(Debug, Serialize)]
pub(crate) struct OutcomeShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ActorError>,
    pub(crate) gas: u64,
    pub(crate) logs: Vec<LoggedShape>,
    pub(crate) outbox: Vec<ItemShape>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) events: Vec<EventShape>,
}

/// Something an actor emitted for whoever follows it.
#[derive(Debug, Serialize)]
pub(crate) struct EventShape {
    name: String,
    data: Json,
}

/// A line an actor logged.
#[derive(Debug, Serialize)]
pub(crate) struct LoggedShape {
    level: &'static str,
    text: String,
}

/// Something an actor wants done.
#[derive(Debug, Serialize)]
pub(crate) struct ItemShape {
    index: u32,
    kind: &'static str,
    target: ProcessId,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    args: Json,
}

impl std::fmt::Display for LoggedShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.level, super::printable(&self.text))
    }
}

impl std::fmt::Display for EventShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "event {} {}", super::printable(&self.name), self.data)
    }
}

impl EventShape {
    fn of(event: &Event) -> Self {
        Self { name: event.name.clone(), data: bytes_to_json(&event.data) }
    }
}

impl OutcomeShape {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        let (reply, error) = match &outcome.reply {
            Reply::Value(bytes) => (Some(bytes_to_json(bytes)), None),
            Reply::Later => (Some(Json::Null), None),
            Reply::Failure(failure) => (None, Some(failure.into())),
        };
        let logs = outcome
            .logs
            .iter()
            .map(|line| LoggedShape { level: level(line.level), text: line.text.clone() });
        Self {
            reply,
            error,
            gas: outcome.gas.get(),
            logs: logs.collect(),
            outbox: outcome.outbox.iter().map(ItemShape::of).collect(),
            events: outcome.events.iter().map(EventShape::of).collect(),
        }
    }
}

impl ItemShape {
    fn of(outbox: &OutboxItem) -> Self {
        let (kind, method, args) = item(&outbox.body);
        Self { index: outbox.index, kind, target: outbox.target, method, args }
    }
}

const fn level(level: u8) -> &'static str {
    match level {
        0 => "trace",
        1 => "debug",
        2 => "info",
        3 => "warn",
        _ => "error",
    }
}

/// A process in a list.
#[derive(Debug, Serialize)]
pub(crate) struct ProcessShape {
    pub(crate) process: ProcessId,
    pub(crate) name: String,
    pub(crate) slots: u64,
    pub(crate) time: u64,
    pub(crate) module: ModuleId,
    pub(crate) scheduler: UnitId,
}

/// How a process came to its present scheduler.
#[derive(Debug, Serialize)]
pub(crate) struct HandoverShape {
    pub(crate) process: ProcessId,
    pub(crate) from: UnitId,
    pub(crate) to: UnitId,
    pub(crate) epoch: u64,
    pub(crate) slot: u64,
}

impl HandoverShape {
    pub(crate) fn of(process: ProcessId, handover: Handover) -> Self {
        let Handover { from, to, epoch, slot } = handover;
        Self { process, from, to, epoch: epoch.get(), slot: slot.get() }
    }
}

/// A controller's order that is in force.
#[derive(Debug, Serialize)]
pub(crate) struct ControlShape {
    pub(crate) process: ProcessId,
    pub(crate) message: EntryId,
    pub(crate) slot: u64,
    /// The epoch of the slots behind it.
    pub(crate) epoch: u64,
}

impl ControlShape {
    pub(crate) fn of(ordered: &Assignment, ends_epoch: bool) -> Self {
        let Assignment { process, entry: message, slot, epoch, .. } = *ordered;
        let epoch = epoch.get().saturating_add(ends_epoch.into());
        Self { process, message, slot: slot.get(), epoch }
    }

    pub(crate) fn print(&self, output: Output) -> Result<(), NodeError> {
        output.print(self, || {
            format!("{} is in force since slot {}, epoch {}", self.message, self.slot, self.epoch)
        })
    }
}

/// A process that was to go on with another module; with `error` if it goes on with the one it had.
#[derive(Debug, Serialize)]
pub(crate) struct UpgradedShape {
    pub(crate) process: ProcessId,
    pub(crate) module: ModuleId,
    pub(crate) message: EntryId,
    pub(crate) slot: u64,
    pub(crate) gas: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ActorError>,
}

/// A unit of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnitShape {
    pub(crate) kind: String,
    pub(crate) unit: UnitId,
    pub(crate) address: String,
    pub(crate) pid: u32,
}

/// A unit and its state.
#[derive(Debug, Serialize)]
pub(crate) struct StatusShape {
    pub(crate) kind: String,
    pub(crate) unit: UnitId,
    pub(crate) address: String,
    pub(crate) operator: String,
    pub(crate) up: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) software: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ActorError>,
    pub(crate) counters: serde_json::Map<String, Json>,
}

/// A key of the data directory.
#[derive(Debug, Serialize)]
pub(crate) struct KeyShape {
    pub(crate) name: String,
    /// Null if nobody can tell without the passphrase.
    pub(crate) account: Option<AccountId>,
    /// Whether it is under a passphrase.
    pub(crate) encrypted: bool,
    /// Until when it is open all the same, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unlocked_until: Option<u64>,
    /// The key as it can be imported elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exported: Option<String>,
}
