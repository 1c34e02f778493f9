//! Tails: the logs of all processes that a compute unit executes, from where it left off.
//!
//! A tail walks through the batches of each shard in order, and waits where there are no more.
//! Catching up and keeping up are the same walk, so there is no gap and no repetition between them.
//! Recent batches are in memory; a tail that falls behind reads from disk, some of them together, while
//! those before are on their way.
//!
//! Who no longer executes a process is sent the control that retired it, and so learns of that.
//!
//! The shards are walked side by side. Each walk takes its turn to send what it has read together: none
//! waits for more than that of each other.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use protocol::{
    ProcessId, Refusal, Slot, UnitId, UnitSet,
    api::{Cursor, RefusalRecord, TailReport},
    codec,
};
use tokio::{sync::Mutex, task::JoinSet};
use transport::{FrameReceiver, FrameSender};

use crate::{
    archive::Archive,
    board::Known,
    order::Retired,
    segment::{Record, Segment},
    store::StoreError,
    unit::Unit,
    verify::refuse_storage,
};

/// Bytes of batches that are read and sent together, unless one alone has more.
const STRETCH: usize = 1 << 20;

/// A compute unit that opens a tail.
#[derive(Debug, Clone)]
pub(crate) struct Opener {
    /// The unit.
    pub(crate) unit: UnitId,
    /// The other compute units that it believes to be up; all if it says nothing.
    pub(crate) present: Option<UnitSet>,
}

impl Opener {
    /// Whether it executes a process.
    pub(crate) fn executes(&self, known: &Known) -> bool {
        known.standing.executors.executes(&self.unit, self.present.as_ref())
    }

    /// The first slot of a process, from one on, that retires it: it executed the process until then.
    pub(crate) fn retired_from(&self, known: &Known, from: Slot) -> Option<Slot> {
        let retires = |retired: &&Retired| {
            retired.slot >= from && retired.executors.executes(&self.unit, self.present.as_ref())
        };
        known.standing.retired.iter().find(retires).map(|retired| retired.slot)
    }
}

/// What a slot is to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concern {
    /// It executes the slot.
    Executes,
    /// It executed the process until this slot.
    Retires,
    /// Nothing.
    None,
}

/// Serves one tail until the peer is gone or the disk fails; then the peer opens another.
pub(crate) async fn serve(
    unit: &Arc<Unit>,
    opener: Opener,
    cursors: Vec<Cursor>,
    sender: FrameSender,
    mut receiver: FrameReceiver,
) {
    let peer = opener.unit;
    unit.metrics.tails.add(1);
    let stopped = sender.stopped();
    let suspects = cursors.clone();
    let checking = async move {
        unit.check_cursors(peer, suspects).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        walked = walk_all(unit, opener, cursors, sender) => {
            if let Err(refusal) = walked {
                tracing::warn!(%peer, %refusal, "a tail ends");
            }
        }
        () = checking => {}
        () = stopped => tracing::debug!(%peer, "a tail has stopped listening"),
        () = listen(unit, peer, &mut receiver) => tracing::debug!(%peer, "a tail has ended"),
    }
    unit.metrics.tails.subtract_one();
}

/// Takes what the peer reports; completes when it says something else or is gone. It may end its half:
/// then it has nothing more to report.
async fn listen(unit: &Arc<Unit>, peer: UnitId, receiver: &mut FrameReceiver) {
    while let Ok(frame) = receiver.recv().await {
        let Some(frame) = frame else { return std::future::pending().await };
        match codec::decode(&frame) {
            Ok(report) => handle_report(unit, peer, report).await,
            Err(error) => return tracing::debug!(%peer, %error, "a report cannot be read"),
        }
    }
}

async fn handle_report(unit: &Arc<Unit>, peer: UnitId, report: TailReport) {
    for cursor in &report.executed {
        let shard = unit.shards.of(&cursor.process);
        let known = shard.archive.board.process(&cursor.process);
        if known.is_some_and(|known| known.standing.source.names(&peer, false)) {
            shard.inbox.report(*cursor);
        }
    }
    unit.learn_successors(peer, report).await;
}

/// Walks through all shards until one walk ends, and with it the tail.
async fn walk_all(
    unit: &Arc<Unit>,
    opener: Opener,
    cursors: Vec<Cursor>,
    sender: FrameSender,
) -> Result<(), Refusal> {
    let mut of_shards: Vec<HashMap<ProcessId, Slot>> = Vec::new();
    of_shards.resize_with(usize::from(unit.shards.count().get()), HashMap::new);
    for Cursor { process, slot } in cursors {
        let shard = usize::from(unit.shards.number_of(&process));
        of_shards.get_mut(shard).expect("one for each shard").insert(process, slot);
    }
    // Fair: whoever waits for it longest is next.
    let sender = Arc::new(Mutex::new(sender));
    let mut walks = JoinSet::new();
    for (shard, cursors) in unit.shards.iter().zip(of_shards) {
        let walk = Walk {
            unit: Arc::clone(unit),
            archive: Arc::clone(&shard.archive),
            sender: Arc::clone(&sender),
        };
        let opened = *shard.archive.board.batches().borrow();
        walks.spawn(walk.walk(Wanted { opener: opener.clone(), cursors, opened }));
    }
    match walks.join_next().await {
        Some(Ok(walked)) => walked,
        Some(Err(error)) => Err(refuse_storage(StoreError::Failed(error.to_string()))),
        None => Ok(()),
    }
}

