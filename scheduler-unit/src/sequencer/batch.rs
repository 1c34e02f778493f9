//! A group commit in the making: records, root, signature, and who is to be told what.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use protocol::{
    Assignment, BatchHeader, Entry, EntryId, ItemBody, Kind, MerkleTree, NetworkId, PairNumber,
    ProcessId, Refusal, RefusalLeaf, SecretKey, Signed, TRACE_TARGET, Timestamp, TraceId, V1,
    api::{Acknowledgement, FinalRefusal, PairUse, RefusalRecord, SubmitEvent},
};

use crate::{
    board::{Birth, Posting},
    metrics::Metrics,
    order::{Checked, CheckedBody, Decision, Imported, Log, Order, Place},
    segment::Builder,
    sequencer::Import,
    verify::{Event, Lane, Origin},
};

/// A group commit.
#[derive(Debug)]
pub(crate) struct Batch {
    time: Timestamp,
    records: Builder,
    refusals: Vec<RefusalRecord>,
    assignments: Vec<Assignment>,
    posting: Posting,
    audience: Vec<Audience>,
    /// Where a stream, known by its address in memory, stands in the audience.
    seats: HashMap<usize, usize>,
    sealed: Option<(Signed<BatchHeader>, MerkleTree)>,
    /// The log that it brings, if another scheduler has signed it.
    imported: Option<ProcessId>,
}

/// A stream, and what it is to be told.
#[derive(Debug)]
struct Audience {
    lane: Arc<Lane>,
    /// Tags and leaf positions.
    assigned: Vec<(u64, u32)>,
    /// Tags of what came with links.
    delivered: Vec<u64>,
    /// Tags, positions among the refusals, and what people are told.
    refused: Vec<(u64, usize, String)>,
    settled: Vec<Settled>,
}

/// What became of a submission that has no part in the batch.
#[derive(Debug)]
pub(super) enum Settled {
    /// It has a place, possibly in this very batch.
    Known(u64, Place),
    /// It is older than what is remembered in memory.
    Old(u64, EntryId, Refusal),
    /// It has none.
    Refused(u64, Refusal),
}

impl Batch {
    /// An empty batch.
    pub(super) fn new(number: u64, time: Timestamp) -> Self {
        Self {
            time,
            records: Builder::default(),
            refusals: Vec::new(),
            assignments: Vec::new(),
            posting: Posting { number, ..Posting::default() },
            audience: Vec::new(),
            seats: HashMap::new(),
            sealed: None,
            imported: None,
        }
    }

    /// A group commit of another scheduler, whose slots the order has taken in.
    pub(super) fn imported(number: u64, time: Timestamp, import: &Import, order: &Order) -> Self {
        let Import { process, segment, slots, refusals, .. } = import;
        let mut batch = Self { imported: Some(*process), ..Self::new(number, time) };
        batch.posting.segment = segment.clone();
        for Imported { assignment, entry, .. } in slots {
            batch.assignments.push(*assignment);
            let (source, spawn) = match entry {
                Entry::Spawn(spawn) => (None, Some(spawn.body_bytes())),
                Entry::Delivery(item) | Entry::Skip(item) => match &item.item.body {
                    ItemBody::Spawn(spawn, _) => (Some(item.source), Some(spawn.as_slice())),
                    _ => (Some(item.source), None),
                },
                _ => (None, None),
            };
            if let (Some(spawn), Some(log)) = (spawn, order.log(process)) {
                batch.add_birth(*process, log, spawn);
            }
            batch.pass(order, source.into_iter());
        }
        batch.pass(order, refusals.iter().filter_map(|record| Some(record.pair?.source)));
        let refused = refusals.iter().map(|record| (*process, record.refusal.entry));
        batch.posting.refused.extend(refused);
        if let Some(log) = order.log(process) {
            batch.posting.standings.push((*process, log.standing.clone()));
        }
        batch
    }

    /// Shows how far pairs of the imported log have come.
    fn pass(&mut self, order: &Order, sources: impl Iterator<Item = ProcessId>) {
        for pair in sources.filter_map(|source| Some((self.imported?, source))) {
            self.posting.pairs.push((pair, order.next_number(&pair)));
        }
    }

    /// The log that it brings, if another scheduler has signed it.
    pub(super) const fn brings(&self) -> Option<ProcessId> {
        self.imported
    }

