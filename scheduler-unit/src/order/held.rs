//! The ids of entries without an expiry, for as long as they may be missing in a look-up that was
//! made before they were assigned.

use std::collections::{HashMap, VecDeque};

use protocol::{EntryId, Timestamp};

use super::Place;

/// How old a look-up may be when its entry is decided, in milliseconds.
pub(super) const LOOK_UP_MAX: u64 = 60_000;

/// How long an id is kept, in milliseconds.
const HOLD: u64 = 2 * LOOK_UP_MAX;

/// Ids by the time of their assignment.
#[derive(Debug, Default)]
pub(super) struct Held {
    places: HashMap<EntryId, Place>,
    since: VecDeque<(Timestamp, EntryId)>,
}

impl Held {
    /// Where an entry stands that was assigned lately.
    pub(super) fn get(&self, entry: &EntryId) -> Option<Place> {
        self.places.get(entry).copied()
    }

    /// Holds an id.
    pub(super) fn insert(&mut self, now: Timestamp, entry: EntryId, place: Place) {
        self.places.insert(entry, place);
        self.since.push_back((now, entry));
    }

    /// Lets go of the id that was held last: it was not assigned after all.
    pub(super) fn remove_last(&mut self) {
        if let Some((_, entry)) = self.since.pop_back() {
            self.places.remove(&entry);
        }
    }

    /// Lets go of what every look-up from now on finds in the index.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let old = |(since, _): &&(Timestamp, EntryId)| since.saturating_add(HOLD) < now;
        while let Some((_, entry)) = self.since.front().filter(old) {
            self.places.remove(entry);
            self.since.pop_front();
        }
    }
}
