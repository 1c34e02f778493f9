//! What a compute unit keeps on disk: published frames and where slots are in them, what
//! processes wait for, and what it was given to execute.
//!
//! Nothing here is the truth: everything can be derived again from logs, so a file that cannot be
//! read is put aside. Layout in `docs/storage.md`.

mod agenda;
mod given;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use protocol::{
    Hash, ProcessId, ReceiptLeaf, Slot,
    api::{Cursor, FollowFrame},
    codec,
};
use redb::{ReadableTable, TableDefinition, WriteTransaction};

use crate::{
    database::{DatabaseFile, StoreError},
    feed::Frame,
    given::GivenFrame,
};

/// Frame number to the canonical bytes of a [`FollowFrame`].
const FRAMES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("frames");
/// Process and first slot to the number of the frame that holds it and those after it.
const SLOTS: TableDefinition<'_, (&[u8; 32], u64), u64> = TableDefinition::new("slots");
/// Process to its first slot without outcome, and the digest and the chain hash of its last receipt
/// leaf.
const HEADS: TableDefinition<'_, &[u8; 32], HeadRow> = TableDefinition::new("heads");
type HeadRow = (u64, &'static [u8; 32], &'static [u8; 32]);

/// The file within the unit's directory.
const FILE: &str = "outcomes.redb";
/// Memory that the database may use for what it read last.
const CACHE_BYTES: usize = 8 << 20;

/// The database of outcomes.
#[derive(Debug)]
pub(crate) struct Store {
    file: DatabaseFile,
}

/// What is known of a process from an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The first slot without outcome.
    pub(crate) next: Slot,
    /// The digest of the last receipt leaf, which commits to all before it.
    pub(crate) leaf: Hash,
}

impl Store {
    /// Opens or makes the database in a directory. One that cannot be read is put aside and
    /// replaced by an empty one.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        let file = DatabaseFile::open(directory, FILE, CACHE_BYTES, |file| {
            let write = file.begin_write()?;
            write.open_table(FRAMES)?;
            write.open_table(SLOTS)?;
            write.open_table(HEADS)?;
            given::create(&write)?;
            agenda::create(&write)?;
            write.commit()?;
            heads(file)?;
            if let Some(last) = next_frame(file)?.checked_sub(1) {
                decoded(file, last)?;
            }
            Ok(())
        })?;
        Ok(Self { file })
    }

    /// The number the next frame will have.
    pub(crate) fn next_frame(&self) -> Result<u64, StoreError> {
        next_frame(&self.file)
    }

    /// What is known of all processes.
    pub(crate) fn heads(&self) -> Result<BTreeMap<ProcessId, Head>, StoreError> {
        heads(&self.file)
    }

    /// Stores durably what was given and what was published of it, all or nothing. After a failure
    /// the database is opened again, so that it can be read, and written as soon as the disk lets.
    pub(crate) fn append(
        &self,
        given: &[Arc<GivenFrame>],
        frames: &[Arc<Frame>],
    ) -> Result<(), StoreError> {
        let appended = self.try_append(given, frames);
        if appended.is_err()
            && let Err(error) = self.file.reopen()
        {
            tracing::debug!(%error, "the outcome database cannot be opened again yet");
        }
        appended
    }

    fn try_append(
        &self,
        given: &[Arc<GivenFrame>],
        frames: &[Arc<Frame>],
    ) -> Result<(), StoreError> {
        let write = self.file.begin_write()?;
        given::append(&write, given)?;
        append(&write, frames)?;
        agenda::append(&write, frames.iter().flat_map(|frame| &frame.agenda))?;
        write.commit()?;
        Ok(())
    }

    /// A stored frame, decoded.
    pub(crate) fn decoded(&self, number: u64) -> Result<Option<FollowFrame>, StoreError> {
        decoded(&self.file, number)
    }

    /// The number of the first frame that a follower with these cursors needs: that of the oldest
    /// slot it lacks. `None` if it lacks nothing that is stored.
    pub(crate) fn first_needed(&self, cursors: &[Cursor]) -> Result<Option<u64>, StoreError> {
        let wanted: BTreeMap<_, _> = cursors.iter().map(|c| (c.process, c.slot)).collect();
        let read = self.file.begin_read()?;
        let (heads, slots) = (read.open_table(HEADS)?, read.open_table(SLOTS)?);
        let mut first = None;
        for row in heads.iter()? {
            let (process, head) = row?;
            let from = wanted.get(&ProcessId::from_bytes(*process.value())).copied();
            let from = from.unwrap_or(Slot::ZERO).get();
            if from >= head.value().0 {
                continue;
            }
            let upto = slots.range((process.value(), 0)..=(process.value(), from))?.next_back();
            if let Some(row) = upto {
                let number = row?.1.value();
                first = Some(first.map_or(number, |first: u64| first.min(number)));
            }
        }
        Ok(first)
    }

    /// The stored frames that hold slots of a process from a slot on, in order: the first of its
    /// slots in each, and the number. What a frame begins with takes the place of what earlier ones
    /// have there.
    pub(crate) fn frames_of(
        &self,
        process: &ProcessId,
        from: Slot,
        most: usize,
    ) -> Result<Vec<(Slot, u64)>, StoreError> {
        let slots = self.file.begin_read()?.open_table(SLOTS)?;
        let key = process.as_bytes();
        let found = |row: (redb::AccessGuard<'_, (&[u8; 32], u64)>, _)| {
            let number: redb::AccessGuard<'_, u64> = row.1;
            (Slot::new(row.0.value().1), number.value())
        };
        let mut frames = Vec::new();
        if let Some(row) = slots.range((key, 0)..=(key, from.get()))?.next_back() {
            frames.push(found(row?));
        }
        let after = from.get().saturating_add(1);
        for row in slots.range((key, after)..=(key, u64::MAX))?.take(most) {
            frames.push(found(row?));
        }
        Ok(frames)
    }
}