    /// Adds an entry that was decided on.
    pub(super) fn add(
        &mut self,
        lane: &Arc<Lane>,
        tag: u64,
        checked: Checked,
        decision: Decision,
        order: &Order,
    ) {
        let Checked { id, entry, origin, body, .. } = checked;
        let assignment = match decision {
            Decision::Assigned(assignment) => assignment,
            Decision::Duplicate(place) => return self.settle(lane, Settled::Known(tag, place)),
            Decision::Old(refusal) => return self.settle(lane, Settled::Old(tag, id, refusal)),
            Decision::Refused(refusal) => return self.settle(lane, Settled::Refused(tag, refusal)),
            Decision::Final(refusal) => {
                return self.refuse_for_good(lane, tag, (id, &body), refusal);
            }
        };
        let log = order.log(&assignment.process).expect("it has a slot just now");
        match body {
            CheckedBody::Spawn(spawn) => {
                self.add_birth(assignment.process, log, spawn.signed().body_bytes());
            }
            CheckedBody::Child(child) => {
                self.add_birth(assignment.process, log, &child.bytes);
                self.use_pair(child.process, child.parent, PairNumber::ZERO);
            }
            CheckedBody::Delivery(item) | CheckedBody::Skip(item) => {
                self.use_pair(item.target(), item.source(), item.number());
            }
            CheckedBody::Control(_) => {
                self.posting.standings.push((assignment.process, log.standing.clone()));
            }
            CheckedBody::Message(_)
            | CheckedBody::Timer(_)
            | CheckedBody::Answer(_)
            | CheckedBody::Misfit(_) => {}
        }
        let index = u32::try_from(self.assignments.len()).expect("a batch is bounded");
        let linked = matches!(origin, Some(Origin::Linked(..)));
        self.records.add(index, &assignment, &entry, origin.as_ref());
        self.assignments.push(assignment);
        let audience = self.seat(lane);
        if linked {
            audience.delivered.push(tag);
        } else {
            audience.assigned.push((tag, index));
        }
    }

    fn add_birth(&mut self, process: ProcessId, log: &Log, spawn: &[u8]) {
        let (number, standing) = (log.number, log.standing.clone());
        self.posting.births.push(Birth { process, number, standing, spawn: spawn.into() });
    }

    fn use_pair(&mut self, target: ProcessId, source: ProcessId, number: PairNumber) {
        let next = number.next().expect("a pair never has 2^64 items");
        self.posting.pairs.push(((target, source), next));
    }

    /// Adds a refusal that becomes a leaf, too.
    fn refuse_for_good(
        &mut self,
        lane: &Arc<Lane>,
        tag: u64,
        (entry, body): (EntryId, &CheckedBody),
        refusal: Refusal,
    ) {
        let process = body.target();
        let pair = body.pair().map(|(source, number)| PairUse { source, number });
        if let Some(PairUse { source, number }) = pair {
            self.use_pair(process, source, number);
        }
        let Refusal { code, detail, .. } = refusal;
        let refusal = RefusalLeaf { process, entry, code, floor: self.time };
        let position = self.refusals.len();
        // The leaves of the assignments come before it; how many, the seal will know.
        self.refusals.push(RefusalRecord { index: 0, refusal, pair });
        self.posting.refused.push((process, entry));
        self.seat(lane).refused.push((tag, position, detail));
    }

    /// Adds what became of a submission without a part in the batch.
    pub(super) fn settle(&mut self, lane: &Arc<Lane>, settled: Settled) {
        self.seat(lane).settled.push(settled);
    }

    /// Whether nothing was assigned.
    pub(super) const fn is_empty(&self) -> bool {
        self.assignments.is_empty() && self.refusals.is_empty()
    }

    pub(super) const fn number(&self) -> u64 {
        self.posting.number
    }

    pub(super) const fn time(&self) -> Timestamp {
        self.time
    }

    /// The bytes to store, once sealed.
    pub(super) const fn segment(&self) -> &Bytes {
        &self.posting.segment
    }

    /// Signs the root and encodes the batch.
    pub(super) fn seal(&mut self, key: &SecretKey, network: NetworkId) {
        let mut leaves: Vec<_> = self.assignments.iter().map(Assignment::leaf).collect();
        for record in &mut self.refusals {
            record.index = u32::try_from(leaves.len()).expect("a batch is bounded");
            leaves.push(record.refusal.leaf());
        }
        let tree = MerkleTree::new(leaves.clone());
        let header = BatchHeader {
            version: V1,
            kind: Kind,
            network,
            scheduler: key.public().unit(),
            number: self.number(),
            time: self.time,
            count: u32::try_from(leaves.len()).expect("a batch is bounded"),
            root: tree.root(),
        };
        let batch = Signed::sign(header, key);
        let segment = self.records.finish(&batch, &leaves, &self.refusals);
        self.posting.segment = Bytes::from(segment);
        self.sealed = Some((batch, tree));
    }

