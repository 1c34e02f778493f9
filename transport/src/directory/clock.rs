//! The wall clock, for what expires. The one place of this crate that reads it.

use std::time::{SystemTime, UNIX_EPOCH};

use protocol::Timestamp;

/// The time now; a clock before 1970 counts as 1970.
#[expect(clippy::disallowed_methods, reason = "a shell: records of units expire by this clock")]
pub(crate) fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
