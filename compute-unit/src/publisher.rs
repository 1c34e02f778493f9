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
    AskAnswer, AssignmentProof, ItemBody, Kind, MerkleTree, NetworkId, ProcessId, ReceiptBatch,
    SecretKey, Signed, Slot, V1,
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
    /// Shows the assignment, where the outcome has an outbox.
    pub(crate) assignment: Option<AssignmentProof>,
    /// How what the process waits for changes.
    pub(crate) agenda: Option<AgendaChange>,
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
        let agenda = gathered.iter_mut().filter_map(|item| item.agenda.take()).collect();
        let frame = seal(key, network, gathered);
        let encoded = encode(&frame);
        feed.publish(frame, encoded, agenda);
        metrics.receipt_batches.increment();
    }
}

/// The canonical encoding of a frame.
pub(crate) fn encode(frame: &FollowFrame) -> Bytes {
    /// Bytes of a slot with a small outcome.
    const SLOT_BYTES: usize = 900;
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
    let slots = gathered.into_iter().zip(0_u32..).map(|(item, index)| FollowSlot {
        outcome: item.executed.outcome,
        leaf: item.executed.leaf,
        path: tree.path(index).expect("every gathered slot is a leaf"),
        assignment: item.assignment,
        closed: Some(item.executed.closed).filter(|closed| !closed.is_empty()),
    });
    FollowFrame { slots: slots.collect(), batch: Signed::sign(batch, key) }
}

/// About how many bytes a slot takes in a frame.
fn estimate(item: &Publication) -> usize {
    let outcome = &item.executed.outcome;
    let reply = match &outcome.reply {
        protocol::Reply::Value(bytes) => bytes.len(),
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
    700 + reply + logs + events + outbox
}

#[cfg(test)]
mod tests;
