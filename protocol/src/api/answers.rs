//! What requests are answered with.

use minicbor::{Decode, Encode};

use crate::{
    Assignment, Entry, MerklePath, ModuleId, Outcome, PairNumber, ProcessId, Receipt, ReceiptLeaf,
    Role, Signed, Slot, Timestamp, UnitId, UnitRecord,
};

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
