//! Brings the index up to the log, off the acknowledgement path.

use std::{sync::Arc, time::Duration};

use crate::{
    archive::Archive,
    store::{Derived, Index, LogStore, StoreError},
};

/// How long rows gather before they are written together.
const GATHERING: Duration = Duration::from_millis(500);

/// Entries that are written together at the most, give or take a batch.
const ENTRIES_MAX: usize = 1 << 16;

/// Indexes what becomes durable until the unit stops and everything is indexed, or indexing fails
/// while it stops: what is missing then is indexed at the next start.
pub(crate) fn run(archive: &Arc<Archive>, mut indexed: u64) {
    let board = &archive.board;
    while board.await_batches(indexed).is_some() {
        board.let_gather(GATHERING);
        let through = board.begin_indexing();
        let read = |number| archive.segment(number).map(Vec::from);
        match index(&archive.index, read, indexed, through) {
            Ok(()) => {
                board.end_indexing();
                indexed = through;
            }
            Err(error) => {
                tracing::error!(%error, "indexing failed; it will be tried again");
                if let Err(error) = archive.index.recover() {
                    tracing::error!(%error, "the index cannot be opened again yet");
                }
                if board.is_stopping() {
                    return;
                }
                // The part that was written is written again, to the same effect.
                indexed = archive.index.batches().unwrap_or(indexed);
            }
        }
    }
}

/// Indexes what the log has and the index does not.
pub(crate) fn catch_up(log: &dyn LogStore, to: &Index) -> Result<(), StoreError> {
    let count = log.count()?;
    if to.batches()? > count {
        tracing::warn!("the index knows more than the log; deriving it anew");
        to.clear()?;
    }
    index(to, |number| log.segment(number), to.batches()?, count)
}

fn index(
    to: &Index,
    read: impl Fn(u64) -> Result<Vec<u8>, StoreError>,
    from: u64,
    through: u64,
) -> Result<(), StoreError> {
    let mut derived = Derived::default();
    for number in from..through {
        derived.add(number, &read(number)?)?;
        let last = number + 1 == through;
        if last || derived.ids.len() >= ENTRIES_MAX {
            to.add(number + 1, &mut derived)?;
            derived = Derived::default();
        }
    }
    Ok(())
}
