//! Streams of submissions: entries come up, what became of them goes down.
//!
//! A stream that has [`IN_FLIGHT`] submissions undecided or unacknowledged is not read any further:
//! that is all the back-pressure there is, and it reaches the peer through QUIC.

mod frame;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use protocol::{
    EntryId, Refusal, RefusalProof,
    api::{FinalRefusal, SubmitEvent},
    codec,
};
use tokio::sync::{Semaphore, mpsc};
use transport::{FrameReceiver, FrameSender};

use crate::{
    metrics::Metrics,
    order::Place,
    shard::Shards,
    unit::{MEMORY, Unit},
    verify::{Event, Lane, Share, refuse_storage},
};

pub(crate) use frame::Received;

/// Submissions of a stream that may be in flight.
const IN_FLIGHT: usize = 4_096;

/// Submissions that are verified in one go.
const CHUNK: usize = 8;

/// Bytes of submissions that are verified in one go, give or take one.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;

/// Events that are sent in one go.
const EVENTS: usize = 256;

/// Frames longer than this are taken apart away from the threads that serve the network.
const LONG_FRAME: usize = 512 << 10;

/// Serves one stream until the peer ends it and everything is told, or the peer is gone.
pub(crate) async fn serve(unit: &Arc<Unit>, sender: FrameSender, receiver: FrameReceiver) {
    unit.metrics.submit_streams.add(1);
    // One more for a last word about a frame that cannot be read.
    let (events, told) = mpsc::channel(IN_FLIGHT + 1);
    let room = Semaphore::new(IN_FLIGHT);
    let lane = Arc::new(Lane::new(events));
    unit.checked().await;
    let mut telling = std::pin::pin!(tell(unit, told, &room, sender));
    tokio::select! {
        () = read(unit, lane, &room, receiver) => telling.await,
        () = &mut telling => {}
    }
    unit.metrics.submit_streams.subtract_one();
}

/// Reads submissions until the peer finishes, breaks off or sends something else.
async fn read(unit: &Arc<Unit>, lane: Arc<Lane>, room: &Semaphore, mut receiver: FrameReceiver) {
    loop {
        let frame = match receiver.recv().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(error) => return tracing::debug!(%error, "a submission stream broke off"),
        };
        match take_apart(unit, frame).await {
            Ok(frame) => {
                if enqueue(unit, &lane, room, frame).await.is_none() {
                    return;
                }
            }
            Err(refusal) => {
                let refused = SubmitEvent::Refused { tag: 0, refusal };
                return lane.tell(Event::Tell(refused, 0));
            }
        }
    }
}

async fn take_apart(unit: &Arc<Unit>, frame: Bytes) -> Result<Vec<Received>, Refusal> {
    let received = if frame.len() <= LONG_FRAME {
        Received::read(&frame)
    } else {
        unit.read(move |_| Received::read(&frame)).await
    };
    received.map_err(|Refusal { code, detail, .. }| {
        Refusal::new(code, format!("{detail}; the stream ends here"))
    })
}

/// Hands submissions to verification in chunks, each as soon as there is room; `None` if the unit
/// is stopping.
async fn enqueue(
    unit: &Arc<Unit>,
    lane: &Arc<Lane>,
    room: &Semaphore,
    submissions: Vec<Received>,
) -> Option<()> {
    if let Some(basis) = submissions.first().and_then(Received::basis) {
        let share = memory(unit, basis.length()).await?;
        basis.hold(share);
    }
    let mut submissions = submissions.into_iter().peekable();
    while submissions.peek().is_some() {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while chunk.len() < CHUNK && bytes < CHUNK_BYTES {
            let Some(submission) = submissions.next() else { break };
            if let Some(introduction) = submission.introduction() {
                unit.verifier.meet(&introduction);
            }
            bytes += submission.length();
            chunk.push(submission);
        }
        let count = u32::try_from(chunk.len()).ok()?;
        room.acquire_many(count).await.ok()?.forget();
        let share = memory(unit, bytes).await?;
        unit.pool.put(lane, chunk, share);
    }
    Some(())
}

/// A share of the memory for submissions, of so many bytes.
async fn memory(unit: &Arc<Unit>, bytes: usize) -> Option<Share> {
    let share = u32::try_from(bytes >> 10).unwrap_or(MEMORY).saturating_add(1).min(MEMORY);
    Arc::clone(&unit.memory).acquire_many_owned(share).await.ok()
}

