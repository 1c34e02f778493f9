//! The guest contract: what a compute unit writes into a module's memory and reads back.
//!
//! `docs/abi.md` is the reference for authors in any language. A module imports nothing. Inputs and
//! outputs are canonical CBOR; arguments, replies and event data are nested as byte strings that
//! hold self-describing canonical CBOR themselves.

use minicbor::{Decode, Encode};

use crate::{EntryId, Gas, Hash, ModuleId, Principal, ProcessId, Slot, Timestamp, UnitId};

/// The version of this contract, in the schema of every module.
pub const ABI_VERSION: u32 = 1;

/// The export that takes a length in bytes and returns where to write that many.
pub const EXPORT_ALLOC: &str = "antiphon_alloc";
/// The export that handles an [`Input`] and returns an [`Output`].
pub const EXPORT_HANDLE: &str = "antiphon_handle";
/// The export that answers an [`Input::View`] with an [`Output`] without effects.
pub const EXPORT_VIEW: &str = "antiphon_view";
/// The export that answers an [`Input::Save`] with a [`SavedState`].
pub const EXPORT_SAVE: &str = "antiphon_save";
/// The export of the linear memory.
pub const EXPORT_MEMORY: &str = "memory";
/// The custom section that holds the schema.
pub const SCHEMA_SECTION: &str = "antiphon.schema";

/// Everything a handler may know of the outside world.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Context {
    /// The process that handles.
    #[n(0)]
    pub process: ProcessId,
    /// The slot that is handled; for a view, the last slot executed.
    #[n(1)]
    pub slot: Slot,
    /// The time of the slot by its scheduler.
    #[n(2)]
    pub time: Timestamp,
    /// Who sent the message.
    #[n(3)]
    pub sender: Principal,
    /// Who may upgrade, move and stop the process.
    #[n(4)]
    pub controller: Principal,
    /// The entry that is handled.
    #[n(5)]
    pub message: EntryId,
    /// Derived from the chain hash of the slot: equal on every unit, unknown before assignment.
    #[n(6)]
    pub seed: Hash,
    /// How much gas the handler may use.
    #[n(7)]
    pub gas: Gas,
    /// When the asker stops waiting, if the message is an ask.
    #[n(8)]
    pub deadline: Option<Timestamp>,
    /// Tokens of asks and timers whose handler failed since the module last handled anything: what
    /// waited for them waits in vain. Absent if there are none, and under profile 1.
    #[n(9)]
    pub lost: Option<Vec<u64>>,
}

/// What a compute unit hands to a module.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Input {
    /// Slot 0: make the first state.
    #[n(0)]
    Init {
        /// Where and when.
        #[n(0)]
        context: Context,
        /// A CBOR map from parameter name to value.
        #[cbor(n(1), with = "minicbor::bytes")]
        args: Vec<u8>,
        /// The canonical bytes of the process's own [`crate::Spawn`], from which those of children
        /// are made. Absent under profile 1.
        #[cbor(n(2), with = "minicbor::bytes")]
        spawn: Option<Vec<u8>>,
    },
    /// A message, a tell or an ask.
    #[n(1)]
    Call {
        /// Where and when.
        #[n(0)]
        context: Context,
        /// The method called.
        #[n(1)]
        method: String,
        /// A CBOR map from parameter name to value.
        #[cbor(n(2), with = "minicbor::bytes")]
        args: Vec<u8>,
        /// Names this call in a later [`GuestEffect::Reply`]; absent for tells.
        #[n(3)]
        call: Option<u64>,
    },
    /// The one answer to an earlier [`GuestEffect::Ask`] or [`GuestEffect::Spawn`].
    #[n(2)]
    Answer {
        /// Where and when.
        #[n(0)]
        context: Context,
        /// The token the ask was given by the module.
        #[n(1)]
        token: u64,
        /// What came back.
        #[n(2)]
        answer: AnswerInput,
    },
    /// A timer that is due.
    #[n(3)]
    Timer {
        /// Where and when.
        #[n(0)]
        context: Context,
        /// The token the timer was given by the module.
        #[n(1)]
        token: u64,
        /// Counts the times this timer fired before.
        #[n(2)]
        occurrence: u64,
        /// The method the timer calls, as it was set.
        #[n(3)]
        method: String,
        /// The arguments the timer was set with.
        #[cbor(n(4), with = "minicbor::bytes")]
        args: Vec<u8>,
    },
    /// An upgrade: make the state from what the module before saved.
    #[n(4)]
    Load {
        /// Where and when.
        #[n(0)]
        context: Context,
        /// What was saved.
        #[n(1)]
        saved: SavedState,
        /// The canonical bytes of the process's own [`crate::Spawn`], as [`Input::Init`] has them.
        #[cbor(n(2), with = "minicbor::bytes")]
        spawn: Option<Vec<u8>>,
    },
    /// A read-only call on the committed state.
    #[n(5)]
    View {
        /// Where and when.
        #[n(0)]
        context: Context,
        /// The method called.
        #[n(1)]
        method: String,
        /// A CBOR map from parameter name to value.
        #[cbor(n(2), with = "minicbor::bytes")]
        args: Vec<u8>,
    },
    /// An upgrade: give the state to the next module.
    #[n(6)]
    Save {
        /// Where and when.
        #[n(0)]
        context: Context,
    },
    /// A message of the sender's own that shows another message.
    #[n(7)]
    Assigned {
        /// Where and when; the sender is whoever shows the other message.
        #[n(0)]
        context: Context,
        /// What is shown.
        #[n(1)]
        evidence: Evidence,
        /// Names this call in a later [`GuestEffect::Reply`].
        #[n(2)]
        call: Option<u64>,
    },
}

