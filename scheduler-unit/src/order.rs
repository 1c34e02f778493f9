//! Orders the logs of a shard's processes. Pure: no clock, no disk, no network.
//!
//! Each kind of entry has a file of its own with a `handle_*` that takes the instant and what
//! verification has let through, and decides. What was assigned since the last [`Order::commit`] can
//! be taken back with [`Order::roll_back`], so a failed disk leaves no hole.
//!
//! # Invariants
//!
//! - The slots of a log are dense from 0, its chain hashes follow, its time never goes back.
//! - The numbers of a pair are assigned in order, without a gap.
//! - While a message could still be accepted, its id is remembered: it never gets a second slot.

mod delivery;
mod log;
mod message;
mod recent;
mod spawn;

use std::collections::HashMap;

use protocol::{
    Assignment, EntryId, Message, PairNumber, ProcessId, Ranking, Refusal, RefusalCode, Slot,
    Spawn, Timestamp, Verified,
};

use crate::verify::Proven;
pub(crate) use log::{Head, Log};
use recent::Recent;

/// How much further ahead than the rule says an expiry may be, in milliseconds: clocks differ.
const EXPIRY_SLACK: u64 = 5_000;

/// The farthest an expiry of an accepted entry can be ahead of its assignment, in milliseconds.
pub(crate) const EXPIRY_WINDOW: u64 = Message::EXPIRY_MAX + EXPIRY_SLACK;

/// Whether an entry with this expiry could have been assigned before, or at, an instant.
pub(crate) fn may_precede(expiry: Timestamp, instant: Timestamp) -> bool {
    expiry.get().saturating_sub(EXPIRY_WINDOW) <= instant.get()
}

/// An entry that passed verification.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Its id.
    pub(crate) id: EntryId,
    /// Its canonical bytes.
    pub(crate) entry: Vec<u8>,
    /// The canonical bytes of the proof of origin it came with.
    pub(crate) origin: Option<Vec<u8>>,
    /// What it says.
    pub(crate) body: CheckedBody,
}

/// What an entry that passed verification says.
#[derive(Debug)]
pub(crate) enum CheckedBody {
    /// A new process.
    Spawn(Box<Verified<Spawn>>),
    /// A client's request.
    Message(Box<Verified<Message>>),
    /// A tell of another process.
    Delivery(Proven),
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The log.
    pub(crate) process: ProcessId,
    /// The place in it.
    pub(crate) slot: Slot,
}

/// What became of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It has its place, once the batch is durable.
    Assigned(Assignment),
    /// It had its place already.
    Duplicate(Place),
    /// It is older than what is remembered here: a duplicate if the index knows its id, refused
    /// otherwise.
    Old(Refusal),
    /// It has no place.
    Refused(Refusal),
}

/// All logs, and what decides about the next entry of each.
#[derive(Debug, Default)]
pub(crate) struct Order {
    logs: HashMap<ProcessId, Log>,
    /// The next number by target and source.
    pairs: HashMap<(ProcessId, ProcessId), PairNumber>,
    recent: Recent,
    undo: Vec<Undo>,
}

/// A change since the last commit.
#[derive(Debug)]
enum Undo {
    Born(ProcessId),
    Head(ProcessId, Head),
    Pair((ProcessId, ProcessId), Option<PairNumber>),
    Remembered(EntryId, Timestamp),
}

/// A log as it is read back from the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredLog {
    /// Its process.
    pub(crate) process: ProcessId,
    /// Its place in the shard's order of birth.
    pub(crate) number: u64,
    /// When it was born.
    pub(crate) born: Timestamp,
    /// Its first entry.
    pub(crate) spawn: Spawn,
    /// Its end.
    pub(crate) head: Head,
}

impl Order {
    /// Resumes from what is stored. The caller looks up ids of entries from before.
    pub(crate) fn resume(
        logs: impl IntoIterator<Item = StoredLog>,
        pairs: impl IntoIterator<Item = ((ProcessId, ProcessId), PairNumber)>,
    ) -> Self {
        let logs = logs.into_iter().map(|stored| {
            let log = Log::new(stored.number, &stored.process, &stored.spawn, stored.head);
            (stored.process, log)
        });
        Self {
            logs: logs.collect(),
            pairs: pairs.into_iter().collect(),
            recent: Recent::default(),
            undo: Vec::new(),
        }
    }

    /// Decides about one entry.
    pub(crate) fn handle(&mut self, now: Timestamp, checked: &Checked) -> Decision {
        match &checked.body {
            CheckedBody::Spawn(spawn) => self.handle_spawn(now, spawn, checked.entry.len()),
            CheckedBody::Message(message) => self.handle_message(now, message, checked.entry.len()),
            CheckedBody::Delivery(delivery) => {
                self.handle_delivery(now, delivery, checked.id, checked.entry.len())
            }
        }
    }

    /// Forgets ids that no entry can have any more, and makes the changes so far final.
    pub(crate) fn commit(&mut self, now: Timestamp) {
        self.undo.clear();
        self.recent.forget(now);
    }

    /// Takes back everything since the last commit.
    pub(crate) fn roll_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Born(process) => {
                    self.logs.remove(&process);
                }
                Undo::Head(process, head) => {
                    self.logs.get_mut(&process).expect("a log with a head is not unborn").head =
                        head;
                }
                Undo::Pair(pair, Some(number)) => {
                    self.pairs.insert(pair, number);
                }
                Undo::Pair(pair, None) => {
                    self.pairs.remove(&pair);
                }
                Undo::Remembered(entry, expiry) => self.recent.forget_one(&entry, expiry),
            }
        }
    }

    /// Where a process stands in the order of birth, and which units execute it.
    pub(crate) fn log(&self, process: &ProcessId) -> Option<&Log> {
        self.logs.get(process)
    }

    /// How many ids are remembered.
    #[cfg(test)]
    pub(crate) const fn remembered(&self) -> usize {
        self.recent.len()
    }

    /// Gives the next slot of a log that is known to exist.
    fn assign(&mut self, now: Timestamp, process: ProcessId, entry: EntryId) -> Assignment {
        let log = self.logs.get_mut(&process).expect("the caller has looked the log up");
        self.undo.push(Undo::Head(process, log.head));
        log.assign(now, process, entry)
    }
}

/// Refuses an expiry that is past or too far ahead.
fn check_expiry(now: Timestamp, expiry: Timestamp) -> Result<(), Decision> {
    if expiry < now {
        let detail = "its expiry is past; sign it again with a later one";
        return Err(Decision::Old(Refusal::new(RefusalCode::Expired, detail)));
    }
    if expiry > now.saturating_add(EXPIRY_WINDOW) {
        let detail = "its expiry is more than 5 minutes ahead of the scheduler's clock";
        return Err(Decision::Refused(Refusal::new(RefusalCode::ExpiryTooFar, detail)));
    }
    Ok(())
}

/// Refuses an entry that is larger than its process allows.
fn check_size(size: usize, most: usize) -> Result<(), Decision> {
    if size <= most {
        return Ok(());
    }
    let detail = format!("the entry has {size} bytes, the process accepts {most}");
    Err(Decision::Refused(Refusal::new(RefusalCode::TooLarge, detail)))
}

fn unknown_process() -> Decision {
    let detail = "this scheduler does not order that process; ask the one its spawn names";
    Decision::Refused(Refusal::new(RefusalCode::UnknownProcess, detail))
}

/// Who executes a process, shared by all that know its log.
pub(crate) type Executors = std::sync::Arc<Ranking>;

#[cfg(test)]
mod tests;
