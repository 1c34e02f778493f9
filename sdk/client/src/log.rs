//! Reading logs: each page must continue the one before.

use protocol::{
    Domain, Epoch, Hash, Position, ProcessId, Slot, Source, Timestamp, UnitId,
    api::{LogPage, LogRecord, Request},
};

use crate::{Client, ClientError};

/// Reads a log from a slot on, page by page, and checks that each page continues the one before.
#[derive(Debug)]
pub struct LogReader {
    client: Client,
    place: Place,
}

/// How far a log was read. Pure.
#[derive(Debug, Clone, Copy)]
struct Place {
    process: ProcessId,
    next: Slot,
    /// Chain hash, time and epoch of the slot before, where they are known.
    before: Option<(Hash, Timestamp, Epoch)>,
    /// Whether the log may go on elsewhere: the slot before ended an epoch, or is not known.
    may_go_on: bool,
}

impl LogReader {
    /// The next slot to be read.
    pub const fn next(&self) -> Slot {
        self.place.next
    }

    /// The next page; empty at the log's end, where more may come. A page ends before a slot that
    /// breaks a rule.
    ///
    /// # Errors
    ///
    /// What the scheduler says, or [`ClientError::Broken`] if the next slot breaks a rule.
    pub async fn page(&mut self, limit: u32) -> Result<LogPage, ClientError> {
        let Place { process, next, .. } = self.place;
        let request = Request::Log { process, from: next, limit };
        let take = |_: UnitId, _: &Source, page: LogPage| Ok(page);
        let mut page = self.client.ask_schedulers(process, &request, take).await?;
        // Whoever ordered the last epoch serves it for ever, and has nothing behind its end.
        if page.records.is_empty() && std::mem::take(&mut self.place.may_go_on) {
            self.client.describe_again(process).await?;
            page = self.client.ask_schedulers(process, &request, take).await?;
        }
        page.records.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let mut good = 0;
        for record in &page.records {
            match self.place.behind(record) {
                Ok(place) => {
                    self.place = place;
                    good += 1;
                }
                Err(what) if good == 0 => return Err(ClientError::Broken { slot: next, what }),
                Err(_) => break,
            }
        }
        page.records.truncate(good);
        Ok(page)
    }
}

impl Place {
    const fn new(process: ProcessId, next: Slot, before: Option<(Hash, Timestamp, Epoch)>) -> Self {
        Self { process, next, before, may_go_on: true }
    }

    /// The place behind a record, if it is the next of the log.
    fn behind(&self, record: &LogRecord) -> Result<Self, &'static str> {
        let LogRecord { assignment, entry } = record;
        if assignment.process != self.process {
            return Err("the assignment is of another process");
        }
        if assignment.slot != self.next {
            return Err("the slots are not dense");
        }
        if assignment.entry != entry.id() {
            return Err("the entry is not the one that was assigned");
        }
        if entry.target() != self.process {
            return Err("the entry belongs to another log");
        }
        let spawn = entry.spawn_bytes();
        if spawn.is_some() != (assignment.slot == Slot::ZERO) {
            return Err("slot 0, and no other, is the spawn");
        }
        let is_its = |bytes| Domain::Spawn.digest(&[bytes]).as_bytes() == self.process.as_bytes();
        if !spawn.is_none_or(is_its) {
            return Err("the spawn is that of another process");
        }
        if let Some((chain, time, epoch)) = &self.before {
            if !assignment.follows(chain) {
                return Err("the chain hash does not follow");
            }
            if assignment.time < *time {
                return Err("the time goes back");
            }
            if assignment.epoch < *epoch || Some(assignment.epoch) > epoch.next() {
                return Err("the epoch is neither the same nor the next");
            }
        }
        let next = assignment.slot.next().ok_or("no log has so many slots")?;
        Ok(Self {
            next,
            before: Some((assignment.chain, assignment.time, assignment.epoch)),
            ..*self
        })
    }
}

impl Client {
    /// Reads a process's log from a slot on.
    pub fn log(&self, process: ProcessId, from: Slot) -> LogReader {
        let start = (Hash::ZERO, Timestamp::ZERO, Epoch::ZERO);
        let before = (from == Slot::ZERO).then_some(start);
        LogReader { client: self.clone(), place: Place::new(process, from, before) }
    }

    /// Reads a process's log from behind a position on, which the first slot must continue.
    pub fn log_behind(&self, process: ProcessId, position: &Position) -> LogReader {
        let next = position.slot.next().unwrap_or(position.slot);
        let before = Some((position.chain, position.time, position.epoch));
        LogReader { client: self.clone(), place: Place::new(process, next, before) }
    }
}

#[cfg(test)]
mod tests;
