//! What a compute unit keeps on disk: published frames and where slots are in them, what
//! processes wait for, and what it was given to execute.
//!
//! Nothing here is the truth: everything can be derived again from logs, so a file that cannot be
//! read is put aside. Layout in `docs/storage.md`.

mod agenda;
mod files;
mod given;
mod words;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use protocol::{
    Hash, ProcessId, ReceiptLeaf, Slot,
    api::{Cursor, FollowFrame},
    codec,
};
use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

use files::{FrameFiles, Place};

use crate::{
    database::{DatabaseFile, StoreError},
    feed::Frame,
    given::GivenFrame,
};

/// Frame number to where the canonical bytes of a [`FollowFrame`] are.
const FRAMES: TableDefinition<'_, u64, Place> = TableDefinition::new("frames");
/// Process and first slot to where its slots from there on are that were stored in one commit: the
/// first slot in each frame, and the frame's number, as [`words`].
const SLOTS: TableDefinition<'_, (&[u8; 32], u64), &[u8]> = TableDefinition::new("slots");
/// Process to its first slot without outcome, and the digest and the chain hash of its last receipt
/// leaf.
const HEADS: TableDefinition<'_, &[u8; 32], HeadRow> = TableDefinition::new("heads");
type HeadRow = (u64, &'static [u8; 32], &'static [u8; 32]);

/// The file within the unit's directory.
const FILE: &str = "outcomes.redb";
/// The directory of the frames' files within that of the unit.
const FRAME_FILES: &str = "frames";
/// Memory that the database may use: most of what one commit writes fits into half of it.
const CACHE_BYTES: usize = 32 << 20;

/// The database of outcomes.
#[derive(Debug)]
pub(crate) struct Store {
    file: DatabaseFile,
    frames: FrameFiles,
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
        let frames = directory.join(FRAME_FILES);
        let file = DatabaseFile::open(directory, FILE, CACHE_BYTES, |file| {
            let write = file.begin_write()?;
            write.open_table(FRAMES)?;
            write.open_table(SLOTS)?;
            write.open_table(HEADS)?;
            given::create(&write)?;
            agenda::create(&write)?;
            write.commit()?;
            heads(file)?;
            let last = last_place(file)?;
            let files = FrameFiles::open(frames.clone(), last).map_err(StoreError::Frames)?;
            if let Some((last, _)) = last_frame(file)? {
                decoded(file, &files, last)?;
            }
            Ok(())
        })?;
        let last = last_place(&file)?;
        let frames = FrameFiles::open(frames, last).map_err(StoreError::Frames)?;
        Ok(Self { file, frames })
    }

    /// The number the next frame will have.
    pub(crate) fn next_frame(&self) -> Result<u64, StoreError> {
        Ok(last_frame(&self.file)?.map_or(0, |(number, _)| number.saturating_add(1)))
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
        let given_bytes = given.iter().map(|frame| frame.bytes.as_ref());
        let bytes = given_bytes.chain(frames.iter().map(|frame| frame.bytes.as_ref()));
        let places = self.frames.append(bytes).map_err(StoreError::Frames)?;
        let (of_given, of_frames) = places.split_at_checked(given.len()).unwrap_or_default();
        let write = self.file.begin_write()?;
        given::append(&write, given, of_given)?;
        append(&write, frames, of_frames)?;
        agenda::append(&write, frames.iter().flat_map(|frame| &frame.agenda))?;
        write.commit()?;
        Ok(())
    }

    /// A stored frame, decoded.
    pub(crate) fn decoded(&self, number: u64) -> Result<Option<FollowFrame>, StoreError> {
        decoded(&self.file, &self.frames, number)
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
                let row = row?;
                let upto = words::read(row.1.value()).take_while(|[first, _]| *first <= from);
                let number = upto.last().map(|[_, number]| number);
                first = first.into_iter().chain(number).min();
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
        let (key, from) = (process.as_bytes(), from.get());
        let begin = slots.range((key, 0)..=(key, from))?.next_back().transpose()?;
        let begin = begin.map_or(from, |row| row.0.value().1);
        let mut frames: Vec<(Slot, u64)> = Vec::new();
        for row in slots.range((key, begin)..=(key, u64::MAX))? {
            for [first, number] in words::read(row?.1.value()) {
                if first <= from {
                    frames.clear();
                } else if frames.len() > most {
                    return Ok(frames);
                }
                frames.push((Slot::new(first), number));
            }
        }
        Ok(frames)
    }
}

