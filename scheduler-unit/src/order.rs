//! Orders the logs of a shard's processes. Pure: no clock, no disk, no network.
//!
//! Each kind of entry has a file of its own with a `handle_*` that takes the instant and what
//! verification has let through, and decides. What was assigned since the last [`Order::commit`] can
//! be taken back with [`Order::roll_back`], so a failed disk leaves no hole.
//!
//! # Invariants
//!
//! - The slots of a log are dense from 0, its chain hashes follow, its time never goes back.
//! - The numbers of a pair are used up in order: by an assignment, a final refusal, or a skip.
//! - While an entry could still be accepted, its id is remembered: it never gets a second slot, nor a
//!   slot after it was refused for good.
//! - Only a log whose present epoch is this scheduler's is assigned to.

mod answer;
mod control;
mod delivery;
mod held;
mod import;
mod log;
mod message;
mod recent;
mod skip;
mod spawn;
mod timer;

use std::collections::HashMap;

use bytes::Bytes;
use protocol::{
    Assignment, Control, EntryId, Message, PairNumber, Principal, ProcessId, Ranking, Refusal,
    RefusalCode, Slot, Spawn, Timestamp, UnitId, Verified, api::Cursor,
};

use crate::verify::{Child, Due, Misfit, Origin, Proven};
use held::{Held, LOOK_UP_MAX};
pub(crate) use import::Imported;
pub(crate) use log::{Head, Log, Retired, Standing};
pub(crate) use recent::Fate;
use recent::Recent;

/// How long to wait when too much waits, in milliseconds.
const BUSY_RETRY_AFTER: u64 = 100;

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
    pub(crate) entry: Bytes,
    /// What has shown where it comes from.
    pub(crate) origin: Option<Origin>,
    /// When it was looked up in vain in the index and what is newer; zero if it was not.
    pub(crate) looked_up: Timestamp,
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
    /// A tell, an ask or a reply of another process.
    Delivery(Proven),
    /// A new process of another one.
    Child(Box<Child>),
    /// One that cannot be.
    Misfit(Box<Misfit>),
    /// Numbers of a pair that will never come.
    Skip(Proven),
    /// A timer of the process's own, or an ask of it that timed out.
    Timer(Due),
    /// A scheduler's word about an item of this process.
    Answer(ProcessId),
    /// The controller's order.
    Control(Box<Verified<Control>>),
}

impl CheckedBody {
    /// The process whose log it is for.
    pub(crate) fn target(&self) -> ProcessId {
        match self {
            Self::Spawn(spawn) => ProcessId::of_spawn(spawn.entry_id()),
            Self::Message(message) => message.body().target,
            Self::Delivery(item) | Self::Skip(item) => item.target(),
            Self::Child(child) => child.process,
            Self::Misfit(misfit) => misfit.item.target(),
            Self::Timer(timer) => timer.process,
            Self::Answer(asker) => *asker,
            Self::Control(control) => control.body().target,
        }
    }

    /// The source and the number of the pair that a final refusal uses up.
    pub(crate) fn pair(&self) -> Option<(ProcessId, PairNumber)> {
        match self {
            Self::Delivery(item) | Self::Skip(item) => Some((item.source(), item.number())),
            Self::Child(child) => Some((child.parent, PairNumber::ZERO)),
            Self::Misfit(misfit) => Some((misfit.item.source(), misfit.item.number())),
            _ => None,
        }
    }
}

/// A timer, by the slot that set it and its position there.
pub(crate) type TimerKey = (ProcessId, Slot, u32);

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
    /// It has no place now.
    Refused(Refusal),
    /// It will never have a place, once the batch is durable.
    Final(Refusal),
}

/// All logs, and what decides about the next entry of each.
#[derive(Debug)]
pub(crate) struct Order {
    me: UnitId,
    logs: HashMap<ProcessId, Log>,
    /// The next number by target and source.
    pairs: HashMap<(ProcessId, ProcessId), PairNumber>,
    /// The next occurrence of each recurring timer.
    timers: HashMap<TimerKey, u64>,
    recent: Recent,
    held: Held,
    undo: Vec<Undo>,
}

