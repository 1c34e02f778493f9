//! What the stores of a scheduler can do on a disk at the most, for figures beside figures, and a long
//! log to measure with.

mod writing;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use redb::{Database, TableDefinition};

use crate::store::{Disk, Files, LogStore, RedbLog, StoreError};
pub use writing::write_log;

/// Number of a row to its bytes.
const ROWS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("rows");

/// How long each of so many commits of these bytes takes in a log of its own in a directory, one
/// after the other.
///
/// # Errors
///
/// [`StoreError`] if the disk fails.
pub fn commits(directory: &Path, segment: &[u8], count: u64) -> Result<Vec<Duration>, StoreError> {
    let disk: Arc<dyn Disk> = Arc::new(Files(directory.to_owned()));
    let log = RedbLog::open(disk)?;
    let commit = |number| {
        let begun = now();
        log.append(number, segment)?;
        Ok(begun.elapsed())
    };
    let took = (0..count).map(commit).collect();
    log.close();
    took
}

/// How many rows of so many bytes a second one redb table takes, durably, so many in a commit: keys
/// are consecutive numbers.
///
/// # Errors
///
/// [`StoreError`] if the disk fails.
pub fn rows_per_second(
    directory: &Path,
    row: &[u8],
    batch: u64,
    time: Duration,
) -> Result<u64, StoreError> {
    let failed = |error: redb::Error| StoreError::Failed(error.to_string());
    let database = Database::create(directory.join("rows.redb"));
    let database = database.map_err(|error| failed(error.into()))?;
    let insert = |from: u64| -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        {
            let mut rows = transaction.open_table(ROWS)?;
            for number in from..from + batch {
                rows.insert(number, row)?;
            }
        }
        Ok(transaction.commit()?)
    };
    let (begun, mut rows) = (now(), 0);
    while begun.elapsed() < time {
        insert(rows).map_err(failed)?;
        rows += batch;
    }
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(rows.saturating_mul(1_000_000) / micros.max(1))
}

#[expect(clippy::disallowed_methods, reason = "measurements read the clock")]
fn now() -> Instant {
    Instant::now()
}
