//! The tables of what this unit was given to execute.

use std::collections::BTreeMap;

use protocol::{
    Control, Hash, ProcessId, Signed, Slot, UnitId,
    api::{ExecutedHead, HeadPage},
    codec,
};
use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

use super::{HEADS, Place, Store, words};
use crate::{
    database::{DatabaseFile, StoreError},
    given::{GivenFrame, Piece, Run},
};

/// Frame number to where the canonical bytes of a [`protocol::api::TailFrame`] are.
const GIVEN: TableDefinition<'_, u64, Place> = TableDefinition::new("given");
/// Process, last slot and number of a frame to the pieces of its log that were stored in one commit, of
/// which that is the last: first slot, last slot and number of the frame of each, as [`words`].
const PIECES: TableDefinition<'_, (&[u8; 32], u64, u64), &[u8]> = TableDefinition::new("pieces");
/// Process and slot to the signed control that ended or opened an epoch there.
const CONTROLS: TableDefinition<'_, (&[u8; 32], u64), &[u8]> = TableDefinition::new("controls");
/// Scheduler and a process of which it has ordered slots.
const ORDERED: TableDefinition<'_, (&[u8; 32], &[u8; 32]), ()> = TableDefinition::new("ordered");

/// Makes the tables, if there are none.
pub(super) fn create(write: &WriteTransaction) -> Result<(), StoreError> {
    write.open_table(GIVEN)?;
    write.open_table(PIECES)?;
    write.open_table(CONTROLS)?;
    write.open_table(ORDERED)?;
    Ok(())
}

/// Stores frames. What a frame begins with takes the place of what earlier ones have there.
pub(super) fn append(
    write: &WriteTransaction,
    given: &[std::sync::Arc<GivenFrame>],
    places: &[Place],
) -> Result<(), StoreError> {
    let mut frames = write.open_table(GIVEN)?;
    let mut pieces = write.open_table(PIECES)?;
    let mut controls = write.open_table(CONTROLS)?;
    let mut ordered = write.open_table(ORDERED)?;
    // Process by process, so that a page of the index is written once for all frames at hand.
    let mut of_processes: BTreeMap<ProcessId, Vec<(&GivenFrame, &Run)>> = BTreeMap::new();
    for (frame, place) in given.iter().zip(places) {
        frames.insert(frame.number, *place)?;
        for run in &frame.runs {
            of_processes.entry(run.process).or_default().push((frame, run));
        }
    }
    for (process, runs) in &of_processes {
        let key = process.as_bytes();
        let mut end = end(&pieces, key)?;
        let mut group: Vec<[u64; 3]> = Vec::new();
        for (frame, Run { first, last, opens, .. }) in runs {
            if end > first.get() {
                cut(&mut pieces, key, first.get())?;
                shorten(&mut group, first.get());
                controls.retain_in((key, first.get())..=(key, u64::MAX), |_, _| false)?;
            }
            group.push([first.get(), last.get(), frame.number]);
            end = last.get().saturating_add(1);
            if *opens {
                ordered.insert((frame.scheduler.as_bytes(), key), ())?;
            }
            for (_, slot, control) in frame.controls.iter().filter(|(of, ..)| of == process) {
                controls.insert((key, slot.get()), control.as_slice())?;
            }
        }
        insert(&mut pieces, key, &group)?;
    }
    Ok(())
}

