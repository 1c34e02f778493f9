//! Which other compute units are up: this unit steps in for those that are not.
//!
//! The core takes the time since some instant and what was heard; the shell asks. Off the path of
//! messages, so a timer paces it. Being wrong costs double work and changes nothing: two units that
//! execute one log come to the same outcomes.
//!
//! # Invariants
//!
//! - Whoever is seen for the first time has [`PATIENCE_PACES`] paces to answer, and so has everybody
//!   when this unit starts: until then all are presumed up, known or not.
//! - A unit that was gone counts as up again only once it has answered for [`SETTLING_PACES`] paces
//!   with few slots waiting: it may have long logs to execute first.

mod resting;
mod watching;

use std::{collections::BTreeMap, time::Duration};

use protocol::{UnitId, UnitSet};

pub(crate) use resting::Resting;
pub(crate) use watching::Watching;

/// How often each unit is asked, at the most.
pub(crate) const PACE: Duration = Duration::from_secs(1);
/// Questions in a second over all units, at the most: with more units than that each is asked more
/// seldom.
const QUESTIONS_MAX: u32 = 100;
/// How many paces a unit may be silent.
pub(crate) const PATIENCE_PACES: u32 = 3;
/// For how many paces a unit that was gone must answer.
const SETTLING_PACES: u32 = 3;
/// A unit with more slots waiting has not caught up.
const WAITING_MAX: u64 = 256;

/// What is known of the other compute units. Pure.
#[derive(Debug)]
pub(crate) struct Liveness {
    began: Duration,
    /// When the time was last told.
    last: Duration,
    units: BTreeMap<UnitId, Seen>,
    settled: bool,
}

/// What is known of a unit.
#[derive(Debug)]
struct Seen {
    /// When it last answered, or was first seen.
    heard: Duration,
    standing: Standing,
    /// Whether there is a record of it.
    recorded: bool,
}

/// How a unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Up,
    Gone,
    /// It answers again, and has had little to do since then.
    Returning(Duration),
}

impl Liveness {
    /// Knows nobody at first.
    pub(crate) const fn new(now: Duration) -> Self {
        Self { began: now, last: now, units: BTreeMap::new(), settled: false }
    }

    /// Learns of which other compute units there are records.
    pub(crate) fn handle_units(&mut self, now: Duration, units: &[UnitId]) {
        self.units.values_mut().for_each(|seen| seen.recorded = false);
        for unit in units {
            let new = || Seen { heard: now, standing: Standing::Up, recorded: true };
            self.units.entry(*unit).or_insert_with(new).recorded = true;
        }
        // One that answers may be reached without a record as well.
        self.units.retain(|_, seen| seen.recorded || seen.standing != Standing::Gone);
    }

    /// Learns that a unit has answered, and how many slots wait there.
    pub(crate) fn handle_answer(&mut self, now: Duration, unit: &UnitId, waiting: u64) {
        let settling = self.pace().saturating_mul(SETTLING_PACES);
        let Some(seen) = self.units.get_mut(unit) else { return };
        seen.heard = now;
        let calm = waiting <= WAITING_MAX;
        seen.standing = match seen.standing {
            Standing::Up => Standing::Up,
            Standing::Returning(since) if calm && now.saturating_sub(since) >= settling => {
                Standing::Up
            }
            Standing::Returning(since) if calm => Standing::Returning(since),
            Standing::Gone | Standing::Returning(_) => Standing::Returning(now),
        };
    }

    /// Learns the time, about once in a pace.
    pub(crate) fn handle_time(&mut self, now: Duration) {
        let (pace, patience) = (self.pace(), self.patience());
        let pause = now.saturating_sub(self.last);
        self.last = now;
        if pause > pace.saturating_mul(2) {
            // This unit itself stood still and heard nobody: that tells nothing of the others.
            self.began = self.began.saturating_add(pause);
            self.units.values_mut().for_each(|seen| {
                seen.heard = seen.heard.saturating_add(pause).min(now);
            });
        }
        self.settled |= now.saturating_sub(self.began) >= patience;
        for seen in self.units.values_mut() {
            if now.saturating_sub(seen.heard) >= patience {
                seen.standing = Standing::Gone;
            }
        }
    }

    /// The units that are up; none as long as that is not known.
    pub(crate) fn present(&self) -> Option<UnitSet> {
        let up = self.units.iter().filter(|(_, seen)| seen.standing == Standing::Up);
        self.settled.then(|| UnitSet::new(up.map(|(unit, _)| *unit)))
    }

    /// The units to ask.
    pub(crate) fn watched(&self) -> impl Iterator<Item = UnitId> {
        self.units.keys().copied()
    }

    /// How often each is to be asked.
    pub(crate) fn pace(&self) -> Duration {
        let units = u32::try_from(self.units.len()).unwrap_or(u32::MAX);
        PACE.saturating_mul(units.div_ceil(QUESTIONS_MAX).max(1))
    }

    /// How long a unit may take to answer.
    pub(crate) fn patience(&self) -> Duration {
        self.pace().saturating_mul(PATIENCE_PACES)
    }
}

#[cfg(test)]
mod tests;
