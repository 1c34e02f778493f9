//! Asks and births that are not answered. The host table has one key for each; what finds them by
//! other names is kept beside it and derived from it.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use protocol::{HostTable, PairNumber, ProcessId, Slot, Timestamp, codec};

use super::acts::Place;

/// What the keys of open asks begin with.
pub(super) const KEY: u8 = 3;

/// An ask, or a birth, that is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(super) struct Ask {
    /// How the module knows it.
    #[n(0)]
    pub(super) token: u64,
    /// Who is asked, or born.
    #[n(1)]
    pub(super) target: ProcessId,
    /// Its number in the pair.
    #[n(2)]
    pub(super) number: PairNumber,
    /// When the process stops waiting.
    #[n(3)]
    pub(super) deadline: Timestamp,
    /// The call on whose behalf it is made.
    #[n(4)]
    pub(super) call: Option<u64>,
    /// Whether it is a birth.
    #[n(5)]
    pub(super) birth: bool,
    /// Whether the target's scheduler has said that it is in the target's log.
    #[n(6)]
    pub(super) assigned: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Asks {
    open: BTreeMap<Place, Ask>,
    tokens: BTreeSet<u64>,
    numbers: BTreeMap<(ProcessId, PairNumber), Place>,
}

impl Asks {
    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether an open one has a token.
    pub(super) fn has_token(&self, token: u64) -> bool {
        self.tokens.contains(&token)
    }

    /// All that are open.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Place, &Ask)> {
        self.open.iter().map(|(place, ask)| (*place, ask))
    }

    /// Opens one.
    pub(super) fn open(&mut self, table: &mut HostTable, place: Place, ask: Ask) {
        table.insert(&key(place), &codec::encode(&ask));
        self.index(place, ask);
    }

    /// Closes one, if it is open and the condition holds.
    pub(super) fn close_if(
        &mut self,
        table: &mut HostTable,
        place: Place,
        holds: impl FnOnce(&Ask) -> bool,
    ) -> Option<Ask> {
        let ask = self.open.get(&place).copied().filter(holds)?;
        self.open.remove(&place);
        self.tokens.remove(&ask.token);
        self.numbers.remove(&(ask.target, ask.number));
        table.remove(&key(place));
        Some(ask)
    }

    /// Where the open one with a number of a pair was made.
    pub(super) fn at(&self, target: ProcessId, number: PairNumber) -> Option<Place> {
        self.numbers.get(&(target, number)).copied()
    }

    /// Remembers that one is in its target's log.
    pub(super) fn assign(&mut self, table: &mut HostTable, place: Place) {
        if let Some(ask) = self.open.get_mut(&place) {
            ask.assigned = true;
            table.insert(&key(place), &codec::encode(ask));
        }
    }

    /// Takes one from the host table; `None` if that is not what it must be.
    pub(super) fn read(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let (slot, index) = key.split_first_chunk::<8>()?;
        let index = <[u8; 4]>::try_from(index).ok()?;
        let place = (Slot::new(u64::from_le_bytes(*slot)), u32::from_le_bytes(index));
        self.index(place, codec::decode(value).ok()?);
        Some(())
    }

    fn index(&mut self, place: Place, ask: Ask) {
        self.tokens.insert(ask.token);
        self.numbers.insert((ask.target, ask.number), place);
        self.open.insert(place, ask);
    }
}

/// The key of an ask, by the place of the item that made it.
pub(super) fn key((slot, index): Place) -> [u8; 13] {
    let mut key = [KEY; 13];
    let (_, place) = key.split_at_mut(1);
    let (left, right) = place.split_at_mut(8);
    left.copy_from_slice(&slot.get().to_le_bytes());
    right.copy_from_slice(&index.to_le_bytes());
    key
}
