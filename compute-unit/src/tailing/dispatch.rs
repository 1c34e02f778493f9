//! Hands checked slots to the executor, once they are noted as given to this unit.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry as MapEntry},
    sync::Arc,
};

use bytes::Bytes;
use protocol::{
    Entry, ProcessId, Slot,
    api::{RefusalRecord, TailFrame, TailRecord},
    codec,
};

use super::{Link, Tailing};
use crate::{
    executor::{Batch, Pushed, Work},
    given::Run,
    publisher::Assigning,
    tail::{Checked, CheckedBatch, Moved, Tail},
};

/// What a waiting entry costs beside its bytes.
const ENTRY_OVERHEAD_BYTES: usize = 1_024;

/// Slots of a batch that there is room for.
#[derive(Debug, Default)]
struct Admitted {
    work: Vec<(Work, Option<Moved>)>,
    /// The records that were not noted before.
    records: Vec<TailRecord>,
    runs: BTreeMap<ProcessId, Run>,
    controls: Vec<(ProcessId, Slot, Vec<u8>)>,
}

/// How far a process has come in a batch.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// The first slot that was not noted.
    given: Slot,
    /// The bytes that wait to be queued.
    held: usize,
}

impl Tailing {
    /// Hands over a batch. Whether the executor wants earlier slots of a log first.
    pub(super) async fn dispatch(
        &self,
        link: &Link,
        bytes: Bytes,
        mut batch: CheckedBatch,
        tail: &mut Tail,
    ) -> bool {
        self.resting.change(std::mem::take(&mut batch.ranked));
        self.tell_superseded(link, std::mem::take(&mut batch.superseded)).await;
        self.look_for_faults(&batch).await;
        let slots = std::mem::take(&mut batch.slots);
        let tree = std::mem::replace(&mut batch.tree, protocol::MerkleTree::new(Vec::new()));
        let shared = Arc::new(Batch {
            assigning: Arc::new(Assigning { header: batch.header.clone(), tree }),
            reports: Arc::clone(&link.reports),
        });
        let admitted = self.admit(link, slots, &shared, tail).await;
        let Admitted { work, records, runs, controls } = admitted;
        self.note(bytes, batch, records, runs, controls).await;
        let mut ahead = false;
        for (work, moved) in work {
            let process = work.assignment.process;
            match self.executor.push(work) {
                Pushed::Queued | Pushed::Passed => {
                    moved.into_iter().for_each(|moved| self.moves.learn(process, moved));
                }
                Pushed::Ahead(position) => {
                    tail.rewind(&process, position);
                    ahead = true;
                }
            }
        }
        ahead
    }

    /// Finds room for slots, and out which of them are new.
    async fn admit(
        &self,
        link: &Link,
        slots: Vec<Checked>,
        batch: &Arc<Batch>,
        tail: &mut Tail,
    ) -> Admitted {
        let mut admitted = Admitted::default();
        let mut behind = BTreeSet::new();
        let mut steps: HashMap<ProcessId, Step> = HashMap::new();
        for slot in slots {
            let Checked { record, entry, before, opens, moved } = slot;
            let assignment = record.assignment;
            let process = assignment.process;
            if behind.contains(&process) {
                continue;
            }
            if assignment.slot == Slot::ZERO {
                let known = self.heads.get(&process).copied();
                self.executor.host(process, link.scheduler, known, None);
            }
            let stand =
                || Step { given: self.executor.given(&process, &assignment, &entry), held: 0 };
            let step = match steps.entry(process) {
                // A takeover may make void what was noted.
                MapEntry::Occupied(step) if !matches!(entry, Entry::Control(_)) => step.into_mut(),
                MapEntry::Occupied(step) => {
                    let step = step.into_mut();
                    step.given = step.given.min(stand().given);
                    step
                }
                MapEntry::Vacant(step) => step.insert(stand()),
            };
            let bytes = record.entry.len().saturating_add(ENTRY_OVERHEAD_BYTES);
            let free = self.waiting.available_permits();
            if !self.executor.admits(&process, step.held, bytes, free) {
                self.metrics.processes_behind.increment();
                tail.fall_behind(process, before);
                behind.insert(process);
                continue;
            }
            step.held = step.held.saturating_add(bytes);
            let is_new = assignment.slot >= step.given;
            if is_new {
                step.given = assignment.slot.next().unwrap_or(assignment.slot);
                admitted.note(&record, &entry, opens);
            }
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            let share = Arc::clone(&self.waiting).acquire_many_owned(bytes).await;
            let share = share.expect("the semaphore is never closed");
            let (index, batch) = (record.index, Arc::clone(batch));
            if is_new {
                admitted.records.push(record);
            }
            admitted.work.push((Work { assignment, entry, index, batch, share }, moved));
        }
        admitted
    }

    /// Notes what is new in a frame, in its own bytes if that is all of it.
    async fn note(
        &self,
        bytes: Bytes,
        batch: CheckedBatch,
        records: Vec<TailRecord>,
        mut runs: BTreeMap<ProcessId, Run>,
        controls: Vec<(ProcessId, Slot, Vec<u8>)>,
    ) {
        for (refused, last) in &batch.refusals {
            let (process, first) = (refused.refusal.process, last.next().unwrap_or(*last));
            let run = || Run { process, first, last: *last, opens: false };
            runs.entry(process).or_insert_with(run);
        }
        if runs.is_empty() {
            return;
        }
        let scheduler = batch.header.unverified().scheduler;
        let noted = records.len().saturating_add(batch.refusals.len());
        let bytes = if noted == batch.count {
            bytes
        } else {
            let refusals: Vec<RefusalRecord> =
                batch.refusals.iter().map(|(refused, _)| *refused).collect();
            let refusals = (!refusals.is_empty()).then_some(refusals);
            let basis = batch.basis.filter(|_| records.iter().any(|record| record.link.is_some()));
            let (batch, leaves) = (batch.header, batch.leaves);
            Bytes::from(codec::encode(&TailFrame { batch, leaves, records, refusals, basis }))
        };
        self.metrics.frames_given.increment();
        let runs = runs.into_values().collect();
        self.archive.given.note(scheduler, bytes, runs, controls).await;
    }
}

impl Admitted {
    /// Takes note of a slot that is new.
    fn note(&mut self, record: &TailRecord, entry: &Entry, opens: bool) {
        let process = record.assignment.process;
        let slot = record.assignment.slot;
        let run =
            self.runs.entry(process).or_insert(Run { process, first: slot, last: slot, opens });
        run.last = slot;
        run.opens |= opens;
        if let Entry::Control(control) = entry
            && control.unverified().action.ends_epoch()
        {
            self.controls.push((process, slot, codec::encode(control)));
        }
    }
}
