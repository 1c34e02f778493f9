//! The index in redb: heads, places, pairs and sources, all derived from the log.

use std::{collections::BTreeMap, sync::Arc};

use protocol::{
    EntryId, Epoch, Hash, PairNumber, ProcessId, Provenance, Slot, Spawn, Timestamp, codec,
};
use redb::{
    ReadTransaction, ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction,
};

use super::{Derived, Disk, Loaded, StoreError, disk::Handle, sum::Sum};
use crate::order::{Head, StoredLog};

/// `"batches"` to the number of group commits that are indexed, `"sum"` to the [`Sum`] of heads and
/// pairs.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// Process to its number in the order of birth.
const NUMBERS: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("numbers");

/// Process number to process and the bytes of its spawn.
const PROCESSES: TableDefinition<'_, u64, ([u8; 32], &[u8])> = TableDefinition::new("processes");

/// Process number to the time of its birth.
const BIRTHS: TableDefinition<'_, u64, u64> = TableDefinition::new("births");

/// Process number to next slot, epoch, time and chain hash.
const HEADS: TableDefinition<'_, u64, (u64, u64, u64, [u8; 32])> = TableDefinition::new("heads");

/// Process number and its first slot in a batch, to the batch's number.
const RUNS: TableDefinition<'_, (u64, u64), u64> = TableDefinition::new("runs");

/// Target's number and source, to the next number of the pair.
const PAIRS: TableDefinition<'_, (u64, [u8; 32]), u64> = TableDefinition::new("pairs");

/// Target that was not born when a number of the pair was used up and source, to the next number.
const UNBORN: TableDefinition<'_, ([u8; 32], [u8; 32]), u64> = TableDefinition::new("unborn");

/// Entry to process number and slot.
const IDS: TableDefinition<'_, [u8; 32], (u64, u64)> = TableDefinition::new("ids");

/// Foreign process to the canonical bytes of its provenance.
const SOURCES: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("sources");

/// Process number and the slot of a control that changed who stands for the log.
const CHANGES: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("changes");

/// Process number, slot and position of a recurring timer, to its next occurrence.
const TIMERS: TableDefinition<'_, (u64, u64, u32), u64> = TableDefinition::new("timers");

/// Entry that was refused for good, to the number of its batch.
const REFUSED: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("refused");

/// Process number and the number of a batch with final refusals of entries for the process.
const REFUSING: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("refusing");

const BATCHES: &str = "batches";
const SUM: &str = "sum";

/// Bytes of pages that all shards of a unit together keep in memory.
const CACHE: usize = 256 << 20;

/// Bytes of pages that a shard keeps in memory at the least.
const SHARD_CACHE_MIN: usize = 1 << 20;

/// Target and source, and the next number of their pair.
type NextNumber = ((ProcessId, ProcessId), PairNumber);

/// What is derived from the log.
#[derive(Debug)]
pub(crate) struct Index(Handle);

impl Index {
    /// The file's name.
    pub(crate) const FILE: &str = "index.redb";

    /// Opens `index.redb` of one of so many shards.
    pub(crate) fn open(disk: Arc<dyn Disk>, shards: usize) -> Result<Self, StoreError> {
        let cache = (CACHE / shards.max(1)).max(SHARD_CACHE_MIN);
        let index = Self(Handle::open(disk, Self::FILE, cache)?);
        let mut transaction = index.0.begin_write()?;
        // Without it, a crash before the first rows would leave all of the index to be repaired.
        transaction.set_quick_repair(true);
        make_tables(&transaction)?;
        transaction.commit().map_err(StoreError::failed)?;
        Ok(index)
    }

    /// Makes the index usable again after a failed write, if the disk allows.
    pub(crate) fn recover(&self) -> Result<(), StoreError> {
        self.0.reopen()
    }

    /// Closes the database; everything fails from now on.
    pub(crate) fn close(&self) {
        if let Err(error) = self.0.close() {
            tracing::warn!(%error, "the index was not closed well");
        }
    }