/// Stores frames. What a frame begins with takes the place of what earlier ones have there: those
/// slots were void.
fn append(write: &WriteTransaction, frames: &[Arc<Frame>]) -> Result<(), StoreError> {
    let mut rows = write.open_table(FRAMES)?;
    let mut slots = write.open_table(SLOTS)?;
    let mut heads = write.open_table(HEADS)?;
    let mut latest: BTreeMap<ProcessId, &ReceiptLeaf> = BTreeMap::new();
    for frame in frames {
        rows.insert(frame.number, frame.bytes.as_ref())?;
        let mut firsts = BTreeMap::new();
        for slot in &frame.frame.slots {
            firsts.entry(slot.leaf.process).or_insert(slot.leaf.slot);
        }
        for (process, first) in firsts {
            let key = process.as_bytes();
            let last = match latest.get(&process) {
                Some(leaf) => Some(leaf.slot.get()),
                None => heads.get(key)?.and_then(|head| head.value().0.checked_sub(1)),
            };
            if last >= Some(first.get()) {
                slots.retain_in((key, first.get())..=(key, u64::MAX), |_, _| false)?;
            }
            slots.insert((key, first.get()), frame.number)?;
        }
        latest.extend(frame.frame.slots.iter().map(|slot| (slot.leaf.process, &slot.leaf)));
    }
    for (process, leaf) in latest {
        let next = leaf.slot.get().saturating_add(1);
        heads
            .insert(process.as_bytes(), (next, leaf.digest().as_bytes(), leaf.chain.as_bytes()))?;
    }
    Ok(())
}

fn next_frame(file: &DatabaseFile) -> Result<u64, StoreError> {
    let frames = file.begin_read()?.open_table(FRAMES)?;
    Ok(frames.last()?.map_or(0, |(number, _)| number.value() + 1))
}

fn heads(file: &DatabaseFile) -> Result<BTreeMap<ProcessId, Head>, StoreError> {
    let heads = file.begin_read()?.open_table(HEADS)?;
    let mut known = BTreeMap::new();
    for row in heads.iter()? {
        let (process, head) = row?;
        let (next, leaf, _) = head.value();
        let head = Head { next: Slot::new(next), leaf: Hash::from_bytes(*leaf) };
        known.insert(ProcessId::from_bytes(*process.value()), head);
    }
    Ok(known)
}

fn decoded(file: &DatabaseFile, number: u64) -> Result<Option<FollowFrame>, StoreError> {
    let frames = file.begin_read()?.open_table(FRAMES)?;
    let Some(bytes) = frames.get(number)? else { return Ok(None) };
    let frame = codec::decode(bytes.value()).map_err(|_| StoreError::Damaged(number))?;
    Ok(Some(frame))
}

#[cfg(test)]
mod tests;
