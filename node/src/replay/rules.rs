//! Rules that an honest scheduler keeps from slot to slot, beyond chain and time. Pure.

use std::collections::{BTreeSet, HashMap};

use protocol::{
    Assignment, ControlAction, Entry, EntryId, ItemBody, PairNumber, ProcessId, ProvenanceError,
    Source, Spawn, Timestamp, api::LogRecord, codec,
};

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
    /// Who the process is by the slots so far; not known from the middle of a log on.
    source: Option<Source>,
    stopped: bool,
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
        let spawn = record.entry.spawn_bytes().map(codec::decode::<Spawn>).transpose();
        let spawn = spawn.map_err(|_| "the spawn cannot be read")?;
        if let Some(spawn) = &spawn {
            if spawn.expiry < time {
                return Err("the spawn had expired");
            }
            self.source = Some(Source::of_spawn(spawn));
        }
        self.take_epoch(record)?;
        match &record.entry {
            Entry::Control(control) if control.unverified().expiry < time => {
                Err("the control had expired")
            }
            Entry::Message(_) if self.stopped => Err("the process had been stopped"),
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
                // A number that was refused for good is missing in the log.
                if expected.is_some_and(|expected| expected > pair.number) {
                    return Err("the numbers of the pair go back");
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

    /// How many epochs the slots so far belong to.
    pub(super) fn epochs(&self) -> u64 {
        self.source.as_ref().map_or(0, |source| source.epoch().get().saturating_add(1))
    }

    /// Checks that a slot is of the epoch it must be, and that its controller ordered what ends one.
    fn take_epoch(&mut self, record: &LogRecord) -> Result<(), &'static str> {
        let Assignment { epoch, slot, .. } = record.assignment;
        let Some(source) = &mut self.source else { return Ok(()) };
        let Entry::Control(control) = &record.entry else {
            let same = epoch == source.epoch();
            return same.then_some(()).ok_or("the slot is of another epoch");
        };
        let control = control.unverified();
        let takes_over = matches!(control.action, ControlAction::Takeover { .. });
        let before = source.epoch();
        source.permits(control).map_err(|error| match error {
            ProvenanceError::Policy => "the policy does not follow from the one before",
            _ => "the control is not the controller's",
        })?;
        source.advance(control, slot);
        self.stopped |= control.action == ControlAction::Stop;
        let expected = if takes_over { source.epoch() } else { before };
        (epoch == expected).then_some(()).ok_or("the slot is of another epoch")
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
