//! Shards: the logs of a unit, spread by process id over writers that know nothing of each other.
//!
//! Each shard has an order, a log, an index and an inbox of its own, so a unit uses as many cores and
//! disks as it has shards. Modules, verification and the order of birth are the unit's.
//!
//! # Invariants
//!
//! - Which shard a process belongs to follows from its id and the number of shards, for ever.

use std::{num::NonZeroU16, sync::Arc};

use protocol::{EntryId, ProcessId, Provenance, RefusalProof};

use crate::{
    archive::Archive,
    births::Births,
    board::Known,
    order::Place,
    seals::Seals,
    sequencer::Inbox,
    store::{ModuleStore, StoreError},
    verify::Signatures,
};

/// What readers and verification see of one writer.
#[derive(Debug, Clone)]
pub(crate) struct Shard {
    /// What it has written.
    pub(crate) archive: Arc<Archive>,
    /// What it is to write.
    pub(crate) inbox: Arc<Inbox>,
}

/// All shards of a unit, and what they share.
#[derive(Debug)]
pub(crate) struct Shards {
    first: Shard,
    others: Vec<Shard>,
    births: Arc<Births>,
    /// The modules of all processes.
    pub(crate) modules: Box<dyn ModuleStore>,
    /// The logs that are written to no more.
    pub(crate) seals: Arc<Seals>,
    /// What was signed or verified of late.
    pub(crate) signatures: Arc<Signatures>,
}

/// The shard of a process among so many.
pub(crate) fn shard_of(process: &ProcessId, count: NonZeroU16) -> u16 {
    let (head, _) = process.as_bytes().split_first_chunk().expect("an id has 32 bytes");
    let rest = u64::from_le_bytes(*head) % u64::from(count.get());
    u16::try_from(rest).expect("a remainder is less than its divisor")
}

impl Shards {
    /// The shards of a unit, in their order; nothing without any.
    pub(crate) fn new(
        archives: Vec<Arc<Archive>>,
        births: Arc<Births>,
        modules: Box<dyn ModuleStore>,
        seals: Arc<Seals>,
    ) -> Option<Self> {
        let shard = |archive| Shard { archive, inbox: Arc::default() };
        let mut shards = archives.into_iter().map(shard);
        let first = shards.next()?;
        let signatures = Arc::default();
        Some(Self { first, others: shards.collect(), births, modules, seals, signatures })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> NonZeroU16 {
        let others = u16::try_from(self.others.len()).unwrap_or(u16::MAX);
        NonZeroU16::MIN.saturating_add(others)
    }

    /// The number of the shard of a process.
    pub(crate) fn number_of(&self, process: &ProcessId) -> u16 {
        shard_of(process, self.count())
    }

    /// The shard of a number; the first one if there is none.
    pub(crate) fn get(&self, number: u16) -> &Shard {
        let other = number.checked_sub(1).and_then(|other| self.others.get(usize::from(other)));
        other.unwrap_or(&self.first)
    }

    /// The shard of a process.
    pub(crate) fn of(&self, process: &ProcessId) -> &Shard {
        self.get(self.number_of(process))
    }

    /// What the shard of a process has written.
    pub(crate) fn archive(&self, process: &ProcessId) -> &Arc<Archive> {
        &self.of(process).archive
    }

    /// All shards, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Shard> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Where an entry stands, in whichever shard.
    pub(crate) fn find(&self, entry: &EntryId) -> Result<Option<Place>, StoreError> {
        let mut found = self.iter().map(|shard| shard.archive.find(entry));
        found.find_map(Result::transpose).transpose()
    }

    /// Who a process of another scheduler is, if it was introduced to any shard: what says most.
    pub(crate) fn introduced(&self, process: &ProcessId) -> Result<Option<Provenance>, StoreError> {
        let mut best: Option<Provenance> = None;
        for shard in self.iter() {
            let met = shard.archive.introduced(process)?;
            best = best.into_iter().chain(met).max_by_key(|known| known.changes.len());
        }
        Ok(best)
    }

    /// The proof that an entry is refused for good, by whichever shard.
    pub(crate) fn refusal(&self, entry: &EntryId) -> Result<Option<RefusalProof>, StoreError> {
        let mut found = self.iter().map(|shard| shard.archive.refusal(entry));
        found.find_map(Result::transpose).transpose()
    }

    /// Processes in order of birth, and how many there are in all.
    pub(crate) fn processes(&self, offset: u64, limit: usize) -> (Vec<(ProcessId, Known)>, u64) {
        let (born, total) = self.births.page(offset, limit);
        let known =
            |process: ProcessId| Some((process, self.archive(&process).board.process(&process)?));
        (born.into_iter().filter_map(known).collect(), total)
    }

    /// Closes the stores; reads fail from now on.
    pub(crate) fn close(&self) {
        self.iter().for_each(|shard| shard.archive.close());
        self.modules.close();
        self.seals.close();
    }
}

#[cfg(test)]
impl Shards {
    /// Puts another log in the place of that of the first shard, which nobody uses yet.
    pub(crate) fn replace_log(
        &mut self,
        replace: impl FnOnce(Arc<dyn crate::store::LogStore>) -> Arc<dyn crate::store::LogStore>,
    ) {
        let archive = Arc::get_mut(&mut self.first.archive).expect("nobody else has it yet");
        archive.log = replace(Arc::clone(&archive.log));
    }
}

#[cfg(test)]
mod tests;
