//! Rows that wait for the index, or are on their way into it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use protocol::{EntryId, PairNumber, ProcessId, Provenance, Slot};

use crate::{order::Place, store::Derived};

/// Rows that the index does not have yet.
#[derive(Debug, Default)]
pub(super) struct Generation {
    pub(super) runs: BTreeMap<(ProcessId, Slot), u64>,
    pub(super) ids: HashMap<EntryId, Place>,
    pub(super) spawns: HashMap<ProcessId, Arc<[u8]>>,
    pub(super) pairs: HashMap<(ProcessId, ProcessId), PairNumber>,
    /// Who sources are, by what a start has found in the log.
    pub(super) sources: HashMap<ProcessId, Provenance>,
    /// Entries that were refused for good, and in which batch.
    pub(super) refused: HashMap<EntryId, u64>,
    /// Whose entries were refused for good, and in which batches.
    pub(super) refusing: BTreeSet<(ProcessId, u64)>,
    /// How many batches these rows and all before them cover.
    pub(super) through: u64,
}

impl Generation {
    /// What a start has found in the log through a batch and not in the index.
    pub(super) fn of(through: u64, unindexed: Vec<Derived>) -> Self {
        let mut generation = Self { through, ..Self::default() };
        let mut runs = Vec::new();
        let entries = unindexed.iter().map(|rows| rows.ids.len()).sum();
        generation.ids.reserve(entries);
        for rows in unindexed {
            let Derived { births, ids, pairs, sources, refused, .. } = rows;
            let run = |(process, slot, batch)| ((process, slot), batch);
            runs.extend(rows.runs.into_iter().map(run));
            let place = |(entry, process, slot)| (entry, Place { process, slot });
            generation.ids.extend(ids.into_iter().map(place));
            let spawns = births.into_iter().map(|(process, _, spawn)| (process, spawn.into()));
            generation.spawns.extend(spawns);
            generation.pairs.extend(pairs);
            for (process, entry, batch) in refused {
                generation.refused.insert(entry, batch);
                generation.refusing.insert((process, batch));
            }
            for (source, provenance) in sources {
                generation.meet(source, provenance);
            }
        }
        // From sorted rows the tree is built at once.
        generation.runs = runs.into_iter().collect();
        generation
    }

    /// Keeps what says most of a source.
    fn meet(&mut self, source: ProcessId, provenance: Provenance) {
        let known = self.sources.get(&source).map(|known| known.changes.len());
        if known.is_none_or(|known| known <= provenance.changes.len()) {
            self.sources.insert(source, provenance);
        }
    }

    /// Only the first slot of a log in a batch begins a run.
    pub(super) fn add_run(&mut self, place: Place, batch: u64) {
        let mut rows = self.runs.range((place.process, Slot::ZERO)..=(place.process, place.slot));
        if rows.next_back().is_none_or(|(_, known)| *known != batch) {
            self.runs.insert((place.process, place.slot), batch);
        }
    }
}
