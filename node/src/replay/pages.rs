//! A log in pages, read and checked ahead of whoever executes it.
//!
//! While one page is executed, the signatures of the next are checked on all cores and the ones
//! after are on their way; never more than [`AHEAD`] are held.

use std::sync::Arc;

use antiphon_client::{ClientError, LogReader};
use protocol::{Slot, api::LogRecord};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Difference,
    signatures::Checks,
    subject::Subject,
    witnesses::{Testimony, Witnesses},
};
use crate::error::NodeError;

/// Slots of a page.
const PAGE: u32 = 1_024;

/// Pages that wait for execution.
const AHEAD: usize = 4;

/// Consecutive slots of a log.
#[derive(Debug)]
pub(super) struct Page {
    /// The slots, each in its place.
    pub(super) records: Arc<Vec<LogRecord>>,
    /// Their signatures.
    pub(super) checks: Checks,
    /// What units signed about them.
    pub(super) testimonies: Vec<Testimony>,
}

/// Why there are no more pages before the last slot wanted.
#[derive(Debug)]
pub(super) enum End {
    /// The log breaks a rule.
    Broken(Difference),
    /// It cannot be read.
    Failed(NodeError),
}

/// Pages as they come.
#[derive(Debug)]
pub(super) struct Pages {
    receiver: mpsc::Receiver<Result<Page, End>>,
    _reader: AbortOnDropHandle<()>,
}

impl Pages {
    /// Begins to read a log up to a slot.
    pub(super) fn read(
        subject: Arc<Subject>,
        reader: LogReader,
        last: Slot,
        witnesses: Option<Witnesses>,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let task: JoinHandle<()> = tokio::spawn(async move {
            if let Err(end) = read(&subject, reader, last, witnesses, &sender).await {
                // Whoever executes may have stopped.
                let _ = sender.send(Err(end)).await;
            }
        });
        Self { receiver, _reader: AbortOnDropHandle::new(task) }
    }

    /// The next page; none behind the last slot. For threads that are none of the runtime's.
    pub(super) fn next(&mut self) -> Option<Result<Page, End>> {
        self.receiver.blocking_recv()
    }
}

async fn read(
    subject: &Subject,
    mut reader: LogReader,
    last: Slot,
    mut witnesses: Option<Witnesses>,
    sender: &mpsc::Sender<Result<Page, End>>,
) -> Result<(), End> {
    while reader.next() <= last {
        let first = reader.next();
        let wanted = last.get().saturating_sub(first.get()).saturating_add(1);
        let limit = u32::try_from(wanted).unwrap_or(PAGE).min(PAGE);
        let page = reader.page(limit).await?;
        let Some(end) = page.records.last().map(|record| record.assignment.slot) else {
            let what = "the log ends before the head that its scheduler signed";
            return Err(End::Broken(Difference::at(first, what)));
        };
        let records = Arc::new(page.records);
        let checks = Checks::start(subject.client.network(), &records);
        let testimonies = match &mut witnesses {
            Some(witnesses) => witnesses.ask(subject, (first, end)).await,
            None => Vec::new(),
        };
        if sender.send(Ok(Page { records, checks, testimonies })).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

impl From<ClientError> for End {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Broken { slot, what } => Self::Broken(Difference::at(slot, what)),
            error => Self::Failed(error.into()),
        }
    }
}
