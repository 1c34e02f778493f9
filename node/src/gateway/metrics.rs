//! What Prometheus reads: what the gateway counts of itself, and what every unit says that it counts.
//!
//! Units are asked when somebody asks here, so that one place knows of all. `docs/metrics.md` lists
//! every name; a test compares the two.

mod catalogue;
mod counted;
mod own;
mod text;

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

use super::Shared;
use crate::explorer::facts::UnitFacts;
use catalogue::CATALOGUE;
use counted::{Counted, Shape};
use text::{Kind, Text};

pub(super) use own::{Own, measure};

/// What Prometheus calls its text.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `/metrics`
pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    let units = shared.reader.units().await;
    let mut text = Text::default();
    shared.own.write(&mut text, shared.feed.listeners());
    write_units(&mut text, &units);
    ([(CONTENT_TYPE, TEXT)], text.finish()).into_response()
}

/// Writes what units say. A unit that does not answer is known to be down, and nothing else.
fn write_units(text: &mut Text, units: &[UnitFacts]) {
    text.family("antiphon_unit_up", Kind::Gauge, "Whether the unit answers.");
    for facts in units {
        let up = if facts.status.is_ok() { 1.0 } else { 0.0 };
        text.sample("", &labels(facts), up);
    }
    text.family("antiphon_unit_start_time_seconds", Kind::Gauge, "When the unit started.");
    for facts in units {
        if let Ok(status) = &facts.status {
            text.sample("", &labels(facts), seconds(status.started.get(), 1_000));
        }
    }
    for counted in CATALOGUE {
        let name = counted.name();
        text.family(&name, counted.kind(), counted.says);
        for facts in units.iter().filter(|facts| facts.record.role.word() == counted.role) {
            write(text, counted, facts);
        }
    }
}

fn write(text: &mut Text, counted: &Counted, facts: &UnitFacts) {
    let Ok(status) = &facts.status else { return };
    let find = |name: &str| status.counters.iter().find(|(found, _)| found == name);
    let value = |name: &str| find(name).map(|(_, value)| *value);
    let mut labels = labels(facts);
    match counted.shape {
        Shape::Counter | Shape::Gauge => {
            if let Some(value) = value(counted.counter) {
                text.sample("", &labels, number(value));
            }
        }
        Shape::Micros | Shape::Millis => {
            let unit = if counted.shape == Shape::Micros { 1_000_000 } else { 1_000 };
            if let Some(value) = value(counted.counter) {
                text.sample("", &labels, seconds(value, unit));
            }
        }
        Shape::ByCode => {
            let of = format!("{}:", counted.counter);
            for (name, value) in &status.counters {
                if let Some(code) = name.strip_prefix(&of) {
                    labels.push(("code", code.to_owned()));
                    text.sample("", &labels, number(*value));
                    labels.pop();
                }
            }
        }
        Shape::Histogram { sum, count } => {
            let of = format!("{}_le_micros:", counted.counter);
            let buckets = status
                .counters
                .iter()
                .filter_map(|(name, value)| Some((name.strip_prefix(&of)?.parse().ok()?, *value)));
            let mut buckets: Vec<(u64, u64)> = buckets.collect();
            buckets.sort_unstable();
            let sum = value(sum).unwrap_or_default();
            text.histogram(&labels, &buckets, (sum, value(count).unwrap_or_default()));
        }
    }
}

fn labels(facts: &UnitFacts) -> Vec<(&'static str, String)> {
    let record = &facts.record;
    vec![
        ("unit", record.unit.to_string()),
        ("role", record.role.word().to_owned()),
        ("operator", record.operator.to_string()),
    ]
}

/// A counter as Prometheus has numbers.
#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the last digits tell nobody anything")]
const fn number(value: u64) -> f64 {
    value as f64
}

fn seconds(value: u64, per_second: u64) -> f64 {
    number(value) / number(per_second)
}

#[cfg(test)]
mod tests;