    /// How many group commits are indexed.
    pub(crate) fn batches(&self) -> Result<u64, StoreError> {
        let transaction = self.0.begin_read()?;
        let meta = transaction.open_table(META).map_err(StoreError::failed)?;
        let batches = meta.get(BATCHES).map_err(StoreError::failed)?;
        Ok(batches.map_or(0, |batches| batches.value()))
    }

    /// Adds rows; from now on the first `batches` group commits are indexed.
    pub(crate) fn add(&self, batches: u64, derived: &mut Derived) -> Result<(), StoreError> {
        let mut transaction = self.0.begin_write()?;
        // Written seldom and read in full after a crash: quick repair costs little here.
        transaction.set_quick_repair(true);
        write(&transaction, batches, derived)?;
        transaction.commit().map_err(StoreError::failed)
    }

    /// Everything that decides about later entries.
    pub(crate) fn load(&self) -> Result<Loaded, StoreError> {
        let transaction = self.0.begin_read()?;
        let processes = transaction.open_table(PROCESSES).map_err(StoreError::failed)?;
        let births = transaction.open_table(BIRTHS).map_err(StoreError::failed)?;
        let heads = transaction.open_table(HEADS).map_err(StoreError::failed)?;
        let (mut logs, mut sum) = (Vec::new(), Sum::default());
        for row in processes.iter().map_err(StoreError::failed)? {
            let (number, process) = row.map_err(StoreError::failed)?;
            let (process, spawn) = process.value();
            let number = number.value();
            let born = births.get(number).map_err(StoreError::failed)?;
            let born = born.ok_or_else(|| damaged("a process without a birth"))?.value();
            let head = heads.get(number).map_err(StoreError::failed)?;
            let head = head.ok_or_else(|| damaged("a process without a head"))?;
            let (next, epoch, time, chain) = head.value();
            sum.toggle_head(number, head.value());
            let spawn: Spawn = codec::decode_trusted(spawn).map_err(|_| damaged("a spawn"))?;
            logs.push(StoredLog {
                process: ProcessId::from_bytes(process),
                number,
                born: Timestamp::new(born),
                spawn,
                changes: Vec::new(),
                head: Head {
                    next: Slot::new(next),
                    epoch: Epoch::new(epoch),
                    time: Timestamp::new(time),
                    chain: Hash::from_bytes(chain),
                },
            });
        }
        let process_of = |number: u64| {
            let log = usize::try_from(number).ok().and_then(|number| logs.get(number));
            log.map(|log: &StoredLog| log.process).ok_or_else(|| damaged("a row without a process"))
        };
        let mut pairs = read_unborn(&transaction)?;
        let table = transaction.open_table(PAIRS).map_err(StoreError::failed)?;
        for row in table.iter().map_err(StoreError::failed)? {
            let (pair, next) = row.map_err(StoreError::failed)?;
            sum.toggle_pair(pair.value(), next.value());
            let (target, source) = pair.value();
            let pair = (process_of(target)?, ProcessId::from_bytes(source));
            pairs.push((pair, PairNumber::new(next.value())));
        }
        let meta = transaction.open_table(META).map_err(StoreError::failed)?;
        let stored = meta.get(SUM).map_err(StoreError::failed)?;
        if sum.get() != stored.map_or(0, |stored| stored.value()) {
            return Err(damaged("heads or pairs"));
        }
        let (mut timers, mut changes) = (Vec::new(), Vec::new());
        let table = transaction.open_table(TIMERS).map_err(StoreError::failed)?;
        for row in table.iter().map_err(StoreError::failed)? {
            let (key, next) = row.map_err(StoreError::failed)?;
            let (number, slot, index) = key.value();
            timers.push(((process_of(number)?, Slot::new(slot), index), next.value()));
        }
        let table = transaction.open_table(CHANGES).map_err(StoreError::failed)?;
        for row in table.iter().map_err(StoreError::failed)? {
            let (number, slot) = row.map_err(StoreError::failed)?.0.value();
            changes.push((number, Slot::new(slot)));
        }
        Ok(Loaded { logs, pairs, timers, changes })
    }

