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

impl AgendaKey {
    /// The greatest key before this one, to begin a page behind; nothing before the first of all.
    pub fn before(self) -> Option<Self> {
        if let Some(index) = self.index.checked_sub(1) {
            return Some(Self { index, ..self });
        }
        let index = u32::MAX;
        if let Some(slot) = self.slot.get().checked_sub(1) {
            return Some(Self { slot: Slot::new(slot), index, ..self });
        }
        let mut bytes = *self.process.as_bytes();
        for byte in bytes.iter_mut().rev() {
            let (lower, borrowed) = byte.overflowing_sub(1);
            *byte = lower;
            if !borrowed {
                let process = ProcessId::from_bytes(bytes);
                return Some(Self { process, slot: Slot::new(u64::MAX), index });
            }
        }
        None
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_before_an_item_is_told_across_slots_and_processes() {
        let key = |process: [u8; 32], slot, index| AgendaKey {
            process: ProcessId::from_bytes(process),
            slot: Slot::new(slot),
            index,
        };
        let (last, mut borrowing, mut lower) = (u64::MAX, [0; 32], [0xff; 32]);
        assert_eq!(key([1; 32], 3, 2).before(), Some(key([1; 32], 3, 1)));
        assert_eq!(key([1; 32], 3, 0).before(), Some(key([1; 32], 2, u32::MAX)));
        assert_eq!(key([0; 32], 0, 0).before(), None);
        (borrowing[0], lower[0]) = (2, 1);
        assert_eq!(key(borrowing, 0, 0).before(), Some(key(lower, last, u32::MAX)));
    }
}