/// A change since the last commit.
#[derive(Debug)]
enum Undo {
    Born(ProcessId),
    Head(ProcessId, Head),
    Standing(ProcessId, Standing),
    Pair((ProcessId, ProcessId), Option<PairNumber>),
    Timer(TimerKey, Option<u64>),
    Remembered(EntryId, Timestamp),
    Held,
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
    /// The controls that changed who stands for it, with their slots, in order.
    pub(crate) changes: Vec<(Slot, Control)>,
    /// Its end.
    pub(crate) head: Head,
}

impl StoredLog {
    /// The log as it goes on.
    pub(crate) fn log(&self) -> Log {
        let mut log = Log::new(self.number, &self.process, &self.spawn, self.head);
        for (slot, control) in &self.changes {
            log.standing = log.standing.after(&self.process, control, *slot);
        }
        log
    }
}

impl Order {
    /// Resumes the order of a scheduler from what is stored. The caller looks up ids of entries from
    /// before.
    pub(crate) fn resume(
        me: UnitId,
        logs: impl IntoIterator<Item = StoredLog>,
        pairs: impl IntoIterator<Item = ((ProcessId, ProcessId), PairNumber)>,
        timers: impl IntoIterator<Item = (TimerKey, u64)>,
    ) -> Self {
        Self {
            me,
            logs: logs.into_iter().map(|stored| (stored.process, stored.log())).collect(),
            pairs: pairs.into_iter().collect(),
            timers: timers.into_iter().collect(),
            recent: Recent::default(),
            held: Held::default(),
            undo: Vec::new(),
        }
    }

    /// Decides about one entry.
    pub(crate) fn handle(&mut self, now: Timestamp, checked: &Checked) -> Decision {
        let (id, size, looked_up) = (checked.id, checked.entry.len(), checked.looked_up);
        match &checked.body {
            CheckedBody::Spawn(spawn) => self.handle_spawn(now, spawn, size),
            CheckedBody::Message(message) => self.handle_message(now, message, (size, looked_up)),
            CheckedBody::Delivery(delivery) => self.handle_delivery(now, delivery, id, size),
            CheckedBody::Child(child) => self.handle_child(now, child, id, size),
            CheckedBody::Misfit(misfit) => self.handle_misfit(misfit),
            CheckedBody::Skip(skip) => self.handle_skip(now, skip, id),
            CheckedBody::Timer(timer) => self.handle_timer(now, timer, id, looked_up),
            CheckedBody::Answer(asker) => self.handle_answer(now, *asker, id, looked_up),
            CheckedBody::Control(control) => self.handle_control(now, control, (size, looked_up)),
        }
    }

    /// Learns which slots are executed.
    pub(crate) fn learn_executed(&mut self, heads: impl IntoIterator<Item = Cursor>) {
        for Cursor { process, slot } in heads {
            if let Some(log) = self.logs.get_mut(&process) {
                log.executed = log.executed.max(slot.min(log.head.next));
            }
        }
    }

