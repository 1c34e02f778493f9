//! The tables of what this unit was given to execute.

use std::collections::BTreeMap;

use protocol::{
    Control, Hash, ProcessId, Signed, Slot, UnitId,
    api::{ExecutedHead, HeadPage},
    codec,
};
use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};

use super::{HEADS, Store};
use crate::{
    database::StoreError,
    given::{GivenFrame, Piece, Run},
};

/// Frame number to the canonical bytes of a [`protocol::api::TailFrame`].
const GIVEN: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("given");
/// Process, last slot and number of a frame to the first slot of the process in the frame.
const PIECES: TableDefinition<'_, (&[u8; 32], u64, u64), u64> = TableDefinition::new("pieces");
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
) -> Result<(), StoreError> {
    let mut frames = write.open_table(GIVEN)?;
    let mut pieces = write.open_table(PIECES)?;
    let mut controls = write.open_table(CONTROLS)?;
    let mut ordered = write.open_table(ORDERED)?;
    // The first slot that is not stored, of the processes at hand.
    let mut ends: BTreeMap<ProcessId, u64> = BTreeMap::new();
    for frame in given {
        frames.insert(frame.number, frame.bytes.as_ref())?;
        for Run { process, first, last, opens } in &frame.runs {
            let key = process.as_bytes();
            let end = match ends.get(process) {
                Some(end) => *end,
                None => end(&pieces, key)?,
            };
            if end > first.get() {
                cut(&mut pieces, key, first.get())?;
                controls.retain_in((key, first.get())..=(key, u64::MAX), |_, _| false)?;
            }
            pieces.insert((key, last.get(), frame.number), first.get())?;
            ends.insert(*process, last.get().saturating_add(1));
            if *opens {
                ordered.insert((frame.scheduler.as_bytes(), key), ())?;
            }
        }
        for (process, slot, control) in &frame.controls {
            controls.insert((process.as_bytes(), slot.get()), control.as_slice())?;
        }
    }
    Ok(())
}

type Pieces<'t> = Table<'t, (&'static [u8; 32], u64, u64), u64>;

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
        over.push((row.0.value().1, row.0.value().2, row.1.value()));
    }
    for (last, number, first) in over {
        pieces.remove((key, last, number))?;
        if let Some(before) = from.checked_sub(1).filter(|before| first <= *before) {
            pieces.insert((key, before, number), first)?;
        }
    }
    Ok(())
}

impl Store {
    /// The number the next given frame will have.
    pub(crate) fn next_given(&self) -> Result<u64, StoreError> {
        let frames = self.file.begin_read()?.open_table(GIVEN)?;
        Ok(frames.last()?.map_or(0, |(number, _)| number.value().saturating_add(1)))
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
        for row in pieces.range((key, from.get(), number)..=(key, u64::MAX, u64::MAX))?.take(most) {
            let (place, first) = row?;
            let (_, last, number) = place.value();
            let (first, last) = (Slot::new(first.value()), Slot::new(last));
            found.push(Piece { number, first, last, frame: None });
        }
        Ok(found)
    }

    /// The canonical bytes of a given frame.
    pub(crate) fn given(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        let frames = self.file.begin_read()?.open_table(GIVEN)?;
        let frame = frames.get(number)?.ok_or(StoreError::Given(number))?;
        Ok(frame.value().to_vec())
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
