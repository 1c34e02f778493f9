//! How fast a network works: what units count, compared with what they counted the last time they
//! were asked. Nothing is shown that two answers of the same unit do not say.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use maud::{Markup, html};
use protocol::{Role, Timestamp, UnitId, api::UnitStatus};
use tokio::time::Instant;

use super::{facts::UnitFacts, show::number};

/// The shortest time over which anything is compared.
const INTERVAL_MIN: Duration = Duration::from_secs(2);

/// The beginning of the names of how many commits took at most how many microseconds.
const COMMITS: &str = "commit_le_micros:";

/// What is compared: a counter of the units of a role.
const ASSIGNED: (Role, &str) = (Role::Scheduler, "assigned");
const EXECUTED: (Role, &str) = (Role::Compute, "slots_executed");

/// What units counted the last times they were asked.
#[derive(Debug, Default)]
pub(crate) struct Paces(BTreeMap<UnitId, Readings>);

/// The newest answer of a unit, and earlier ones.
#[derive(Debug)]
struct Readings {
    /// What the newest is compared with.
    base: Reading,
    /// What comes in the place of the base, once it is old enough.
    later: Option<Reading>,
    newest: Reading,
}

/// What a unit counted at an instant.
#[derive(Debug, Clone)]
struct Reading {
    at: Instant,
    started: Timestamp,
    counters: BTreeMap<String, u64>,
}

/// What a unit did between two answers.
#[derive(Debug)]
struct Step<'a> {
    over: Duration,
    before: &'a Reading,
    now: &'a Reading,
}

/// How fast a network works.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Pace {
    /// Slots assigned, by all schedulers.
    pub(crate) assigned: Option<Rate>,
    /// Slots executed, by all compute units.
    pub(crate) executed: Option<Rate>,
    /// Within which time half of the group commits and 99 % were durable, in microseconds.
    pub(crate) commit: Option<(Within, Within)>,
    /// Slots that wait for execution, and outbox items for delivery.
    pub(crate) waiting: (Option<u64>, Option<u64>),
}

/// How often something happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    /// In which time, the longest of all units.
    pub(crate) over: Duration,
    /// How many units say so, and how many there are.
    pub(crate) units: (usize, usize),
}

/// A time as far as buckets tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    /// At most so many microseconds.
    Micros(u64),
    /// More than the largest bound.
    More(u64),
}

impl Paces {
    /// Takes what units answered at an instant, and compares.
    pub(crate) fn read(&mut self, now: Instant, units: &[UnitFacts]) -> Pace {
        let known: BTreeSet<UnitId> = units.iter().map(|facts| facts.record.unit).collect();
        self.0.retain(|unit, _| known.contains(unit));
        for facts in units {
            if let Ok(status) = &facts.status {
                self.take(facts.record.unit, Reading::of(now, facts.record.role, status));
            }
        }
        Pace {
            assigned: self.rate(units, ASSIGNED),
            executed: self.rate(units, EXECUTED),
            commit: self.commit(units),
            waiting: (
                sum(units, Role::Compute, "slots_waiting"),
                sum(units, Role::Messenger, "items_waiting"),
            ),
        }
    }

    fn take(&mut self, unit: UnitId, reading: Reading) {
        let known = self.0.remove(&unit);
        let readings = match known.filter(|known| known.newest.started == reading.started) {
            None => Readings { base: reading.clone(), later: None, newest: reading },
            Some(Readings { base, later, .. }) => {
                let is_old = |old: &Reading| reading.since(old) >= INTERVAL_MIN;
                let (base, later) = match later {
                    Some(later) if is_old(&later) => (later, Some(reading.clone())),
                    None if is_old(&base) => (base, Some(reading.clone())),
                    later => (base, later),
                };
                Readings { base, later, newest: reading }
            }
        };
        self.0.insert(unit, readings);
    }

