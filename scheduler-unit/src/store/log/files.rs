//! Which files a log has, and which of them has a batch.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use super::{
    failed,
    file::{self, DIRECTORY, NEXT, OpenFile},
    missing,
};
use crate::store::{StoreError, disk::Disk};

/// The files of a log. There are none once it is closed.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The first batch of each.
    pub(super) firsts: BTreeSet<u64>,
    /// The newest.
    pub(super) open: Option<Arc<OpenFile>>,
    /// The one before it, until it is closed.
    pub(super) leaving: Option<Arc<OpenFile>>,
    /// The one that will follow.
    pub(super) next: Option<OpenFile>,
    /// How many batches there are.
    pub(super) count: u64,
    /// Whether an append failed since, so that there may be one more.
    pub(super) in_doubt: bool,
}

/// The file that has a batch.
pub(super) struct Found {
    /// If it is open for writing, or was until a moment ago.
    pub(super) open: Option<Arc<OpenFile>>,
    /// Its batches.
    pub(super) range: Range<u64>,
    /// Whether another file follows, so that it will be closed.
    pub(super) left: bool,
}

impl Files {
    /// Finds the files of a log, and opens the newest.
    pub(super) fn load(disk: &Arc<dyn Disk>) -> Result<Self, StoreError> {
        let names = disk.names(DIRECTORY).map_err(failed)?;
        if names.iter().any(|name| name == NEXT) {
            disk.remove(&file::path(NEXT)).map_err(failed)?;
        }
        let mut firsts: BTreeSet<u64> =
            names.iter().filter_map(|name| file::first_of(name)).collect();
        let open = match firsts.last() {
            Some(newest) => OpenFile::open(disk, *newest)?,
            None => {
                let mut file = OpenFile::prepare(disk)?;
                file.begin(0)?;
                firsts.insert(0);
                file
            }
        };
        if firsts.first() != Some(&0) {
            return Err(StoreError::Damaged("the first file of the log is missing".to_owned()));
        }
        let count = open.count()?;
        Ok(Self { firsts, open: Some(Arc::new(open)), count, ..Self::default() })
    }

    /// Where a batch is.
    pub(super) fn find(&self, number: u64) -> Result<Found, StoreError> {
        let first = self.firsts.range(..=number).next_back().ok_or(StoreError::Closed)?;
        if number >= self.count {
            return Err(missing(number));
        }
        let after = self.firsts.range(number.saturating_add(1)..).next();
        let range = *first..after.map_or(self.count, |after| *after);
        let mut open = self.open.iter().chain(&self.leaving);
        let open = open.find(|file| file.first() == *first).cloned();
        Ok(Found { open, range, left: after.is_some() })
    }

    /// Closes what is open. What cannot be closed well is repaired when it is opened again.
    pub(super) fn close(&mut self) {
        let (open, leaving, next) = (self.open.take(), self.leaving.take(), self.next.take());
        for file in open.iter().chain(&leaving) {
            if let Err(error) = file.close() {
                tracing::debug!(%error, "a file of the log was not closed well");
            }
        }
        drop(next);
    }
}
