//! How group commits lie in a file of the log.
//!
//! redb gives a row that is longer than a page a power of two of pages. So a long segment is cut:
//! pieces that fill such a span exactly are `pieces`, and what is left, less than a page, is its row
//! in `segments`, where many lie in one page.

use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use crate::store::StoreError;

/// Batch number to the length of the batch as a tail frame, and the end of its canonical bytes.
const SEGMENTS: TableDefinition<'_, u64, (u32, &[u8])> = TableDefinition::new("segments");

/// Batch number and piece to the bytes before that end.
const PIECES: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("pieces");

/// Bytes of a page.
const PAGE: usize = 4 << 10;

/// Pages of a piece at the most.
const PIECE_PAGES: usize = 64;

/// What a page says beside the only row in it, a piece: a header, where the row ends, and its key.
const PIECE_OVERHEAD: usize = 4 + 4 + 12;

/// The longest row in `segments`, which fits into a page with what belongs to it.
const END_MAX: usize = PAGE - 64;

/// The longest segment that anybody writes, for which memory is taken at once.
const SEGMENT: usize = 4 << 20;

/// Makes the tables.
pub(super) fn make(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(SEGMENTS).map_err(StoreError::failed)?;
    transaction.open_table(PIECES).map_err(StoreError::failed)?;
    Ok(())
}

/// Adds a segment; tells about how many bytes of the file it takes.
pub(super) fn put(
    transaction: &WriteTransaction,
    number: u64,
    segment: &[u8],
) -> Result<u64, StoreError> {
    let mut taken = 0;
    let mut rest = segment;
    if rest.len() > END_MAX {
        let mut pieces = transaction.open_table(PIECES).map_err(StoreError::failed)?;
        let mut piece = 0_u32;
        while rest.len() > END_MAX {
            let pages = ((rest.len() + PIECE_OVERHEAD) / PAGE).clamp(1, PIECE_PAGES);
            let room = (1 << pages.ilog2()) * PAGE - PIECE_OVERHEAD;
            let (bytes, after) = rest.split_at(room.min(rest.len()));
            pieces.insert((number, piece), bytes).map_err(StoreError::failed)?;
            piece = piece.saturating_add(1);
            taken += room + PIECE_OVERHEAD;
            rest = after;
        }
    }
    let length = u32::try_from(segment.len())
        .map_err(|_| StoreError::Failed("a batch of more than 4 GiB".to_owned()))?;
    let mut segments = transaction.open_table(SEGMENTS).map_err(StoreError::failed)?;
    segments.insert(number, (length, rest)).map_err(StoreError::failed)?;
    taken += rest.len() + 32;
    Ok(u64::try_from(taken).unwrap_or(u64::MAX))
}

/// The numbers of the first and the last segment.
pub(super) fn bounds(transaction: &ReadTransaction) -> Result<Option<(u64, u64)>, StoreError> {
    let segments = transaction.open_table(SEGMENTS).map_err(StoreError::failed)?;
    let first = segments.first().map_err(StoreError::failed)?;
    let last = segments.last().map_err(StoreError::failed)?;
    Ok(first.zip(last).map(|((first, _), (last, _))| (first.value(), last.value())))
}

/// Consecutive segments from a number on, one at least if it is there, until they have so many
/// bytes together.
pub(super) fn range(
    transaction: &ReadTransaction,
    from: u64,
    limit_bytes: usize,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let segments = transaction.open_table(SEGMENTS).map_err(StoreError::failed)?;
    let pieces = transaction.open_table(PIECES).map_err(StoreError::failed)?;
    let (mut found, mut taken) = (Vec::new(), 0);
    for (row, expected) in segments.range(from..).map_err(StoreError::failed)?.zip(from..) {
        let (number, row) = row.map_err(StoreError::failed)?;
        let (number, (length, end)) = (number.value(), row.value());
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if number != expected || (!found.is_empty() && length > limit_bytes.saturating_sub(taken)) {
            break;
        }
        let mut segment = Vec::with_capacity(length.min(SEGMENT));
        if end.len() < length {
            let parts = pieces.range((number, 0)..=(number, u32::MAX));
            for part in parts.map_err(StoreError::failed)? {
                segment.extend_from_slice(part.map_err(StoreError::failed)?.1.value());
            }
        }
        segment.extend_from_slice(end);
        if segment.len() != length {
            return Err(StoreError::Damaged(format!("batch {number} is not whole in the log")));
        }
        taken += length;
        found.push(segment);
    }
    Ok(found)
}
