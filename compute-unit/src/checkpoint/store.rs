//! The database of checkpoints: key layouts and tables live here. Layout in `docs/storage.md`.

use std::path::Path;

use protocol::{
    Checkpoint, CheckpointState, Hash, HostTable, HostTableIndex, MemoryIndex, MemoryNode,
    ProcessId, Slot, codec,
};
use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

use super::{
    build::{self, Fresh},
    retention,
};
use crate::{
    database::{DatabaseFile, StoreError},
    process::{Saved, SavedState},
};

/// What a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A page of memory.
    Page = 0,
    /// A node of the tree of a memory.
    Node = 1,
    /// A chunk of a host table.
    Chunk = 2,
}

type BlobKey = (u8, &'static [u8; 32]);

/// Kind and hash to the blob, packed.
const BLOBS: TableDefinition<'_, BlobKey, &[u8]> = TableDefinition::new("blobs");
/// Kind and hash to how many lead to the blob, where it is more than one.
const COUNTS: TableDefinition<'_, BlobKey, u64> = TableDefinition::new("counts");
/// Process and slot to the canonical bytes of a [`Checkpoint`].
const CHECKPOINTS: TableDefinition<'_, (&[u8; 32], u64), &[u8]> =
    TableDefinition::new("checkpoints");

/// The file within the unit's directory.
const FILE: &str = "state.redb";
/// Memory that the database may use for what it read last.
const CACHE_BYTES: usize = 16 << 20;

/// How a blob is packed: the first byte of its value.
const PLAIN: u8 = 0;
const LZ4: u8 = 1;
/// The longest blob: a chunk of 1,024 entries, all of them timers.
const BLOB_BYTES_MAX: usize = 2 << 20;

/// The database of checkpoints.
#[derive(Debug)]
pub(crate) struct CheckpointStore {
    file: DatabaseFile,
    /// Checkpoints of one process that stay.
    kept: usize,
}

impl CheckpointStore {
    /// Opens or makes the database in a directory, which keeps so many checkpoints of each process.
    pub(crate) fn open(directory: &Path, kept: usize) -> Result<Self, StoreError> {
        let file = DatabaseFile::open(directory, FILE, CACHE_BYTES, |file| {
            let write = file.begin_write()?;
            write.open_table(BLOBS)?;
            write.open_table(COUNTS)?;
            write.open_table(CHECKPOINTS)?;
            Ok(write.commit()?)
        })?;
        Ok(Self { file, kept })
    }

    /// The newest checkpoint of a process, after a slot at the latest.
    pub(crate) fn newest(
        &self,
        process: &ProcessId,
        latest: Slot,
    ) -> Result<Option<Checkpoint>, StoreError> {
        let checkpoints = self.file.begin_read()?.open_table(CHECKPOINTS)?;
        newest(&checkpoints, process, latest)
    }

    /// The slot of that checkpoint, whether it can be read or not.
    pub(crate) fn newest_slot(
        &self,
        process: &ProcessId,
        latest: Slot,
    ) -> Result<Option<Slot>, StoreError> {
        let checkpoints = self.file.begin_read()?.open_table(CHECKPOINTS)?;
        let key = process.as_bytes();
        let row = checkpoints.range((key, 0)..=(key, latest.get()))?.next_back();
        Ok(row.transpose()?.map(|row| Slot::new(row.0.value().1)))
    }

    /// The processes of which there are checkpoints.
    pub(crate) fn processes(&self) -> Result<Vec<ProcessId>, StoreError> {
        let checkpoints = self.file.begin_read()?.open_table(CHECKPOINTS)?;
        let mut processes: Vec<ProcessId> = Vec::new();
        for row in checkpoints.iter()? {
            let process = ProcessId::from_bytes(*row?.0.value().0);
            if processes.last() != Some(&process) {
                processes.push(process);
            }
        }
        Ok(processes)
    }

    /// A blob, checked against its name.
    pub(super) fn blob(&self, kind: Kind, address: &Hash) -> Result<Vec<u8>, StoreError> {
        let blobs = self.file.begin_read()?.open_table(BLOBS)?;
        read(&blobs, kind, address)
    }

    /// A blob of any kind, checked against its name.
    pub(crate) fn find(&self, address: &Hash) -> Result<Option<Vec<u8>>, StoreError> {
        let blobs = self.file.begin_read()?.open_table(BLOBS)?;
        for kind in [Kind::Page, Kind::Node, Kind::Chunk] {
            if blobs.get((kind as u8, address.as_bytes()))?.is_some() {
                return read(&blobs, kind, address).map(Some);
            }
        }
        Ok(None)
    }

    /// Stores what changed of processes, all or nothing.
    pub(crate) fn append(&self, saved: &[Saved]) -> Result<(), StoreError> {
        self.write(|batch| {
            for saved in saved {
                batch.save(saved, self.kept)?;
            }
            Ok(())
        })
    }

    /// Drops a checkpoint that cannot be read, with what only it leads to, as far as that can be
    /// told.
    pub(crate) fn discard(&self, process: &ProcessId, slot: Slot) -> Result<(), StoreError> {
        self.write(|batch| batch.remove(process, slot.get()))
    }

    fn write(
        &self,
        work: impl FnOnce(&mut Batch<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let written = self.file.begin_write().and_then(|mut write| {
            // The file may be large when it is opened after a crash.
            write.set_quick_repair(true);
            work(&mut Batch::open(&write)?)?;
            Ok(write.commit()?)
        });
        if matches!(written, Err(StoreError::Database(_) | StoreError::Closed))
            && let Err(error) = self.file.reopen()
        {
            tracing::debug!(%error, "the database of checkpoints cannot be opened again yet");
        }
        written
    }
}

#[cfg(test)]
impl CheckpointStore {
    /// How many blobs there are.
    pub(crate) fn blobs(&self) -> Result<usize, StoreError> {
        use redb::ReadableTableMetadata;
        let blobs = self.file.begin_read()?.open_table(BLOBS)?;
        Ok(usize::try_from(blobs.len()?).unwrap_or(usize::MAX))
    }

    /// Changes a byte of a blob; gives what puts it back.
    pub(crate) fn damage(&self, number: usize) -> Result<impl FnOnce(&Self) + use<>, StoreError> {
        let blobs = self.file.begin_read()?.open_table(BLOBS)?;
        let row = blobs.iter()?.nth(number).expect("there are so many")?;
        let ((kind, address), whole) = (row.0.value(), row.1.value().to_vec());
        let address = *address;
        let mut damaged = unpack(&whole)?;
        *damaged.last_mut().expect("no blob is empty") ^= 1;
        let put = move |store: &Self, packed: &[u8]| {
            store.write(|batch| {
                batch.blobs.insert((kind, &address), packed)?;
                Ok(())
            })
        };
        put(self, &pack(&damaged))?;
        Ok(move |store: &Self| put(store, &whole).expect("the disk takes it"))
    }
}

/// A write of several checkpoints.
struct Batch<'t> {
    blobs: Table<'t, BlobKey, &'static [u8]>,
    counts: Table<'t, BlobKey, u64>,
    checkpoints: Table<'t, (&'static [u8; 32], u64), &'static [u8]>,
}

