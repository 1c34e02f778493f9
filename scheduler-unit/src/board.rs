//! What readers see of the logs: durable batches only, kept in memory where the index is behind.
//!
//! The sequencer posts each batch after it is durable and before anybody is told. The indexer takes
//! over what has gathered, a generation at a time; a generation is dropped once the index has it.
//!
//! # Invariants
//!
//! - What is seen here is durable.
//! - A row that is in neither generation is in the index. Readers look here first.

mod generation;

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use protocol::{Assignment, EntryId, PairNumber, ProcessId, Provenance, Slot, Timestamp};
use tokio::sync::watch;

use self::generation::Generation;
use crate::{
    births::Births,
    order::{Head, Place, Standing, may_precede},
    store::Derived,
    tails::{Concern, Opener},
};

/// Bytes of recent batches kept for tails that keep up.
const RECENT_BYTES: usize = 32 << 20;

/// Entries that may wait for the index; the sequencer accepts no more until it has caught up.
const UNINDEXED_MAX: usize = 1 << 20;

/// What readers see.
#[derive(Debug)]
pub(crate) struct Board {
    logs: RwLock<Logs>,
    /// The unit's order of birth.
    births: Arc<Births>,
    recent: Mutex<Recent>,
    /// How many batches are durable.
    batches: watch::Sender<u64>,
    /// Wakes the indexer.
    posted: Condvar,
    /// Wakes it from gathering, too.
    stopped: Condvar,
    /// When a log was imported into last, in milliseconds; zero if none was since the start.
    imported: AtomicU64,
    indexer: Mutex<IndexerState>,
}

#[derive(Debug, Default)]
struct Logs {
    known: HashMap<ProcessId, Known>,
    /// The shard's processes in order of birth.
    born: Vec<ProcessId>,
    /// When slots of another scheduler were last taken into a log, since the start.
    imported: HashMap<ProcessId, Timestamp>,
    young: Generation,
    /// What the indexer is writing at the moment.
    old: Generation,
}

/// A process as readers see it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Its place in the shard's order of birth.
    pub(crate) number: u64,
    /// Who stands for it.
    pub(crate) standing: Standing,
    /// The end of its log.
    pub(crate) head: Head,
}

#[derive(Debug, Default)]
struct Recent {
    segments: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct IndexerState {
    batches: u64,
    stopping: bool,
}

/// A batch that has become durable.
#[derive(Debug, Default)]
pub(crate) struct Posting {
    /// Its number.
    pub(crate) number: u64,
    /// Its bytes.
    pub(crate) segment: Bytes,
    /// The processes it gave birth to.
    pub(crate) births: Vec<Birth>,
    /// Its assignments, in order.
    pub(crate) assignments: Vec<Assignment>,
    /// The next numbers of pairs of target and source.
    pub(crate) pairs: Vec<((ProcessId, ProcessId), PairNumber)>,
    /// Who stands for logs from now on.
    pub(crate) standings: Vec<(ProcessId, Standing)>,
    /// Entries that are refused for good, and for whom they were.
    pub(crate) refused: Vec<(ProcessId, EntryId)>,
}

/// A process that a batch gave birth to.
#[derive(Debug)]
pub(crate) struct Birth {
    /// The process.
    pub(crate) process: ProcessId,
    /// Its place in the order of birth.
    pub(crate) number: u64,
    /// Who stands for it.
    pub(crate) standing: Standing,
    /// The bytes of its spawn.
    pub(crate) spawn: Arc<[u8]>,
}

impl Board {
    /// A board after so many batches, with these processes in the shard's order of birth. The index has
    /// all rows but these.
    pub(crate) fn new(
        batches: u64,
        processes: impl IntoIterator<Item = (ProcessId, Known)>,
        unindexed: Vec<Derived>,
        births: Arc<Births>,
    ) -> Self {
        let mut logs = Logs::default();
        if !unindexed.is_empty() {
            logs.young = Generation::of(batches, unindexed);
        }
        for (process, known) in processes {
            logs.born.push(process);
            logs.known.insert(process, known);
        }
        Self {
            logs: RwLock::new(logs),
            births,
            recent: Mutex::default(),
            batches: watch::Sender::new(batches),
            posted: Condvar::new(),
            stopped: Condvar::new(),
            imported: AtomicU64::new(0),
            indexer: Mutex::new(IndexerState { batches, stopping: false }),
        }
    }

