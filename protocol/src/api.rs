//! What units and clients say to each other over transport: requests, and frames of long-lived
//! streams.
//!
//! A request is one [`Request`], answered by one [`Response`]. A long-lived stream opens with an
//! [`Opening`]; what follows is said there. Every object here is bounded by the transport's frame or
//! bulk limit before it is decoded.

mod state;

use minicbor::{Decode, Encode, bytes::ByteVec};

use crate::{
    Assignment, AssignmentProof, BatchHeader, Entry, EntryId, Hash, MerklePath, ModuleId,
    OriginProof, Outcome, PairNumber, ProcessId, ProfileId, Receipt, ReceiptBatch, ReceiptLeaf,
    Refusal, Role, Signed, Slot, Timestamp, UnitId, UnitRecord, UnitSet, ViewRequest,
};

pub use state::{BLOBS_MAX, Blobs, CheckpointAnswer};

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
    /// Scheduler: [`AssignmentProof`] of a slot.
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
    /// Scheduler: [`ModuleBytes`].
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
    /// Frames down are [`TailFrame`].
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
}

/// Where to resume in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Cursor {
    /// The process.
    #[n(0)]
    pub process: ProcessId,
    /// The first slot wanted.
    #[n(1)]
    pub slot: Slot,
}

/// Entries to assign.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SubmitFrame {
    /// In the order in which they shall be looked at.
    #[n(0)]
    pub submissions: Vec<Submission>,
}

/// One entry to assign.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Submission {
    /// Chosen by the sender; events about this entry carry it.
    #[n(0)]
    pub tag: u64,
    /// The entry.
    #[n(1)]
    pub entry: Entry,
    /// The proof of a delivery or skip.
    #[n(2)]
    pub origin: Option<Box<OriginProof>>,
}

/// What became of entries.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum SubmitEvent {
    /// They are durably assigned, all by one batch.
    #[n(0)]
    Assigned {
        /// The signed batch.
        #[n(0)]
        batch: Signed<BatchHeader>,
        /// Which entries, with their paths.
        #[n(1)]
        entries: Vec<Acknowledgement>,
    },
    /// One is refused.
    #[n(1)]
    Refused {
        /// The submission.
        #[n(0)]
        tag: u64,
        /// Why.
        #[n(1)]
        refusal: Refusal,
    },
    /// They were executed, all in one receipt batch. From messengers only.
    #[n(2)]
    Executed {
        /// The signed receipt batch.
        #[n(0)]
        batch: Signed<ReceiptBatch>,
        /// Which entries, with their outcomes.
        #[n(1)]
        entries: Vec<ExecutedEntry>,
    },
}

/// An assignment under a batch that is given elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Acknowledgement {
    /// The submission.
    #[n(0)]
    pub tag: u64,
    /// Its place.
    #[n(1)]
    pub assignment: Assignment,
    /// From the assignment to the batch root.
    #[n(2)]
    pub path: MerklePath,
}

/// An outcome under a receipt batch that is given elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ExecutedEntry {
    /// The submission.
    #[n(0)]
    pub tag: u64,
    /// What came of it.
    #[n(1)]
    pub outcome: Outcome,
    /// The receipt's leaf.
    #[n(2)]
    pub leaf: ReceiptLeaf,
    /// From the leaf to the receipt root.
    #[n(3)]
    pub path: MerklePath,
}

/// A group commit as it is stored and as tails carry it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TailFrame {
    /// The signed batch.
    #[n(0)]
    pub batch: Signed<BatchHeader>,
    /// All leaves of the batch, so that any of its assignments can be proven.
    #[n(1)]
    pub leaves: Vec<Hash>,
    /// The assignments that this tail is about.
    #[n(2)]
    pub records: Vec<TailRecord>,
}

