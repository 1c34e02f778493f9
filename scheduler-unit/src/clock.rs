//! The unit's clock: reads the clocks of its host, and believes them as [`UnitTime`] says.
//!
//! # Invariants
//!
//! - Never goes back, not even behind the last time in the log.

mod unit_time;

use std::{
    fmt::Debug,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use protocol::Timestamp;

use unit_time::Offset;
pub(crate) use unit_time::{Reading, UnitTime};

/// The clocks of a machine.
pub(crate) trait Host: Debug + Send + Sync {
    /// What they say now.
    fn read(&self) -> Reading;
}

/// The clock of a unit.
#[derive(Debug)]
pub(crate) struct Clock {
    host: Box<dyn Host>,
    time: Mutex<UnitTime>,
    started: Timestamp,
}

impl Clock {
    /// Starts at this machine's time, or at `floor` if that is later.
    pub(crate) fn start(floor: Timestamp) -> Self {
        Self::on(Box::new(Machine::new()), floor)
    }

    /// Starts at a host's time, or at `floor` if that is later.
    pub(crate) fn on(host: Box<dyn Host>, floor: Timestamp) -> Self {
        let time = UnitTime::start(Duration::from_millis(floor.get()), host.read());
        if let (1.., Offset::Behind(by)) = (time.steps(), time.offset()) {
            tracing::error!(
                millis = millis(by),
                "this machine's clock is behind the log; the unit's time goes on from the log's end"
            );
        }
        Self { host, started: timestamp(time.now()), time: Mutex::new(time) }
    }

    /// The time the clock started at.
    pub(crate) const fn started(&self) -> Timestamp {
        self.started
    }

    /// The unit's time.
    pub(crate) fn now(&self) -> Timestamp {
        timestamp(self.read().now())
    }

    /// The time since some moment, for measuring.
    pub(crate) fn elapsed(&self) -> Duration {
        self.host.read().monotonic
    }

    /// What is to be seen of the host's clock: names and values.
    pub(crate) fn list(&self) -> [(String, u64); 3] {
        let time = self.read();
        let (ahead, behind) = match time.offset() {
            Offset::Ahead(by) => (millis(by), 0),
            Offset::Behind(by) => (0, millis(by)),
        };
        [
            ("clock_offset_ahead_millis".to_owned(), ahead),
            ("clock_offset_behind_millis".to_owned(), behind),
            ("clock_steps".to_owned(), time.steps()),
        ]
    }

    fn read(&self) -> MutexGuard<'_, UnitTime> {
        let mut time = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = time.steps();
        // Under the lock, so that readings come in their order.
        time.advance(self.host.read());
        if time.steps() > steps {
            tracing::warn!(
                offset = ?time.offset(),
                "this machine's clock was stepped; the unit's time does not follow"
            );
        }
        time
    }
}

/// The clocks of this machine.
#[derive(Debug)]
struct Machine {
    anchor: Instant,
}

impl Machine {
    #[expect(clippy::disallowed_methods, reason = "this is where the shell reads the clock")]
    fn new() -> Self {
        Self { anchor: Instant::now() }
    }
}

impl Host for Machine {
    #[expect(clippy::disallowed_methods, reason = "this is where the shell reads the clock")]
    fn read(&self) -> Reading {
        let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Reading { monotonic: self.anchor.elapsed(), host }
    }
}

fn timestamp(since: Duration) -> Timestamp {
    Timestamp::new(millis(since))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
