//! What the index says about group commits, gathered from their bytes.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Entry, EntryId, OriginProof, PairNumber, ProcessId, Slot, Timestamp, codec};

use super::StoreError;
use crate::{order::Head, segment::Segment};

/// The index rows of consecutive group commits.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    /// New processes with the times of their births and the bytes of their spawns, in order of birth.
    pub(crate) births: Vec<(ProcessId, Timestamp, Vec<u8>)>,
    /// The new end of each log.
    pub(crate) heads: BTreeMap<ProcessId, Head>,
    /// The first slot of each log in each batch, with the batch's number.
    pub(crate) runs: Vec<(ProcessId, Slot, u64)>,
    /// The place of each entry.
    pub(crate) ids: Vec<(EntryId, ProcessId, Slot)>,
    /// The next number of each pair of target and source.
    pub(crate) pairs: BTreeMap<(ProcessId, ProcessId), PairNumber>,
    /// The spawns of sources that were introduced.
    pub(crate) sources: BTreeMap<ProcessId, Vec<u8>>,
}

impl Derived {
    /// Adds a group commit.
    pub(crate) fn add(&mut self, number: u64, segment: &[u8]) -> Result<(), StoreError> {
        let segment = Segment::read(segment)?;
        let mut seen = BTreeSet::new();
        for record in &segment.records {
            let assignment = &record.assignment;
            let (process, slot) = (assignment.process, assignment.slot);
            if seen.insert(process) {
                self.runs.push((process, slot, number));
            }
            self.heads.insert(process, Head::after(assignment));
            self.ids.push((assignment.entry, process, slot));
            if slot == Slot::ZERO || record.origin.is_some() {
                self.add_entry((process, assignment.time), record.entry, record.origin)?;
            }
        }
        Ok(())
    }

    /// Adds what only the entry itself tells.
    fn add_entry(
        &mut self,
        (process, time): (ProcessId, Timestamp),
        entry: &[u8],
        origin: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        match codec::decode_trusted(entry).map_err(damaged)? {
            Entry::Spawn(spawn) => {
                self.births.push((process, time, spawn.body_bytes().to_vec()));
            }
            Entry::Delivery(delivery) => {
                let number = delivery.item.pair.map(|pair| pair.number).unwrap_or_default();
                let next = number.next().unwrap_or(number);
                self.pairs.insert((process, delivery.source), next);
                let proof: Option<OriginProof> =
                    origin.map(codec::decode_trusted).transpose().map_err(damaged)?;
                if let Some(introduction) = proof.and_then(|proof| proof.introduction) {
                    self.sources.insert(delivery.source, introduction.spawn);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn damaged(error: codec::DecodeError) -> StoreError {
    StoreError::Damaged(format!("an entry in the log cannot be read: {error}"))
}
