//! Everything that can be read of the logs, from memory where it is recent and from disk otherwise.
//!
//! Reads never wait for the writer and see only what is durable. The cost of a read does not depend
//! on how far back it goes.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use protocol::{
    AssignmentProof, Change, Entry, EntryId, OriginProof, PairNumber, ProcessId, Provenance,
    RefusalProof, Slot,
    api::{Acknowledgement, LogRecord, RefusalRecord, SubmitEvent},
    codec,
};

use crate::{
    board::{Board, Known},
    order::Place,
    segment::{PageBuilder, Record, Segment},
    store::{Index, LogStore, StoreError},
    tails::Opener,
};

/// The most bytes of entries in a page of a log.
const PAGE_BYTES: usize = 3 << 20;

/// The most bytes of batches that are read for a page of a log.
const PAGE_READ: usize = 64 << 20;

/// The stores of a shard and what is in memory of them.
#[derive(Debug)]
pub(crate) struct Archive {
    /// The log itself.
    pub(crate) log: Arc<dyn LogStore>,
    /// What is derived from it.
    pub(crate) index: Index,
    /// What the index does not have yet.
    pub(crate) board: Board,
}

impl Archive {
    /// Closes the stores; reads fail from now on.
    pub(crate) fn close(&self) {
        self.log.close();
        self.index.close();
    }

    /// The bytes of a batch.
    pub(crate) fn segment(&self, number: u64) -> Result<Bytes, StoreError> {
        match self.board.segment(number) {
            Some(segment) => Ok(segment),
            None => self.log.segment(number).map(Bytes::from),
        }
    }

    /// The bytes of consecutive batches from one that exists on, and before an end: one at least, and
    /// more while they have no more than so many bytes together.
    pub(crate) fn segments(
        &self,
        from: u64,
        end: u64,
        limit_bytes: usize,
    ) -> Result<Vec<Bytes>, StoreError> {
        let mut found = self.board.segments(from, limit_bytes);
        if found.is_empty() {
            let read = self.log.segments(from, limit_bytes)?;
            found = read.into_iter().map(Bytes::from).collect();
        }
        // The log may have one that is not shown yet.
        found.truncate(usize::try_from(end.saturating_sub(from)).unwrap_or(usize::MAX));
        if found.is_empty() {
            return Err(missing("a batch"));
        }
        Ok(found)
    }

    /// Where an entry stands.
    pub(crate) fn find(&self, entry: &EntryId) -> Result<Option<Place>, StoreError> {
        if let Some(place) = self.board.find(entry) {
            return Ok(Some(place));
        }
        let Some((number, slot)) = self.index.find(entry)? else {
            return Ok(None);
        };
        let process = self.board.born(number);
        let process = process.ok_or_else(|| missing("a process that an entry belongs to"))?;
        Ok(Some(Place { process, slot }))
    }

    /// The batch that a slot stands in, if the slot is assigned.
    pub(crate) fn batch_of(&self, place: &Place) -> Result<Option<u64>, StoreError> {
        let Some(known) = self.board.process(&place.process) else {
            return Ok(None);
        };
        if place.slot >= known.head.next {
            return Ok(None);
        }
        match self.board.batch_of(&place.process, place.slot) {
            Some(batch) => Ok(Some(batch)),
            None => self.index.batch_of(known.number, place.slot),
        }
    }

    /// The first batch that has this slot of a log, or refuses something that was for it, in batches
    /// from a number on.
    pub(crate) fn batch_about(&self, place: &Place, from: u64) -> Result<Option<u64>, StoreError> {
        let Some(known) = self.board.process(&place.process) else {
            return Ok(None);
        };
        let young = self.board.refusing(&place.process, from);
        let old = self.index.refusing(known.number, from)?;
        Ok(self.batch_of(place)?.into_iter().chain(young).chain(old).min())
    }

    /// Shows that a slot is assigned.
    pub(crate) fn proof(&self, place: &Place) -> Result<Option<AssignmentProof>, StoreError> {
        let Some(batch) = self.batch_of(place)? else {
            return Ok(None);
        };
        let bytes = self.segment(batch)?;
        Segment::read(&bytes)?.proof(&place.process, place.slot)
    }