    /// What the units of a role that answered this time did since they answered before.
    fn steps(&self, units: &[UnitFacts], role: Role) -> Vec<Step<'_>> {
        let answered =
            units.iter().filter(|facts| facts.record.role == role && facts.status.is_ok());
        let steps = answered.filter_map(|facts| {
            let Readings { base: before, newest: now, .. } = self.0.get(&facts.record.unit)?;
            Some(Step { over: now.since(before), before, now })
        });
        steps.filter(|step| step.over >= INTERVAL_MIN).collect()
    }

    fn rate(&self, units: &[UnitFacts], (role, counter): (Role, &str)) -> Option<Rate> {
        let steps = self.steps(units, role);
        let rates = steps.iter().filter_map(|step| {
            Some((float(step.grown(counter)?) / step.over.as_secs_f64(), step.over))
        });
        let rates: Vec<(f64, Duration)> = rates.collect();
        let over = rates.iter().map(|(_, over)| *over).max()?;
        let all = units.iter().filter(|facts| facts.record.role == role).count();
        let per_second = rates.iter().map(|(rate, _)| rate).sum();
        Some(Rate { per_second, over, units: (rates.len(), all) })
    }

    /// Of the commits of all schedulers in that time.
    fn commit(&self, units: &[UnitFacts]) -> Option<(Within, Within)> {
        let mut buckets: BTreeMap<u64, u64> = BTreeMap::new();
        let mut count = 0_u64;
        for step in self.steps(units, Role::Scheduler) {
            count = count.saturating_add(step.grown("batches").unwrap_or(0));
            for name in step.now.counters.keys() {
                let bound = name.strip_prefix(COMMITS).and_then(|bound| bound.parse().ok());
                if let (Some(bound), Some(grown)) = (bound, step.grown(name)) {
                    let sum = buckets.entry(bound).or_default();
                    *sum = sum.saturating_add(grown);
                }
            }
        }
        // Numbers that are read one after the other may differ by what came meanwhile.
        count = buckets.values().copied().fold(count, u64::max);
        let largest = *buckets.keys().next_back()?;
        let within = |hundredths: u64| {
            let wanted = count.saturating_mul(hundredths).div_ceil(100);
            let found = buckets.iter().find(|(_, sum)| **sum >= wanted);
            found.map_or(Within::More(largest), |(bound, _)| Within::Micros(*bound))
        };
        (count > 0).then(|| (within(50), within(99)))
    }
}

impl Reading {
    /// The counters that are compared.
    fn of(at: Instant, role: Role, status: &UnitStatus) -> Self {
        let of_role = |name: &str| {
            let counters = [ASSIGNED, EXECUTED, (Role::Scheduler, "batches")];
            counters.iter().any(|(of, counter)| *of == role && *counter == name)
                || (role == Role::Scheduler && name.starts_with(COMMITS))
        };
        let counters = status.counters.iter().filter(|(name, _)| of_role(name));
        // A stranger's unit may count as much as it likes.
        let counters = counters.take(64).cloned().collect();
        Self { at, started: status.started, counters }
    }
}

impl Reading {
    fn since(&self, other: &Self) -> Duration {
        self.at.saturating_duration_since(other.at)
    }
}

impl Step<'_> {
    /// What a counter grew by; nothing of one that went back.
    fn grown(&self, counter: &str) -> Option<u64> {
        let (before, now) = (self.before.counters.get(counter)?, self.now.counters.get(counter)?);
        now.checked_sub(*before)
    }
}

/// The sum of a number of all units of a role; none if no unit tells it.
fn sum(units: &[UnitFacts], role: Role, counter: &str) -> Option<u64> {
    let of_role = units.iter().filter(|facts| facts.record.role == role);
    let status = of_role.filter_map(|facts| facts.status.as_ref().ok());
    let told = status.filter_map(|status| status.counters.iter().find(|(name, _)| name == counter));
    told.map(|(_, value)| *value).reduce(u64::saturating_add)
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the last digits tell nobody anything")]
const fn float(value: u64) -> f64 {
    value as f64
}

/// The figures, in a row.
pub(super) fn figures(pace: &Pace) -> Markup {
    let waiting = |count: Option<u64>| count.map_or_else(|| "not known".to_owned(), number);
    html! {
        dl.figures data-swap="pace" {
            (rate("Assigned a second", pace.assigned.as_ref()))
            (rate("Executed a second", pace.executed.as_ref()))
            div { dt { "Wait for execution" } dd { (waiting(pace.waiting.0)) } }
            div { dt { "Wait for delivery" } dd { (waiting(pace.waiting.1)) } }
            div {
                dt { "Commits durable" }
                @match pace.commit {
                    Some((half, most)) => dd { "half " (within(half)) " " span.quiet { "99 % " (within(most)) } },
                    None => dd { span.quiet { "none since units were last asked" } },
                }
            }
        }
    }
}

fn rate(title: &str, rate: Option<&Rate>) -> Markup {
    html! {
        div {
            dt { (title) }
            @match rate {
                Some(Rate { per_second, over, units: (some, all) }) => dd {
                    (format!("{per_second:.1}")) " "
                    span.quiet {
                        "over " (format!("{:.1}", over.as_secs_f64())) " s"
                        @if some < all { ", " (some) " of " (all) " units" }
                    }
                },
                None => dd { span.quiet { "known once units are asked again" } },
            }
        }
    }
}

fn within(time: Within) -> String {
    let millis = |micros: u64| match micros {
        0..1_000 => format!("{micros} µs"),
        _ if micros.is_multiple_of(1_000) => format!("{} ms", micros / 1_000),
        _ => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
    };
    match time {
        Within::Micros(micros) => format!("≤ {}", millis(micros)),
        Within::More(micros) => format!("> {}", millis(micros)),
    }
}

#[cfg(test)]
mod tests;
