//! Items of which their source must be told what became of them: asks and births that were refused
//! for good, and numbers that were given up. Pure: no clock, no disk, no network.
//!
//! The shell reports what happens with `handle_*` and performs what [`Verdicts::take_effects`] gives;
//! after [`Verdicts::wake_at`] it calls [`Verdicts::handle_time`]. Time is a duration since any fixed
//! instant.
//!
//! # Invariants
//!
//! - A number has one case, which is under way once at a time.
//! - What a case holds is released once, when it ends.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use protocol::{PairNumber, RefusalCode, Slot};

use crate::outbox::PairKey;

/// The first wait after a failure, which doubles with every further one, and the longest.
const FAILURE_WAIT: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// After how many failures a case ends of which nobody knows anything.
const UNKNOWN_MAX: u32 = 64;

/// How much is kept and under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Cases in memory.
    pub(crate) cases: usize,
    /// Cases under way at once.
    pub(crate) flights: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { cases: 16_384, flights: 256 }
    }
}

/// A number of a pair.
pub(crate) type Place = (PairKey, PairNumber);

/// What the shell must do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(crate) enum Effect<P> {
    /// Find out what became of a number and tell its source, then [`Verdicts::handle_told`].
    Tell(Place, P),
    /// Let go of the slot of a source that the case of a number held.
    Release(PairKey, Slot),
}

#[derive(Debug)]
struct Case<P> {
    payload: P,
    /// Slots to release at the end.
    holds: Vec<Slot>,
    failures: u32,
    /// When to try again; absent while it is under way.
    wake: Option<Duration>,
}

/// What waits, for people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Cases that are open.
    pub(crate) cases: usize,
    /// Verdicts told since the start.
    pub(crate) told: u64,
    /// Cases since the start that there was no room for, or that nobody could tell anything of.
    pub(crate) given_up: u64,
}

/// All cases of a messenger.
#[derive(Debug)]
pub(crate) struct Verdicts<P> {
    bounds: Bounds,
    cases: BTreeMap<Place, Case<P>>,
    wakes: BTreeSet<(Duration, Place)>,
    flights: usize,
    effects: Vec<Effect<P>>,
    told: u64,
    given_up: u64,
}

impl<P: Clone> Verdicts<P> {
    /// No cases.
    pub(crate) const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            cases: BTreeMap::new(),
            wakes: BTreeSet::new(),
            flights: 0,
            effects: Vec::new(),
            told: 0,
            given_up: 0,
        }
    }

    /// Opens the case of a number, which may hold a slot of its source.
    pub(crate) fn handle_case(
        &mut self,
        now: Duration,
        place: Place,
        payload: P,
        hold: Option<Slot>,
    ) {
        if let Some(case) = self.cases.get_mut(&place) {
            case.holds.extend(hold);
        } else if self.cases.len() >= self.bounds.cases {
            self.given_up += 1;
            self.effects.extend(hold.map(|slot| Effect::Release(place.0, slot)));
        } else {
            let holds = hold.into_iter().collect();
            self.cases.insert(place, Case { payload, holds, failures: 0, wake: Some(now) });
            self.wakes.insert((now, place));
        }
        self.handle_time(now);
    }

    /// Learns what came of an [`Effect::Tell`]: that the source was told or need not be, or why not.
    pub(crate) fn handle_told(
        &mut self,
        now: Duration,
        place: Place,
        result: Result<(), (RefusalCode, Option<Duration>)>,
    ) {
        self.flights = self.flights.saturating_sub(1);
        match result {
            Ok(()) => {
                self.told += 1;
                self.end(place);
            }
            Err((code, retry_after)) => self.fail(now, place, (code, retry_after)),
        }
        self.handle_time(now);
    }

    /// Takes up the cases whose wait is over.
    pub(crate) fn handle_time(&mut self, now: Duration) {
        while self.flights < self.bounds.flights {
            let Some((wake, place)) = self.wakes.first().copied().filter(|(wake, _)| *wake <= now)
            else {
                return;
            };
            self.wakes.remove(&(wake, place));
            let Some(case) = self.cases.get_mut(&place) else { continue };
            case.wake = None;
            self.flights += 1;
            self.effects.push(Effect::Tell(place, case.payload.clone()));
        }
    }

    /// When [`Self::handle_time`] has something to do next.
    pub(crate) fn wake_at(&self) -> Option<Duration> {
        let first = self.wakes.first().map(|(wake, _)| *wake);
        first.filter(|_| self.flights < self.bounds.flights)
    }

    /// What the shell must do now, in this order.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect<P>> {
        std::mem::take(&mut self.effects)
    }

    /// Counts what waits.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting { cases: self.cases.len(), told: self.told, given_up: self.given_up }
    }

    fn fail(
        &mut self,
        now: Duration,
        place: Place,
        (code, retry_after): (RefusalCode, Option<Duration>),
    ) {
        let Some(case) = self.cases.get_mut(&place) else { return };
        let unknown = matches!(code, RefusalCode::NotFound | RefusalCode::BadOrigin);
        let hopeless = !code.is_retryable() && code != RefusalCode::BadOrigin;
        if hopeless || (unknown && case.failures >= UNKNOWN_MAX) {
            self.given_up += 1;
            return self.end(place);
        }
        let doubled = FAILURE_WAIT.saturating_mul(1 << case.failures.min(16));
        let wait = doubled.max(retry_after.unwrap_or_default()).min(WAIT_MAX);
        case.failures = case.failures.saturating_add(1);
        let wake = now.saturating_add(wait);
        case.wake = Some(wake);
        self.wakes.insert((wake, place));
    }

    fn end(&mut self, place: Place) {
        if let Some(case) = self.cases.remove(&place) {
            if let Some(wake) = case.wake {
                self.wakes.remove(&(wake, place));
            }
            let release = |slot| Effect::Release(place.0, slot);
            self.effects.extend(case.holds.into_iter().map(release));
        }
    }
}

#[cfg(test)]
mod tests;
