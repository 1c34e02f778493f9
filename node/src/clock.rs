//! The one place of this program, beside measurements, that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use protocol::Timestamp;

/// The time by this machine's clock.
pub(crate) fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the program's shell reads the clock here")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
