//! What pages show, as it was read: plain data, no markup, no network.

use std::{collections::BTreeMap, sync::Arc};

use antiphon_client::{ClientError, Described};
use protocol::{
    Answer, AskAnswer, Assignment, AssignmentProof, Delivery, Entry, EntryId, Hash, ItemBody,
    ModuleId, OutboxItem, Principal, ProcessId, Refusal, RefusalCode, Slot, Timer, TimerKind,
    Timestamp, UnitId, UnitRecord,
    api::{Executed, LogRecord, UnitStatus, WaitingPair},
    schema::Schema,
};

use super::{
    fault::Fault,
    filter::{Filter, Place},
};
use crate::trace::Tree;

/// Why something cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The HTTP status of a page that is about nothing else.
    pub(crate) status: u16,
    /// The stable number.
    pub(crate) number: u16,
    /// The stable word.
    pub(crate) code: String,
    /// What happened.
    pub(crate) detail: String,
    /// What to do.
    pub(crate) hint: &'static str,
}

impl Problem {
    pub(crate) fn new(fault: Fault, detail: impl Into<String>, hint: &'static str) -> Self {
        let (status, number) = (fault.status(), fault.number());
        Self { status, number, code: fault.word().to_owned(), detail: detail.into(), hint }
    }

    /// There is no process, message, slot or unit of this name.
    pub(crate) fn missing(detail: &str) -> Self {
        let hint = "Check the address, or search for an identifier or a name.";
        let refusal = Refusal::new(RefusalCode::NotFound, detail);
        Self { hint, ..ClientError::from(refusal).into() }
    }

    /// Whether it only says that something is not there.
    pub(crate) const fn is_absence(&self) -> bool {
        self.status == 404
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        let (status, hint) = match &error {
            ClientError::Refused { refusal, .. } => refused(refusal.code),
            ClientError::Unreachable { .. } | ClientError::NoUnit { .. } => {
                (502, "Look at the units on the network page; start those that are down.")
            }
            ClientError::Unverified { .. } | ClientError::Broken { .. } => {
                (502, "Do not trust this unit; tell its operator and whoever relies on it.")
            }
            ClientError::Actor(_) => (422, "The process says so; its log says more."),
            ClientError::BadRequest(_) => (422, "Correct what the detail names."),
            ClientError::NoAnswerYet { .. } => (504, "It may still come: ask for it again."),
            ClientError::NoKey | ClientError::Closed | ClientError::System(_) => {
                (500, "Try again; if it stays, restart the gateway.")
            }
        };
        let (number, code, detail) = (error.number(), error.code().to_owned(), error.to_string());
        Self { status, number, code, detail, hint }
    }
}

/// The HTTP status of a refusal, and what to do.
const fn refused(code: RefusalCode) -> (u16, &'static str) {
    match code {
        RefusalCode::NotFound | RefusalCode::UnknownProcess | RefusalCode::UnknownModule => {
            (404, "Check the identifier. What a unit that is down holds is not found.")
        }
        RefusalCode::NotListed | RefusalCode::NotController => {
            (403, "Sign with the key of an account that may.")
        }
        RefusalCode::Malformed
        | RefusalCode::WrongNetwork
        | RefusalCode::BadSignature
        | RefusalCode::WrongSigner
        | RefusalCode::Expired
        | RefusalCode::ExpiryTooFar
        | RefusalCode::BadBody
        | RefusalCode::UnsupportedEntry => (422, "Correct what the detail names, and sign again."),
        RefusalCode::TooLarge => (413, "Send less at once."),
        RefusalCode::ViewFailed | RefusalCode::Stopped => {
            (409, "The process is none that could answer.")
        }
        RefusalCode::Busy
        | RefusalCode::Stopping
        | RefusalCode::StorageFailed
        | RefusalCode::NotHosted
        | RefusalCode::Moved => (503, "The unit is busy or stopping: try again in a moment."),
        _ => (502, "A unit refused to answer; its log says more."),
    }
}

/// A unit, and what it says of itself.
#[derive(Debug, Clone)]
pub(crate) struct UnitFacts {
    pub(crate) record: UnitRecord,
    pub(crate) status: Result<UnitStatus, Problem>,
}

/// A process in a list.
#[derive(Debug, Clone)]
pub(crate) struct ProcessRow {
    pub(crate) process: ProcessId,
    pub(crate) name: String,
    pub(crate) module: ModuleId,
    /// Who spawned it, and who controlled it then.
    pub(crate) sender: Principal,
    pub(crate) controller: Principal,
    pub(crate) scheduler: UnitId,
    /// Whether an earlier scheduler tells of it.
    pub(crate) moved: bool,
    /// The log's next free slot.
    pub(crate) next: Slot,
    /// When its last slot was assigned.
    pub(crate) time: Timestamp,
}

