//! What units and clients say to each other over transport: requests, and frames of long-lived
//! streams.
//!
//! A request is one [`Request`], answered by one [`Response`]. A long-lived stream opens with an
//! [`Opening`]; what follows is said there. Every object here is bounded by the transport's frame or
//! bulk limit before it is decoded.

mod state;

use minicbor::{Decode, Encode, bytes::ByteVec};

use crate::{
    Assignment, AssignmentProof, BatchHeader, Control, Entry, EntryId, Hash, MerklePath, ModuleId,
    OriginProof, Outcome, PairNumber, ProcessId, ProfileId, Receipt, ReceiptBatch, ReceiptLeaf,
    Refusal, RefusalLeaf, Role, Signed, Slot, Timestamp, UnitId, UnitRecord, UnitSet, ViewRequest,
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
    /// Scheduler, or a compute unit that was given the slot: [`AssignmentProof`] of a slot.
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
}

/// What authorises a scheduler to go on with a log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Adoption {
    /// A move or takeover that names the scheduler, by the controller. A move may be shown before it
    /// is in the log: then the log is fetched as far as it goes.
    #[n(0)]
    pub control: Signed<Control>,
    /// Receipts of the slot that a takeover names; empty for a move.
    #[n(1)]
    pub attested: Vec<Receipt>,
    /// Units that may have the log, best first: schedulers, or compute units that were given it.
    #[n(2)]
    pub from: Vec<UnitId>,
}

/// How far a scheduler has come with somebody else's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Adopted {
    /// The first slot that it does not have.
    #[n(0)]
    pub next: Slot,
    /// Whether it orders the log now.
    #[n(1)]
    pub done: bool,
}

/// Executed heads of processes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HeadPage {
    /// In ascending order of process.
    #[n(0)]
    pub heads: Vec<ExecutedHead>,
    /// Whether there are more behind the last.
    #[n(1)]
    pub more: bool,
}

/// The last slot of a process that a compute unit has executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct ExecutedHead {
    /// The process.
    #[n(0)]
    pub process: ProcessId,
    /// The slot.
    #[n(1)]
    pub slot: Slot,
    /// Its chain hash.
    #[n(2)]
    pub chain: Hash,
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
}

/// What a compute unit tells a scheduler whose logs it tails.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TailReport {
    /// The first slot that is not executed, of processes where that has changed.
    #[n(0)]
    pub executed: Vec<Cursor>,
    /// Processes that another scheduler has taken over, as this one may not know.
    #[n(1)]
    pub superseded: Vec<crate::Provenance>,
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
    /// The proof of a delivery, skip or timer.
    #[n(2)]
    pub origin: Option<Box<OriginProof>>,
    /// Who the target of an answered item is, on first contact.
    #[n(3)]
    pub introduction: Option<Box<crate::Provenance>>,
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
    /// They are refused for good, all by one batch: they will never have a place in the log.
    #[n(3)]
    Final {
        /// The signed batch.
        #[n(0)]
        batch: Signed<BatchHeader>,
        /// Which entries, with their paths.
        #[n(1)]
        entries: Vec<FinalRefusal>,
    },
}

/// A final refusal under a batch that is given elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FinalRefusal {
    /// The submission.
    #[n(0)]
    pub tag: u64,
    /// What is refused, and why.
    #[n(1)]
    pub refusal: RefusalLeaf,
    /// From the refusal to the batch root.
    #[n(2)]
    pub path: MerklePath,
    /// For people.
    #[n(3)]
    pub detail: String,
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
    /// The final refusals of the logs that this tail is about; absent if there are none.
    #[n(3)]
    pub refusals: Option<Vec<RefusalRecord>>,
}

/// One final refusal in a [`TailFrame`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct RefusalRecord {
    /// Its leaf's position.
    #[n(0)]
    pub index: u32,
    /// What is refused, and why.
    #[n(1)]
    pub refusal: RefusalLeaf,
    /// Of a refused delivery, its source and its number, which is used up.
    #[n(2)]
    pub pair: Option<PairUse>,
}

/// A number of a pair that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PairUse {
    /// Who emitted.
    #[n(0)]
    pub source: ProcessId,
    /// The number.
    #[n(1)]
    pub number: PairNumber,
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
    /// Who orders it now, if that is another scheduler.
    #[n(4)]
    pub moved: Option<UnitId>,
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