    /// The batch in which an entry was refused for good.
    pub(crate) fn refused(&self, entry: &EntryId) -> Result<Option<u64>, StoreError> {
        let transaction = self.0.begin_read()?;
        let refused = transaction.open_table(REFUSED).map_err(StoreError::failed)?;
        let row = refused.get(entry.as_bytes()).map_err(StoreError::failed)?;
        Ok(row.map(|row| row.value()))
    }

    /// The first batch, from a number on, with final refusals of entries for a process.
    pub(crate) fn refusing(&self, number: u64, from: u64) -> Result<Option<u64>, StoreError> {
        let transaction = self.0.begin_read()?;
        let refusing = transaction.open_table(REFUSING).map_err(StoreError::failed)?;
        let mut rows =
            refusing.range((number, from)..=(number, u64::MAX)).map_err(StoreError::failed)?;
        let first = rows.next().transpose().map_err(StoreError::failed)?;
        Ok(first.map(|(row, _)| row.value().1))
    }

    /// The bytes of the spawn of a process.
    pub(crate) fn spawn(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let transaction = self.0.begin_read()?;
        let processes = transaction.open_table(PROCESSES).map_err(StoreError::failed)?;
        let row = processes.get(number).map_err(StoreError::failed)?;
        Ok(row.map(|row| row.value().1.to_vec()))
    }

    /// The bytes of the provenance of a foreign process.
    pub(crate) fn source(&self, process: &ProcessId) -> Result<Option<Vec<u8>>, StoreError> {
        let transaction = self.0.begin_read()?;
        let sources = transaction.open_table(SOURCES).map_err(StoreError::failed)?;
        let row = sources.get(process.as_bytes()).map_err(StoreError::failed)?;
        Ok(row.map(|row| row.value().to_vec()))
    }

    /// Process number and slot of an entry.
    pub(crate) fn find(&self, entry: &EntryId) -> Result<Option<(u64, Slot)>, StoreError> {
        let transaction = self.0.begin_read()?;
        let ids = transaction.open_table(IDS).map_err(StoreError::failed)?;
        let row = ids.get(entry.as_bytes()).map_err(StoreError::failed)?;
        Ok(row.map(|row| row.value()).map(|(number, slot)| (number, Slot::new(slot))))
    }

    /// The last batch with a slot of the process that is at most this one.
    pub(crate) fn batch_of(&self, number: u64, slot: Slot) -> Result<Option<u64>, StoreError> {
        let transaction = self.0.begin_read()?;
        let runs = transaction.open_table(RUNS).map_err(StoreError::failed)?;
        let mut rows =
            runs.range((number, 0)..=(number, slot.get())).map_err(StoreError::failed)?;
        let last = rows.next_back().transpose().map_err(StoreError::failed)?;
        Ok(last.map(|(_, batch)| batch.value()))
    }

    /// The next number of a pair, if any was used up; of a target with this number, if it is born.
    pub(crate) fn pair(
        &self,
        (number, target): (Option<u64>, &ProcessId),
        source: &ProcessId,
    ) -> Result<Option<PairNumber>, StoreError> {
        let transaction = self.0.begin_read()?;
        let source = *source.as_bytes();
        if let Some(number) = number {
            let pairs = transaction.open_table(PAIRS).map_err(StoreError::failed)?;
            if let Some(row) = pairs.get((number, source)).map_err(StoreError::failed)? {
                return Ok(Some(PairNumber::new(row.value())));
            }
        }
        let unborn = transaction.open_table(UNBORN).map_err(StoreError::failed)?;
        let row = unborn.get((*target.as_bytes(), source)).map_err(StoreError::failed)?;
        Ok(row.map(|row| PairNumber::new(row.value())))
    }
}