/// A piece of the list of all processes, newest first for each scheduler.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProcessList {
    pub(crate) rows: Vec<ProcessRow>,
    pub(crate) offset: u64,
    pub(crate) total: u64,
    /// Schedulers that did not answer.
    pub(crate) missing: Vec<(UnitId, Problem)>,
}

/// A process.
#[derive(Debug, Clone)]
pub(crate) struct ProcessFacts {
    pub(crate) process: ProcessId,
    pub(crate) described: Arc<Described>,
    /// The module that executes it now, by the word of a unit of its policy; nothing if none says.
    pub(crate) module: Option<ModuleId>,
    pub(crate) schema: Result<Option<Arc<Schema>>, Problem>,
}

/// A state root that a unit has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateFacts {
    pub(crate) process: ProcessId,
    /// After which slot.
    pub(crate) slot: Slot,
    pub(crate) chain: Hash,
    /// None of a process that failed to be born.
    pub(crate) root: Option<Hash>,
    pub(crate) unit: UnitId,
    /// Whether the unit keeps that state, as a checkpoint, rather than only having stated it.
    pub(crate) kept: bool,
}

/// What waits to be delivered, with the messenger that tells of each pair.
#[derive(Debug, Clone, Default)]
pub(crate) struct WaitingFacts {
    pub(crate) pairs: Vec<(UnitId, WaitingPair)>,
    pub(crate) total: u64,
    /// Timers and deadlines that are set.
    pub(crate) timers: u64,
    /// Messengers that did not answer.
    pub(crate) missing: Vec<(UnitId, Problem)>,
}

/// What a process waits for the time of, by the word of a unit.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimerFacts {
    pub(crate) set: Vec<Timer>,
    /// Whether there are more than these.
    pub(crate) more: bool,
}

/// A piece of a log, newest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogFacts {
    pub(crate) rows: Vec<SlotFacts>,
    /// The log's next free slot.
    pub(crate) next: Slot,
    /// Why outcomes are not known.
    pub(crate) problem: Option<Problem>,
}

/// A slot of a log and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct SlotFacts {
    pub(crate) assignment: Assignment,
    pub(crate) call: Call,
    pub(crate) cause: Option<Cause>,
    pub(crate) progress: Progress,
}

/// What brought an entry about at a time that is known. When a client signed stands nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The execution of a slot.
    Slot(ProcessId, Slot),
    /// A timer or a deadline.
    Due(Timestamp),
}

impl Cause {
    pub(crate) const fn of_entry(entry: &Entry) -> Option<Self> {
        match entry {
            Entry::Delivery(delivery) | Entry::Skip(delivery) => {
                Some(Self::Slot(delivery.source, delivery.slot))
            }
            Entry::Timer(timer) => Some(Self::Due(timer.due)),
            Entry::Spawn(_) | Entry::Message(_) | Entry::Answer(_) | Entry::Control(_) => None,
        }
    }
}

/// A page of a log.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogPage {
    pub(crate) log: LogFacts,
    /// Which slots are wanted.
    pub(crate) filter: Filter,
    /// Where the page is.
    pub(crate) place: Place,
    /// What was looked through: from the first slot to before the second.
    pub(crate) span: (Slot, Slot),
    /// Whether the page is not full although there are slots left to look through.
    pub(crate) cut: bool,
    /// Milliseconds from what caused a slot to its assignment, where both times are known.
    pub(crate) latencies: BTreeMap<Slot, u64>,
}

impl LogPage {
    /// Whether what happens next belongs on it.
    pub(crate) fn is_live(&self) -> bool {
        self.place == Place::Newest && self.filter.is_empty()
    }
}

/// How far a slot is.
#[derive(Debug, Clone)]
pub(crate) enum Progress {
    /// A unit of the process's policy states what came of it.
    Executed(Box<Executed>),
    /// It waits to be executed.
    Waiting,
    /// No unit that could tell answers.
    Unknown,
}

impl Progress {
    pub(crate) const fn executed(&self) -> Option<&Executed> {
        match self {
            Self::Executed(executed) => Some(executed),
            Self::Waiting | Self::Unknown => None,
        }
    }

    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Executed(_) => "executed",
            Self::Waiting => "waiting",
            Self::Unknown => "unknown",
        }
    }
}

/// What an entry or an outbox item asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) kind: &'static str,
    pub(crate) from: Principal,
    pub(crate) method: Option<String>,
    /// CBOR.
    pub(crate) args: Option<Vec<u8>>,
}