    /// What was signed, unless another scheduler did.
    pub(super) fn signed(&self) -> Option<&Signed<BatchHeader>> {
        self.sealed.as_ref().map(|(signed, _)| signed)
    }

    /// What readers are to see, once the batch is durable.
    pub(super) fn take_posting(&mut self) -> Posting {
        let number = self.posting.number;
        self.posting.assignments.clone_from(&self.assignments);
        std::mem::replace(&mut self.posting, Posting { number, ..Posting::default() })
    }

    /// Logs the entries that have got their places.
    pub(super) fn trace(&self) {
        for Assignment { process, slot, entry, .. } in &self.assignments {
            let trace = TraceId::from(entry);
            tracing::debug!(
                target: TRACE_TARGET, %trace, %entry, %process, %slot, "assigned"
            );
        }
    }

    /// Tells every stream what became of its submissions.
    pub(super) fn tell(self, metrics: &Metrics) {
        for Audience { lane, assigned, delivered, refused, settled } in self.audience {
            if let Some((batch, tree)) = &self.sealed
                && !refused.is_empty()
            {
                metrics.refused.add_len(refused.len());
                let about = u32::try_from(refused.len()).expect("a batch is bounded");
                let refuse = |(tag, position, detail): (u64, usize, String)| {
                    let RefusalRecord { index, refusal, .. } = *self.refusals.get(position)?;
                    Some(FinalRefusal { tag, refusal, path: tree.path(index)?, detail })
                };
                let entries = refused.into_iter().filter_map(refuse).collect();
                lane.tell(Event::Tell(SubmitEvent::Final { batch: batch.clone(), entries }, about));
            }
            if let Some((batch, tree)) = &self.sealed
                && !assigned.is_empty()
            {
                metrics.assigned.add_len(assigned.len());
                let about = u32::try_from(assigned.len()).expect("a batch is bounded");
                let acknowledge = |(tag, index): (u64, u32)| {
                    let at = usize::try_from(index).ok()?;
                    let assignment = *self.assignments.get(at)?;
                    Some(Acknowledgement { tag, assignment, path: tree.path(index)? })
                };
                let entries = assigned.into_iter().filter_map(acknowledge).collect();
                lane.tell(Event::Tell(
                    SubmitEvent::Assigned { batch: batch.clone(), entries },
                    about,
                ));
            }
            if !delivered.is_empty() {
                metrics.assigned.add_len(delivered.len());
                let about = u32::try_from(delivered.len()).expect("a batch is bounded");
                lane.tell(Event::Tell(SubmitEvent::Delivered { tags: delivered }, about));
            }
            for settled in settled {
                lane.tell(settled.event(metrics));
            }
        }
    }

    /// Tells every stream that nothing of the batch happened.
    pub(super) fn refuse(&mut self, refusal: &Refusal, metrics: &Metrics) {
        for Audience { lane, assigned, delivered, refused, settled } in self.audience.drain(..) {
            let refuse = |tag| Settled::Refused(tag, refusal.clone());
            let refused = refused.into_iter().map(|(tag, ..)| tag);
            let assigned = assigned.into_iter().map(|(tag, _)| tag).chain(delivered);
            let assigned = assigned.chain(refused).map(refuse);
            let settled = settled.into_iter().map(|settled| match settled {
                // It may be known by this batch only.
                Settled::Known(tag, _) | Settled::Old(tag, ..) => refuse(tag),
                refused @ Settled::Refused(..) => refused,
            });
            for settled in assigned.chain(settled) {
                lane.tell(settled.event(metrics));
            }
        }
        self.seats.clear();
    }

    fn seat(&mut self, lane: &Arc<Lane>) -> &mut Audience {
        let seat = *self.seats.entry(Arc::as_ptr(lane).addr()).or_insert_with(|| {
            let lane = Arc::clone(lane);
            let (assigned, delivered) = (Vec::new(), Vec::new());
            let (refused, settled) = (Vec::new(), Vec::new());
            self.audience.push(Audience { lane, assigned, delivered, refused, settled });
            self.audience.len() - 1
        });
        self.audience.get_mut(seat).expect("seats are positions in the audience")
    }
}

impl Settled {
    fn event(self, metrics: &Metrics) -> Event {
        match self {
            Self::Known(tag, place) => {
                metrics.duplicates.add(1);
                Event::Known(tag, place)
            }
            Self::Old(tag, entry, refusal) => Event::Old(tag, entry, refusal),
            Self::Refused(tag, refusal) => {
                metrics.refused.add(1);
                Event::Tell(SubmitEvent::Refused { tag, refusal }, 1)
            }
        }
    }
}
