//! What time it is for a unit, from what the two clocks of its host say. Pure: readings are
//! arguments.
//!
//! The monotonic clock carries the time. The host's clock corrects it, slowly, while the two differ
//! by little; when they differ by more, somebody has stepped the host's clock, which is shown and
//! not followed.
//!
//! # Invariants
//!
//! - Never goes back, whatever the readings.
//! - Between two readings the time runs at most [`SLEW`] faster or slower than the monotonic clock.

use std::time::Duration;

/// How far the host's clock may be off and still be followed.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(2);

/// Of so much time that passes, a part is at most taken away or added: 500 parts in a million.
pub(crate) const SLEW: u32 = 2_000;

/// What both clocks of a host said at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The time since some moment. It never goes back.
    pub(crate) monotonic: Duration,
    /// The time since the Unix epoch, as somebody set it.
    pub(crate) host: Duration,
}

/// How far the host's clock is from the unit's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offset {
    /// The host's clock says that it is later.
    Ahead(Duration),
    /// The host's clock says that it is earlier.
    Behind(Duration),
}

/// The time of a unit as of the last reading.
#[derive(Debug, Clone)]
pub(crate) struct UnitTime {
    now: Duration,
    read: Reading,
    steps: u64,
}

impl UnitTime {
    /// Begins at the host's time, or at `floor` if that is later.
    ///
    /// Nothing contradicts a host's clock that is ahead of the floor. One that is behind it by more
    /// than the tolerance counts as stepped.
    pub(crate) fn start(floor: Duration, reading: Reading) -> Self {
        let behind = floor.saturating_sub(reading.host);
        let steps = u64::from(behind > TOLERANCE);
        Self { now: reading.host.max(floor), read: reading, steps }
    }

    /// Moves on to a reading, and gives the time.
    pub(crate) fn advance(&mut self, reading: Reading) -> Duration {
        let passed = reading.monotonic.saturating_sub(self.read.monotonic);
        let foreseen = self.read.host.saturating_add(passed);
        if reading.host.abs_diff(foreseen) > TOLERANCE {
            self.steps = self.steps.saturating_add(1);
        }
        self.read =
            Reading { monotonic: self.read.monotonic.max(reading.monotonic), host: reading.host };
        self.now = self.now.saturating_add(passed);
        // A part of what has passed, so that taking it away leaves the time where it was at least.
        let most = passed / SLEW;
        match self.offset() {
            Offset::Ahead(by) if by <= TOLERANCE => {
                self.now = self.now.saturating_add(by.min(most));
            }
            Offset::Behind(by) if by <= TOLERANCE => {
                self.now = self.now.saturating_sub(by.min(most));
            }
            Offset::Ahead(_) | Offset::Behind(_) => {}
        }
        self.now
    }

    /// The time as of the last reading.
    pub(crate) const fn now(&self) -> Duration {
        self.now
    }

    /// How far the host's clock was off at the last reading.
    pub(crate) fn offset(&self) -> Offset {
        match self.read.host.checked_sub(self.now) {
            Some(ahead) => Offset::Ahead(ahead),
            None => Offset::Behind(self.now.saturating_sub(self.read.host)),
        }
    }

    /// How often the host's clock was stepped: by more than the tolerance between two readings, or
    /// before the start to behind the floor.
    pub(crate) const fn steps(&self) -> u64 {
        self.steps
    }
}

#[cfg(test)]
mod tests;