impl Call {
    pub(crate) fn of_entry(entry: &Entry) -> Self {
        match entry {
            Entry::Spawn(spawn) => {
                let spawn = spawn.unverified();
                Self::new("spawn", spawn.sender).with(None, Some(&spawn.args))
            }
            Entry::Message(message) => {
                let message = message.unverified();
                Self::new("message", message.sender)
                    .with(Some(&message.method), Some(&message.args))
            }
            Entry::Delivery(Delivery { source, item, .. })
            | Entry::Skip(Delivery { source, item, .. }) => Self::of_item(*source, item),
            Entry::Timer(timer) => {
                let kind = match timer.kind {
                    TimerKind::Timer => "timer",
                    TimerKind::AskTimeout => "ask timeout",
                    TimerKind::NoTarget => "no target",
                };
                Self::new(kind, timer.process.into())
            }
            Entry::Answer(Answer { statement }) => {
                Self::new("answer", statement.unverified().target.into())
            }
            Entry::Control(control) => {
                let control = control.unverified();
                let action = super::show::order(&control.action);
                Self::new("control", control.sender).with(Some(action), None)
            }
        }
    }

    pub(crate) fn of_item(source: ProcessId, item: &OutboxItem) -> Self {
        let new = |kind| Self::new(kind, source.into());
        match &item.body {
            ItemBody::Tell { method, args } => new("tell").with(Some(method), Some(args)),
            ItemBody::Ask { method, args, .. } => new("ask").with(Some(method), Some(args)),
            ItemBody::Reply { answer, .. } | ItemBody::Answered { answer, .. } => match answer {
                AskAnswer::Value(value) => new("reply").with(None, Some(value)),
                AskAnswer::Failure(failure, _) => new("reply").with(Some(&failure.code), None),
            },
            ItemBody::Spawn(..) => new("spawn"),
            ItemBody::Skip(_) => new("skip"),
            ItemBody::Timer { method, args, .. } => new("set timer").with(Some(method), Some(args)),
            ItemBody::CancelTimer { .. } => new("cancel timer"),
        }
    }

    const fn new(kind: &'static str, from: Principal) -> Self {
        Self { kind, from, method: None, args: None }
    }

    fn with(mut self, method: Option<&str>, args: Option<&Vec<u8>>) -> Self {
        self.method = method.map(str::to_owned);
        self.args = args.cloned();
        self
    }
}

/// A message: an entry, its proofs, where it came from and what it caused.
#[derive(Debug, Clone)]
pub(crate) struct MessageFacts {
    pub(crate) record: LogRecord,
    pub(crate) call: Call,
    pub(crate) described: Arc<Described>,
    pub(crate) proof: Result<AssignmentProof, Problem>,
    pub(crate) progress: Progress,
    /// Why the outcome is not known.
    pub(crate) problem: Option<Problem>,
    /// The entry that caused it, for deliveries and timers.
    pub(crate) origin: Option<Origin>,
    pub(crate) caused: Vec<Caused>,
    /// The position of the first of `caused` in the outbox.
    pub(crate) items_from: usize,
}

/// What a message caused, and what that caused, as far as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct GraphFacts {
    pub(crate) tree: Tree,
    /// Whether all of it was read in time.
    pub(crate) complete: bool,
    /// The item of the message from which on effects are shown.
    pub(crate) from: u32,
}

/// What a compute unit of a policy says of a slot.
#[derive(Debug, Clone)]
pub(crate) struct ReceiptFacts {
    pub(crate) unit: UnitId,
    /// An outcome whose receipt holds by itself; none if it has not executed the slot.
    pub(crate) answer: Result<Option<Executed>, Problem>,
}

/// The slot whose execution emitted an entry.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) process: ProcessId,
    pub(crate) slot: Slot,
    pub(crate) index: u32,
    pub(crate) entry: Result<LogRecord, Problem>,
}

/// An outbox item, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Caused {
    pub(crate) item: OutboxItem,
    pub(crate) call: Call,
    /// The entry it becomes, where it becomes one.
    pub(crate) entry: Option<EntryId>,
    pub(crate) arrival: Arrival,
}

/// What became of an outbox item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It has its place in the target's log.
    Assigned(Slot),
    /// No scheduler that answers has it.
    UnderWay,
    /// It never becomes an entry of a log.
    Internal,
    /// Whether it arrived cannot be told.
    Unknown(Problem),
}

/// Names of processes that a page mentions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names(pub(crate) BTreeMap<ProcessId, String>);

impl Names {
    /// The name, if the process has one.
    pub(crate) fn get(&self, process: &ProcessId) -> Option<&str> {
        self.0.get(process).map(String::as_str).filter(|name| !name.is_empty())
    }
}