type Pieces<'t> = Table<'t, (&'static [u8; 32], u64, u64), &'static [u8]>;

fn insert(pieces: &mut Pieces<'_>, key: &[u8; 32], group: &[[u64; 3]]) -> Result<(), StoreError> {
    if let Some([_, last, number]) = group.last() {
        pieces.insert((key, *last, *number), words::write(group).as_slice())?;
    }
    Ok(())
}

/// Lets pieces end before a slot.
fn shorten(group: &mut Vec<[u64; 3]>, from: u64) {
    let before = from.checked_sub(1);
    group.retain_mut(|[first, last, _]| {
        if *last < from {
            return true;
        }
        let Some(before) = before.filter(|before| *first <= *before) else { return false };
        *last = before;
        true
    });
}

/// The slot after the last one stored of a process.
fn end(pieces: &Pieces<'_>, key: &[u8; 32]) -> Result<u64, StoreError> {
    let last = pieces.range((key, 0, 0)..=(key, u64::MAX, u64::MAX))?.next_back().transpose()?;
    Ok(last.map_or(0, |row| row.0.value().1.saturating_add(1)))
}

/// Lets the pieces of a process end before a slot.
fn cut(pieces: &mut Pieces<'_>, key: &[u8; 32], from: u64) -> Result<(), StoreError> {
    let mut over = Vec::new();
    for row in pieces.range((key, from, 0)..=(key, u64::MAX, u64::MAX))? {
        let row = row?;
        let (_, last, number) = row.0.value();
        over.push((last, number, words::read(row.1.value()).collect::<Vec<_>>()));
    }
    for (last, number, mut group) in over {
        pieces.remove((key, last, number))?;
        shorten(&mut group, from);
        insert(pieces, key, &group)?;
    }
    Ok(())
}

/// The given frame that was stored last, and where it is.
pub(super) fn last(file: &DatabaseFile) -> Result<Option<(u64, Place)>, StoreError> {
    let frames = file.begin_read()?.open_table(GIVEN)?;
    Ok(frames.last()?.map(|(number, place)| (number.value(), place.value())))
}

impl Store {
    /// The number the next given frame will have.
    pub(crate) fn next_given(&self) -> Result<u64, StoreError> {
        Ok(last(&self.file)?.map_or(0, |(number, _)| number.saturating_add(1)))
    }

    /// The pieces of a log that reach a slot, in order, at most so many; those of the frames from a
    /// number on, of pieces that end in the slot itself.
    pub(crate) fn pieces(
        &self,
        process: &ProcessId,
        (from, number): (Slot, u64),
        most: usize,
    ) -> Result<Vec<Piece>, StoreError> {
        let pieces = self.file.begin_read()?.open_table(PIECES)?;
        let key = process.as_bytes();
        let mut found = Vec::new();
        for row in pieces.range((key, from.get(), number)..=(key, u64::MAX, u64::MAX))? {
            for [first, last, of] in words::read(row?.1.value()) {
                if (last, of) < (from.get(), number) {
                    continue;
                }
                if found.len() >= most {
                    return Ok(found);
                }
                let (first, last) = (Slot::new(first), Slot::new(last));
                found.push(Piece { number: of, first, last, frame: None });
            }
        }
        Ok(found)
    }

    /// The canonical bytes of a given frame.
    pub(crate) fn given(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        let frames = self.file.begin_read()?.open_table(GIVEN)?;
        let place = frames.get(number)?.ok_or(StoreError::Given(number))?.value();
        self.frames.read(place).map_err(StoreError::Frames)
    }

    /// The controls of a process that ended or opened an epoch, in order.
    pub(crate) fn controls(
        &self,
        process: &ProcessId,
    ) -> Result<Vec<(Slot, Signed<Control>)>, StoreError> {
        let controls = self.file.begin_read()?.open_table(CONTROLS)?;
        let key = process.as_bytes();
        let mut found = Vec::new();
        for row in controls.range((key, 0)..=(key, u64::MAX))? {
            let (place, control) = row?;
            let slot = Slot::new(place.value().1);
            let wrong = |_| StoreError::Control(slot.get());
            found.push((slot, codec::decode(control.value()).map_err(wrong)?));
        }
        Ok(found)
    }

    /// The executed heads of processes of which a scheduler has ordered slots; what is not stored yet
    /// takes the place of what is.
    pub(crate) fn heads_of(
        &self,
        scheduler: &UnitId,
        (after, most): (Option<ProcessId>, usize),
        recent: &BTreeMap<ProcessId, ExecutedHead>,
    ) -> Result<HeadPage, StoreError> {
        let read = self.file.begin_read()?;
        let (ordered, heads) = (read.open_table(ORDERED)?, read.open_table(HEADS)?);
        let by = scheduler.as_bytes();
        let (start, end) = (after.map_or([0; 32], |after| *after.as_bytes()), [u8::MAX; 32]);
        let mut page = HeadPage { heads: Vec::new(), more: false };
        for row in ordered.range((by, &start)..=(by, &end))? {
            let row = row?;
            let process = ProcessId::from_bytes(*row.0.value().1);
            if after == Some(process) {
                continue;
            }
            if page.heads.len() >= most {
                page.more = true;
                break;
            }
            if let Some(head) = recent.get(&process) {
                page.heads.push(*head);
                continue;
            }
            let Some(head) = heads.get(process.as_bytes())? else { continue };
            let (next, _, chain) = head.value();
            let Some(slot) = next.checked_sub(1).map(Slot::new) else { continue };
            page.heads.push(ExecutedHead { process, slot, chain: Hash::from_bytes(*chain) });
        }
        Ok(page)
    }
}

#[cfg(test)]
mod tests;
