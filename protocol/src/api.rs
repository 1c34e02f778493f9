//! What units and clients say to each other over transport: requests, and frames of long-lived
//! streams.
//!
//! A request is one [`Request`], answered by one [`Response`]. A long-lived stream opens with an
//! [`Opening`]; what follows is said there. Every object here is bounded by the transport's frame or
//! bulk limit before it is decoded.

mod answers;
mod delivery;
mod handover;
mod state;
mod submit;
mod tail;

use minicbor::{Decode, Encode};

use crate::{
    EntryId, Hash, ModuleId, PairNumber, ProcessId, ProfileId, Refusal, Slot, UnitId, UnitSet,
    ViewRequest,
};

pub use answers::{
    Executed, ExecutedEntry, LogPage, LogRecord, ModuleBytes, NextNumber, OutcomePage,
    ProcessEntry, ProcessPage, Records, Stored, UnitStatus,
};
pub use delivery::{AgendaKey, AgendaPage, Kept, OutboxPage, WaitingPair, WaitingState};
pub use handover::{Adopted, Adoption, ExecutedHead, HeadPage};
pub use state::{BLOBS_MAX, Blobs, CheckpointAnswer};
pub use submit::{Acknowledgement, FinalRefusal, Submission, SubmitEvent, SubmitFrame};
pub use tail::{
    Cursor, FollowFrame, FollowSlot, NoProof, PairUse, RefusalRecord, TailFrame, TailRecord,
    TailReport,
};

/// The longest frame that carries outcomes, in bytes: [`FollowFrame`] and, from messengers,
/// [`SubmitEvent`]. An outcome as large as [`crate::Limits::MAX`] allows fits; all other frames keep
/// to the transport's limit of 4 MiB.
pub const OUTCOME_FRAME_MAX: usize = 32 << 20;

