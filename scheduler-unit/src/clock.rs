//! The unit's time: anchored to the monotonic clock when the unit starts, so that a step of the
//! host's clock is not believed.
//!
//! # Invariants
//!
//! - Never goes back, not even behind the last time in the log.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocol::Timestamp;

/// The unit's clock.
#[derive(Debug)]
pub(crate) struct Clock {
    anchor: Instant,
    started: Timestamp,
}

impl Clock {
    /// Starts at the host's time, or at `floor` if that is later.
    #[expect(clippy::disallowed_methods, reason = "this is where the shell reads the clock")]
    pub(crate) fn start(floor: Timestamp) -> Self {
        Self { anchor: Instant::now(), started: host_time().max(floor) }
    }

    /// Starts at an instant of the test's choice.
    #[cfg(test)]
    #[expect(clippy::disallowed_methods, reason = "only the time since is read from it")]
    pub(crate) fn fixed(started: Timestamp) -> Self {
        Self { anchor: Instant::now(), started }
    }

    /// The instant the clock started at.
    pub(crate) const fn started(&self) -> Timestamp {
        self.started
    }

    /// The unit's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.started.saturating_add(millis(self.anchor.elapsed()))
    }

    /// The time since the start, for measuring.
    pub(crate) fn elapsed(&self) -> Duration {
        self.anchor.elapsed()
    }

    /// How far the host's clock is from the unit's, in milliseconds.
    pub(crate) fn offset(&self) -> u64 {
        host_time().get().abs_diff(self.now().get())
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where the shell reads the clock")]
fn host_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(millis(since))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