/// A walk through the batches of one shard.
#[derive(Debug)]
struct Walk {
    unit: Arc<Unit>,
    archive: Arc<Archive>,
    sender: Arc<Mutex<FrameSender>>,
}

/// Parts of consecutive batches.
#[derive(Debug)]
struct Stretch {
    parts: Vec<Bytes>,
    /// The batch behind them.
    next: u64,
    /// What the tail is about from there on.
    wanted: Wanted,
}

impl Walk {
    async fn walk(self, wanted: Wanted) -> Result<(), Refusal> {
        // Before the start is looked for, so that no batch is missed.
        let mut batches = self.archive.board.batches();
        let archive = Arc::clone(&self.archive);
        let start = self.unit.read(move |_| {
            let start = archive.tail_start(&wanted.opener, &wanted.cursors);
            let next = start.map_err(refuse_storage)?;
            Ok(Stretch { parts: Vec::new(), next, wanted })
        });
        let mut stretch = start.await?;
        loop {
            let end = *batches.borrow_and_update();
            let Stretch { parts, next, wanted } = stretch;
            if parts.is_empty() && next >= end && batches.changed().await.is_err() {
                return Ok(());
            }
            let (sent, ahead) = tokio::join!(self.send(parts), self.read(next, end, wanted));
            stretch = ahead?;
            if let Err(error) = sent {
                tracing::debug!(peer = %stretch.wanted.opener.unit, %error, "a tail broke off");
                return Ok(());
            }
        }
    }

    async fn send(&self, parts: Vec<Bytes>) -> Result<(), transport::Error> {
        if parts.is_empty() {
            return Ok(());
        }
        self.unit.metrics.tail_frames.add_len(parts.len());
        self.sender.lock().await.send_all(parts).await
    }

    /// What the tail is about of the next batches before an end; nothing if there are none.
    async fn read(&self, next: u64, end: u64, mut wanted: Wanted) -> Result<Stretch, Refusal> {
        if next >= end {
            return Ok(Stretch { parts: Vec::new(), next, wanted });
        }
        let archive = Arc::clone(&self.archive);
        // The newest one alone is in memory, and is not worth a thread.
        if next.saturating_add(1) == end
            && let Some(segment) = archive.board.segment(next)
        {
            let part = wanted.of(&archive, next, segment).map_err(refuse_storage)?;
            return Ok(Stretch { parts: part.into_iter().collect(), next: end, wanted });
        }
        let read = self.unit.read(move |_| {
            let segments = archive.segments(next, end, STRETCH).map_err(refuse_storage)?;
            let (mut number, mut parts) = (next, Vec::with_capacity(segments.len()));
            for segment in segments {
                parts.extend(wanted.of(&archive, number, segment).map_err(refuse_storage)?);
                number = number.saturating_add(1);
            }
            Ok(Stretch { parts, next: number, wanted })
        });
        read.await
    }
}

/// What a tail is about.
#[derive(Debug)]
struct Wanted {
    opener: Opener,
    /// The first slot wanted of logs of which not all is.
    cursors: HashMap<ProcessId, Slot>,
    /// How many batches there were when it was opened.
    opened: u64,
}

impl Wanted {
    /// The part of a batch that the tail is about: the bytes as they are, if that is all of them.
    fn of(
        &mut self,
        archive: &Archive,
        number: u64,
        bytes: Bytes,
    ) -> Result<Option<Bytes>, StoreError> {
        let segment = Segment::read(&bytes)?;
        let place = |record: &Record<'_>| (record.assignment.process, record.assignment.slot);
        let places: Vec<(ProcessId, Slot)> = segment.records.iter().map(place).collect();
        let concerns = archive.board.concerns_of(&self.opener, &places);
        let mine: Vec<Record<'_>> = segment
            .records
            .iter()
            .zip(concerns)
            .filter(|(record, concern)| self.is_due(record, *concern, number))
            .map(|(record, _)| *record)
            .collect();
        let refused: Vec<ProcessId> =
            segment.refusals.iter().map(|record| record.refusal.process).collect();
        let executed = archive.board.executed_by(&self.opener, &refused);
        let of_unit = segment.refusals.iter().zip(executed).filter(|(_, executed)| *executed);
        let refusals: Vec<RefusalRecord> = of_unit.map(|(record, _)| *record).collect();
        if mine.is_empty() && refusals.is_empty() {
            return Ok(None);
        }
        if mine.len() == segment.records.len() && refusals.len() == segment.refusals.len() {
            drop(segment);
            return Ok(Some(bytes));
        }
        Ok(Some(Bytes::from(segment.with_records(&mine, &refusals))))
    }

    /// Whether the unit has to be sent a record of a batch.
    fn is_due(&mut self, record: &Record<'_>, concern: Concern, batch: u64) -> bool {
        let (process, slot) = (record.assignment.process, record.assignment.slot);
        let cursor = self.cursors.get(&process).copied();
        let concerns = match concern {
            Concern::Executes => true,
            // Of what was over before, only who resumes does not know.
            Concern::Retires => batch >= self.opened || cursor.is_some(),
            Concern::None => false,
        };
        let due = concerns && cursor.is_none_or(|cursor| slot >= cursor);
        if due {
            self.cursors.remove(&process);
        }
        due
    }
}