/// A message that its sender has signed, shown to another process than the one it was meant for. It
/// says what its sender wanted elsewhere, and asks nothing of the process that sees it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Evidence {
    /// The message.
    #[n(0)]
    pub message: EntryId,
    /// Who signed it.
    #[n(1)]
    pub sender: Principal,
    /// The process it was meant for.
    #[n(2)]
    pub target: ProcessId,
    /// The method it calls there.
    #[n(3)]
    pub method: String,
    /// A CBOR map from parameter name to value.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub args: Vec<u8>,
    /// When it expired, or does.
    #[n(5)]
    pub expiry: Timestamp,
}

/// What an ask came to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum AnswerInput {
    /// The peer replied with this CBOR value.
    #[n(0)]
    Reply(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// The peer answered with an error of its own.
    #[n(1)]
    Error {
        /// A short kebab-case word.
        #[n(0)]
        code: String,
        /// For people.
        #[n(1)]
        detail: String,
        /// Whether the ask took effect: 0 no, 1 yes, 2 unknown.
        #[n(2)]
        effect: u8,
    },
    /// There is no reply. No actor can cause this answer by what it says.
    #[n(2)]
    System {
        /// The word of a [`crate::FailureKind`].
        #[n(0)]
        code: String,
        /// For people.
        #[n(1)]
        detail: String,
        /// Whether the ask took effect: 0 no, 1 yes, 2 unknown.
        #[n(2)]
        effect: u8,
    },
}

/// The state a module gives away in an upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SavedState {
    /// The version of the state type, from the schema.
    #[n(0)]
    pub version: u32,
    /// One CBOR value, cut into pieces; or the raw memory image, cut likewise.
    #[n(1)]
    pub chunks: Vec<minicbor::bytes::ByteVec>,
    /// The module whose raw memory image this is, which knows how to read it. Absent of what
    /// `antiphon_save` has given; where it is there the version is 0.
    #[n(2)]
    pub image_of: Option<ModuleId>,
}

impl SavedState {
    /// Bytes of a raw memory image in a chunk, but for the last one.
    pub const IMAGE_CHUNK_BYTES: usize = 1 << 20;
}

/// What a module hands back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Output {
    /// The answer to the caller.
    #[n(0)]
    pub result: GuestResult,
    /// What shall happen, in order.
    #[n(1)]
    pub effects: Vec<GuestEffect>,
}

/// A handler's answer to its caller.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum GuestResult {
    /// A reply: one CBOR value (null for a method that returns nothing).
    #[n(0)]
    Reply(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// An error of the actor's own. State and effects are kept.
    #[n(1)]
    Error {
        /// A short kebab-case word.
        #[n(0)]
        code: String,
        /// For people.
        #[n(1)]
        detail: String,
    },
    /// The reply follows in a later slot, through an ask or a timer that is outstanding. Once none is,
    /// the unit answers instead.
    #[n(2)]
    Later,
    /// The reply follows in a later slot, whatever brings that about.
    #[n(3)]
    Held,
}

