//! What must hold after every step, whatever has happened. Knows nothing of the unit but its
//! promises: reads what is durable as an auditor would.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    Assignment, AssignmentProof, Entry, EntryId, Hash, MerkleTree, PairNumber, ProcessId,
    RefusalProof, Signed, Slot, Timestamp,
    api::{FinalRefusal, SubmitEvent, TailFrame},
    codec,
};

use crate::fixture::{NETWORK, scheduler};

/// What was promised.
#[derive(Debug, Default)]
pub(super) struct Checker {
    /// How many batches are durable.
    pub(super) batches: usize,
    /// The time of the last one.
    time: Timestamp,
    /// Assignments, by slot.
    pub(super) logs: BTreeMap<ProcessId, Vec<Assignment>>,
    /// The place of every durable entry.
    pub(super) places: BTreeMap<EntryId, Assignment>,
    /// The next number of each pair of target and source.
    pub(super) pairs: BTreeMap<(ProcessId, ProcessId), PairNumber>,
    /// What somebody was told.
    pub(super) acknowledged: BTreeMap<EntryId, Assignment>,
    /// The entries that were refused for good.
    refused: BTreeSet<EntryId>,
    /// Batches whose signature was seen to hold.
    signed: BTreeSet<Hash>,
}

/// Ends a check with what does not hold.
macro_rules! hold {
    ($condition:expr, $($detail:tt)*) => {
        if !$condition {
            return Err(format!($($detail)*));
        }
    };
}

/// What does not hold.
pub(super) type Broken = String;

impl Checker {
    /// Takes note of batches that have become durable.
    pub(super) fn durable(&mut self, segments: &[Vec<u8>]) -> Result<(), Broken> {
        for segment in segments {
            self.batch(segment)?;
            self.batches += 1;
        }
        Ok(())
    }

    fn batch(&mut self, segment: &[u8]) -> Result<(), Broken> {
        let frame: TailFrame = codec::decode(segment).map_err(|error| error.to_string())?;
        let header = frame.batch.unverified();
        let number = usize::try_from(header.number).unwrap();
        hold!(number == self.batches, "batch {number} stands at {}", self.batches);
        hold!(header.time >= self.time, "the time of batch {number} goes back");
        let root = MerkleTree::new(frame.leaves.clone()).root();
        hold!(header.root == root, "the root of batch {number} is not that of its leaves");
        let refusals = frame.refusals.unwrap_or_default();
        let whole = frame.records.len() + refusals.len();
        hold!(frame.leaves.len() == whole, "batch {number} is not whole");
        self.signature(&frame.batch)?;
        self.time = header.time;
        for (record, leaf) in frame.records.iter().zip(&frame.leaves) {
            let entry: Entry = codec::decode(&record.entry).map_err(|error| error.to_string())?;
            hold!(record.assignment.leaf() == *leaf, "a leaf of batch {number} is of another");
            self.assignment(&record.assignment, &entry)?;
        }
        for (record, leaf) in refusals.iter().zip(frame.leaves.iter().skip(frame.records.len())) {
            let refusal = &record.refusal;
            hold!(refusal.leaf() == *leaf, "a refusal of batch {number} has another leaf");
            let placed = self.places.get(&refusal.entry);
            hold!(placed.is_none(), "what has a slot is refused for good in batch {number}");
            self.refused.insert(refusal.entry);
        }
        Ok(())
    }

    fn assignment(&mut self, assignment: &Assignment, entry: &Entry) -> Result<(), Broken> {
        let Assignment { process, slot, time, entry: id, .. } = *assignment;
        hold!(entry.id() == id, "slot {slot} of {process} is of another entry");
        hold!(entry.target() == process, "slot {slot} of {process} is of another process");
        let log = self.logs.entry(process).or_default();
        let next = Slot::new(u64::try_from(log.len()).unwrap());
        hold!(slot == next, "{process} has slot {slot} where {next} is due");
        let last = log.last().map_or((Hash::ZERO, Timestamp::ZERO), |last| (last.chain, last.time));
        hold!(assignment.follows(&last.0), "the chain of {process} breaks at slot {slot}");
        hold!(time >= last.1, "the time of {process} goes back at slot {slot}");
        let is_birth = matches!(entry, Entry::Spawn(_));
        hold!(is_birth == (slot == Slot::ZERO), "{process} is born in slot {slot}");
        match entry {
            Entry::Message(message) => {
                let expiry = message.unverified().expiry;
                hold!(time <= expiry, "slot {slot} of {process} came after its expiry");
            }
            Entry::Delivery(delivery) => {
                let number = delivery.item.pair.unwrap().number;
                let next = self.pairs.entry((process, delivery.source)).or_default();
                hold!(number == *next, "{process} has number {number} where {next} is due");
                *next = number.next().unwrap();
            }
            _ => {}
        }
        let refused = self.refused.contains(&id);
        hold!(!refused, "slot {slot} of {process} is of an entry that was refused for good");
        log.push(*assignment);
        let before = self.places.insert(id, *assignment);
        hold!(
            before.is_none(),
            "an entry has slots {} and {slot} of {process}",
            before.unwrap().slot
        );
        Ok(())
    }

    fn signature(&mut self, batch: &Signed<protocol::BatchHeader>) -> Result<(), Broken> {
        let digest = Hash::of_blob(&codec::encode(batch));
        if self.signed.insert(digest) {
            hold!(batch.unverified().scheduler == scheduler().public().unit(), "another signs");
            batch.clone().verify(NETWORK).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Checks what the unit says, at the moment it says it.
    pub(super) fn said(&mut self, event: &SubmitEvent) -> Result<(), Broken> {
        let (batch, entries) = match event {
            SubmitEvent::Assigned { batch, entries } => (batch, entries),
            SubmitEvent::Final { batch, entries } => {
                self.signature(batch)?;
                for FinalRefusal { refusal, path, .. } in entries {
                    let (refusal, path, batch) = (*refusal, path.clone(), batch.clone());
                    let proof = RefusalProof { refusal, path, batch };
                    let holds = proof.verify(NETWORK, &scheduler().public().unit()).is_ok();
                    let durable = self.refused.contains(&refusal.entry);
                    hold!(holds && durable, "a refusal for good is told that is not durable");
                }
                return Ok(());
            }
            SubmitEvent::Refused { .. }
            | SubmitEvent::Executed { .. }
            | SubmitEvent::Delivered { .. } => return Ok(()),
        };
        self.signature(batch)?;
        for entry in entries {
            let (assignment, path) = (entry.assignment, entry.path.clone());
            let Assignment { process, slot, .. } = assignment;
            let proof = AssignmentProof { assignment, path, batch: batch.clone() };
            let leads = proof.leads_to_batch_of(&scheduler().public().unit());
            hold!(leads, "the proof of slot {slot} of {process} leads elsewhere");
            let durable = self.places.get(&assignment.entry);
            hold!(
                durable == Some(&assignment),
                "slot {slot} of {process} is acknowledged, and {durable:?} is durable"
            );
            self.acknowledged.insert(assignment.entry, assignment);
        }
        Ok(())
    }
}