impl<'t> Batch<'t> {
    fn open(write: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            blobs: write.open_table(BLOBS)?,
            counts: write.open_table(COUNTS)?,
            checkpoints: write.open_table(CHECKPOINTS)?,
        })
    }

    fn save(&mut self, saved: &Saved, kept: usize) -> Result<(), StoreError> {
        let slot = saved.position.slot.get();
        if self.checkpoints.get((saved.process.as_bytes(), slot))?.is_some() {
            return Ok(());
        }
        let (state, fresh) = self.state(saved)?;
        let checkpoint = Checkpoint {
            version: protocol::V1,
            process: saved.process,
            spawn: saved.spawn.clone(),
            position: saved.position,
            previous: saved.previous,
            state,
            module: saved.module,
        };
        for (kind, height, address) in leads_to(&checkpoint.state) {
            self.hold(kind, height, &address, &fresh)?;
        }
        let bytes = codec::encode(&checkpoint);
        self.checkpoints.insert((saved.process.as_bytes(), slot), bytes.as_slice())?;
        let slots = self.slots(&saved.process)?;
        for slot in retention::surplus(&slots, kept) {
            self.remove(&saved.process, slot)?;
        }
        Ok(())
    }

    fn state(&self, saved: &Saved) -> Result<(CheckpointState, Fresh), StoreError> {
        let (snapshot, table) = match &saved.state {
            SavedState::Live { snapshot, table } => (snapshot, table),
            SavedState::Dead { kind, table } => {
                let (index, fresh) = table_index(table, Fresh::new());
                let index = (!table.is_empty()).then_some(index);
                return Ok((CheckpointState::Dead(*kind, index), fresh));
            }
        };
        let previous = match saved.whole {
            true => None,
            false => newest(&self.checkpoints, &saved.process, saved.position.slot)?,
        };
        let previous = previous.as_ref().and_then(memory_of);
        let node = |address: &Hash| read(&self.blobs, Kind::Node, address);
        let (memory, fresh) = build::index(snapshot, previous, node)?;
        let (host_table, fresh) = table_index(table, fresh);
        let globals = snapshot.globals.clone();
        Ok((CheckpointState::Live { memory, globals, host_table }, fresh))
    }

    fn slots(&self, process: &ProcessId) -> Result<Vec<u64>, StoreError> {
        let key = process.as_bytes();
        let rows = self.checkpoints.range((key, 0)..=(key, u64::MAX))?;
        rows.map(|row| Ok(row?.0.value().1)).collect()
    }

    /// Counts one more that leads to a blob, and stores it if it is new.
    fn hold(
        &mut self,
        kind: Kind,
        height: u8,
        address: &Hash,
        fresh: &Fresh,
    ) -> Result<(), StoreError> {
        let key = (kind as u8, address.as_bytes());
        if self.blobs.get(key)?.is_some() {
            let count = self.counts.get(key)?.map_or(1, |count| count.value());
            self.counts.insert(key, count.saturating_add(1))?;
            return Ok(());
        }
        let missing = || StoreError::Checkpoint(format!("the blob {address} is missing"));
        let bytes = fresh.get(&(kind, *address)).ok_or_else(missing)?;
        self.blobs.insert(key, pack(bytes).as_slice())?;
        for (kind, height, address) in below(kind, height, bytes)? {
            self.hold(kind, height, &address, fresh)?;
        }
        Ok(())
    }

    fn remove(&mut self, process: &ProcessId, slot: u64) -> Result<(), StoreError> {
        let Some(bytes) = self.checkpoints.remove((process.as_bytes(), slot))? else {
            return Ok(());
        };
        let checkpoint = codec::decode::<Checkpoint>(bytes.value());
        drop(bytes);
        // What a record that cannot be read leads to stays for ever, which harms nobody.
        let Ok(checkpoint) = checkpoint else { return Ok(()) };
        for (kind, height, address) in leads_to(&checkpoint.state) {
            self.release(kind, height, &address)?;
        }
        Ok(())
    }

    /// Counts one less that leads to a blob, and drops it with the last.
    fn release(&mut self, kind: Kind, height: u8, address: &Hash) -> Result<(), StoreError> {
        let key = (kind as u8, address.as_bytes());
        let count = self.counts.get(key)?.map_or(1, |count| count.value());
        match count {
            0 | 1 => {
                let removed = self.blobs.remove(key)?;
                let bytes = removed.map(|packed| unpack(packed.value())).transpose();
                // As above: what a damaged node leads to stays.
                let Ok(Some(bytes)) = bytes else { return Ok(()) };
                for (kind, height, address) in below(kind, height, &bytes).unwrap_or_default() {
                    self.release(kind, height, &address)?;
                }
            }
            2 => drop(self.counts.remove(key)?),
            more => drop(self.counts.insert(key, more.saturating_sub(1))?),
        }
        Ok(())
    }
}

