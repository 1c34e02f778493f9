//! Timers that are set.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use protocol::{HostTable, Slot, Timestamp, codec};

use super::acts::Place;

/// What the keys of timers begin with.
pub(super) const KEY: u8 = 6;

/// A timer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Timer {
    /// The slot that set it.
    #[n(0)]
    pub(super) slot: Slot,
    /// The position of its item in that slot's outbox.
    #[n(1)]
    pub(super) index: u32,
    /// The first occurrence that may still fire.
    #[n(2)]
    pub(super) next: u64,
    /// When it was due first.
    #[n(3)]
    pub(super) due: Timestamp,
    /// Milliseconds between occurrences.
    #[n(4)]
    pub(super) every: Option<u64>,
    /// The method to call.
    #[n(5)]
    pub(super) method: String,
    /// A canonical map.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub(super) args: Vec<u8>,
    /// The call on whose behalf it is set.
    #[n(7)]
    pub(super) call: Option<u64>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Timers {
    set: BTreeMap<u64, Timer>,
    places: BTreeMap<Place, u64>,
}

impl Timer {
    /// Where its item stands.
    pub(super) const fn place(&self) -> Place {
        (self.slot, self.index)
    }

    /// When it is due next; `None` if that is past the end of time.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let passed = self.every.unwrap_or(0).checked_mul(self.next)?;
        self.due.get().checked_add(passed).map(Timestamp::new)
    }
}

impl Timers {
    /// How many are set.
    pub(super) fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether one with a token is set.
    pub(super) fn is_set(&self, token: u64) -> bool {
        self.set.contains_key(&token)
    }

    /// All that are set.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Timer> {
        self.set.values()
    }

    /// Sets one in the place of the one with its token, of which it gives the place.
    pub(super) fn set(&mut self, table: &mut HostTable, token: u64, timer: Timer) -> Option<Place> {
        let before = self.set.get(&token).map(Timer::place);
        if let Some(before) = before {
            self.places.remove(&before);
        }
        table.insert(&key(token), &codec::encode(&timer));
        self.index(token, timer);
        before
    }

    /// Ends one; gives its place.
    pub(super) fn cancel(&mut self, table: &mut HostTable, token: u64) -> Option<Place> {
        let timer = self.set.remove(&token)?;
        self.places.remove(&timer.place());
        table.remove(&key(token));
        Some(timer.place())
    }

    /// Uses up an occurrence of the one that an item set, unless it is used up already. Gives the
    /// token and the timer as it was.
    pub(super) fn fire(
        &mut self,
        table: &mut HostTable,
        place: Place,
        occurrence: u64,
    ) -> Option<(u64, Timer)> {
        let token = *self.places.get(&place)?;
        let timer = self.set.get_mut(&token).filter(|timer| occurrence >= timer.next)?;
        let fired = timer.clone();
        if timer.every.is_some() {
            timer.next = occurrence.saturating_add(1);
            table.insert(&key(token), &codec::encode(timer));
        } else {
            self.cancel(table, token);
        }
        Some((token, fired))
    }

    /// The one that an item set.
    pub(super) fn at(&self, place: Place) -> Option<&Timer> {
        self.places.get(&place).and_then(|token| self.set.get(token))
    }

    /// Takes one from the host table; `None` if that is not what it must be.
    pub(super) fn read(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let token = <[u8; 8]>::try_from(key).ok()?;
        self.index(u64::from_le_bytes(token), codec::decode(value).ok()?);
        Some(())
    }

    fn index(&mut self, token: u64, timer: Timer) {
        self.places.insert(timer.place(), token);
        self.set.insert(token, timer);
    }
}

/// The key of a timer, by its token.
fn key(token: u64) -> [u8; 9] {
    super::ledger::key_of(KEY, token)
}