/// Something a handler wants done.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum GuestEffect {
    /// Adds a line to the outcome's log.
    #[n(0)]
    Log {
        /// 0 trace, 1 debug, 2 info, 3 warning, 4 error.
        #[n(0)]
        level: u8,
        /// One line of text.
        #[n(1)]
        text: String,
    },
    /// Emits a named event that clients can follow.
    #[n(1)]
    Event {
        /// The event's name in the schema.
        #[n(0)]
        name: String,
        /// One CBOR value.
        #[cbor(n(1), with = "minicbor::bytes")]
        data: Vec<u8>,
    },
    /// Sends a message that nobody answers.
    #[n(2)]
    Tell {
        /// The receiver.
        #[n(0)]
        target: ProcessId,
        /// The receiver's method.
        #[n(1)]
        method: String,
        /// A CBOR map from parameter name to value.
        #[cbor(n(2), with = "minicbor::bytes")]
        args: Vec<u8>,
        /// The scheduler that may know the receiver.
        #[n(3)]
        hint: Option<UnitId>,
    },
    /// Sends a message that gets exactly one [`Input::Answer`].
    #[n(3)]
    Ask {
        /// The receiver.
        #[n(0)]
        target: ProcessId,
        /// The receiver's method.
        #[n(1)]
        method: String,
        /// A CBOR map from parameter name to value.
        #[cbor(n(2), with = "minicbor::bytes")]
        args: Vec<u8>,
        /// Chosen by the module; must not be that of another open ask.
        #[n(3)]
        token: u64,
        /// Milliseconds from the slot's time until the asker stops waiting.
        #[n(4)]
        patience: u64,
        /// The scheduler that may know the receiver.
        #[n(5)]
        hint: Option<UnitId>,
        /// The open call on whose behalf it is made: if handling the answer fails, so does the call.
        #[n(6)]
        call: Option<u64>,
    },
    /// Answers a call that ended with [`GuestResult::Later`] or [`GuestResult::Held`].
    #[n(4)]
    Reply {
        /// The call's name, from [`Input::Call`].
        #[n(0)]
        call: u64,
        /// The answer: a reply or an error.
        #[n(1)]
        result: GuestResult,
    },
    /// A form of spawn that no profile executes: it does not tell the parent who the child is.
    #[n(5)]
    SpawnBare {
        /// The child's module.
        #[n(0)]
        module: ModuleId,
        /// A CBOR map from parameter name to value.
        #[cbor(n(1), with = "minicbor::bytes")]
        args: Vec<u8>,
        /// The child's name.
        #[n(2)]
        name: String,
        /// Chosen by the module, and part of the child's id.
        #[n(3)]
        nonce: u64,
    },
    /// Sets a timer.
    #[n(6)]
    SetTimer {
        /// Chosen by the module; replaces the timer that has it.
        #[n(0)]
        token: u64,
        /// When it is due first.
        #[n(1)]
        due: Timestamp,
        /// Milliseconds between occurrences; absent for once.
        #[n(2)]
        every: Option<u64>,
        /// Whether occurrences missed while units were down are made up for.
        #[n(3)]
        catch_up: bool,
        /// The method to call.
        #[n(4)]
        method: String,
        /// A CBOR map from parameter name to value.
        #[cbor(n(5), with = "minicbor::bytes")]
        args: Vec<u8>,
        /// The open call on whose behalf it is set: if handling the timer fails, so does the call.
        #[n(6)]
        call: Option<u64>,
    },
    /// Cancels a timer.
    #[n(7)]
    CancelTimer {
        /// The token it was set with.
        #[n(0)]
        token: u64,
    },
    /// Spawns a child. Its birth is answered like an ask: with null once it is born, else with why
    /// not.
    #[n(8)]
    Spawn {
        /// The canonical bytes of the child's [`crate::Spawn`], whose sender is this process. Their
        /// digest is the child's id.
        #[cbor(n(0), with = "minicbor::bytes")]
        spawn: Vec<u8>,
        /// Chosen by the module; must not be that of another open ask.
        #[n(1)]
        token: u64,
        /// Milliseconds from the slot's time until the parent stops waiting.
        #[n(2)]
        patience: u64,
        /// The open call on whose behalf it is made.
        #[n(3)]
        call: Option<u64>,
    },
}

/// Splits the value of `antiphon_handle` and its like into pointer and length.
#[must_use]
pub const fn unpack(packed: i64) -> (u32, u32) {
    let bits = packed.cast_unsigned();
    let [a, b, c, d, e, f, g, h] = bits.to_be_bytes();
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

/// Joins pointer and length into the value of `antiphon_handle` and its like.
#[must_use]
pub const fn pack(pointer: u32, length: u32) -> i64 {
    let [a, b, c, d] = pointer.to_be_bytes();
    let [e, f, g, h] = length.to_be_bytes();
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests;
