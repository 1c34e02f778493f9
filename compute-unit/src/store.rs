//! What a compute unit keeps on disk: published frames, and where slots are in them.
//!
//! Nothing here is the truth: everything can be derived again from logs, so a file that cannot be
//! read is put aside. Layout in `docs/storage.md`.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use protocol::{
    Hash, ProcessId, Slot,
    api::{Cursor, FollowFrame},
    codec,
};
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};

use crate::feed::Frame;

/// Frame number to the canonical bytes of a [`FollowFrame`].
const FRAMES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("frames");
/// Process and first slot to the number of the frame that holds it and those after it.
const SLOTS: TableDefinition<'_, (&[u8; 32], u64), u64> = TableDefinition::new("slots");
/// Process to its first slot without outcome and the digest of its last receipt leaf.
const HEADS: TableDefinition<'_, &[u8; 32], (u64, &[u8; 32])> = TableDefinition::new("heads");

/// The file within the unit's directory, and what it is called when it cannot be read.
const FILE: &str = "outcomes.redb";
const DAMAGED_FILE: &str = "outcomes.redb.damaged";

/// The database of outcomes.
#[derive(Debug)]
pub(crate) struct Store {
    /// Where it is opened again after the disk failed: until then it refuses everything.
    path: Option<PathBuf>,
    database: RwLock<Option<Database>>,
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
    #[error(
        "frame {0} in outcomes.redb is damaged: stop the unit and delete the file; everything in it \
         is derived again"
    )]
    Damaged(u64),
    /// The disk failed, and the database is not open again yet.
    #[error("the outcome database is closed after a failure of the disk")]
    Closed,
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

impl StoreError {
    /// Whether the file is at fault, not its surroundings.
    fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) => true,
            Self::Database(error) => match &**error {
                redb::Error::Corrupted(_)
                | redb::Error::UpgradeRequired(_)
                | redb::Error::RepairAborted
                | redb::Error::TableTypeMismatch { .. }
                | redb::Error::TypeDefinitionChanged { .. } => true,
                redb::Error::Io(error) => matches!(
                    error.kind(),
                    std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
                ),
                _ => false,
            },
            Self::Directory(_) | Self::Closed => false,
        }
    }
}

impl Store {
    /// Opens or makes the database in a directory. One that cannot be read is put aside and
    /// replaced by an empty one.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(directory)?;
        let path = directory.join(FILE);
        match Self::open_file(&path) {
            Ok(store) => Ok(store),
            Err(error) if error.is_damage() => {
                let aside = directory.join(DAMAGED_FILE);
                tracing::warn!(%error, aside = %aside.display(), "outcomes are derived again");
                std::fs::rename(&path, aside)?;
                Self::open_file(&path)
            }
            Err(error) => Err(error),
        }
    }

    fn open_file(path: &Path) -> Result<Self, StoreError> {
        // The database asserts what it reads of itself; a damaged file must not end the unit.
        let open = AssertUnwindSafe(|| {
            let store = Self::prepare(Database::create(path)?)?;
            store.heads()?;
            if let Some(last) = store.next_frame()?.checked_sub(1) {
                store.decoded(last)?;
            }
            Ok(store)
        });
        let store = catch_unwind(open).unwrap_or(Err(StoreError::Damaged(0)))?;
        Ok(Self { path: Some(path.to_owned()), ..store })
    }

    fn prepare(database: Database) -> Result<Self, StoreError> {
        let write = database.begin_write()?;
        write.open_table(FRAMES)?;
        write.open_table(SLOTS)?;
        write.open_table(HEADS)?;
        write.commit()?;
        Ok(Self { path: None, database: RwLock::new(Some(database)) })
    }

    /// Opens the database again, which refuses everything after the disk has failed once.
    fn reopen(&self) -> Result<(), StoreError> {
        let Some(path) = &self.path else { return Ok(()) };
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        drop(database.take());
        *database = Some(Database::create(path)?);
        Ok(())
    }

    fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        Ok(database.as_ref().ok_or(StoreError::Closed)?.begin_read()?)
    }

    fn begin_write(&self) -> Result<WriteTransaction, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        Ok(database.as_ref().ok_or(StoreError::Closed)?.begin_write()?)
    }

    /// The number the next frame will have.
    pub(crate) fn next_frame(&self) -> Result<u64, StoreError> {
        let frames = self.begin_read()?.open_table(FRAMES)?;
        Ok(frames.last()?.map_or(0, |(number, _)| number.value() + 1))
    }

    /// What is known of all processes.
    pub(crate) fn heads(&self) -> Result<BTreeMap<ProcessId, Head>, StoreError> {
        let heads = self.begin_read()?.open_table(HEADS)?;
        let mut known = BTreeMap::new();
        for row in heads.iter()? {
            let (process, head) = row?;
            let (next, leaf) = head.value();
            let head = Head { next: Slot::new(next), leaf: Hash::from_bytes(*leaf) };
            known.insert(ProcessId::from_bytes(*process.value()), head);
        }
        Ok(known)
    }

    /// Stores frames durably, all or none. After a failure the database is opened again, so that
    /// frames can be read, and stored as soon as the disk takes them.
    pub(crate) fn append(&self, frames: &[std::sync::Arc<Frame>]) -> Result<(), StoreError> {
        let appended = self.try_append(frames);
        if appended.is_err()
            && let Err(error) = self.reopen()
        {
            tracing::debug!(%error, "the outcome database cannot be opened again yet");
        }
        appended
    }

    fn try_append(&self, frames: &[std::sync::Arc<Frame>]) -> Result<(), StoreError> {
        let write = self.begin_write()?;
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
        let frames = self.begin_read()?.open_table(FRAMES)?;
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
        let read = self.begin_read()?;
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
        let slots = self.begin_read()?.open_table(SLOTS)?;
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
