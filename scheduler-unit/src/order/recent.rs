//! The ids of messages that could still be accepted a second time.
//!
//! A message cannot be accepted after its expiry, so its id is kept exactly until then. Ids with
//! expiries close to each other share a map, which goes as a whole.

use std::collections::{BTreeMap, HashMap};

use protocol::{EntryId, Timestamp};

use super::Place;

/// Expiries that share a map, in milliseconds.
const SPAN: u64 = 10_000;

/// Ids by expiry.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    spans: BTreeMap<u64, HashMap<EntryId, Place>>,
    count: usize,
}

impl Recent {
    /// The most ids that are remembered; while there are as many, messages are refused as busy.
    pub(crate) const MAX: usize = 8 << 20;

    /// Where the entry with this expiry stands.
    pub(crate) fn get(&self, entry: &EntryId, expiry: Timestamp) -> Option<Place> {
        self.spans.get(&span(expiry))?.get(entry).copied()
    }

    /// Remembers an entry until its expiry.
    pub(crate) fn insert(&mut self, entry: EntryId, expiry: Timestamp, place: Place) {
        let fresh = self.spans.entry(span(expiry)).or_default().insert(entry, place).is_none();
        self.count += usize::from(fresh);
    }

    /// Forgets all that has expired.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        while let Some(oldest) = self.spans.first_entry().filter(|first| *first.key() < span(now)) {
            self.count -= oldest.remove().len();
        }
    }

    /// Forgets an entry that was not assigned after all.
    pub(crate) fn forget_one(&mut self, entry: &EntryId, expiry: Timestamp) {
        let forgotten = self.spans.get_mut(&span(expiry)).and_then(|ids| ids.remove(entry));
        self.count -= usize::from(forgotten.is_some());
    }

    /// How many ids are remembered.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }
}

const fn span(expiry: Timestamp) -> u64 {
    expiry.get() / SPAN
}

#[cfg(test)]
mod tests;
