//! Rules that an honest scheduler keeps from slot to slot, beyond chain and time. Pure.

use std::collections::{BTreeSet, HashMap};

use protocol::{Entry, EntryId, ItemBody, PairNumber, ProcessId, Timestamp, api::LogRecord};

/// What the slots so far decide about the next. An entry that breaks a rule was let in, or let in
/// twice, against the will of whoever sent it.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Whether the slots so far are all of them from slot 0.
    whole: bool,
    /// Messages that could still be let in again, by expiry.
    fresh: BTreeSet<(Timestamp, EntryId)>,
    /// The number each source's next item has.
    pairs: HashMap<ProcessId, PairNumber>,
}

impl Rules {
    /// Rules for a log from slot 0, or from a later one on.
    pub(super) fn new(whole: bool) -> Self {
        Self { whole, ..Self::default() }
    }

    /// Takes the next slot.
    pub(super) fn take(&mut self, record: &LogRecord) -> Result<(), &'static str> {
        let time = record.assignment.time;
        while self.fresh.first().is_some_and(|(expiry, _)| *expiry < time) {
            self.fresh.pop_first();
        }
        match &record.entry {
            Entry::Spawn(spawn) if spawn.unverified().expiry < time => Err("the spawn had expired"),
            Entry::Control(control) if control.unverified().expiry < time => {
                Err("the control had expired")
            }
            Entry::Message(message) => {
                let expiry = message.unverified().expiry;
                if expiry < time {
                    return Err("the message had expired");
                }
                let new = self.fresh.insert((expiry, record.assignment.entry));
                new.then_some(()).ok_or("the message stands in the log a second time")
            }
            Entry::Delivery(delivery) => {
                let pair = delivery.item.pair.ok_or("the delivery has no place in its pair")?;
                let expected = self.expected(&delivery.source);
                if expected.is_some_and(|expected| expected != pair.number) {
                    return Err("the delivery is not the next of its pair");
                }
                self.go_behind(delivery.source, pair.number)
            }
            Entry::Skip(skip) => {
                let expected = self.expected(&skip.source);
                match skip.item.body {
                    ItemBody::Skip(last) if expected.is_none_or(|expected| expected <= last) => {
                        self.go_behind(skip.source, last)
                    }
                    _ => Err("the skip skips nothing"),
                }
            }
            Entry::Spawn(_) | Entry::Control(_) | Entry::Timer(_) | Entry::Answer(_) => Ok(()),
        }
    }

    /// The number that a source's next item must have, where that is known.
    fn expected(&self, source: &ProcessId) -> Option<PairNumber> {
        self.pairs.get(source).copied().or_else(|| self.whole.then_some(PairNumber::ZERO))
    }

    fn go_behind(&mut self, source: ProcessId, number: PairNumber) -> Result<(), &'static str> {
        let next = number.next().ok_or("no pair has so many items")?;
        self.pairs.insert(source, next);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