    /// The acknowledgements of entries that were assigned before, one event for each batch.
    pub(crate) fn acknowledge(
        &self,
        places: &[(u64, Place)],
    ) -> Result<Vec<SubmitEvent>, StoreError> {
        let mut located = Vec::with_capacity(places.len());
        for (tag, place) in places {
            let batch = self.batch_of(place)?.ok_or_else(|| missing("the batch of a slot"))?;
            located.push((batch, *tag, *place));
        }
        located.sort_unstable();
        let mut events = Vec::new();
        for entries in located.chunk_by(|one, other| one.0 == other.0) {
            let number = entries.first().map_or(0, |(number, ..)| *number);
            let bytes = self.segment(number)?;
            let segment = Segment::read(&bytes)?;
            let tree = segment.tree()?;
            let entries = entries.iter().map(|(_, tag, place)| {
                let record = segment.record(&place.process, place.slot)?;
                let (assignment, path) = (record.assignment, tree.path(record.index)?);
                Some(Acknowledgement { tag: *tag, assignment, path })
            });
            let entries: Option<Vec<_>> = entries.collect();
            let entries = entries.ok_or_else(|| missing("a slot in its batch"))?;
            events.push(SubmitEvent::Assigned { batch: segment.batch()?, entries });
        }
        Ok(events)
    }

    /// The record of a slot.
    pub(crate) fn record(&self, place: &Place) -> Result<Option<LogRecord>, StoreError> {
        let Some(batch) = self.batch_of(place)? else {
            return Ok(None);
        };
        let bytes = self.segment(batch)?;
        let segment = Segment::read(&bytes)?;
        segment.record(&place.process, place.slot).map(log_record).transpose()
    }