/// A blob with its kind and, of a node, its height.
type Lead = (Kind, u8, Hash);

/// The blobs that a checkpoint names itself.
fn leads_to(state: &CheckpointState) -> Vec<Lead> {
    let mut leads: Vec<Lead> = Vec::new();
    let host_table = match state {
        CheckpointState::Live { memory, host_table, .. } => {
            let entries = memory.root.iter().filter(|entry| entry.address != Hash::ZERO);
            leads.extend(entries.map(|entry| lead_below(memory.height, entry.address)));
            Some(host_table)
        }
        CheckpointState::Dead(_, host_table) => host_table.as_ref(),
    };
    if let Some(HostTableIndex::Chunks(chunks)) = host_table {
        leads.extend(chunks.iter().map(|chunk| (Kind::Chunk, 0, *chunk)));
    }
    leads
}

/// What a node of a height names.
const fn lead_below(height: u8, address: Hash) -> Lead {
    match height.checked_sub(1) {
        None => (Kind::Page, 0, address),
        Some(below) => (Kind::Node, below, address),
    }
}

/// The blobs that a blob names.
fn below(kind: Kind, height: u8, bytes: &[u8]) -> Result<Vec<Lead>, StoreError> {
    if kind != Kind::Node {
        return Ok(Vec::new());
    }
    let node = MemoryNode::decode(bytes);
    let node = node.map_err(|error| StoreError::Checkpoint(error.to_string()))?;
    let entries = node.entries().iter().filter(|entry| entry.address != Hash::ZERO);
    Ok(entries.map(|entry| lead_below(height, entry.address)).collect())
}

