//! The text format of Prometheus, version 0.0.4. Pure.

use std::fmt::Write;

use super::{number, seconds};

/// What a family of numbers is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Families and their samples, as they are written.
#[derive(Debug, Default)]
pub(super) struct Text {
    text: String,
    family: String,
}

impl Kind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Text {
    /// Begins a family.
    pub(super) fn family(&mut self, name: &str, kind: Kind, says: &str) {
        name.clone_into(&mut self.family);
        self.write(format_args!("# HELP {name} {says}\n# TYPE {name} {}\n", kind.word()));
    }

    /// A number of the family that was begun.
    pub(super) fn sample(&mut self, suffix: &str, labels: &[(&str, String)], value: f64) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| label(name, value)).collect();
        let labels = labels.join(",");
        let family = std::mem::take(&mut self.family);
        self.write(format_args!("{family}{suffix}{{{labels}}} {value}\n"));
        self.family = family;
    }

    /// A histogram of durations: for each bound in microseconds how many took no longer, their sum in
    /// microseconds, and how many there are.
    pub(super) fn histogram(
        &mut self,
        labels: &[(&str, String)],
        buckets: &[(u64, u64)],
        (sum, count): (u64, u64),
    ) {
        // Numbers that are read one after the other may differ by what came meanwhile.
        let count = buckets.iter().map(|(_, count)| *count).fold(count, u64::max);
        let mut labels = labels.to_vec();
        for (bound, count) in buckets {
            labels.push(("le", seconds(*bound, 1_000_000).to_string()));
            self.sample("_bucket", &labels, number(*count));
            labels.pop();
        }
        labels.push(("le", "+Inf".to_owned()));
        self.sample("_bucket", &labels, number(count));
        labels.pop();
        self.sample("_sum", &labels, seconds(sum, 1_000_000));
        self.sample("_count", &labels, number(count));
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn write(&mut self, what: std::fmt::Arguments<'_>) {
        self.text.write_fmt(what).expect("text can be written to a string");
    }
}

fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}
