//! Submits what was made and encoded beforehand straight to a scheduler, and checks every proof
//! that comes back.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use hyper::body::Bytes;
use protocol::{
    BatchHeader, EntryId, NetworkId, Signed, UnitId,
    api::{Acknowledgement, Opening, Submission, SubmitEvent, SubmitFrame},
    codec,
};
use tokio::{sync::Semaphore, task::JoinSet};
use transport::{FrameReceiver, FrameSender};

use super::{
    machine::{micros, now},
    report::histogram,
    subject::{Line, Subject, own_cpu},
};
use crate::error::NodeError;

/// What one stream submits: frames of so many entries each but for the last, tagged from 0.
pub(super) struct Stream {
    frames: Vec<Bytes>,
    entries: Vec<EntryId>,
    frame: usize,
}

/// What came of it.
pub(super) struct Flooded {
    pub(super) entries: u64,
    pub(super) elapsed: Duration,
    /// From handing an entry to the network to the proof of its place.
    pub(super) durable: Histogram<u64>,
    /// Processor time of the scheduler, and of this program.
    pub(super) scheduler_cpu: Duration,
    pub(super) generator_cpu: Duration,
}

impl Stream {
    /// Encodes submissions, so many in a frame.
    pub(super) fn encode(submissions: Vec<Submission>, frame: usize) -> Self {
        let mut stream = Self { frames: Vec::new(), entries: Vec::new(), frame };
        let mut submissions = submissions.into_iter().peekable();
        while submissions.peek().is_some() {
            let mut taken: Vec<Submission> = submissions.by_ref().take(frame).collect();
            for submission in &mut taken {
                submission.tag = u64::try_from(stream.entries.len()).unwrap_or(u64::MAX);
                stream.entries.push(submission.entry.id());
            }
            let frame = codec::encode(&SubmitFrame { submissions: taken, basis: None });
            stream.frames.push(Bytes::from(frame));
        }
        stream
    }

    /// How many bytes its frames have.
    pub(super) fn bytes(&self) -> usize {
        self.frames.iter().map(Bytes::len).sum()
    }
}

impl Flooded {
    /// Entries a second.
    pub(super) fn per_second(&self) -> u64 {
        self.entries.saturating_mul(1_000_000) / micros(self.elapsed).max(1)
    }

    /// Nanoseconds of processor time for each entry: the scheduler's and the generator's.
    pub(super) fn cpu_ns(&self) -> (u64, u64) {
        let each = |time: Duration| {
            u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / self.entries.max(1)
        };
        (each(self.scheduler_cpu), each(self.generator_cpu))
    }
}

/// Submits everything, with so many entries of each stream under way at a time.
pub(super) async fn flood(
    subject: &Subject,
    streams: Vec<Stream>,
    window: usize,
) -> Result<Flooded, NodeError> {
    let mut lines = Vec::new();
    for _ in &streams {
        lines.push(subject.connect().await?);
    }
    let (network, scheduler) = (subject.network(), subject.address().unit);
    let cpu = (subject.cpu()?, own_cpu()?);
    let started = now();
    let mut running = JoinSet::new();
    for (line, stream) in lines.into_iter().zip(streams) {
        running.spawn(run(line, stream, window, Expected { network, scheduler }));
    }
    let mut durable = histogram();
    while let Some(done) = running.join_next().await {
        durable.add(&done.map_err(NodeError::system)??).map_err(NodeError::system)?;
    }
    Ok(Flooded {
        entries: durable.len(),
        elapsed: started.elapsed(),
        durable,
        scheduler_cpu: subject.cpu()?.saturating_sub(cpu.0),
        generator_cpu: own_cpu()?.saturating_sub(cpu.1),
    })
}

/// Whose proofs are expected.
#[derive(Clone, Copy)]
struct Expected {
    network: NetworkId,
    scheduler: UnitId,
}

async fn run(
    line: Line,
    stream: Stream,
    window: usize,
    expected: Expected,
) -> Result<Histogram<u64>, NodeError> {
    let opening = codec::encode(&Opening::Submit);
    let opened = line.connection.open_stream(&opening).await.map_err(NodeError::system)?;
    let (sender, receiver) = opened;
    let room = Arc::new(Semaphore::new(window));
    let sent = Arc::new(Mutex::new(Vec::with_capacity(stream.frames.len())));
    let sending = send(sender, &stream, Arc::clone(&room), Arc::clone(&sent));
    let receiving = receive(receiver, &stream, (&room, &sent), expected);
    tokio::try_join!(sending, receiving).map(|((), times)| times)
}

async fn send(
    mut sender: FrameSender,
    stream: &Stream,
    room: Arc<Semaphore>,
    sent: Arc<Mutex<Vec<Instant>>>,
) -> Result<(), NodeError> {
    for (frame, entries) in stream.frames.iter().zip(stream.entries.chunks(stream.frame)) {
        let count = u32::try_from(entries.len()).map_err(NodeError::system)?;
        room.acquire_many(count).await.map_err(NodeError::system)?.forget();
        sent.lock().unwrap_or_else(PoisonError::into_inner).push(now());
        sender.send_all([frame.clone()]).await.map_err(NodeError::system)?;
    }
    sender.finish().await.map_err(NodeError::system)
}

async fn receive(
    mut receiver: FrameReceiver,
    stream: &Stream,
    (room, sent): (&Semaphore, &Mutex<Vec<Instant>>),
    expected: Expected,
) -> Result<Histogram<u64>, NodeError> {
    let mut times = histogram();
    while let Some(frame) = receiver.recv().await.map_err(NodeError::system)? {
        match codec::decode(&frame).map_err(NodeError::system)? {
            SubmitEvent::Assigned { batch, entries } => {
                let batch = expected.check(batch)?;
                let got = now();
                for entry in &entries {
                    let tag = usize::try_from(entry.tag).unwrap_or(usize::MAX);
                    if !leads_to(entry, &batch, stream.entries.get(tag)) {
                        return Err(NodeError::System("a proof does not hold".to_owned()));
                    }
                    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
                    let sent = sent.get(tag / stream.frame).copied().unwrap_or(got);
                    times.saturating_record(micros(got.saturating_duration_since(sent)));
                }
                room.add_permits(entries.len());
            }
            SubmitEvent::Refused { refusal, .. } => return Err(NodeError::system(refusal)),
            SubmitEvent::Final { entries, .. } => {
                let detail = entries.into_iter().map(|entry| entry.detail).next();
                return Err(NodeError::System(detail.unwrap_or_default()));
            }
            SubmitEvent::Executed { .. } | SubmitEvent::Delivered { .. } => {
                return Err(NodeError::System("told of what was not submitted".to_owned()));
            }
        }
    }
    if usize::try_from(times.len()).ok() != Some(stream.entries.len()) {
        return Err(NodeError::System("the scheduler ended a stream".to_owned()));
    }
    Ok(times)
}

impl Expected {
    /// Checks that the scheduler signed a batch.
    fn check(self, batch: Signed<BatchHeader>) -> Result<BatchHeader, NodeError> {
        let batch = batch.verify(self.network).map_err(NodeError::system)?;
        if batch.body().scheduler != self.scheduler {
            return Err(NodeError::System("another scheduler signed".to_owned()));
        }
        Ok(batch.body().clone())
    }
}

/// Whether an acknowledgement is about this entry and stands in the batch.
fn leads_to(entry: &Acknowledgement, batch: &BatchHeader, expected: Option<&EntryId>) -> bool {
    expected == Some(&entry.assignment.entry)
        && entry.path.count == batch.count
        && entry.path.root_from(entry.assignment.leaf()) == Some(batch.root)
}
