//! The ids of entries that could still be accepted a second time.
//!
//! An entry cannot be accepted after its expiry, so its id is kept exactly until then, together with
//! what became of it. Ids with expiries close to each other share a map, which goes as a whole. An
//! entry without an expiry is looked up in the index before it comes here; its id is kept for as long
//! as that takes at the most.

use std::collections::{BTreeMap, HashMap};

use protocol::{EntryId, Principal, RefusalCode, Timestamp};

use super::Place;

/// Expiries that share a map, in milliseconds.
const SPAN: u64 = 10_000;

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It has a place.
    Assigned(Place),
    /// It is refused for good.
    Refused(RefusalCode),
}

/// Ids by expiry.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    spans: BTreeMap<u64, Span>,
    count: usize,
    /// How many of them each sender has.
    senders: HashMap<Principal, usize>,
}

#[derive(Debug, Default)]
struct Span {
    fates: HashMap<EntryId, (Fate, Principal)>,
    senders: HashMap<Principal, usize>,
}

impl Recent {
    /// The most ids that are remembered; while there are as many, messages are refused as busy.
    pub(crate) const MAX: usize = 8 << 20;

    /// The most ids of one sender.
    pub(crate) const SENDER_MAX: usize = Self::MAX / 4;

    /// What became of the entry with this expiry.
    pub(crate) fn get(&self, entry: &EntryId, expiry: Timestamp) -> Option<Fate> {
        self.spans.get(&span(expiry))?.fates.get(entry).map(|(fate, _)| *fate)
    }

    /// Remembers an entry until its expiry.
    pub(crate) fn insert(
        &mut self,
        entry: EntryId,
        expiry: Timestamp,
        sender: Principal,
        fate: Fate,
    ) {
        let span = self.spans.entry(span(expiry)).or_default();
        if span.fates.insert(entry, (fate, sender)).is_none() {
            self.count += 1;
            *span.senders.entry(sender).or_default() += 1;
            *self.senders.entry(sender).or_default() += 1;
        }
    }

    /// Forgets all that has expired.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        while let Some(oldest) = self.spans.first_entry().filter(|first| *first.key() < span(now)) {
            let Span { fates, senders } = oldest.remove();
            self.count -= fates.len();
            #[expect(clippy::iter_over_hash_type, reason = "each count stands for itself")]
            for (sender, count) in senders {
                self.release(&sender, count);
            }
        }
    }

    /// Forgets an entry that was not decided after all.
    pub(crate) fn forget_one(&mut self, entry: &EntryId, expiry: Timestamp) {
        let Some(span) = self.spans.get_mut(&span(expiry)) else { return };
        if let Some((_, sender)) = span.fates.remove(entry) {
            self.count -= 1;
            if let Some(count) = span.senders.get_mut(&sender) {
                *count -= 1;
            }
            self.release(&sender, 1);
        }
    }

    /// Whether no more ids can be remembered of a sender.
    pub(crate) fn is_full_for(&self, sender: &Principal) -> bool {
        let of_sender = || self.senders.get(sender).copied().unwrap_or_default();
        self.count >= Self::MAX || of_sender() >= Self::SENDER_MAX
    }

    /// How many ids are remembered.
    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    fn release(&mut self, sender: &Principal, count: usize) {
        if let Some(held) = self.senders.get_mut(sender) {
            *held = held.saturating_sub(count);
            if *held == 0 {
                self.senders.remove(sender);
            }
        }
    }
}

const fn span(expiry: Timestamp) -> u64 {
    expiry.get() / SPAN
}

#[cfg(test)]
mod tests;
