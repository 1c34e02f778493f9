//! What messengers ask compute units and each other, and what they tell people about what waits.

use minicbor::{Decode, Encode};

use crate::{PairNumber, ProcessId, RefusalCode, Slot, Timer};

/// Where an item stands that set a timer, made an ask or wanted a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct AgendaKey {
    /// Who emitted it.
    #[n(0)]
    pub process: ProcessId,
    /// In which slot.
    #[n(1)]
    pub slot: Slot,
    /// Its position in that slot's outbox.
    #[n(2)]
    pub index: u32,
}

/// What processes wait for the time of.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AgendaPage {
    /// The next occurrence of each timer and the deadline of each open ask, by process, slot and index.
    /// A hint: what is due proves itself by the item that set it.
    #[n(0)]
    pub timers: Vec<Timer>,
    /// Whether there are more behind the last.
    #[n(1)]
    pub more: bool,
}

/// How many cursors of another messenger were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Kept {
    /// So many.
    #[n(0)]
    pub count: u32,
}

/// What waits in a messenger.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OutboxPage {
    /// Pairs with items that are not acknowledged, those that wait longest first.
    #[n(0)]
    pub pairs: Vec<WaitingPair>,
    /// How many such pairs there are in all.
    #[n(1)]
    pub total: u64,
    /// How many timers and deadlines the messenger waits for.
    #[n(2)]
    pub timers: u64,
}

/// A pair with items that are not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct WaitingPair {
    /// Who emitted them.
    #[n(0)]
    pub source: ProcessId,
    /// Who shall receive them.
    #[n(1)]
    pub target: ProcessId,
    /// The first number that is not acknowledged.
    #[n(2)]
    pub number: PairNumber,
    /// The slot that emitted it, where that is known.
    #[n(3)]
    pub slot: Option<Slot>,
    /// How many wait, as far as is known.
    #[n(4)]
    pub count: u64,
    /// What for.
    #[n(5)]
    pub state: WaitingState,
}

/// What a pair waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum WaitingState {
    /// For the target's scheduler to answer.
    #[n(0)]
    Moving,
    /// To try again.
    #[n(1)]
    Retrying {
        /// Why it failed the last time.
        #[n(0)]
        reason: RefusalCode,
        /// Milliseconds until then.
        #[n(1)]
        retry_in: u64,
    },
    /// For nothing: it was refused in a way that nothing can cure.
    #[n(2)]
    Blocked(#[n(0)] RefusalCode),
}
