//! Which messenger of an operator serves which process: all of them follow everything, but each
//! delivers only what its own processes emit, and takes over those of one that falls silent.
//!
//! The core takes the time since some instant and what was heard; `watching` asks, `cursors` tells the
//! others how far this one has come. Being wrong costs
//! double work and changes nothing: the target's scheduler accepts each number of a pair once.
//!
//! # Invariants
//!
//! - A messenger believes itself to be up, and nobody else before having heard of them. So every
//!   process is served by the first of those in its order that are up, and whoever steps back for one
//!   that has fallen silent does so for [`PATIENCE`] at the most.
//! - Messengers of other operators do not count: they serve everything.

pub(crate) mod cursors;
pub(crate) mod watching;

use std::{collections::BTreeMap, time::Duration};

use protocol::{Domain, ProcessId, UnitId};

/// How often each of the others is asked.
pub(crate) const PACE: Duration = Duration::from_secs(1);

/// How long one may be silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// The messengers of one operator that are up: who of them serves which process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crew {
    unit: UnitId,
    /// In ascending order, without the unit itself.
    others: Vec<UnitId>,
}

impl Crew {
    /// A messenger alone, who serves everything.
    pub(crate) const fn alone(unit: UnitId) -> Self {
        Self { unit, others: Vec::new() }
    }

    /// Whether there is nobody else.
    pub(crate) const fn is_alone(&self) -> bool {
        self.others.is_empty()
    }

    /// The others that are up, in ascending order.
    pub(crate) fn others(&self) -> &[UnitId] {
        &self.others
    }

    /// Whether this messenger serves a process: whether it has the highest random weight of those
    /// that are up (rendezvous hashing), so that one that comes or goes moves no process between the
    /// others.
    pub(crate) fn serves(&self, process: &ProcessId) -> bool {
        if self.is_alone() {
            return true;
        }
        let weight = |unit: &UnitId| {
            Domain::PolicyRank.digest(&[process.as_bytes().as_slice(), unit.as_bytes()])
        };
        let own = weight(&self.unit);
        self.others.iter().all(|other| weight(other) < own)
    }
}

/// What is known of the other messengers of the operator. Pure.
#[derive(Debug)]
pub(crate) struct Share {
    unit: UnitId,
    /// When the time was last told.
    last: Duration,
    /// Those with a record, and when they last answered.
    others: BTreeMap<UnitId, Option<Duration>>,
}

impl Share {
    /// Knows nobody at first.
    pub(crate) const fn new(unit: UnitId, now: Duration) -> Self {
        Self { unit, last: now, others: BTreeMap::new() }
    }

    /// Learns of which messengers of the operator there are records.
    pub(crate) fn handle_units(&mut self, units: &[UnitId]) {
        self.others.retain(|unit, _| units.contains(unit));
        for unit in units.iter().filter(|unit| **unit != self.unit) {
            self.others.entry(*unit).or_default();
        }
    }

    /// Learns that one has answered.
    pub(crate) fn handle_answer(&mut self, now: Duration, unit: &UnitId) {
        if let Some(heard) = self.others.get_mut(unit) {
            *heard = Some(now);
        }
    }

    /// Learns the time, about once in a pace.
    pub(crate) fn handle_time(&mut self, now: Duration) {
        let pause = now.saturating_sub(self.last);
        self.last = now;
        if pause > PACE.saturating_mul(2) {
            // This messenger itself stood still and heard nobody: that tells nothing of the others.
            for heard in self.others.values_mut().flatten() {
                *heard = heard.saturating_add(pause).min(now);
            }
        }
        for heard in self.others.values_mut() {
            *heard = heard.filter(|heard| now.saturating_sub(*heard) < PATIENCE);
        }
    }

    /// Whom to ask.
    pub(crate) fn watched(&self) -> impl Iterator<Item = UnitId> {
        self.others.keys().copied()
    }

    /// Who is up.
    pub(crate) fn crew(&self) -> Crew {
        let up = self.others.iter().filter(|(_, heard)| heard.is_some());
        Crew { unit: self.unit, others: up.map(|(unit, _)| *unit).collect() }
    }
}

#[cfg(test)]
mod tests;