/// Process numbers by process, read as far as needed.
struct Numbers<'t> {
    table: Table<'t, [u8; 32], u64>,
    seen: BTreeMap<ProcessId, u64>,
}

impl Numbers<'_> {
    fn of(&mut self, process: &ProcessId) -> Result<u64, StoreError> {
        let number = self.find(process)?;
        number.ok_or_else(|| damaged("a slot of a process that was not born"))
    }

    fn find(&mut self, process: &ProcessId) -> Result<Option<u64>, StoreError> {
        if let Some(number) = self.seen.get(process) {
            return Ok(Some(*number));
        }
        let row = self.table.get(process.as_bytes()).map_err(StoreError::failed)?;
        let Some(number) = row.map(|row| row.value()) else { return Ok(None) };
        self.seen.insert(*process, number);
        Ok(Some(number))
    }
}

fn write(
    transaction: &WriteTransaction,
    batches: u64,
    derived: &mut Derived,
) -> Result<(), StoreError> {
    let failed = StoreError::failed::<redb::StorageError>;
    let table = transaction.open_table(NUMBERS).map_err(StoreError::failed)?;
    let mut numbers = Numbers { table, seen: BTreeMap::new() };
    let mut processes = transaction.open_table(PROCESSES).map_err(StoreError::failed)?;
    let mut births = transaction.open_table(BIRTHS).map_err(StoreError::failed)?;
    for (process, time, spawn) in &derived.births {
        let number = processes.len().map_err(failed)?;
        processes.insert(number, (*process.as_bytes(), spawn.as_slice())).map_err(failed)?;
        births.insert(number, time.get()).map_err(failed)?;
        numbers.table.insert(process.as_bytes(), number).map_err(failed)?;
    }
    let mut meta = transaction.open_table(META).map_err(StoreError::failed)?;
    let mut sum = Sum::new(meta.get(SUM).map_err(failed)?.map_or(0, |sum| sum.value()));
    let mut heads = transaction.open_table(HEADS).map_err(StoreError::failed)?;
    for (process, head) in &derived.heads() {
        let row = (head.next.get(), head.epoch.get(), head.time.get(), *head.chain.as_bytes());
        let number = numbers.of(process)?;
        if let Some(before) = heads.insert(number, row).map_err(failed)? {
            sum.toggle_head(number, before.value());
        }
        sum.toggle_head(number, row);
    }
    let mut runs = transaction.open_table(RUNS).map_err(StoreError::failed)?;
    for (process, slot, batch) in &derived.runs {
        runs.insert((numbers.of(process)?, slot.get()), batch).map_err(failed)?;
    }
    let mut pairs = transaction.open_table(PAIRS).map_err(StoreError::failed)?;
    let mut unborn = transaction.open_table(UNBORN).map_err(StoreError::failed)?;
    for ((target, source), next) in &derived.pairs {
        let Some(number) = numbers.find(target)? else {
            let pair = (*target.as_bytes(), *source.as_bytes());
            unborn.insert(pair, next.get()).map_err(failed)?;
            continue;
        };
        let pair = (number, *source.as_bytes());
        if let Some(before) = pairs.insert(pair, next.get()).map_err(failed)? {
            sum.toggle_pair(pair, before.value());
        }
        sum.toggle_pair(pair, next.get());
    }
    write_rest(transaction, derived, &mut numbers)?;
    let mut ids = transaction.open_table(IDS).map_err(StoreError::failed)?;
    // Neighbours in the tree are written together.
    derived.ids.sort_unstable();
    for (entry, process, slot) in &derived.ids {
        ids.insert(entry.as_bytes(), (numbers.of(process)?, slot.get())).map_err(failed)?;
    }
    meta.insert(SUM, sum.get()).map_err(failed)?;
    meta.insert(BATCHES, batches).map_err(failed)?;
    Ok(())
}

