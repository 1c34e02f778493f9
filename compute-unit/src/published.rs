//! What this unit has published of a process, on disk or in memory.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use protocol::{
    Hash, ProcessId, Receipt, Slot, UnitId,
    api::{
        AgendaKey, AgendaPage, Executed, ExecutedHead, FollowFrame, FollowSlot, HeadPage,
        OutcomePage,
    },
    codec,
};

use crate::{agenda::Fresh, database::StoreError, feed::Feed, given::Given, store::Store};

/// Bytes in one page of outcomes.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// What is stored and what is not yet.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    /// The frames on disk.
    pub(crate) store: Arc<Store>,
    /// Those in memory.
    pub(crate) feed: Arc<Feed>,
}

impl Published {
    /// The chain hash of a slot as it was published.
    pub(crate) fn chain(&self, process: &ProcessId, slot: Slot) -> Option<Hash> {
        let page = self.page(process, slot, 1).ok()?;
        page.executed.first().map(|executed| executed.receipt.leaf.chain)
    }

    /// The executed heads of processes of which a scheduler has ordered slots.
    pub(crate) fn heads_of(
        &self,
        given: &Given,
        scheduler: &UnitId,
        (after, most): (Option<ProcessId>, usize),
    ) -> Result<HeadPage, StoreError> {
        // Memory first, as below.
        let frames = self.feed.unstored(usize::MAX);
        let slots = frames.iter().flat_map(|frame| &frame.frame.slots);
        let head = |slot: &FollowSlot| {
            let (process, slot, chain) = (slot.leaf.process, slot.leaf.slot, slot.leaf.chain);
            (process, ExecutedHead { process, slot, chain })
        };
        let recent: BTreeMap<ProcessId, ExecutedHead> = slots.map(head).collect();
        let given = given.unstored();
        let its = given.iter().filter(|frame| frame.scheduler == *scheduler);
        let opened = its.flat_map(|frame| frame.runs.iter().filter(|run| run.opens));
        let opened: BTreeSet<ProcessId> = opened.map(|run| run.process).collect();
        let HeadPage { heads, more } = self.store.heads_of(scheduler, (after, most), &recent)?;
        // Those behind the page are in a later one.
        let last = heads.last().filter(|_| more).map(|head| head.process);
        let is_in = |process: &ProcessId| {
            after.is_none_or(|after| *process > after) && last.is_none_or(|last| *process <= last)
        };
        let fresh = opened.iter().filter(|process| is_in(process));
        let fresh = fresh.filter_map(|process| Some((*process, *recent.get(process)?)));
        let mut all: BTreeMap<ProcessId, ExecutedHead> = fresh.collect();
        all.extend(heads.into_iter().map(|head| (head.process, head)));
        let more = more || all.len() > most;
        Ok(HeadPage { heads: all.into_values().take(most).collect(), more })
    }

    /// What processes wait for, by process, slot and index, behind an item.
    pub(crate) fn agenda(
        &self,
        after: Option<AgendaKey>,
        most: usize,
    ) -> Result<AgendaPage, StoreError> {
        let mut fresh = Fresh::default();
        // Memory first, as below: a change counts as much the second time as the first.
        for frame in self.feed.unstored(usize::MAX) {
            frame.agenda.iter().for_each(|change| fresh.apply(change));
        }
        self.store.agenda(after, most, &fresh)
    }

    /// Reads a page of outcomes. What was published later takes the place of what was published of
    /// the same slots before.
    pub(crate) fn page(
        &self,
        process: &ProcessId,
        from: Slot,
        limit: usize,
    ) -> Result<OutcomePage, StoreError> {
        let mut page = Page { from, limit, bytes: 0, executed: Vec::new(), next: from };
        // Memory first: a frame that moves to disk meanwhile is seen twice rather than never.
        let recent = self.feed.holding(process);
        let stored = self.store.frames_of(process, from, limit)?;
        let stored =
            stored.into_iter().map(|(first, number)| (number, (first, Place::Disk(number))));
        // By number, for a frame in memory may be older than one that is on disk already.
        let mut places: BTreeMap<u64, (Slot, Place<'_>)> = stored.collect();
        places.extend(recent.iter().filter_map(|frame| {
            let slots = frame.frame.slots.iter().filter(|slot| slot.leaf.process == *process);
            let first = slots.map(|slot| slot.leaf.slot).min()?;
            Some((frame.number, (first, Place::Memory(&frame.frame))))
        }));
        // Each reaches up to where a later one begins.
        let mut end = Slot::new(u64::MAX);
        let mut ends: Vec<Slot> = Vec::with_capacity(places.len());
        for (first, _) in places.values().rev() {
            ends.push(end);
            end = end.min(*first);
        }
        for (_, place) in places.into_values() {
            let end = ends.pop().unwrap_or(Slot::new(u64::MAX));
            if page.is_full() {
                break;
            }
            if end <= page.next {
                continue;
            }
            match place {
                Place::Memory(frame) => page.take(frame, process, end),
                Place::Disk(number) => {
                    let frame = self.store.decoded(number)?.ok_or(StoreError::Damaged(number))?;
                    page.take(&frame, process, end);
                }
            }
        }
        Ok(OutcomePage { executed: page.executed, next: page.next })
    }
}

/// Where a frame is.
enum Place<'a> {
    Memory(&'a FollowFrame),
    Disk(u64),
}

/// A page that is being read.
struct Page {
    from: Slot,
    limit: usize,
    bytes: usize,
    executed: Vec<Executed>,
    next: Slot,
}

impl Page {
    fn is_full(&self) -> bool {
        self.executed.len() >= self.limit || self.bytes >= PAGE_BYTES_MAX
    }

    /// Takes the slots of a process in a frame that come next, before an end.
    fn take(&mut self, frame: &FollowFrame, process: &ProcessId, end: Slot) {
        let is_wanted = |slot: &FollowSlot| {
            let leaf = &slot.leaf;
            leaf.process == *process && leaf.slot >= self.from && leaf.slot < end
        };
        let slots = (0_u32..).zip(&frame.slots).filter(|(_, slot)| is_wanted(slot));
        let slots: BTreeMap<Slot, (u32, &FollowSlot)> =
            slots.map(|(index, slot)| (slot.leaf.slot, (index, slot))).collect();
        let tree = LazyCell::new(|| frame.tree());
        for (index, slot) in slots.into_values() {
            if slot.leaf.slot != self.next || self.is_full() {
                continue;
            }
            let path = slot.path.clone().or_else(|| tree.path(index));
            let (leaf, Some(path)) = (slot.leaf.clone(), path) else { continue };
            let receipt = Receipt { leaf, path, batch: frame.batch.clone() };
            let outcome = slot.outcome.clone();
            let bytes = codec::encode(&outcome).len().saturating_add(1_024);
            self.bytes = self.bytes.saturating_add(bytes);
            self.executed.push(Executed { outcome, receipt });
            self.next = self.next.next().unwrap_or(self.next);
        }
    }
}

#[cfg(test)]
mod tests;
