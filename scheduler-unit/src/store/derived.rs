//! What the index says about group commits, gathered from their bytes.

use std::collections::{BTreeMap, HashMap};

use protocol::{
    Control, ControlAction, Entry, EntryId, ItemBody, OriginProof, PairNumber, ProcessId,
    Provenance, Slot, Timestamp, codec,
};

use super::StoreError;
use crate::{
    order::{Head, TimerKey},
    segment::Segment,
    verify::Recurring,
};

/// The form of a control among entries.
const CONTROL: u8 = 6;

/// The index rows of consecutive group commits.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    /// New processes with the times of their births and the bytes of their spawns, in order of birth.
    pub(crate) births: Vec<(ProcessId, Timestamp, Vec<u8>)>,
    /// The new end of each log, and the last batch with slots of it.
    ends: HashMap<ProcessId, (Head, u64)>,
    /// The first slot of each log in each batch, with the batch's number.
    pub(crate) runs: Vec<(ProcessId, Slot, u64)>,
    /// The place of each entry.
    pub(crate) ids: Vec<(EntryId, ProcessId, Slot)>,
    /// The next number of each pair of target and source.
    pub(crate) pairs: BTreeMap<(ProcessId, ProcessId), PairNumber>,
    /// Who sources are, as they were introduced.
    pub(crate) sources: BTreeMap<ProcessId, Provenance>,
    /// The controls that changed who stands for a log, with their slots.
    pub(crate) changes: Vec<(ProcessId, Slot, Control)>,
    /// The next occurrence of each recurring timer.
    pub(crate) timers: BTreeMap<TimerKey, u64>,
    /// The entries that were refused for good, with whom they were for and the numbers of their
    /// batches.
    pub(crate) refused: Vec<(ProcessId, EntryId, u64)>,
}

impl Derived {
    /// Adds a group commit.
    pub(crate) fn add(&mut self, number: u64, segment: &[u8]) -> Result<(), StoreError> {
        let segment = Segment::read(segment)?;
        for record in &segment.records {
            let assignment = &record.assignment;
            let (process, slot) = (assignment.process, assignment.slot);
            let before = self.ends.insert(process, (Head::after(assignment), number));
            if before.is_none_or(|(_, batch)| batch != number) {
                self.runs.push((process, slot, number));
            }
            self.ids.push((assignment.entry, process, slot));
            let proven = record.origin.is_some() || record.link.is_some();
            if slot == Slot::ZERO || proven || is_control(record.entry) {
                self.add_entry((process, slot, assignment.time), record.entry, record.origin)?;
            }
        }
        for record in &segment.refusals {
            self.refused.push((record.refusal.process, record.refusal.entry, number));
            if let Some(pair) = &record.pair {
                self.use_pair((record.refusal.process, pair.source), pair.number);
            }
        }
        Ok(())
    }

    /// The new end of each log, in the order of their ids.
    pub(crate) fn heads(&self) -> Vec<(ProcessId, Head)> {
        let heads = self.ends.iter().map(|(process, (head, _))| (*process, *head));
        let mut heads: Vec<_> = heads.collect();
        heads.sort_unstable_by_key(|(process, _)| *process);
        heads
    }

    fn use_pair(&mut self, pair: (ProcessId, ProcessId), number: PairNumber) {
        let next = number.next().unwrap_or(number);
        self.pairs.entry(pair).and_modify(|known| *known = next.max(*known)).or_insert(next);
    }

    fn meet(&mut self, source: ProcessId, introduction: Provenance) {
        let known = self.sources.get(&source).map(|known| known.changes.len());
        if known.is_none_or(|known| known <= introduction.changes.len()) {
            self.sources.insert(source, introduction);
        }
    }

    /// Adds what only the entry itself tells.
    fn add_entry(
        &mut self,
        (process, slot, time): (ProcessId, Slot, Timestamp),
        entry: &[u8],
        origin: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        match codec::decode_trusted(entry).map_err(damaged)? {
            Entry::Spawn(spawn) => {
                self.births.push((process, time, spawn.body_bytes().to_vec()));
            }
            Entry::Delivery(item) | Entry::Skip(item) => {
                let number = match item.item.body {
                    ItemBody::Skip(number) => number,
                    _ => item.item.pair.map(|pair| pair.number).unwrap_or_default(),
                };
                self.use_pair((process, item.source), number);
                if let ItemBody::Spawn(spawn, _) = item.item.body {
                    self.births.push((process, time, spawn));
                }
                let introducing = proof(origin.filter(introduces))?;
                if let Some(introduction) = introducing.and_then(|proof| proof.introduction) {
                    self.meet(item.source, introduction);
                }
            }
            Entry::Timer(timer) => {
                let emitted = proof(origin)?.and_then(|proof| proof.emitted);
                if emitted.is_some_and(|item| Recurring::of(&item).is_some()) {
                    let next = timer.occurrence.saturating_add(1);
                    self.timers.insert((process, timer.slot, timer.index), next);
                }
            }
            Entry::Control(control)
                if !matches!(control.unverified().action, ControlAction::Upgrade { .. }) =>
            {
                self.changes.push((process, slot, control.unverified().clone()));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether the bytes of an entry are those of a control.
fn is_control(entry: &[u8]) -> bool {
    entry.get(1) == Some(&CONTROL)
}

fn proof(origin: Option<&[u8]>) -> Result<Option<OriginProof>, StoreError> {
    origin.map(codec::decode_trusted).transpose().map_err(damaged)
}

fn damaged(error: codec::DecodeError) -> StoreError {
    StoreError::Damaged(format!("an entry in the log cannot be read: {error}"))
}

/// Whether the bytes of a proof of origin have more than item, receipts and assignment: few do.
fn introduces(origin: &&[u8]) -> bool {
    minicbor::Decoder::new(origin).array().is_ok_and(|fields| fields.is_none_or(|many| many > 3))
}
