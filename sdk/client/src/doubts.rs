//! Units that did not answer lately: for a few seconds others are asked before them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use protocol::UnitId;
use tokio::time::Instant;

use crate::client::remember;

/// The units in doubt.
#[derive(Debug, Default)]
pub(crate) struct Doubts(Mutex<HashMap<UnitId, Instant>>);

impl Doubts {
    /// How long a unit stays in doubt.
    const LAST: Duration = Duration::from_secs(5);

    /// Learns that a unit does not answer.
    pub(crate) fn doubt(&self, now: Instant, unit: UnitId) {
        let mut doubts = self.lock();
        doubts.retain(|_, until| *until > now);
        remember(&mut doubts, unit, now + Self::LAST);
    }

    /// Learns that a unit answers.
    pub(crate) fn trust(&self, unit: &UnitId) {
        self.lock().remove(unit);
    }

    /// Whether a unit did not answer lately.
    pub(crate) fn is_doubtful(&self, now: Instant, unit: &UnitId) -> bool {
        self.lock().get(unit).is_some_and(|until| *until > now)
    }

    /// Puts units in doubt behind the others.
    pub(crate) fn order(&self, now: Instant, units: &mut [UnitId]) {
        units.sort_by_key(|unit| self.is_doubtful(now, unit));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UnitId, Instant>> {
        // Every step under the lock leaves the map whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
