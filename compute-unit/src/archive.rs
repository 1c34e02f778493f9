//! Shows what this unit was given to execute: from disk, or from memory what is not there yet.

use std::sync::Arc;

use bytes::Bytes;
use protocol::{
    AssignmentProof, MerkleTree, ProcessId, Slot,
    api::{TailFrame, TailRecord},
    codec,
};

use crate::{
    database::StoreError,
    given::{Given, Piece, cut},
    store::Store,
};

/// Pieces of a log that are looked up at once.
const PIECES_AT_ONCE: usize = 1_024;

/// What is stored and what is not yet.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    /// The frames on disk.
    pub(crate) store: Arc<Store>,
    /// Those in memory.
    pub(crate) given: Arc<Given>,
}

/// Reads one log, up to the end it had when that began.
#[derive(Debug)]
pub(crate) struct Reading {
    archive: Archive,
    process: ProcessId,
    next: Slot,
    /// The pieces found, the next one last.
    pieces: Vec<Piece>,
    /// What was in memory only, until the disk has no more.
    recent: Vec<Piece>,
    /// Where the disk was read last.
    from: (Slot, u64),
    on_disk: bool,
}

impl Archive {
    /// The proof of a slot.
    pub(crate) fn proof(
        &self,
        process: &ProcessId,
        slot: Slot,
    ) -> Result<Option<AssignmentProof>, StoreError> {
        let has = |piece: &Piece| piece.first <= slot && slot <= piece.last;
        let recent = self.given.pieces(process);
        let replaced = recent.iter().any(|piece| piece.first <= slot);
        let piece = match recent.into_iter().find(has) {
            Some(piece) => Some(piece),
            None if replaced => None,
            None => self.stored(process, slot)?.into_iter().find(has),
        };
        let Some(piece) = piece else { return Ok(None) };
        let TailFrame { batch, leaves, records, .. } = self.frame(&piece)?;
        let is_it = |record: &&TailRecord| {
            record.assignment.process == *process && record.assignment.slot == slot
        };
        let Some(record) = records.iter().rev().find(is_it) else { return Ok(None) };
        let path = MerkleTree::new(leaves).path(record.index);
        let assignment = record.assignment;
        Ok(path.map(|path| AssignmentProof { assignment, path, batch }))
    }

    /// Begins to read a log from a slot on.
    pub(crate) fn read(&self, process: ProcessId, from: Slot) -> Reading {
        // Memory first: a frame that moves to disk meanwhile is found twice rather than never.
        let mut recent = self.given.pieces(&process);
        recent.reverse();
        Reading {
            archive: self.clone(),
            process,
            next: from,
            pieces: Vec::new(),
            recent,
            from: (from, 0),
            on_disk: true,
        }
    }

    /// The pieces on disk that may have a slot: those with refusals alone have none.
    fn stored(&self, process: &ProcessId, slot: Slot) -> Result<Vec<Piece>, StoreError> {
        self.store.pieces(process, (slot, 0), PIECES_AT_ONCE)
    }

    fn frame(&self, piece: &Piece) -> Result<TailFrame, StoreError> {
        let decoded = match &piece.frame {
            Some(frame) => codec::decode(&frame.bytes),
            None => codec::decode(&self.store.given(piece.number)?),
        };
        decoded.map_err(|_| StoreError::Given(piece.number))
    }
}

impl Reading {
    /// The next frame, with nothing in it but the log; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        while let Some(piece) = self.piece()? {
            if piece.last.next().is_none_or(|end| end < self.next) {
                continue;
            }
            let first = piece.first.max(self.next);
            let frame = self.archive.frame(&piece)?;
            let TailFrame { batch, leaves, mut records, refusals, basis } = frame;
            records.retain(|record| {
                let assignment = &record.assignment;
                let is_in = assignment.slot >= first && assignment.slot <= piece.last;
                assignment.process == self.process && is_in
            });
            let refusals = refusals.map(|mut refusals| {
                refusals.retain(|record| record.refusal.process == self.process);
                refusals
            });
            let refusals = refusals.filter(|refusals| !refusals.is_empty());
            if records.is_empty() && refusals.is_none() {
                continue;
            }
            self.next = self.next.max(piece.last.next().unwrap_or(piece.last));
            let basis = basis.filter(|_| records.iter().any(|record| record.link.is_some()));
            let frame = TailFrame { batch, leaves, records, refusals, basis };
            return Ok(Some(Bytes::from(codec::encode(&frame))));
        }
        Ok(None)
    }

    fn piece(&mut self) -> Result<Option<Piece>, StoreError> {
        if self.pieces.is_empty() && self.on_disk {
            let store = &self.archive.store;
            let mut found = store.pieces(&self.process, self.from, PIECES_AT_ONCE)?;
            self.on_disk = found.len() == PIECES_AT_ONCE;
            if let Some(last) = found.last() {
                self.from = (last.last, last.number.saturating_add(1));
            }
            if let Some(recent) = self.recent.last() {
                cut(&mut found, recent.first);
                self.on_disk &= !found.is_empty();
            }
            found.reverse();
            self.pieces = found;
        }
        Ok(self.pieces.pop().or_else(|| self.recent.pop()))
    }
}