/// The index of a host table, whose chunks join what is not stored yet.
fn table_index(table: &HostTable, mut fresh: Fresh) -> (HostTableIndex, Fresh) {
    let index = HostTableIndex::build(table, |address, bytes| {
        fresh.insert((Kind::Chunk, address), bytes);
    });
    (index, fresh)
}

const fn memory_of(checkpoint: &Checkpoint) -> Option<&MemoryIndex> {
    match &checkpoint.state {
        CheckpointState::Live { memory, .. } => Some(memory),
        CheckpointState::Dead(..) => None,
    }
}

fn newest(
    checkpoints: &impl ReadableTable<(&'static [u8; 32], u64), &'static [u8]>,
    process: &ProcessId,
    latest: Slot,
) -> Result<Option<Checkpoint>, StoreError> {
    let key = process.as_bytes();
    let row = checkpoints.range((key, 0)..=(key, latest.get()))?.next_back();
    let Some(row) = row.transpose()? else { return Ok(None) };
    let slot = row.0.value().1;
    let checkpoint: Checkpoint = codec::decode(row.1.value())
        .map_err(|error| StoreError::Checkpoint(format!("{process} slot {slot}: {error}")))?;
    if checkpoint.process != *process || checkpoint.position.slot.get() != slot {
        return Err(StoreError::Checkpoint(format!("{process} slot {slot} is another one")));
    }
    Ok(Some(checkpoint))
}

fn read(
    blobs: &impl ReadableTable<BlobKey, &'static [u8]>,
    kind: Kind,
    address: &Hash,
) -> Result<Vec<u8>, StoreError> {
    let wrong = |what: &str| StoreError::Checkpoint(format!("the blob {address} {what}"));
    let packed = blobs.get((kind as u8, address.as_bytes()))?;
    let bytes = unpack(packed.ok_or_else(|| wrong("is missing"))?.value())?;
    if Hash::of_blob(&bytes) == *address { Ok(bytes) } else { Err(wrong("is another one")) }
}

/// Packs a blob, smaller where that is possible.
fn pack(bytes: &[u8]) -> Vec<u8> {
    let packed = lz4_flex::compress_prepend_size(bytes);
    let (how, body) = if packed.len() < bytes.len() { (LZ4, &*packed) } else { (PLAIN, bytes) };
    [&[how], body].concat()
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, StoreError> {
    let wrong = || StoreError::Checkpoint("a blob cannot be unpacked".to_owned());
    match packed.split_first() {
        Some((&PLAIN, body)) => Ok(body.to_vec()),
        Some((&LZ4, body)) => {
            let (length, body) = body.split_first_chunk::<4>().ok_or_else(wrong)?;
            let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| wrong())?;
            if length > BLOB_BYTES_MAX {
                return Err(wrong());
            }
            lz4_flex::decompress(body, length).map_err(|_| wrong())
        }
        _ => Err(wrong()),
    }
}
