//! Turns executed slots into signed receipt batches: one Merkle root and one signature for
//! everything that has gathered since the last.
//!
//! A slot that leaves nothing queued behind it is published at once. While more slots are queued,
//! the batch waits for them, but never longer than [`GATHER_MAX`]: each batch costs everybody
//! downstream a signature check. No batch holds two outcomes of one slot: what takes the place of
//! void slots begins a batch.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use protocol::{
    AskAnswer, Assignment, AssignmentPlace, BatchHeader, Delivery, ItemBody, Kind, MerkleTree,
    NetworkId, Outcome, ProcessId, ReceiptBatch, Reply, SecretKey, Signed, SignedTree, Slot,
    TRACE_TARGET, TraceId, V1,
    api::{FollowFrame, FollowSlot},
    codec,
};

use crate::{agenda::AgendaChange, crew::Crew, feed::Feed, metrics::Metrics, process::Executed};

/// Executed slots that may wait for the publisher.
const QUEUE_MAX: usize = 4_096;
/// Slots in one receipt batch.
const BATCH_SLOTS_MAX: usize = 1_024;
/// Estimated bytes in one frame, past which no slot is added.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Bytes of stack; encoding and signing need no more.
const STACK_BYTES: usize = 2 << 20;

/// How long a batch may wait for slots that are queued already.
const GATHER_MAX: Duration = Duration::from_millis(1);

/// A slot to publish.
#[derive(Debug)]
pub(crate) struct Publication {
    /// What execution gave.
    pub(crate) executed: Executed,
    /// Where it was assigned, if the outcome has an outbox.
    pub(crate) place: Option<Place>,
    /// How what the process waits for changes.
    pub(crate) agenda: Option<AgendaChange>,
}

/// Where a slot was assigned.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The assignment.
    pub(crate) assignment: Assignment,
    /// The position of its leaf.
    pub(crate) index: u32,
    /// The batch.
    pub(crate) batch: Arc<Assigning>,
}

/// A verified batch of a scheduler.
#[derive(Debug)]
pub(crate) struct Assigning {
    /// The signed header.
    pub(crate) header: Signed<BatchHeader>,
    /// The tree of its leaves.
    pub(crate) tree: MerkleTree,
}

/// The engine as receipts name it, for people.
const ENGINE: &str = "wasmtime 48.0.8";

/// Starts the publisher; it ends when all senders are gone.
pub(crate) fn start(
    crew: &Crew,
    key: SecretKey,
    network: NetworkId,
    feed: Arc<Feed>,
    backlog: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
) -> std::io::Result<SyncSender<Publication>> {
    let (sender, receiver) = sync_channel(QUEUE_MAX);
    let mut source = Source { receiver, backlog, held: None };
    let work = move || run(&key, network, &mut source, &feed, &metrics);
    crew.spawn("publisher", STACK_BYTES, work)?;
    Ok(sender)
}

/// Where executed slots come from.
struct Source {
    receiver: Receiver<Publication>,
    backlog: Arc<AtomicUsize>,
    /// What begins the next batch.
    held: Option<Publication>,
}

impl Source {
    /// The next batch; none once all senders are gone.
    fn gather(&mut self) -> Option<Vec<Publication>> {
        let first = match self.held.take() {
            Some(held) => held,
            None => self.receiver.recv().ok()?,
        };
        let deadline = now() + GATHER_MAX;
        let mut bytes = estimate(&first);
        let mut last: HashMap<ProcessId, Slot> = HashMap::new();
        last.insert(first.executed.leaf.process, first.executed.leaf.slot);
        let mut gathered = vec![first];
        while gathered.len() < BATCH_SLOTS_MAX && bytes < BATCH_BYTES_MAX {
            let next = match self.receiver.try_recv() {
                Ok(next) => next,
                Err(_) if self.backlog.load(Ordering::Relaxed) == 0 => break,
                Err(_) => {
                    let left = deadline.saturating_duration_since(now());
                    let Ok(next) = self.receiver.recv_timeout(left) else { break };
                    next
                }
            };
            let leaf = &next.executed.leaf;
            if last.insert(leaf.process, leaf.slot) >= Some(leaf.slot) {
                self.held = Some(next);
                break;
            }
            bytes += estimate(&next);
            gathered.push(next);
        }
        Some(gathered)
    }
}

#[expect(clippy::disallowed_methods, reason = "a shell's clock: only batch sizes depend on it")]
fn now() -> Instant {
    Instant::now()
}

fn run(key: &SecretKey, network: NetworkId, source: &mut Source, feed: &Feed, metrics: &Metrics) {
    while let Some(mut gathered) = source.gather() {
        if tracing::enabled!(target: TRACE_TARGET, tracing::Level::DEBUG) {
            gathered.iter().for_each(trace);
        }
        let agenda = gathered.iter_mut().filter_map(|item| item.agenda.take()).collect();
        let frame = seal(key, network, gathered);
        let encoded = encode(&frame);
        feed.publish(frame, encoded, agenda);
        metrics.receipt_batches.increment();
    }
}

