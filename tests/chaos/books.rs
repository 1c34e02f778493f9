//! Every log of the network with what came of it, read as far as there is anything.

use std::collections::BTreeMap;

use antiphon_client::{Client, ClientError};
use futures::{StreamExt, stream};
use protocol::{Outcome, ProcessId, Slot, api::LogRecord};

/// Logs that are read at once.
const AT_ONCE: usize = 8;

/// Slots asked for at once.
const PAGE: u32 = 1_000;

/// Every log that is known of.
#[derive(Debug, Default, Clone)]
pub(crate) struct Books {
    pub(crate) books: BTreeMap<ProcessId, Book>,
}

/// A log with its outcomes, which may be fewer.
#[derive(Debug, Default, Clone)]
pub(crate) struct Book {
    pub(crate) records: Vec<LogRecord>,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Books {
    /// Reads what is new.
    pub(crate) async fn read_on(&mut self, client: &Client) -> Result<(), ClientError> {
        for (_, entry) in client.processes().await? {
            self.books.entry(entry.process).or_default();
        }
        let books = std::mem::take(&mut self.books);
        let read = books.into_iter().map(|(process, mut book)| async move {
            let read = book.read_on(client, process).await;
            (process, book, read)
        });
        let read: Vec<_> = stream::iter(read).buffer_unordered(AT_ONCE).collect().await;
        let mut result = Ok(());
        for (process, book, read) in read {
            self.books.insert(process, book);
            result = result.and(read);
        }
        result
    }

    /// A process whose outcomes are not all there, if any.
    pub(crate) fn unread(&self) -> Option<String> {
        let unread = self.books.iter().find(|(_, book)| book.outcomes.len() < book.records.len());
        unread.map(|(process, Book { records, outcomes })| {
            format!("{process} has executed {} of {} slots", outcomes.len(), records.len())
        })
    }

    /// How many slots there are.
    pub(crate) fn slots(&self) -> usize {
        self.books.values().map(|book| book.records.len()).sum()
    }
}

impl Book {
    async fn read_on(&mut self, client: &Client, process: ProcessId) -> Result<(), ClientError> {
        let mut reader = client.log(process, slot(self.records.len()));
        loop {
            let page = reader.page(PAGE).await?;
            if page.records.is_empty() {
                break;
            }
            self.records.extend(page.records);
        }
        while self.outcomes.len() < self.records.len() {
            let page = client.outcomes(process, slot(self.outcomes.len()), PAGE).await?;
            if page.executed.is_empty() {
                break;
            }
            self.outcomes.extend(page.executed.into_iter().map(|executed| executed.outcome));
        }
        // One that was executed while the log was read is read with its entry.
        self.outcomes.truncate(self.records.len());
        Ok(())
    }
}

fn slot(number: usize) -> Slot {
    Slot::new(number as u64)
}