/// One assignment in a [`TailFrame`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TailRecord {
    /// Its leaf's position.
    #[n(0)]
    pub index: u32,
    /// The assignment.
    #[n(1)]
    pub assignment: Assignment,
    /// The canonical bytes of the [`Entry`].
    #[cbor(n(2), with = "minicbor::bytes")]
    pub entry: Vec<u8>,
    /// The canonical bytes of the [`OriginProof`], for deliveries and skips.
    #[n(3)]
    pub origin: Option<ByteVec>,
}

/// Executed slots, all in one receipt batch.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FollowFrame {
    /// The signed receipt batch.
    #[n(0)]
    pub batch: Signed<ReceiptBatch>,
    /// The slots, in order for each process.
    #[n(1)]
    pub slots: Vec<FollowSlot>,
}

/// One executed slot.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FollowSlot {
    /// What came of it.
    #[n(0)]
    pub outcome: Outcome,
    /// The receipt's leaf.
    #[n(1)]
    pub leaf: ReceiptLeaf,
    /// From the leaf to the receipt root.
    #[n(2)]
    pub path: MerklePath,
    /// The source scheduler's assignment; only where the outcome has an outbox.
    #[n(3)]
    pub assignment: Option<AssignmentProof>,
}

/// What a unit is and does at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct UnitStatus {
    /// The unit.
    #[n(0)]
    pub unit: UnitId,
    /// Its role.
    #[n(1)]
    pub role: Role,
    /// The version of its software.
    #[n(2)]
    pub software: String,
    /// When it started.
    #[n(3)]
    pub started: Timestamp,
    /// Named counters, sorted by name.
    #[n(4)]
    pub counters: Vec<(String, u64)>,
}

/// The units somebody knows.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Records {
    /// Their signed records.
    #[n(0)]
    pub records: Vec<Signed<UnitRecord>>,
}

/// A piece of a log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LogPage {
    /// Slots in order, without gaps.
    #[n(0)]
    pub records: Vec<LogRecord>,
    /// The log's next free slot.
    #[n(1)]
    pub next: Slot,
}

/// One slot of a log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LogRecord {
    /// The place.
    #[n(0)]
    pub assignment: Assignment,
    /// What stands there.
    #[n(1)]
    pub entry: Entry,
}

/// A number of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct NextNumber {
    /// The number that will be accepted next.
    #[n(0)]
    pub number: PairNumber,
}

/// Processes of a scheduler.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ProcessPage {
    /// In order of birth.
    #[n(0)]
    pub processes: Vec<ProcessEntry>,
    /// How many there are in all.
    #[n(1)]
    pub total: u64,
}

/// A process as its scheduler sees it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ProcessEntry {
    /// The process.
    #[n(0)]
    pub process: ProcessId,
    /// The bytes of its [`crate::Spawn`].
    #[cbor(n(1), with = "minicbor::bytes")]
    pub spawn: Vec<u8>,
    /// The log's next free slot.
    #[n(2)]
    pub next: Slot,
    /// When its last slot was assigned.
    #[n(3)]
    pub time: Timestamp,
}

/// A module that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Stored {
    /// Its id.
    #[n(0)]
    pub module: ModuleId,
}

/// A module's Wasm binary.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ModuleBytes {
    /// The binary whose digest is the module's id.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub module: Vec<u8>,
}

/// A piece of a process's outcomes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OutcomePage {
    /// Slots in order, without gaps, with their receipts.
    #[n(0)]
    pub executed: Vec<Executed>,
    /// The first slot that is not executed.
    #[n(1)]
    pub next: Slot,
}

/// One executed slot, with all that proves it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Executed {
    /// What came of it.
    #[n(0)]
    pub outcome: Outcome,
    /// A unit's word for it.
    #[n(1)]
    pub receipt: Receipt,
}

impl Response {
    /// The encoded response with this object.
    pub fn done<T: Encode<()>>(object: &T) -> Vec<u8> {
        crate::codec::encode(&Self::Done(crate::codec::encode(object)))
    }

    /// The encoded refusal.
    pub fn refused(refusal: Refusal) -> Vec<u8> {
        crate::codec::encode(&Self::Refused(refusal))
    }
}