fn write_rest(
    transaction: &WriteTransaction,
    derived: &Derived,
    numbers: &mut Numbers<'_>,
) -> Result<(), StoreError> {
    let failed = StoreError::failed::<redb::StorageError>;
    let mut sources = transaction.open_table(SOURCES).map_err(StoreError::failed)?;
    for (source, provenance) in &derived.sources {
        let known = sources.get(source.as_bytes()).map_err(failed)?;
        let known: Option<Provenance> =
            known.and_then(|known| codec::decode_trusted(known.value()).ok());
        if known.is_none_or(|known| known.changes.len() <= provenance.changes.len()) {
            let bytes = codec::encode(provenance);
            sources.insert(source.as_bytes(), bytes.as_slice()).map_err(failed)?;
        }
    }
    let mut changes = transaction.open_table(CHANGES).map_err(StoreError::failed)?;
    for (process, slot, _) in &derived.changes {
        changes.insert((numbers.of(process)?, slot.get()), ()).map_err(failed)?;
    }
    let mut timers = transaction.open_table(TIMERS).map_err(StoreError::failed)?;
    for ((process, slot, index), next) in &derived.timers {
        timers.insert((numbers.of(process)?, slot.get(), *index), next).map_err(failed)?;
    }
    let mut refused = transaction.open_table(REFUSED).map_err(StoreError::failed)?;
    let mut refusing = transaction.open_table(REFUSING).map_err(StoreError::failed)?;
    for (process, entry, batch) in &derived.refused {
        refused.insert(entry.as_bytes(), batch).map_err(failed)?;
        // A spawn that is refused has no log.
        if let Some(number) = numbers.find(process)? {
            refusing.insert((number, *batch), ()).map_err(failed)?;
        }
    }
    Ok(())
}

/// The next numbers of pairs whose targets were not born when a number was used up.
fn read_unborn(transaction: &ReadTransaction) -> Result<Vec<NextNumber>, StoreError> {
    let table = transaction.open_table(UNBORN).map_err(StoreError::failed)?;
    let rows = table.iter().map_err(StoreError::failed)?;
    let read = rows.map(|row| {
        let (pair, next) = row.map_err(StoreError::failed)?;
        let (target, source) = pair.value();
        let pair = (ProcessId::from_bytes(target), ProcessId::from_bytes(source));
        Ok((pair, PairNumber::new(next.value())))
    });
    read.collect()
}

fn make_tables(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(META).map_err(StoreError::failed)?;
    transaction.open_table(NUMBERS).map_err(StoreError::failed)?;
    transaction.open_table(PROCESSES).map_err(StoreError::failed)?;
    transaction.open_table(BIRTHS).map_err(StoreError::failed)?;
    transaction.open_table(HEADS).map_err(StoreError::failed)?;
    transaction.open_table(RUNS).map_err(StoreError::failed)?;
    transaction.open_table(PAIRS).map_err(StoreError::failed)?;
    transaction.open_table(UNBORN).map_err(StoreError::failed)?;
    transaction.open_table(IDS).map_err(StoreError::failed)?;
    transaction.open_table(SOURCES).map_err(StoreError::failed)?;
    transaction.open_table(CHANGES).map_err(StoreError::failed)?;
    transaction.open_table(TIMERS).map_err(StoreError::failed)?;
    transaction.open_table(REFUSED).map_err(StoreError::failed)?;
    transaction.open_table(REFUSING).map_err(StoreError::failed)?;
    Ok(())
}

#[cfg(test)]
impl Index {
    /// Changes a head as a failing disk might.
    pub(crate) fn damage_head(&self, number: u64) {
        let transaction = self.0.begin_write().unwrap();
        let (next, epoch, time, chain) = {
            let mut heads = transaction.open_table(HEADS).unwrap();
            heads.remove(number).unwrap().expect("the process is indexed").value()
        };
        let row = (next + 1, epoch, time, chain);
        transaction.open_table(HEADS).unwrap().insert(number, row).unwrap();
        transaction.commit().unwrap();
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(format!("the index holds {what} that cannot be; delete index.redb"))
}
