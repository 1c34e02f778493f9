//! What a compute unit keeps on disk: published frames, and where slots are in them.
//!
//! Nothing here is the truth: everything can be derived again from logs. Layout in
//! `docs/storage.md`.

use std::{collections::BTreeMap, path::Path};

use protocol::{
    Hash, ProcessId, Slot,
    api::{Cursor, FollowFrame},
    codec,
};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::feed::Frame;

/// Frame number to the canonical bytes of a [`FollowFrame`].
const FRAMES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("frames");
/// Process and first slot to the number of the frame that holds it and those after it.
const SLOTS: TableDefinition<'_, (&[u8; 32], u64), u64> = TableDefinition::new("slots");
/// Process to its first slot without outcome and the digest of its last receipt leaf.
const HEADS: TableDefinition<'_, &[u8; 32], (u64, &[u8; 32])> = TableDefinition::new("heads");

/// The database of outcomes.
#[derive(Debug)]
pub(crate) struct Store {
    database: Database,
}

/// What is known of a process from an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The first slot without outcome.
    pub(crate) next: Slot,
    /// The digest of the last receipt leaf, which commits to all before it.
    pub(crate) leaf: Hash,
}

/// Why outcomes cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory cannot be made.
    #[error("cannot make the data directory: {0}")]
    Directory(#[from] std::io::Error),
    /// The database failed.
    #[error("the outcome database: {0}")]
    Database(Box<redb::Error>),
    /// A stored frame does not decode.
    #[error("frame {0} in the outcome database is damaged")]
    Damaged(u64),
}

impl<E: Into<redb::Error>> From<E> for StoreError
where
    E: NotIo,
{
    fn from(error: E) -> Self {
        Self::Database(Box::new(error.into()))
    }
}

/// Errors of the database, to tell them from those of the file system.
trait NotIo {}
impl NotIo for redb::DatabaseError {}
impl NotIo for redb::TransactionError {}
impl NotIo for redb::TableError {}
impl NotIo for redb::StorageError {}
impl NotIo for redb::CommitError {}

impl Store {
    /// Opens or makes the database in a directory.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory)?;
        Self::prepare(Database::create(directory.join("outcomes.redb"))?)
    }

    fn prepare(database: Database) -> Result<Self, StoreError> {
        let write = database.begin_write()?;
        write.open_table(FRAMES)?;
        write.open_table(SLOTS)?;
        write.open_table(HEADS)?;
        write.commit()?;
        Ok(Self { database })
    }

    /// The number the next frame will have.
    pub(crate) fn next_frame(&self) -> Result<u64, StoreError> {
        let frames = self.database.begin_read()?.open_table(FRAMES)?;
        Ok(frames.last()?.map_or(0, |(number, _)| number.value() + 1))
    }

    /// What is known of all processes.
    pub(crate) fn heads(&self) -> Result<BTreeMap<ProcessId, Head>, StoreError> {
        let heads = self.database.begin_read()?.open_table(HEADS)?;
        let mut known = BTreeMap::new();
        for row in heads.iter()? {
            let (process, head) = row?;
            let (next, leaf) = head.value();
            let head = Head { next: Slot::new(next), leaf: Hash::from_bytes(*leaf) };
            known.insert(ProcessId::from_bytes(*process.value()), head);
        }
        Ok(known)
    }

    /// Stores frames durably, all or none.
    pub(crate) fn append(&self, frames: &[std::sync::Arc<Frame>]) -> Result<(), StoreError> {
        let write = self.database.begin_write()?;
        {
            let mut rows = write.open_table(FRAMES)?;
            let mut slots = write.open_table(SLOTS)?;
            let mut heads = write.open_table(HEADS)?;
            let mut latest = BTreeMap::new();
            for frame in frames {
                rows.insert(frame.number, frame.bytes.as_ref())?;
                let mut firsts = BTreeMap::new();
                for slot in &frame.frame.slots {
                    let leaf = &slot.leaf;
                    firsts.entry(leaf.process).or_insert(leaf.slot);
                    latest.insert(leaf.process, leaf);
                }
                for (process, first) in firsts {
                    slots.insert((process.as_bytes(), first.get()), frame.number)?;
                }
            }
            for (process, leaf) in latest {
                let next = leaf.slot.get().saturating_add(1);
                heads.insert(process.as_bytes(), (next, leaf.digest().as_bytes()))?;
            }
        }
        write.commit()?;
        Ok(())
    }

    /// A stored frame's bytes.
    pub(crate) fn frame(&self, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let frames = self.database.begin_read()?.open_table(FRAMES)?;
        Ok(frames.get(number)?.map(|bytes| bytes.value().to_vec()))
    }

    /// A stored frame, decoded.
    pub(crate) fn decoded(&self, number: u64) -> Result<Option<FollowFrame>, StoreError> {
        let Some(bytes) = self.frame(number)? else { return Ok(None) };
        let frame = codec::decode(&bytes).map_err(|_| StoreError::Damaged(number))?;
        Ok(Some(frame))
    }

    /// The number of the first frame that a follower with these cursors needs: that of the oldest
    /// slot it lacks. `None` if it lacks nothing that is stored.
    pub(crate) fn first_needed(&self, cursors: &[Cursor]) -> Result<Option<u64>, StoreError> {
        let wanted: BTreeMap<_, _> = cursors.iter().map(|c| (c.process, c.slot)).collect();
        let read = self.database.begin_read()?;
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

    /// The numbers of the stored frames that hold slots of a process from a slot on, in order.
    pub(crate) fn frames_of(
        &self,
        process: &ProcessId,
        from: Slot,
        most: usize,
    ) -> Result<Vec<u64>, StoreError> {
        let slots = self.database.begin_read()?.open_table(SLOTS)?;
        let key = process.as_bytes();
        let mut numbers = Vec::new();
        if let Some(row) = slots.range((key, 0)..=(key, from.get()))?.next_back() {
            numbers.push(row?.1.value());
        }
        let after = from.get().saturating_add(1);
        for row in slots.range((key, after)..=(key, u64::MAX))?.take(most) {
            numbers.push(row?.1.value());
        }
        numbers.dedup();
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests;