/// A question to a unit. The doc of each variant names who answers, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Request {
    /// Any unit: [`UnitStatus`].
    #[n(0)]
    Status,
    /// Any unit: [`Records`] of all units it knows, itself among them.
    #[n(1)]
    Records,
    /// Scheduler: `Signed<HeadStatement>`.
    #[n(2)]
    Head {
        /// The log.
        #[n(0)]
        process: ProcessId,
        /// Chosen by the caller.
        #[n(1)]
        nonce: Hash,
    },
    /// Scheduler: [`LogPage`] from a slot on.
    #[n(3)]
    Log {
        /// The log.
        #[n(0)]
        process: ProcessId,
        /// The first slot.
        #[n(1)]
        from: Slot,
        /// How many at the most; the unit may give fewer.
        #[n(2)]
        limit: u32,
    },
    /// Scheduler: [`LogRecord`] of an entry.
    #[n(4)]
    Find(#[n(0)] EntryId),
    /// Scheduler, or a compute unit that was given the slot: [`crate::AssignmentProof`] of a slot.
    #[n(5)]
    Proof {
        /// The log.
        #[n(0)]
        process: ProcessId,
        /// The slot.
        #[n(1)]
        slot: Slot,
    },
    /// Scheduler: [`NextNumber`], the number it will accept next for a pair.
    #[n(6)]
    Pair {
        /// Who emits.
        #[n(0)]
        source: ProcessId,
        /// Who receives.
        #[n(1)]
        target: ProcessId,
    },
    /// Scheduler: [`ProcessPage`] in order of birth.
    #[n(7)]
    Processes {
        /// How many to pass over.
        #[n(0)]
        offset: u64,
        /// How many at the most.
        #[n(1)]
        limit: u32,
    },
    /// Scheduler: [`crate::Provenance`] of a process.
    #[n(8)]
    Describe(#[n(0)] ProcessId),
    /// Scheduler: stores a module, answers with its id as [`Stored`].
    #[n(9)]
    PutModule(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// Scheduler, or a compute unit that executes it: [`ModuleBytes`].
    #[n(10)]
    GetModule(#[n(0)] ModuleId),
    /// Compute: prepares a module and answers with its [`crate::Acceptance`].
    #[n(11)]
    Accept {
        /// The Wasm binary.
        #[cbor(n(0), with = "minicbor::bytes")]
        module: Vec<u8>,
        /// The profile it shall run under.
        #[n(1)]
        profile: ProfileId,
    },
    /// Compute: `Signed<ViewAnswer>`.
    #[n(12)]
    View(#[n(0)] ViewRequest),
    /// Compute: [`OutcomePage`] from a slot on.
    #[n(13)]
    Outcomes {
        /// The process.
        #[n(0)]
        process: ProcessId,
        /// The first slot.
        #[n(1)]
        from: Slot,
        /// How many at the most; the unit may give fewer.
        #[n(2)]
        limit: u32,
    },
    /// Messenger: [`Executed`] of an entry, now or when it is executed, up to a deadline it chooses.
    #[n(14)]
    Await {
        /// The process.
        #[n(0)]
        process: ProcessId,
        /// The slot.
        #[n(1)]
        slot: Slot,
    },
    /// Compute: [`CheckpointAnswer`], the newest at or before a slot.
    #[n(15)]
    Checkpoint {
        /// The process.
        #[n(0)]
        process: ProcessId,
        /// The slot; absent for the newest checkpoint of all.
        #[n(1)]
        at: Option<Slot>,
    },
    /// Compute: [`Blobs`] that checkpoints of a process lead to, in the order of the addresses.
    #[n(16)]
    Blobs {
        /// The process.
        #[n(0)]
        process: ProcessId,
        /// Plain BLAKE3 hashes of pages, nodes or chunks; at most [`BLOBS_MAX`].
        #[n(1)]
        addresses: Vec<Hash>,
    },
    /// Scheduler: [`Adopted`]. Begins, or goes on, to fetch the log of a process that a control hands
    /// over to it, and orders its next epoch once it has everything.
    #[n(17)]
    Adopt(#[n(0)] Box<Adoption>),
    /// Compute: [`HeadPage`] of processes in ascending order, of logs that a scheduler has ordered.
    #[n(18)]
    Heads {
        /// The scheduler.
        #[n(0)]
        scheduler: UnitId,
        /// The process to begin behind; absent for the first.
        #[n(1)]
        after: Option<ProcessId>,
        /// How many at the most; the unit may give fewer.
        #[n(2)]
        limit: u32,
    },
    /// Scheduler of the target: `Signed<PairStatement>` about an item, once it is assigned or refused
    /// for good.
    #[n(19)]
    Statement {
        /// Who emitted.
        #[n(0)]
        source: ProcessId,
        /// Who should receive.
        #[n(1)]
        target: ProcessId,
        /// The number of the pair.
        #[n(2)]
        number: PairNumber,
        /// The entry that the item would be.
        #[n(3)]
        entry: EntryId,
    },
    /// Scheduler: [`crate::RefusalProof`] of an entry that it refused for good.
    #[n(20)]
    Refused(#[n(0)] EntryId),
    /// Compute: [`AgendaPage`] of timers that are set and asks that are open, by process, slot and
    /// index.
    #[n(21)]
    Agenda {
        /// The item to begin behind; absent for the first.
        #[n(0)]
        after: Option<AgendaKey>,
        /// How many at the most; the unit may give fewer.
        #[n(1)]
        limit: u32,
    },
    /// Messenger: [`OutboxPage`] of what waits, and why.
    #[n(22)]
    Outbox {
        /// Of this process only.
        #[n(0)]
        source: Option<ProcessId>,
        /// How many pairs at the most.
        #[n(1)]
        limit: u32,
    },
    /// Messenger, by another of the same operator: how far that one has come with the processes that
    /// it serves. Answered with as many [`Cursor`]s as were kept, in [`Kept`].
    #[n(23)]
    PutCursors(#[n(0)] Vec<Cursor>),
    /// Compute: the module of a process behind the last slot that is executed, as [`Stored`]. Its word
    /// alone; upgrades and their outcomes stand in the log.
    #[n(24)]
    ModuleOf(#[n(0)] ProcessId),
}

/// The answer to any request.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Response {
    /// The object the request's doc names.
    #[n(0)]
    Done(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// Why not.
    #[n(1)]
    Refused(#[n(0)] Refusal),
}

impl Response {
    /// The encoded response with this object.
    pub fn done<T: Encode<()>>(object: &T) -> Vec<u8> {
        Self::done_bytes(&crate::codec::encode(object))
    }

    /// The encoded response with the object of these canonical bytes.
    pub fn done_bytes(object: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(object.len() + 16);
        let mut encoder = minicbor::Encoder::new(&mut bytes);
        let encoded = encoder.array(2).and_then(|encoder| encoder.u8(0)?.bytes(object));
        encoded.expect("writing to memory cannot fail");
        bytes
    }

    /// The encoded refusal.
    pub fn refused(refusal: Refusal) -> Vec<u8> {
        crate::codec::encode(&Self::Refused(refusal))
    }
}

/// The first frame of a long-lived stream.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Opening {
    /// To a scheduler or messenger: entries to assign. Frames up are [`SubmitFrame`], frames down
    /// [`SubmitEvent`].
    #[n(0)]
    Submit,
    /// To a scheduler, by a compute unit: the logs of all processes that the unit
    /// executes, among the first `quorum` of their policies as [`crate::Ranking`] tells.
    /// Frames down are [`TailFrame`], frames up [`TailReport`].
    #[n(1)]
    Tail {
        /// The first slot wanted of logs that are partly known; all others come from slot 0.
        #[n(0)]
        cursors: Vec<Cursor>,
        /// The other compute units that the opener believes to be up: for the rest it steps in,
        /// known or not. If absent, all are.
        #[n(1)]
        present: Option<UnitSet>,
    },
    /// To a compute unit, by a messenger: everything it executes. Frames down are [`FollowFrame`].
    #[n(2)]
    Follow {
        /// The first slot wanted of processes that are partly known; all others come from slot 0.
        #[n(0)]
        cursors: Vec<Cursor>,
    },
    /// To a messenger, by anyone: outcomes as they come, for people to watch. Frames down are
    /// [`SubmitEvent::Executed`] with tag 0; a watcher that does not keep up misses some.
    #[n(3)]
    Watch,
    /// To a scheduler, or a compute unit that was given it: one log from a slot on, up to its present
    /// end, where the stream finishes. Frames down are [`TailFrame`].
    #[n(4)]
    Log {
        /// The log.
        #[n(0)]
        process: ProcessId,
        /// The first slot wanted.
        #[n(1)]
        from: Slot,
    },
    /// To a messenger, by anyone: the outcomes of one process from a slot on, without gaps, then as
    /// they come. Frames down are [`SubmitEvent::Executed`] with tag 0; slots that a takeover made
    /// void come again, from the first on. Where nothing can be given, the only frame is
    /// [`SubmitEvent::Refused`] with tag 0.
    #[n(5)]
    Subscribe {
        /// The process.
        #[n(0)]
        process: ProcessId,
        /// The first slot wanted.
        #[n(1)]
        from: Slot,
    },
}