    /// Slots of a log in order, as many as fit into a page: the bytes of a [`LogPage`], put together
    /// from the bytes of batches; nothing if the log is unknown.
    ///
    /// [`LogPage`]: protocol::api::LogPage
    pub(crate) fn page(
        &self,
        process: ProcessId,
        from: Slot,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(known) = self.board.process(&process) else {
            return Ok(None);
        };
        let next = known.head.next;
        let (mut records, mut slot) = (PageBuilder::default(), from);
        let (mut bytes_given, mut bytes_read) = (0, 0);
        while slot < next && records.len() < limit && bytes_read < PAGE_READ {
            let batch = self.batch_of(&Place { process, slot })?;
            let bytes = self.segment(batch.ok_or_else(|| missing("the batch of a slot"))?)?;
            bytes_read += bytes.len();
            let segment = Segment::read(&bytes)?;
            let begun = slot;
            let wanted = |record: &&Record<'_>| {
                record.assignment.process == process && record.assignment.slot >= begun
            };
            for record in segment.records.iter().filter(wanted) {
                bytes_given += record.entry.len();
                let full = records.len() >= limit || bytes_given > PAGE_BYTES;
                if full && !records.is_empty() {
                    return Ok(Some(records.finish(next)));
                }
                records.add(record);
                slot = record.assignment.slot.next().unwrap_or(slot);
            }
            if slot == begun {
                return Err(missing("a slot in its batch"));
            }
        }
        Ok(Some(records.finish(next)))
    }

    /// Who a process of this shard is.
    pub(crate) fn provenance(&self, process: &ProcessId) -> Result<Option<Provenance>, StoreError> {
        let Some(known) = self.board.process(process) else {
            return Ok(None);
        };
        let spawn = self.spawn(process, &known)?;
        let changes = known.standing.changes.iter();
        let changes: Result<_, _> = changes.map(|slot| self.change(process, *slot)).collect();
        Ok(Some(Provenance { spawn, changes: changes? }))
    }

    /// The control in a slot, with what sealed the epoch before.
    fn change(&self, process: &ProcessId, slot: Slot) -> Result<Change, StoreError> {
        let place = Place { process: *process, slot };
        let lost = || missing("a control in its slot");
        let batch = self.batch_of(&place)?.ok_or_else(lost)?;
        let bytes = self.segment(batch)?;
        let segment = Segment::read(&bytes)?;
        let record = segment.record(process, slot).ok_or_else(lost)?;
        let Ok(Entry::Control(control)) = codec::decode_trusted(record.entry) else {
            return Err(lost());
        };
        // What shows that a takeover is right stands beside it.
        let proof = record.origin.map(codec::decode_trusted::<OriginProof>).transpose();
        let proof = proof.map_err(|_| lost())?;
        if let Some(OriginProof { receipts, assignment, .. }) = proof {
            return Ok(Change { control, sealed: assignment, attested: Some(receipts) });
        }
        let sealed = segment.proof(process, slot)?.ok_or_else(lost)?;
        Ok(Change { control, sealed, attested: None })
    }

    /// The bytes of the spawn of a process of this shard.
    pub(crate) fn spawn(&self, process: &ProcessId, known: &Known) -> Result<Vec<u8>, StoreError> {
        if let Some(spawn) = self.board.spawn(process) {
            return Ok(spawn.to_vec());
        }
        self.index.spawn(known.number)?.ok_or_else(|| missing("the spawn of a process"))
    }

    /// Who a process of any scheduler is, if it was introduced to this shard.
    pub(crate) fn introduced(&self, process: &ProcessId) -> Result<Option<Provenance>, StoreError> {
        let young = self.board.introduced(process);
        let known = self.index.source(process)?;
        let known = known.map(|known| codec::decode_trusted(&known)).transpose();
        let known: Option<Provenance> =
            known.map_err(|_| missing("a provenance that can be read"))?;
        Ok(known.into_iter().chain(young).max_by_key(|known| known.changes.len()))
    }

    /// Whether an entry was refused for good.
    pub(crate) fn is_refused(&self, entry: &EntryId) -> Result<bool, StoreError> {
        Ok(self.board.refused(entry).is_some() || self.index.refused(entry)?.is_some())
    }

    /// Shows that an entry was refused for good.
    pub(crate) fn refusal(&self, entry: &EntryId) -> Result<Option<RefusalProof>, StoreError> {
        let Some(bytes) = self.refusing_segment(entry)? else { return Ok(None) };
        Segment::read(&bytes)?.refusal(entry)
    }

    /// What was refused for good as an entry.
    pub(crate) fn refused(&self, entry: &EntryId) -> Result<Option<RefusalRecord>, StoreError> {
        let Some(bytes) = self.refusing_segment(entry)? else { return Ok(None) };
        let refusals = Segment::read(&bytes)?.refusals;
        Ok(refusals.into_iter().find(|record| record.refusal.entry == *entry))
    }

    /// The batch in which an entry was refused for good.
    fn refusing_segment(&self, entry: &EntryId) -> Result<Option<Bytes>, StoreError> {
        let batch = match self.board.refused(entry) {
            Some(batch) => Some(batch),
            None => self.index.refused(entry)?,
        };
        batch.map(|batch| self.segment(batch)).transpose()
    }

    /// The number of a pair that is accepted next, by all that is durable; nothing if the target is not
    /// known and nothing was refused for good.
    pub(crate) fn next_number(
        &self,
        source: &ProcessId,
        target: &ProcessId,
    ) -> Result<Option<PairNumber>, StoreError> {
        if let Some(next) = self.board.pair(target, source) {
            return Ok(Some(next));
        }
        let number = self.board.process(target).map(|known| known.number);
        let next = self.index.pair((number, target), source)?;
        Ok(next.or_else(|| number.map(|_| PairNumber::ZERO)))
    }

    /// The first batch a tail must look at: the one with the first wanted slot of any process that
    /// its opener executes, or executed when it last heard of it, or the next one to come.
    pub(crate) fn tail_start(
        &self,
        opener: &Opener,
        cursors: &HashMap<ProcessId, Slot>,
    ) -> Result<u64, StoreError> {
        let mut start = *self.board.batches().borrow();
        let mut offset = 0;
        loop {
            let (processes, total) = self.board.processes(offset, 1_024);
            for (process, known) in &processes {
                let cursor = cursors.get(process).copied();
                let wanted = if opener.executes(known) {
                    Some(cursor.unwrap_or_default()).filter(|slot| *slot < known.head.next)
                } else {
                    cursor.and_then(|cursor| opener.retired_from(known, cursor))
                };
                if let Some(slot) = wanted {
                    let batch = self.batch_of(&Place { process: *process, slot })?;
                    start = start.min(batch.unwrap_or(start));
                }
            }
            offset += 1_024;
            if offset >= total {
                return Ok(start);
            }
        }
    }
}

fn log_record(record: &Record<'_>) -> Result<LogRecord, StoreError> {
    let entry = codec::decode_trusted(record.entry).map_err(|error| {
        StoreError::Damaged(format!("an entry in the log cannot be read: {error}"))
    })?;
    Ok(LogRecord { assignment: record.assignment, entry })
}

fn missing(what: &str) -> StoreError {
    StoreError::Damaged(format!("the store lacks {what}"))
}