/// Logs what was executed, and what that has emitted, each under a trace of its own.
fn trace(item: &Publication) {
    let outcome = &item.executed.outcome;
    let Outcome { process, slot, entry, gas, .. } = outcome;
    let trace = TraceId::from(entry);
    let ok = !matches!(outcome.reply, Reply::Failure(_));
    tracing::debug!(
        target: TRACE_TARGET, %trace, %entry, %process, %slot, %gas, ok, "executed"
    );
    let delivered = outcome.outbox.iter().filter(|item| {
        matches!(item.body, ItemBody::Tell { .. } | ItemBody::Ask { .. } | ItemBody::Reply { .. })
    });
    for item in delivered {
        let delivery = Delivery { source: *process, slot: *slot, item: item.clone() };
        let emitted = delivery.delivery_id();
        tracing::debug!(
            target: TRACE_TARGET, trace = %TraceId::from(&emitted), entry = %emitted,
            cause = %trace, process = %item.target, "emitted"
        );
    }
}

/// The canonical encoding of a frame.
pub(crate) fn encode(frame: &FollowFrame) -> Bytes {
    /// Bytes of a slot with a small outcome.
    const SLOT_BYTES: usize = 600;
    Bytes::from(codec::encode_sized(frame, frame.slots.len().saturating_mul(SLOT_BYTES)))
}

/// Signs one batch.
pub(crate) fn seal(key: &SecretKey, network: NetworkId, gathered: Vec<Publication>) -> FollowFrame {
    let tree = MerkleTree::new(gathered.iter().map(|item| item.executed.tree_leaf()).collect());
    let batch = ReceiptBatch {
        version: V1,
        kind: Kind,
        network,
        unit: key.public().unit(),
        count: u32::try_from(gathered.len()).expect("a batch is bounded"),
        root: tree.root(),
        engine: ENGINE.to_owned(),
    };
    let mut assigned = Assigned::default();
    let slots = gathered.into_iter().map(|item| FollowSlot {
        outcome: item.executed.outcome,
        leaf: item.executed.leaf,
        path: None,
        assignment: None,
        closed: Some(item.executed.closed).filter(|closed| !closed.is_empty()),
        place: item.place.map(|place| assigned.add(place)),
    });
    let slots = slots.collect();
    FollowFrame { slots, batch: Signed::sign(batch, key), assignments: assigned.finish() }
}

/// The batches by which the slots of a frame were assigned, and the positions of their leaves.
#[derive(Default)]
struct Assigned(Vec<(Arc<Assigning>, Vec<u32>)>);

impl Assigned {
    fn add(&mut self, Place { assignment, index, batch }: Place) -> AssignmentPlace {
        // Slots are mostly executed in the order in which they were assigned.
        let known = self.0.iter().rposition(|(known, _)| Arc::ptr_eq(known, &batch));
        let at = known.unwrap_or_else(|| {
            self.0.push((batch, Vec::new()));
            self.0.len() - 1
        });
        self.0.get_mut(at).expect("it was found or added").1.push(index);
        let batch = u32::try_from(at).expect("a batch is bounded");
        let Assignment { epoch, time, .. } = assignment;
        AssignmentPlace { batch, index, epoch, time }
    }

    fn finish(self) -> Option<Vec<SignedTree<BatchHeader>>> {
        let prune = |(batch, mut leaves): (Arc<Assigning>, Vec<u32>)| {
            leaves.sort_unstable();
            leaves.dedup();
            let tree = batch.tree.prune(&leaves).expect("the tail checked the positions");
            SignedTree { batch: batch.header.clone(), tree }
        };
        (!self.0.is_empty()).then(|| self.0.into_iter().map(prune).collect())
    }
}

/// About how many bytes a slot takes in a frame.
fn estimate(item: &Publication) -> usize {
    let outcome = &item.executed.outcome;
    let reply = match &outcome.reply {
        Reply::Value(bytes) => bytes.len(),
        _ => 256,
    };
    let logs: usize = outcome.logs.iter().map(|line| line.text.len() + 8).sum();
    let events: usize = outcome.events.iter().map(|event| event.data.len() + 32).sum();
    let outbox: usize = outcome
        .outbox
        .iter()
        .map(|item| match &item.body {
            ItemBody::Tell { args, .. }
            | ItemBody::Ask { args, .. }
            | ItemBody::Timer { args, .. }
            | ItemBody::Spawn(args, _) => args.len() + 160,
            ItemBody::Reply { answer: AskAnswer::Value(value), .. }
            | ItemBody::Answered { answer: AskAnswer::Value(value), .. } => value.len() + 160,
            _ => 256,
        })
        .sum();
    400 + reply + logs + events + outbox
}

#[cfg(test)]
mod tests;