/// What a frame has of one process: its first and last slot there, and the frame's number.
struct Stretch<'f> {
    first: u64,
    last: &'f ReceiptLeaf,
    number: u64,
}

/// Stores frames. What a frame begins with takes the place of what earlier ones have there: those
/// slots were void.
fn append(
    write: &WriteTransaction,
    frames: &[Arc<Frame>],
    places: &[Place],
) -> Result<(), StoreError> {
    let mut rows = write.open_table(FRAMES)?;
    // Process by process, so that a page of the index is written once for all frames at hand.
    let mut of_processes: BTreeMap<ProcessId, Vec<Stretch<'_>>> = BTreeMap::new();
    for (frame, place) in frames.iter().zip(places) {
        rows.insert(frame.number, *place)?;
        for slot in &frame.frame.slots {
            let (first, last, number) = (slot.leaf.slot.get(), &slot.leaf, frame.number);
            let stretches = of_processes.entry(slot.leaf.process).or_default();
            match stretches.last_mut().filter(|stretch| stretch.number == number) {
                Some(stretch) => stretch.last = last,
                None => stretches.push(Stretch { first, last, number }),
            }
        }
    }
    let mut slots = write.open_table(SLOTS)?;
    let mut heads = write.open_table(HEADS)?;
    for (process, stretches) in &of_processes {
        let key = process.as_bytes();
        let mut next = heads.get(key)?.map_or(0, |head| head.value().0);
        let mut group: Vec<[u64; 2]> = Vec::new();
        for Stretch { first, last, number } in stretches {
            if next > *first {
                group.retain(|[before, _]| before < first);
                cut(&mut slots, key, *first)?;
            }
            group.push([*first, *number]);
            next = last.slot.get().saturating_add(1);
        }
        if let Some([first, _]) = group.first() {
            slots.insert((key, *first), words::write(&group).as_slice())?;
        }
        if let Some(Stretch { last: leaf, .. }) = stretches.last() {
            heads.insert(key, (next, leaf.digest().as_bytes(), leaf.chain.as_bytes()))?;
        }
    }
    Ok(())
}

/// Lets go of where the slots of a process from one on are.
fn cut(
    slots: &mut Table<'_, (&'static [u8; 32], u64), &'static [u8]>,
    key: &[u8; 32],
    from: u64,
) -> Result<(), StoreError> {
    slots.retain_in((key, from)..=(key, u64::MAX), |_, _| false)?;
    let last = slots.range((key, 0)..=(key, from))?.next_back().transpose()?;
    let Some((begin, group)) = last.map(|row| (row.0.value().1, row.1.value().to_vec())) else {
        return Ok(());
    };
    let kept: Vec<_> = words::read(&group).filter(|[first, _]| *first < from).collect();
    slots.insert((key, begin), words::write(&kept).as_slice())?;
    Ok(())
}

fn last_frame(file: &DatabaseFile) -> Result<Option<(u64, Place)>, StoreError> {
    let frames = file.begin_read()?.open_table(FRAMES)?;
    Ok(frames.last()?.map(|(number, place)| (number.value(), place.value())))
}

/// Where the frame is that was written last, published or given.
fn last_place(file: &DatabaseFile) -> Result<Option<Place>, StoreError> {
    let published = last_frame(file)?.map(|(_, place)| place);
    Ok(published.max(given::last(file)?.map(|(_, place)| place)))
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

fn decoded(
    file: &DatabaseFile,
    files: &FrameFiles,
    number: u64,
) -> Result<Option<FollowFrame>, StoreError> {
    let frames = file.begin_read()?.open_table(FRAMES)?;
    let Some(place) = frames.get(number)? else { return Ok(None) };
    let bytes = files.read(place.value()).map_err(StoreError::Frames)?;
    let frame = codec::decode(&bytes).map_err(|_| StoreError::Damaged(number))?;
    Ok(Some(frame))
}

#[cfg(test)]
mod tests;