    /// Shows a batch that has become durable.
    pub(crate) fn post(&self, posting: Posting) {
        let Posting { number, segment, births, assignments, pairs, standings, refused } = posting;
        // Before the rest, so that whoever learns of the batch finds its bytes.
        lock(&self.recent).push(number, segment);
        let born: Vec<ProcessId> = births.iter().map(|birth| birth.process).collect();
        {
            let mut logs = self.write();
            for birth in births {
                logs.add_birth(birth);
            }
            for assignment in assignments {
                logs.add(number, &assignment);
            }
            logs.young.pairs.extend(pairs);
            for (process, standing) in standings {
                if let Some(known) = logs.known.get_mut(&process) {
                    known.standing = standing;
                }
            }
            for (process, entry) in refused {
                logs.young.refused.insert(entry, number);
                logs.young.refusing.insert((process, number));
            }
            logs.young.through = number.saturating_add(1);
        }
        if !born.is_empty() {
            self.births.add(born);
        }
        let batches = number.saturating_add(1);
        self.batches.send_replace(batches);
        lock(&self.indexer).batches = batches;
        self.posted.notify_one();
    }

    /// Notes that a log was imported into before an instant.
    pub(crate) fn note_import(&self, process: &ProcessId, at: Timestamp) {
        self.write().imported.insert(*process, at);
        self.imported.store(at.get(), Relaxed);
    }

    /// Whether an entry with this expiry may be among what another scheduler has ordered of a log that
    /// came here since the start.
    pub(crate) fn may_be_imported(&self, process: &ProcessId, expiry: Timestamp) -> bool {
        // Read by every message: mostly nothing was imported of late.
        may_precede(expiry, Timestamp::new(self.imported.load(Relaxed)))
            && self.read().imported.get(process).is_some_and(|at| may_precede(expiry, *at))
    }

    /// How many batches are durable, now and whenever there is one more.
    pub(crate) fn batches(&self) -> watch::Receiver<u64> {
        self.batches.subscribe()
    }

    /// Whether the index is so far behind that nothing more can be accepted.
    pub(crate) fn is_full(&self) -> bool {
        let logs = self.read();
        let rows = |rows: &Generation| rows.ids.len() + rows.refused.len();
        rows(&logs.young) + rows(&logs.old) >= UNINDEXED_MAX
    }

    /// The bytes of a batch, if it is recent.
    pub(crate) fn segment(&self, number: u64) -> Option<Bytes> {
        let recent = lock(&self.recent);
        let (first, _) = recent.segments.front()?;
        let index = usize::try_from(number.checked_sub(*first)?).ok()?;
        recent.segments.get(index).map(|(_, segment)| segment.clone())
    }

    /// The bytes of consecutive batches from a recent one on: none if it is not recent, and more than
    /// one while they have no more than so many bytes together.
    pub(crate) fn segments(&self, from: u64, limit_bytes: usize) -> Vec<Bytes> {
        let recent = lock(&self.recent);
        let first = recent.segments.front().and_then(|(first, _)| from.checked_sub(*first));
        let Some(skipped) = first.and_then(|skipped| usize::try_from(skipped).ok()) else {
            return Vec::new();
        };
        let (mut found, mut bytes) = (Vec::new(), 0);
        for (_, segment) in recent.segments.iter().skip(skipped) {
            bytes += segment.len();
            if bytes > limit_bytes && !found.is_empty() {
                break;
            }
            found.push(segment.clone());
        }
        found
    }

    /// What is known of a process.
    pub(crate) fn process(&self, process: &ProcessId) -> Option<Known> {
        self.read().known.get(process).cloned()
    }

    /// Whether the opener of a tail executes each of these processes.
    pub(crate) fn executed_by(&self, opener: &Opener, processes: &[ProcessId]) -> Vec<bool> {
        let logs = self.read();
        let executed =
            |process| logs.known.get(process).is_some_and(|known| opener.executes(known));
        processes.iter().map(executed).collect()
    }

    /// What each of these slots is to the opener of a tail.
    pub(crate) fn concerns_of(&self, opener: &Opener, slots: &[(ProcessId, Slot)]) -> Vec<Concern> {
        let logs = self.read();
        let concern = |(process, slot): &(ProcessId, Slot)| match logs.known.get(process) {
            Some(known) if opener.executes(known) => Concern::Executes,
            Some(known) if opener.retired_from(known, *slot) == Some(*slot) => Concern::Retires,
            _ => Concern::None,
        };
        slots.iter().map(concern).collect()
    }

    /// The shard's processes in order of birth, and how many there are in all.
    pub(crate) fn processes(&self, offset: u64, limit: usize) -> (Vec<(ProcessId, Known)>, u64) {
        let logs = self.read();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let known = |process: &ProcessId| Some((*process, logs.known.get(process)?.clone()));
        let page = logs.born.iter().skip(offset).take(limit).filter_map(known).collect();
        (page, u64::try_from(logs.born.len()).unwrap_or(u64::MAX))
    }

    /// The process of a number in the shard's order of birth.
    pub(crate) fn born(&self, number: u64) -> Option<ProcessId> {
        self.read().born.get(usize::try_from(number).ok()?).copied()
    }

