//! Counters that tell what a unit does. They decide nothing.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// Counters since the unit started.
        #[derive(Debug, Default)]
        pub(crate) struct Metrics {
            $($(#[$doc])* pub(crate) $name: Counter,)*
            /// How long group commits took.
            pub(crate) commits: Histogram,
        }

        impl Metrics {
            /// Names and values.
            pub(crate) fn list(&self) -> Vec<(String, u64)> {
                let mut all = vec![$((stringify!($name).to_owned(), self.$name.get()),)*];
                all.extend(self.commits.list("commit"));
                all
            }
        }
    };
}

counters! {
    /// Entries that got a slot.
    assigned;
    /// Entries that had a slot already.
    duplicates;
    /// Entries that were refused.
    refused;
    /// Slots of other schedulers that were taken over with their logs.
    imported;
    /// Processes whose logs here are older than what was signed.
    stale_processes;
    /// Group commits.
    batches;
    /// Group commits that failed.
    commits_failed;
    /// Microseconds that group commits took, in all.
    commit_micros;
    /// Microseconds that forming and signing batches took, in all.
    forming_micros;
    /// Bytes of group commits.
    segment_bytes;
    /// Frames sent to tails.
    tail_frames;
    /// Tails open now.
    tails;
    /// Submission streams open now.
    submit_streams;
    /// Requests answered.
    requests;
}

/// A number that many threads may change.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds to the number.
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// Adds the size of a collection.
    pub(crate) fn add_len(&self, more: usize) {
        self.add(u64::try_from(more).unwrap_or(u64::MAX));
    }

    /// Takes one away.
    pub(crate) fn subtract_one(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// The number.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Adds the microseconds of a duration.
    pub(crate) fn add_micros(&self, duration: std::time::Duration) {
        self.add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }
}

/// The longest times, in microseconds, of the classes that durations are counted in.
const BOUNDS: [u64; 11] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000];

/// How many times something took how long.
#[derive(Debug, Default)]
pub(crate) struct Histogram([Counter; BOUNDS.len()]);

impl Histogram {
    /// Notes a duration.
    pub(crate) fn note(&self, duration: std::time::Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let mut classes = BOUNDS.iter().zip(&self.0);
        if let Some((_, class)) = classes.find(|(bound, _)| micros <= **bound) {
            class.add(1);
        }
    }

    /// For each bound, how many took no longer: `NAME_le_micros:BOUND`.
    pub(crate) fn list(&self, name: &str) -> Vec<(String, u64)> {
        let mut sum = 0_u64;
        let classes = BOUNDS.iter().zip(&self.0).map(|(bound, class)| {
            sum = sum.saturating_add(class.get());
            (format!("{name}_le_micros:{bound}"), sum)
        });
        classes.collect()
    }
}

#[cfg(test)]
mod tests;
