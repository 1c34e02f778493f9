//! Counters that tell what a unit does. They decide nothing.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// Counters since the unit started.
        #[derive(Debug, Default)]
        pub(crate) struct Metrics {
            $($(#[$doc])* pub(crate) $name: Counter,)*
        }

        impl Metrics {
            /// Names and values.
            pub(crate) fn list(&self) -> Vec<(String, u64)> {
                vec![$((stringify!($name).to_owned(), self.$name.get()),)*]
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