    /// Forgets ids that no entry can have any more, and makes the changes so far final.
    ///
    /// What was imported must be noted with [`Order::note_import`] once it is visible.
    pub(crate) fn commit(&mut self, now: Timestamp) {
        self.undo.clear();
        // What was assigned after a look-up that may still count is remembered for that long.
        self.recent.forget(Timestamp::new(now.get().saturating_sub(LOOK_UP_MAX)));
        self.held.forget(now);
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
                Undo::Standing(process, standing) => {
                    self.logs.get_mut(&process).expect("it was controlled").standing = standing;
                }
                Undo::Timer(key, Some(next)) => {
                    self.timers.insert(key, next);
                }
                Undo::Timer(key, None) => {
                    self.timers.remove(&key);
                }
                Undo::Held => self.held.remove_last(),
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

    /// The log of a process, if this scheduler orders it.
    fn own(&self, process: &ProcessId) -> Result<&Log, Decision> {
        let log = self.logs.get(process).ok_or_else(|| Decision::Refused(not_own(None)))?;
        match log.standing.source.scheduler() {
            scheduler if scheduler == self.me => Ok(log),
            other => Err(Decision::Refused(not_own(Some(other)))),
        }
    }

    /// Remembers what became of an entry until its expiry.
    fn remember(&mut self, entry: EntryId, expiry: Timestamp, sender: Principal, fate: Fate) {
        self.recent.insert(entry, expiry, sender, fate);
        self.undo.push(Undo::Remembered(entry, expiry));
    }

    /// Holds the id of an entry without an expiry until every look-up finds it.
    fn hold(&mut self, now: Timestamp, entry: EntryId, assignment: &Assignment) {
        let place = Place { process: assignment.process, slot: assignment.slot };
        self.held.insert(now, entry, place);
        self.undo.push(Undo::Held);
    }

    /// Decides about an entry without an expiry that is a duplicate, or was looked up too long ago to
    /// be sure that it is none.
    fn check_held(
        &self,
        now: Timestamp,
        entry: &EntryId,
        looked_up: Timestamp,
    ) -> Result<(), Decision> {
        if let Some(place) = self.held.get(entry) {
            return Err(Decision::Duplicate(place));
        }
        if looked_up.saturating_add(LOOK_UP_MAX) < now {
            return Err(busy("it has waited for long; it must be looked up again"));
        }
        Ok(())
    }

    /// Gives the next slot of a log that is known to exist.
    fn assign(&mut self, now: Timestamp, process: ProcessId, entry: EntryId) -> Assignment {
        let log = self.logs.get_mut(&process).expect("the caller has looked the log up");
        self.undo.push(Undo::Head(process, log.head));
        log.assign(now, process, entry)
    }
}

/// Refuses an expiry that is past or too far ahead. Whether an expired entry was assigned before,
/// only the index can tell.
fn check_expiry(now: Timestamp, expiry: Timestamp, looked_up: Timestamp) -> Result<(), Decision> {
    if expiry < now {
        let detail = "its expiry is past; sign it again with a later one";
        let refusal = Refusal::new(RefusalCode::Expired, detail);
        let is_sure = looked_up.saturating_add(LOOK_UP_MAX) >= now;
        return Err(if is_sure { Decision::Final(refusal) } else { Decision::Old(refusal) });
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
    Err(Decision::Final(Refusal::new(RefusalCode::TooLarge, detail)))
}

/// Refuses what a stopped process accepts no more.
fn refuse_stopped(log: &Log) -> Result<(), Decision> {
    if !log.standing.stopped {
        return Ok(());
    }
    let detail = "its controller stopped the process; it accepts no further messages";
    Err(Decision::Final(Refusal::new(RefusalCode::Stopped, detail)))
}

/// Refuses until there is room.
fn busy(detail: &str) -> Decision {
    let refusal = Refusal::new(RefusalCode::Busy, detail);
    Decision::Refused(Refusal { retry_after: Some(BUSY_RETRY_AFTER), ..refusal })
}

/// What is told again of an entry that was decided before.
fn duplicate_of(fate: Fate) -> Decision {
    match fate {
        Fate::Assigned(place) => Decision::Duplicate(place),
        Fate::Refused(code) => {
            let detail = "it was refused for good before";
            Decision::Old(Refusal::new(code, detail))
        }
    }
}

/// Why nothing is written to a log here: it is not known, or another scheduler orders it now.
pub(crate) fn not_own(scheduler: Option<UnitId>) -> Refusal {
    match scheduler {
        Some(scheduler) => {
            Refusal::new(RefusalCode::Moved, format!("{scheduler} orders the log now"))
        }
        None => {
            let detail = "this scheduler does not order that process; ask the one its spawn names";
            Refusal::new(RefusalCode::UnknownProcess, detail)
        }
    }
}

/// Who executes a process, shared by all that know its log.
pub(crate) type Executors = std::sync::Arc<Ranking>;

#[cfg(test)]
mod tests;
