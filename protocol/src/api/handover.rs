//! How a log goes from one scheduler to another, and what compute units say of its end.

use minicbor::{Decode, Encode};

use crate::{Control, Hash, ProcessId, Receipt, Signed, Slot, UnitId};

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
