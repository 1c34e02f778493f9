//! What executing one slot produced.

use minicbor::{Decode, Encode};

use crate::{
    Domain, EntryId, Gas, Hash, MerklePath, MerkleTree, PairNumber, ProcessId, Slot, Timestamp,
    UnitId, V1, codec,
};

/// The result of one slot. Its digest is a Merkle root, so that one outbox item can be shown to be
/// in it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Outcome {
    /// The format.
    #[n(0)]
    pub version: V1,
    /// The process.
    #[n(1)]
    pub process: ProcessId,
    /// The slot executed.
    #[n(2)]
    pub slot: Slot,
    /// The entry in that slot.
    #[n(3)]
    pub entry: EntryId,
    /// What the sender gets.
    #[n(4)]
    pub reply: Reply,
    /// Gas used.
    #[n(5)]
    pub gas: Gas,
    /// What the actor logged.
    #[n(6)]
    pub logs: Vec<LogLine>,
    /// What the actor emitted.
    #[n(7)]
    pub events: Vec<Event>,
    /// What the actor wants done, in order.
    #[n(8)]
    pub outbox: Vec<OutboxItem>,
}

/// The part of an outcome that is its first Merkle leaf.
#[derive(Encode)]
struct Head<'a> {
    #[n(0)]
    version: V1,
    #[n(1)]
    process: ProcessId,
    #[n(2)]
    slot: Slot,
    #[n(3)]
    entry: EntryId,
    #[n(4)]
    reply: &'a Reply,
    #[n(5)]
    gas: Gas,
    #[n(6)]
    logs: &'a [LogLine],
    #[n(7)]
    events: &'a [Event],
    #[n(8)]
    outbox: u64,
}

impl Outcome {
    /// The tree whose root is the outcome's digest: the head, then one leaf per outbox item.
    pub fn tree(&self) -> MerkleTree {
        let head = Head {
            version: self.version,
            process: self.process,
            slot: self.slot,
            entry: self.entry,
            reply: &self.reply,
            gas: self.gas,
            logs: &self.logs,
            events: &self.events,
            outbox: self.outbox.len() as u64,
        };
        let head = Domain::OutcomeHead.digest(&[&codec::encode(&head)]);
        MerkleTree::new(
            std::iter::once(head).chain(self.outbox.iter().map(OutboxItem::leaf)).collect(),
        )
    }

    /// The outcome's digest.
    pub fn digest(&self) -> Hash {
        self.tree().root()
    }

    /// Shows that the outbox item at an index is in the outcome.
    pub fn item_path(&self, index: u32) -> Option<MerklePath> {
        self.tree().path(index.checked_add(1)?)
    }
}

/// What a sender gets for its message.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Reply {
    /// A CBOR value.
    #[n(0)]
    Value(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// An error, the actor's own or one of execution.
    #[n(1)]
    Failure(#[n(0)] Failure),
    /// Nothing yet.
    #[n(2)]
    Later,
}

/// Why a slot has no reply.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Failure {
    /// Whose failure it is.
    #[n(0)]
    pub kind: FailureKind,
    /// A short kebab-case word: the actor's, or that of the kind.
    #[n(1)]
    pub code: String,
    /// For people; deterministic, never an engine's text.
    #[n(2)]
    pub detail: String,
}

impl Failure {
    /// A failure of execution, without detail.
    pub fn of(kind: FailureKind) -> Self {
        Self { kind, code: kind.code().to_owned(), detail: kind.detail().to_owned() }
    }
}

macro_rules! failures {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal, $detail:literal;)*) => {
        /// The kinds of failure. All but [`Self::Actor`] roll the slot back.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
        #[cbor(index_only)]
        pub enum FailureKind {
            $($(#[$doc])* #[n($number)] $name,)*
        }

        impl FailureKind {
            /// All kinds, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number on the wire.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// The stable word of the kind.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What happened and what to do about it.
            pub const fn detail(self) -> &'static str {
                match self { $(Self::$name => $detail,)* }
            }
        }
    };
}

failures! {
    /// The actor answered with an error of its own; its state and effects are kept.
    Actor = 0, "actor", "the actor answered with an error";
    /// The module trapped.
    Trapped = 1, "trapped", "the module trapped; nothing it did in this slot happened";
    /// The gas limit was reached.
    OutOfGas = 2, "out-of-gas", "the slot used all of its gas; nothing it did happened";
    /// The module asked for more memory than it may have, and gave up.
    OutOfMemory = 3, "out-of-memory", "the module needs more memory than the process may have";
    /// Calls nested too deep.
    TooDeep = 4, "too-deep", "calls nested deeper than the profile allows";
    /// The module's answer breaks the guest contract.
    BadOutput = 5, "bad-output", "the module's output breaks the guest contract";
    /// The module's answer is larger than the process may emit.
    OutputTooLarge = 6, "output-too-large", "the output is larger than the process's limits allow";
    /// The module wants an effect that the profile does not have.
    UnsupportedEffect = 7, "unsupported-effect", "the profile does not have this effect";
    /// The initialiser failed, so no later slot can be handled.
    NotBorn = 8, "not-born", "the process's initialiser failed; spawn it again";
    /// The entry is of a kind that the profile does not execute.
    UnsupportedEntry = 9, "unsupported-entry", "the profile does not execute entries of this kind";
    /// A call can have no reply any more: nothing is outstanding that could bring it.
    NoReply = 10, "no-reply", "the handler ended without a reply, and nothing that could reply is outstanding";
    /// No answer came before the deadline.
    Expired = 11, "expired", "no answer came before the deadline; whether the ask took effect is not known yet";
    /// The target's scheduler refused the ask for good.
    Refused = 12, "refused", "the target's scheduler refused it for good";
    /// The target does not exist.
    NoSuchProcess = 13, "no-such-process", "no scheduler orders the log of such a process";
    /// The target was upgraded while the call was open.
    Upgraded = 14, "upgraded", "the target was upgraded while the call was open";
    /// The slot wants more open asks, open calls, timers or children than the process may have.
    LimitReached = 15, "limit-reached", "more open asks, open calls, timers or children than the process may have";
    /// The module of an upgrade is none that the profile can run, whatever a unit has said of it.
    BadModule = 16, "bad-module", "the module of the upgrade is none that the process's profile can run";
}