/// Sends events until all submissions are told about, or the peer is gone.
async fn tell(
    unit: &Arc<Unit>,
    mut told: mpsc::Receiver<Event>,
    room: &Semaphore,
    mut sender: FrameSender,
) {
    let mut events = Vec::with_capacity(EVENTS);
    while told.recv_many(&mut events, EVENTS).await > 0 {
        let (mut frames, mut about) = (Vec::with_capacity(events.len()), 0);
        let (mut known, mut old) = (Vec::new(), Vec::new());
        for event in events.drain(..) {
            match event {
                Event::Tell(event, count) => {
                    frames.push(encode(&event));
                    about += usize::try_from(count).unwrap_or_default();
                }
                Event::Known(tag, place) => known.push((tag, place)),
                Event::Old(tag, entry, refusal) => old.push((tag, entry, refusal)),
            }
        }
        about += known.len() + old.len();
        if !known.is_empty() || !old.is_empty() {
            frames.extend(look_up(unit, known, old).await);
        }
        if let Err(error) = sender.send_all(frames).await {
            return tracing::debug!(%error, "a submission stream broke off");
        }
        room.add_permits(about);
    }
    if let Err(error) = sender.finish().await {
        tracing::debug!(%error, "a submission stream broke off");
    }
}

/// Acknowledges what was assigned before, and refuses what was not.
async fn look_up(
    unit: &Arc<Unit>,
    known: Vec<(u64, Place)>,
    old: Vec<(u64, EntryId, Refusal)>,
) -> Vec<Bytes> {
    let tags: Vec<u64> =
        known.iter().map(|(tag, _)| *tag).chain(old.iter().map(|(tag, ..)| *tag)).collect();
    let events = unit.read(move |unit| answer(&unit.shards, &unit.metrics, known, old));
    let events = events.await.unwrap_or_else(|refusal| {
        let refuse = |tag| SubmitEvent::Refused { tag, refusal: refusal.clone() };
        tags.into_iter().map(refuse).collect()
    });
    events.iter().map(encode).collect()
}

/// What to tell about entries that have a place from before, and about those that may have one.
pub(crate) fn answer(
    shards: &Shards,
    metrics: &Metrics,
    known: Vec<(u64, Place)>,
    old: Vec<(u64, EntryId, Refusal)>,
) -> Result<Vec<SubmitEvent>, Refusal> {
    let mut events = Vec::new();
    let mut of_shards: BTreeMap<u16, Vec<_>> = BTreeMap::new();
    let mut acknowledge = |tag, place: Place| {
        of_shards.entry(shards.number_of(&place.process)).or_default().push((tag, place));
    };
    known.into_iter().for_each(|(tag, place)| acknowledge(tag, place));
    for (tag, entry, refusal) in old {
        match shards.find(&entry).map_err(refuse_storage)? {
            Some(place) => {
                metrics.duplicates.add(1);
                acknowledge(tag, place);
            }
            None => {
                metrics.refused.add(1);
                events.push(refuse_again(shards, tag, &entry, refusal)?);
            }
        }
    }
    for (shard, known) in of_shards {
        let archive = &shards.get(shard).archive;
        events.extend(archive.acknowledge(&known).map_err(refuse_storage)?);
    }
    Ok(events)
}

/// Refuses an entry that is not assigned: for good, if it was before.
fn refuse_again(
    shards: &Shards,
    tag: u64,
    entry: &EntryId,
    refusal: Refusal,
) -> Result<SubmitEvent, Refusal> {
    let proof = shards.refusal(entry).map_err(refuse_storage)?;
    Ok(match proof {
        Some(RefusalProof { refusal, path, batch }) => {
            let detail = "it was refused for good before".to_owned();
            let entries = vec![FinalRefusal { tag, refusal, path, detail }];
            SubmitEvent::Final { batch, entries }
        }
        None => SubmitEvent::Refused { tag, refusal },
    })
}

/// Encodes an event into memory that is large enough from the start.
fn encode(event: &SubmitEvent) -> Bytes {
    /// Bytes of a header, of an acknowledgement without its path, and of a sibling.
    const HEADER: usize = 512;
    const ACKNOWLEDGEMENT: usize = 192;
    const SIBLING: usize = 34;
    let capacity = match event {
        SubmitEvent::Assigned { entries, .. } => {
            let siblings = entries.first().map_or(0, |entry| entry.path.siblings.len() + 1);
            HEADER + entries.len() * (ACKNOWLEDGEMENT + SIBLING * siblings)
        }
        _ => HEADER,
    };
    Bytes::from(codec::encode_sized(event, capacity))
}