    /// The last batch, of those not indexed, with a slot of the process that is at most this one.
    pub(crate) fn batch_of(&self, process: &ProcessId, slot: Slot) -> Option<u64> {
        let logs = self.read();
        [&logs.young, &logs.old].iter().find_map(|generation| {
            let mut rows = generation.runs.range((*process, Slot::ZERO)..=(*process, slot));
            rows.next_back().map(|(_, batch)| *batch)
        })
    }

    /// The place of an entry that is not indexed.
    pub(crate) fn find(&self, entry: &EntryId) -> Option<Place> {
        let logs = self.read();
        logs.young.ids.get(entry).or_else(|| logs.old.ids.get(entry)).copied()
    }

    /// The batch in which an entry was refused for good, if it is not indexed.
    pub(crate) fn refused(&self, entry: &EntryId) -> Option<u64> {
        let logs = self.read();
        logs.young.refused.get(entry).or_else(|| logs.old.refused.get(entry)).copied()
    }

    /// The first batch of those not indexed, from a number on, with final refusals of entries for a
    /// process.
    pub(crate) fn refusing(&self, process: &ProcessId, from: u64) -> Option<u64> {
        let logs = self.read();
        [&logs.old, &logs.young].iter().find_map(|generation| {
            let mut rows = generation.refusing.range((*process, from)..=(*process, u64::MAX));
            rows.next().map(|(_, batch)| *batch)
        })
    }

    /// The next number of a pair that is not indexed.
    pub(crate) fn pair(&self, target: &ProcessId, source: &ProcessId) -> Option<PairNumber> {
        let (logs, pair) = (self.read(), (*target, *source));
        logs.young.pairs.get(&pair).or_else(|| logs.old.pairs.get(&pair)).copied()
    }

    /// The spawn of a process that is not indexed.
    pub(crate) fn spawn(&self, process: &ProcessId) -> Option<Arc<[u8]>> {
        let logs = self.read();
        logs.young.spawns.get(process).or_else(|| logs.old.spawns.get(process)).cloned()
    }

    /// Who a process of any scheduler is, if that is not indexed.
    pub(crate) fn introduced(&self, process: &ProcessId) -> Option<Provenance> {
        let logs = self.read();
        logs.young.sources.get(process).or_else(|| logs.old.sources.get(process)).cloned()
    }

    /// Waits until there are more batches than are indexed; nothing if the unit is stopping and
    /// there are none.
    pub(crate) fn await_batches(&self, indexed: u64) -> Option<()> {
        let state = lock(&self.indexer);
        let waiting = |state: &mut IndexerState| state.batches <= indexed && !state.stopping;
        let state = self.posted.wait_while(state, waiting).unwrap_or_else(PoisonError::into_inner);
        (state.batches > indexed).then_some(())
    }

    /// Waits for more batches to gather, unless the unit is stopping.
    pub(crate) fn let_gather(&self, patience: std::time::Duration) {
        let state = lock(&self.indexer);
        let going_on = |state: &mut IndexerState| !state.stopping;
        drop(self.stopped.wait_timeout_while(state, patience, going_on));
    }

    /// Whether [`Board::stop_indexing`] was called.
    pub(crate) fn is_stopping(&self) -> bool {
        lock(&self.indexer).stopping
    }

    /// Lets [`Board::await_batches`] return.
    pub(crate) fn stop_indexing(&self) {
        lock(&self.indexer).stopping = true;
        self.posted.notify_all();
        self.stopped.notify_all();
    }

    /// Begins to index what has gathered; tells up to which batch.
    pub(crate) fn begin_indexing(&self) -> u64 {
        let mut logs = self.write();
        if logs.old.through == 0 {
            logs.old = std::mem::take(&mut logs.young);
        }
        logs.old.through
    }

    /// Drops the rows that the index has now.
    pub(crate) fn end_indexing(&self) {
        let indexed = std::mem::take(&mut self.write().old);
        drop(indexed);
    }

    fn read(&self) -> RwLockReadGuard<'_, Logs> {
        self.logs.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Logs> {
        self.logs.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Logs {
    fn add_birth(&mut self, birth: Birth) {
        let Birth { process, number, standing, spawn } = birth;
        self.born.push(process);
        self.known.insert(process, Known { number, standing, head: Head::EMPTY });
        self.young.spawns.insert(process, spawn);
    }

    fn add(&mut self, batch: u64, assignment: &Assignment) {
        let place = Place { process: assignment.process, slot: assignment.slot };
        self.young.ids.insert(assignment.entry, place);
        if let Some(known) = self.known.get_mut(&place.process) {
            known.head = Head::after(assignment);
        }
        self.young.add_run(place, batch);
    }
}

impl Recent {
    fn push(&mut self, number: u64, segment: Bytes) {
        self.bytes += segment.len();
        self.segments.push_back((number, segment));
        while self.bytes > RECENT_BYTES
            && let Some((_, oldest)) = self.segments.pop_front()
        {
            self.bytes -= oldest.len();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
