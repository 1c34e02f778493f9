//! Time in an actor: sleeping, and timers that call methods.

use std::time::Duration;

/// A span of seconds.
#[must_use]
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A span of milliseconds.
#[must_use]
pub const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Whole milliseconds, as many as there can be.
pub(crate) const fn milliseconds(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000).saturating_add(span.subsec_millis() as u64)
}
