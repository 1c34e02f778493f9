//! Shows logs as they were given to this unit: to auditors, and to schedulers that go on with a log
//! whose own scheduler is lost.

use std::sync::Arc;

use protocol::{AssignmentProof, ProcessId, Refusal, RefusalCode, Slot, UnitId, api::HeadPage};
use transport::FrameSender;

use super::{Service, answers::answered};
use crate::{archive::Reading, database::StoreError};

/// Heads in one page.
const PAGE_HEADS_MAX: u32 = 10_000;
/// Bytes of frames that are read before they are sent.
const READ_AHEAD_BYTES: usize = 1 << 20;

impl Service {
    /// Sends one log up to its present end.
    pub(super) async fn send_log(
        &self,
        peer: UnitId,
        process: ProcessId,
        from: Slot,
        mut sender: FrameSender,
    ) {
        let mut reading = self.archive.read(process, from);
        loop {
            let read = tokio::task::spawn_blocking(move || {
                let frames = read_ahead(&mut reading)?;
                Ok::<_, StoreError>((reading, frames))
            });
            let frames = match answered(read.await) {
                Ok((rest, frames)) => {
                    reading = rest;
                    frames
                }
                Err(refusal) => {
                    return tracing::debug!(%peer, %process, %refusal, "a log cannot be shown");
                }
            };
            if frames.is_empty() {
                break;
            }
            if let Err(error) = sender.send_all(frames).await {
                return tracing::debug!(%peer, %process, %error, "a reader is gone");
            }
        }
        if let Err(error) = sender.finish().await {
            tracing::debug!(%peer, %process, %error, "a reader is gone");
        }
    }

    /// The proof of a slot that was given to this unit.
    pub(super) async fn proof(
        &self,
        process: ProcessId,
        slot: Slot,
    ) -> Result<AssignmentProof, Refusal> {
        let archive = self.archive.clone();
        let read = tokio::task::spawn_blocking(move || archive.proof(&process, slot));
        let missing = || Refusal::new(RefusalCode::NotFound, "this unit was not given the slot");
        answered(read.await)?.ok_or_else(missing)
    }

    /// Executed heads of logs that a scheduler has ordered.
    pub(super) async fn heads(
        &self,
        scheduler: UnitId,
        after: Option<ProcessId>,
        limit: u32,
    ) -> Result<HeadPage, Refusal> {
        let (published, given) = (self.published.clone(), Arc::clone(&self.archive.given));
        let most = usize::try_from(limit.min(PAGE_HEADS_MAX)).unwrap_or(usize::MAX);
        let read = tokio::task::spawn_blocking(move || {
            published.heads_of(&given, &scheduler, (after, most))
        });
        answered(read.await)
    }
}

fn read_ahead(reading: &mut Reading) -> Result<Vec<bytes::Bytes>, StoreError> {
    let (mut frames, mut size) = (Vec::new(), 0_usize);
    while size < READ_AHEAD_BYTES
        && let Some(frame) = reading.next()?
    {
        size = size.saturating_add(frame.len());
        frames.push(frame);
    }
    Ok(frames)
}
