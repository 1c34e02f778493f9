//! Brings the index up to the log, off the acknowledgement path.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{self, SyncSender},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;

use crate::{
    archive::Archive,
    store::{Derived, Index, LogStore, StoreError},
};

/// How long rows gather before they are written together: ids are random, so the more there are, the
/// fewer pages of the tree each of them makes dirty.
const GATHERING: Duration = Duration::from_secs(2);

/// Entries that are written together at the most, give or take a batch. Tests go through many parts.
const ENTRIES_MAX: usize = if cfg!(test) { 8 } else { 1 << 17 };

/// How many parts of so many entries a start leaves to be indexed later: it takes what they say into
/// memory, which is faster. No unit that was killed has left more (`Board::is_full`).
const PARTS_LEFT: usize = 9;

/// Bytes of batches that are read together.
const READ_BYTES: usize = 8 << 20;

/// Readings that wait at a start until what is before them is derived.
const READ_AHEAD: usize = 1;

/// Of this many failures in a row, one is told.
const COMPLAIN_EVERY: u32 = 120;

/// Indexes what becomes durable until the unit stops and everything is indexed, or indexing fails
/// while it stops: what is missing then is indexed at the next start.
pub(crate) fn run(archive: &Arc<Archive>, mut indexed: u64) {
    let board = &archive.board;
    let mut failures = 0_u32;
    while board.await_batches(indexed).is_some() {
        board.let_gather(GATHERING);
        let through = board.begin_indexing();
        let read = |number| archive.segments(number, through, READ_BYTES);
        match index(&archive.index, read, indexed, through) {
            Ok(()) => {
                board.end_indexing();
                indexed = through;
                if std::mem::take(&mut failures) > 0 {
                    tracing::warn!("the log is indexed again");
                }
            }
            Err(error) => {
                if failures.is_multiple_of(COMPLAIN_EVERY) {
                    tracing::error!(%error, "indexing failed; it will be tried again");
                }
                failures = failures.saturating_add(1);
                if let Err(error) = archive.index.recover() {
                    tracing::debug!(%error, "the index cannot be opened again yet");
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

/// Indexes what the log has and the index does not, but for the last part of it; gives what that part
/// would add to the index, in order.
///
/// An index that knows more than the log means that the log was lost or is an old copy: going on
/// would give slots that were given before.
pub(crate) fn catch_up(log: &dyn LogStore, to: &Index) -> Result<Vec<Derived>, StoreError> {
    let (count, indexed) = (log.count()?, to.batches()?);
    if indexed > count {
        return Err(StoreError::Damaged(format!(
            "the log has {count} batches and index.redb knows of {indexed}: the log was lost or is \
             an old copy, and slots would be given twice. Put the right log back, or give up \
             the unit and remove its directory"
        )));
    }
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(READ_AHEAD);
        scope.spawn(move || read_through(log, (indexed, count), &sender));
        let (mut parts, mut derived, mut number) = (VecDeque::new(), Derived::default(), indexed);
        for read in receiver {
            for (segment, at) in read?.iter().zip(number..count) {
                derived.add(at, segment)?;
                number = at + 1;
                if number == count || derived.ids.len() >= ENTRIES_MAX {
                    parts.push_back((number, std::mem::take(&mut derived)));
                }
                if parts.len() > PARTS_LEFT
                    && let Some((through, mut oldest)) = parts.pop_front()
                {
                    to.add(through, &mut oldest)?;
                }
            }
        }
        if number < count {
            return Err(StoreError::Damaged(format!("batch {number} is missing in the log")));
        }
        Ok(parts.into_iter().map(|(_, part)| part).collect())
    })
}

/// Reads batches from one to another, until nobody takes them or the log cannot be read.
fn read_through(
    log: &dyn LogStore,
    (mut number, end): (u64, u64),
    to: &SyncSender<Result<Vec<Vec<u8>>, StoreError>>,
) {
    while number < end {
        let read = log.segments(number, READ_BYTES);
        let count = read.as_ref().map_or(0, Vec::len);
        number = number.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if to.send(read).is_err() || count == 0 {
            return;
        }
    }
}

fn index(
    to: &Index,
    read: impl Fn(u64) -> Result<Vec<Bytes>, StoreError>,
    from: u64,
    through: u64,
) -> Result<(), StoreError> {
    let (mut derived, mut number) = (Derived::default(), from);
    while number < through {
        for (segment, at) in read(number)?.iter().zip(number..through) {
            derived.add(at, segment)?;
            number = at + 1;
            if number == through || derived.ids.len() >= ENTRIES_MAX {
                to.add(number, &mut derived)?;
                derived = Derived::default();
            }
        }
    }
    Ok(())
}