/// A line an actor logged.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LogLine {
    /// 0 trace, 1 debug, 2 info, 3 warning, 4 error.
    #[n(0)]
    pub level: u8,
    /// The line.
    #[n(1)]
    pub text: String,
}

/// Something an actor emitted for whoever follows it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Event {
    /// Its name in the schema.
    #[n(0)]
    pub name: String,
    /// A CBOR value.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub data: Vec<u8>,
}

/// Something a process wants done.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OutboxItem {
    /// Its position in the outcome's outbox.
    #[n(0)]
    pub index: u32,
    /// The process it concerns; the emitting one for timers and replies to clients.
    #[n(1)]
    pub target: ProcessId,
    /// Its place among the items from one process to another; absent for skips, timers and replies to
    /// clients.
    #[n(2)]
    pub pair: Option<PairPosition>,
    /// What it is.
    #[n(3)]
    pub body: ItemBody,
    /// The scheduler that may know the target.
    #[n(4)]
    pub hint: Option<UnitId>,
}

impl OutboxItem {
    /// The digest that stands for the item in an outcome, and in the id of a delivery.
    pub fn leaf(&self) -> Hash {
        Domain::OutboxItem.digest(&[&codec::encode(self)])
    }
}

/// The place of an item among those from one process to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PairPosition {
    /// Dense from 0.
    #[n(0)]
    pub number: PairNumber,
    /// The slot that emitted the item before, so that recovery walks back without scanning.
    #[n(1)]
    pub previous: Option<Slot>,
}

/// What an outbox item is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum ItemBody {
    /// A message that nobody answers.
    #[n(0)]
    Tell {
        /// The method called.
        #[n(0)]
        method: String,
        /// A canonical CBOR map from parameter name to value.
        #[cbor(n(1), with = "minicbor::bytes")]
        args: Vec<u8>,
    },
    /// A message that gets exactly one answer.
    #[n(1)]
    Ask {
        /// The method called.
        #[n(0)]
        method: String,
        /// A canonical CBOR map from parameter name to value.
        #[cbor(n(1), with = "minicbor::bytes")]
        args: Vec<u8>,
        /// When the asker stops waiting.
        #[n(2)]
        deadline: Timestamp,
    },
    /// The answer to an ask.
    #[n(2)]
    Reply {
        /// The slot of the asker that emitted the ask.
        #[n(0)]
        slot: Slot,
        /// The ask's position in that slot's outbox.
        #[n(1)]
        index: u32,
        /// The answer.
        #[n(2)]
        answer: AskAnswer,
    },
    /// A request for a child: the bytes of a [`crate::Spawn`] whose digest is the target, and when
    /// the parent stops waiting for its birth.
    #[n(3)]
    Spawn(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>, #[n(1)] Option<Timestamp>),
    /// This number of the pair will never come, unless it has come already. Tells and asks before it
    /// are still to come, so a target takes it in its turn.
    #[n(4)]
    Skip(#[n(0)] PairNumber),
    /// A timer of the process's own.
    #[n(5)]
    Timer {
        /// Chosen by the actor.
        #[n(0)]
        token: u64,
        /// When it is due first.
        #[n(1)]
        due: Timestamp,
        /// Milliseconds between occurrences; absent for once.
        #[n(2)]
        every: Option<u64>,
        /// Whether missed occurrences are made up for.
        #[n(3)]
        catch_up: bool,
        /// The method to call.
        #[n(4)]
        method: String,
        /// A canonical CBOR map from parameter name to value.
        #[cbor(n(5), with = "minicbor::bytes")]
        args: Vec<u8>,
    },
    /// The end of a timer of the process's own.
    #[n(6)]
    CancelTimer {
        /// The token it was set with.
        #[n(0)]
        token: u64,
    },
    /// The reply to a client's message that first came to [`Reply::Later`]; for whoever follows.
    #[n(7)]
    Answered {
        /// The slot of that message.
        #[n(0)]
        call: Slot,
        /// The reply.
        #[n(1)]
        answer: AskAnswer,
    },
}

/// The answer to an ask.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum AskAnswer {
    /// A CBOR value.
    #[n(0)]
    Value(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// A failure, with whether the ask took effect.
    #[n(1)]
    Failure(#[n(0)] Failure, #[n(1)] Effect),
}

/// Whether an ask took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Effect {
    /// It certainly did not.
    #[n(0)]
    No,
    /// It certainly did.
    #[n(1)]
    Yes,
    /// Nobody can tell yet.
    #[n(2)]
    Unknown,
}

#[cfg(test)]
mod tests;
