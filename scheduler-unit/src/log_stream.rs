//! One log from a slot on, up to its present end, for whoever goes on with it.
//!
//! What is sent are the group commits as they are stored, with what they say of other logs left out.
//! A stream holds one of them at a time.

use std::sync::Arc;

use bytes::Bytes;
use protocol::{ProcessId, Slot};
use transport::FrameSender;

use crate::{
    archive::Archive, order::Place, segment::Segment, store::StoreError, unit::Unit,
    verify::refuse_storage,
};

/// Serves one stream until the end of the log, or until the peer is gone or the disk fails.
///
/// The stream of a log that is not known here breaks off.
pub(crate) async fn serve(
    unit: &Arc<Unit>,
    process: ProcessId,
    from: Slot,
    mut sender: FrameSender,
) {
    let archive = Arc::clone(unit.shards.archive(&process));
    let Some(known) = archive.board.process(&process) else {
        return tracing::debug!(%process, "a stream is about a log that is not here");
    };
    let end = *archive.board.batches().borrow();
    let walk = Walk { process, next: from, last: known.head.next, batch: None, end };
    let mut walk = Some(walk);
    while let Some(mut at) = walk.take() {
        let archive = Arc::clone(&archive);
        let read = unit.read(move |_| {
            let bytes = at.step(&archive).map_err(refuse_storage)?;
            Ok(bytes.map(|bytes| (bytes, at)))
        });
        let (bytes, at) = match read.await {
            Ok(Some(read)) => read,
            Ok(None) => break,
            Err(refusal) => return tracing::warn!(%process, %refusal, "a stream of a log ends"),
        };
        walk = Some(at);
        if let Err(error) = sender.send_all([bytes]).await {
            return tracing::debug!(%process, %error, "a stream of a log broke off");
        }
    }
    if let Err(error) = sender.finish().await {
        tracing::debug!(%process, %error, "a stream of a log broke off");
    }
}

/// A walk through the batches that are about a log.
#[derive(Debug, Clone, Copy)]
struct Walk {
    process: ProcessId,
    /// The first slot that is not sent.
    next: Slot,
    /// The end of the log when the stream began.
    last: Slot,
    /// The first batch that is not looked at.
    batch: Option<u64>,
    /// How many batches there were when the stream began.
    end: u64,
}

impl Walk {
    /// The part of the next batch that the stream is about; nothing at the end.
    fn step(&mut self, archive: &Archive) -> Result<Option<Bytes>, StoreError> {
        let Self { process, next, .. } = *self;
        let from = match self.batch {
            Some(batch) => batch,
            None => self.begin(archive)?,
        };
        let Some(number) = archive.batch_about(&Place { process, slot: next }, from)? else {
            return Ok(None);
        };
        if number >= self.end {
            return Ok(None);
        }
        let bytes = archive.segment(number)?;
        let segment = Segment::read(&bytes)?;
        let records = segment.records.iter().map(|record| (record, record.assignment));
        let mine = records.filter(|(_, at)| at.process == process && at.slot >= next);
        let mine: Vec<_> = mine.map(|(record, _)| *record).collect();
        let refusals = segment.refusals.iter().filter(|record| record.refusal.process == process);
        let refusals: Vec<_> = refusals.copied().collect();
        if let Some(last) = mine.last() {
            self.next = last.assignment.slot.next().unwrap_or(next);
        } else if refusals.is_empty() {
            return Err(StoreError::Damaged("the store lacks a slot in its batch".to_owned()));
        }
        self.batch = Some(number.saturating_add(1));
        Ok(Some(Bytes::from(segment.with_records(&mine, &refusals))))
    }

    /// The batch to begin with. What was refused behind the slot before the first may be news, too.
    fn begin(&self, archive: &Archive) -> Result<u64, StoreError> {
        let Some(before) = self.next.min(self.last).get().checked_sub(1) else { return Ok(0) };
        let place = Place { process: self.process, slot: Slot::new(before) };
        Ok(archive.batch_of(&place)?.unwrap_or_default())
    }
}
