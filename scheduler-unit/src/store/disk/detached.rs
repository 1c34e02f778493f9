//! A file as it is, with changes that stay in memory.
//!
//! redb repairs what it opens, and cannot do so on a disk that takes no writes. A file that is
//! opened detached is repaired in memory, so that it can be read until the disk works again.
//! Nothing is ever written to the file.

use std::{
    collections::BTreeMap,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use redb::{StorageBackend, StorageError};

/// Bytes of the file that change together.
const BLOCK: u16 = 4 << 10;

/// A file under changes that stay in memory.
#[derive(Debug)]
pub(crate) struct Detached<B> {
    below: B,
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct Changes {
    length: u64,
    /// How much of the file below still counts.
    below: u64,
    blocks: BTreeMap<u64, Box<[u8]>>,
}

impl<B: StorageBackend> Detached<B> {
    /// Lays no changes over a file.
    pub(crate) fn new(below: B) -> Result<Self, StorageError> {
        let length = below.len()?;
        let changes = Changes { length, below: length, blocks: BTreeMap::new() };
        Ok(Self { below, changes: Mutex::new(changes) })
    }

    fn lock(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block of the file below, with zeros where it has none.
    fn block_below(&self, changes: &Changes, number: u64) -> io::Result<Box<[u8]>> {
        let mut block = vec![0; usize::from(BLOCK)].into_boxed_slice();
        let start = number.saturating_mul(u64::from(BLOCK));
        let there = changes.below.saturating_sub(start).min(u64::from(BLOCK));
        if let Some(part) = usize::try_from(there).ok().and_then(|there| block.get_mut(..there)) {
            self.below.read(start, part)?;
        }
        Ok(block)
    }
}

/// The blocks of a span: each one's number, and where the span begins in it.
fn blocks(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let position = offset.checked_add(u64::try_from(at).ok()?)?;
        let within = usize::try_from(position % u64::from(BLOCK)).ok()?;
        let count = (usize::from(BLOCK) - within).min(length - at);
        at += count;
        (count > 0).then_some((position / u64::from(BLOCK), within, count))
    })
}

impl<B: StorageBackend> StorageBackend for Detached<B> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let changes = self.lock();
        let mut rest = &mut *out;
        for (number, within, count) in blocks(offset, rest.len()) {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(count);
            rest = after;
            let from_below;
            let block = match changes.blocks.get(&number) {
                Some(block) => block,
                None => {
                    from_below = self.block_below(&changes, number)?;
                    &from_below
                }
            };
            let bytes = block.get(within..within + count);
            part.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut changes = self.lock();
        changes.length = length;
        // What grows again later is zeros; redb sets lengths of whole blocks.
        changes.below = changes.below.min(length);
        drop(changes.blocks.split_off(&length.div_ceil(u64::from(BLOCK))));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut changes = self.lock();
        let mut rest = data;
        for (number, within, count) in blocks(offset, data.len()) {
            let (part, after) = rest.split_at(count);
            rest = after;
            let mut block = match changes.blocks.remove(&number) {
                Some(block) => block,
                None => self.block_below(&changes, number)?,
            };
            if let Some(place) = block.get_mut(within..within + count) {
                place.copy_from_slice(part);
            }
            changes.blocks.insert(number, block);
        }
        Ok(())
    }
}
