//! Tails: the logs of all processes that a compute unit executes, from where it left off.
//!
//! A tail walks through the batches in order, and waits where there are no more. Catching up and
//! keeping up are the same walk, so there is no gap and no repetition between them. Recent batches
//! are in memory; a tail that falls behind reads from disk. It holds one batch at a time and delays
//! nobody.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use protocol::{ProcessId, Refusal, Slot, UnitId, UnitSet, api::Cursor};
use transport::{FrameReceiver, FrameSender};

use crate::{
    archive::Archive,
    board::Known,
    segment::{Record, Segment},
    store::StoreError,
    unit::Unit,
    verify::refuse_storage,
};

/// A compute unit that opens a tail.
#[derive(Debug)]
pub(crate) struct Opener {
    /// The unit.
    pub(crate) unit: UnitId,
    /// The other compute units that it believes to be up; all if it says nothing.
    pub(crate) present: Option<UnitSet>,
}

impl Opener {
    /// Whether it executes a process.
    pub(crate) fn executes(&self, known: &Known) -> bool {
        known.executors.executes(&self.unit, self.present.as_ref())
    }
}

/// Serves one tail until the peer is gone or the disk fails; then the peer opens another.
pub(crate) async fn serve(
    unit: &Arc<Unit>,
    opener: Opener,
    cursors: Vec<Cursor>,
    mut sender: FrameSender,
    mut receiver: FrameReceiver,
) {
    let peer = opener.unit;
    unit.metrics.tails.add(1);
    let stopped = sender.stopped();
    tokio::select! {
        walked = walk(unit, opener, cursors, &mut sender) => {
            if let Err(refusal) = walked {
                tracing::warn!(%peer, %refusal, "a tail ends");
            }
        }
        () = stopped => tracing::debug!(%peer, "a tail has stopped listening"),
        () = silence_broken(&mut receiver) => tracing::debug!(%peer, "a tail has ended"),
    }
    unit.metrics.tails.subtract_one();
}

/// Completes when the peer says something or is gone. It may end its half: it has nothing to say.
async fn silence_broken(receiver: &mut FrameReceiver) {
    if matches!(receiver.recv().await, Ok(None)) {
        std::future::pending::<()>().await;
    }
}

async fn walk(
    unit: &Arc<Unit>,
    opener: Opener,
    cursors: Vec<Cursor>,
    sender: &mut FrameSender,
) -> Result<(), Refusal> {
    let peer = opener.unit;
    // Before the start is looked for, so that no batch is missed.
    let mut batches = unit.archive.board.batches();
    let cursors = cursors.into_iter().map(|cursor| (cursor.process, cursor.slot)).collect();
    let (start, mut wanted) = unit
        .read(move |unit| {
            let start = unit.archive.tail_start(&opener, &cursors).map_err(refuse_storage)?;
            Ok((start, Wanted { opener, cursors }))
        })
        .await?;
    let mut next = start;
    loop {
        while next < *batches.borrow_and_update() {
            let number = next;
            let (bytes, rest) = match unit.archive.board.segment(number) {
                Some(segment) => {
                    (wanted.of(&unit.archive, segment).map_err(refuse_storage)?, wanted)
                }
                None => {
                    let archive = Arc::clone(&unit.archive);
                    unit.read(move |_| {
                        let segment = archive.segment(number).map_err(refuse_storage)?;
                        let bytes = wanted.of(&archive, segment).map_err(refuse_storage)?;
                        Ok((bytes, wanted))
                    })
                    .await?
                }
            };
            wanted = rest;
            if let Some(bytes) = bytes {
                unit.metrics.tail_frames.add(1);
                if let Err(error) = sender.send_all([bytes]).await {
                    tracing::debug!(%peer, %error, "a tail broke off");
                    return Ok(());
                }
            }
            next += 1;
        }
        if batches.changed().await.is_err() {
            return Ok(());
        }
    }
}

/// What a tail is about.
#[derive(Debug)]
struct Wanted {
    opener: Opener,
    /// The first slot wanted of logs of which not all is.
    cursors: HashMap<ProcessId, Slot>,
}

impl Wanted {
    /// The part of a batch that the tail is about: the bytes as they are, if that is all of them.
    fn of(&mut self, archive: &Archive, bytes: Bytes) -> Result<Option<Bytes>, StoreError> {
        let segment = Segment::read(&bytes)?;
        let processes: Vec<ProcessId> =
            segment.records.iter().map(|record| record.assignment.process).collect();
        let executed = archive.board.executed_by(&self.opener, &processes);
        let of_unit = segment.records.iter().zip(executed).filter(|(_, executed)| *executed);
        let mine: Vec<Record<'_>> =
            of_unit.map(|(record, _)| *record).filter(|record| self.is_due(record)).collect();
        if mine.is_empty() {
            return Ok(None);
        }
        if mine.len() == segment.records.len() {
            drop(segment);
            return Ok(Some(bytes));
        }
        Ok(Some(Bytes::from(segment.with_records(&mine))))
    }

    fn is_due(&mut self, record: &Record<'_>) -> bool {
        let (process, slot) = (record.assignment.process, record.assignment.slot);
        match self.cursors.get(&process) {
            Some(cursor) if slot < *cursor => false,
            Some(_) => {
                self.cursors.remove(&process);
                true
            }
            None => true,
        }
    }
}
