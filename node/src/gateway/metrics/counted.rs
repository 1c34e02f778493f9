//! How a number that a unit counts is shown to Prometheus.

use super::text::Kind;

/// How a number of a unit is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// It grows.
    Counter,
    /// It comes and goes.
    Gauge,
    /// It grows, in microseconds.
    Micros,
    /// It comes and goes, in milliseconds.
    Millis,
    /// It comes and goes, one number for each word behind the name.
    ByCode,
    /// How often something took how long, with the counters that have the sum and the number.
    Histogram { sum: &'static str, count: &'static str },
}

/// A number of units of one role.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) role: &'static str,
    /// The unit's name for it.
    pub(super) counter: &'static str,
    pub(super) shape: Shape,
    pub(super) says: &'static str,
}

impl Counted {
    /// The name for Prometheus.
    pub(super) fn name(&self) -> String {
        let Self { role, counter, shape, .. } = self;
        let base = format!("antiphon_{role}_{counter}");
        match shape {
            Shape::Counter => format!("{base}_total"),
            Shape::Gauge | Shape::ByCode => base,
            Shape::Micros => base.replace("_micros", "_seconds_total"),
            Shape::Millis => base.replace("_millis", "_seconds"),
            Shape::Histogram { .. } => format!("{base}_duration_seconds"),
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        match self.shape {
            Shape::Counter | Shape::Micros => Kind::Counter,
            Shape::Gauge | Shape::Millis | Shape::ByCode => Kind::Gauge,
            Shape::Histogram { .. } => Kind::Histogram,
        }
    }
}
