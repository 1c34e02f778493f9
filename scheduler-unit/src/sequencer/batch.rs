//! A group commit in the making: records, root, signature, and who is to be told what.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use minicbor::bytes::ByteVec;
use protocol::{
    Assignment, BatchHeader, EntryId, Kind, MerkleTree, NetworkId, Refusal, SecretKey, Signed,
    Timestamp, V1,
    api::{Acknowledgement, SubmitEvent, TailFrame, TailRecord},
    codec,
};

use crate::{
    board::{Birth, Posting},
    metrics::Metrics,
    order::{Checked, CheckedBody, Decision, Order, Place},
    verify::{Event, Lane},
};

/// A group commit.
#[derive(Debug)]
pub(crate) struct Batch {
    time: Timestamp,
    records: Vec<TailRecord>,
    assignments: Vec<Assignment>,
    posting: Posting,
    audience: Vec<Audience>,
    /// Where a stream, known by its address in memory, stands in the audience.
    seats: HashMap<usize, usize>,
    sealed: Option<(Signed<BatchHeader>, MerkleTree)>,
}

/// A stream, and what it is to be told.
#[derive(Debug)]
struct Audience {
    lane: Arc<Lane>,
    /// Tags and leaf positions.
    assigned: Vec<(u64, u32)>,
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
            records: Vec::new(),
            assignments: Vec::new(),
            posting: Posting { number, ..Posting::default() },
            audience: Vec::new(),
            seats: HashMap::new(),
            sealed: None,
        }
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
        let Checked { id, entry, origin, body } = checked;
        let assignment = match decision {
            Decision::Assigned(assignment) => assignment,
            Decision::Duplicate(place) => return self.settle(lane, Settled::Known(tag, place)),
            Decision::Old(refusal) => return self.settle(lane, Settled::Old(tag, id, refusal)),
            Decision::Refused(refusal) => return self.settle(lane, Settled::Refused(tag, refusal)),
        };
        match body {
            CheckedBody::Spawn(spawn) => {
                let log = order.log(&assignment.process).expect("it was born just now");
                self.posting.births.push(Birth {
                    process: assignment.process,
                    number: log.number,
                    executors: Arc::clone(&log.executors),
                    spawn: spawn.signed().body_bytes().into(),
                });
            }
            CheckedBody::Delivery(delivery) => {
                let next = delivery.number().next().expect("a pair never has 2^64 items");
                self.posting.pairs.push(((delivery.target(), delivery.source()), next));
            }
            CheckedBody::Message(_) => {}
        }
        let index = u32::try_from(self.records.len()).expect("a batch is bounded");
        let origin = origin.map(ByteVec::from);
        self.records.push(TailRecord { index, assignment, entry, origin });
        self.assignments.push(assignment);
        self.seat(lane).assigned.push((tag, index));
    }

    /// Adds what became of a submission without a part in the batch.
    pub(super) fn settle(&mut self, lane: &Arc<Lane>, settled: Settled) {
        self.seat(lane).settled.push(settled);
    }

    /// Whether nothing was assigned.
    pub(super) const fn is_empty(&self) -> bool {
        self.assignments.is_empty()
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
        let records = std::mem::take(&mut self.records);
        let leaves: Vec<_> = records.iter().map(|record| record.assignment.leaf()).collect();
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
        let frame = TailFrame { batch, leaves, records, refusals: None };
        self.posting.segment = Bytes::from(codec::encode(&frame));
        self.sealed = Some((frame.batch, tree));
    }

    /// What readers are to see, once the batch is durable.
    pub(super) fn take_posting(&mut self) -> Posting {
        let number = self.posting.number;
        self.posting.assignments.clone_from(&self.assignments);
        std::mem::replace(&mut self.posting, Posting { number, ..Posting::default() })
    }

    /// Tells every stream what became of its submissions.
    pub(super) fn tell(self, metrics: &Metrics) {
        for Audience { lane, assigned, settled } in self.audience {
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
            for settled in settled {
                lane.tell(settled.event(metrics));
            }
        }
    }

    /// Tells every stream that nothing of the batch happened.
    pub(super) fn refuse(&mut self, refusal: &Refusal, metrics: &Metrics) {
        for Audience { lane, assigned, settled } in self.audience.drain(..) {
            let refuse = |tag| Settled::Refused(tag, refusal.clone());
            let assigned = assigned.into_iter().map(|(tag, _)| refuse(tag));
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
            self.audience.push(Audience { lane, assigned: Vec::new(), settled: Vec::new() });
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
