//! Clocks that say what a test wants.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::Timestamp;

use super::{Clock, Host, Reading};

/// The clocks of a machine of a test; clones show the same time.
#[derive(Debug, Clone)]
pub(crate) struct Clocks(Arc<Mutex<Reading>>);

impl Clocks {
    /// Clocks that stand still at a time.
    pub(crate) fn at(now: Timestamp) -> Self {
        let host = Duration::from_millis(now.get());
        Self(Arc::new(Mutex::new(Reading { monotonic: Duration::ZERO, host })))
    }

    /// Lets time pass on both.
    pub(crate) fn pass(&self, millis: u64) {
        let mut reading = self.0.lock().unwrap();
        reading.monotonic += Duration::from_millis(millis);
        reading.host += Duration::from_millis(millis);
    }

    /// Sets the host's clock ahead, or back if negative.
    pub(crate) fn step(&self, millis: i64) {
        let mut reading = self.0.lock().unwrap();
        let by = Duration::from_millis(millis.unsigned_abs());
        let host = reading.host;
        reading.host = if millis < 0 { host.saturating_sub(by) } else { host + by };
    }

    /// The clock of a unit that starts on this machine.
    pub(crate) fn start(&self, floor: Timestamp) -> Clock {
        Clock::on(Box::new(self.clone()), floor)
    }
}

impl Host for Clocks {
    fn read(&self) -> Reading {
        *self.0.lock().unwrap()
    }
}
