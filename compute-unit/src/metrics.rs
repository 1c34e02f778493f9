//! What a compute unit counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The name of the number of slots that wait for execution at present: others see by it whether a
/// unit that has returned is still catching up.
pub(crate) const SLOTS_WAITING: &str = "slots_waiting";

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// The counters of a unit, each growing from its start.
        #[derive(Debug, Default)]
        pub(crate) struct Metrics {
            $($(#[$doc])* pub(crate) $name: Counter,)*
        }

        impl Metrics {
            /// Names and values, sorted by name.
            pub(crate) fn snapshot(&self) -> Vec<(String, u64)> {
                let mut all = vec![$((stringify!($name).to_owned(), self.$name.get()),)*];
                all.sort();
                all
            }
        }
    };
}

counters! {
    /// Slots executed, those re-executed after a start included.
    slots_executed;
    /// Slots whose outcome is a failure of execution.
    slots_failed;
    /// Gas used.
    gas_used;
    /// Views answered.
    views_answered;
    /// Processes executed here.
    processes_hosted;
    /// Processes halted because their log or the outcome of a replay contradicts itself.
    processes_halted;
    /// Processes brought back because a takeover made executed slots void.
    processes_voided;
    /// Faults of schedulers found.
    scheduler_faults;
    /// Frames of schedulers noted of which slots are executed.
    frames_given;
    /// How often a process had more slots waiting than there was room for.
    processes_behind;
    /// Processes restored from checkpoints.
    processes_restored;
    /// Processes whose memory was given back.
    processes_evicted;
    /// Checkpoints stored.
    checkpoints_written;
    /// Checkpoints that could not be stored.
    checkpoints_failed;
    /// Checkpoints that could not be read, or were not what they must be.
    checkpoints_damaged;
    /// Receipt batches signed.
    receipt_batches;
    /// Modules prepared and compiled.
    modules_compiled;
    /// Modules read from the files of earlier compilations.
    modules_loaded;
    /// Files of modules that were damaged, and removed.
    module_files_damaged;
    /// Tail streams that ended and were opened again.
    tails_reopened;
    /// How often other compute units were found to be gone, or up again.
    presence_changes;
    /// Commits of outcomes to disk.
    outcome_commits;
    /// Commits of outcomes that failed.
    outcome_commits_failed;
}

/// A number that grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub(crate) fn increment(&self) {
        self.add(1);
    }

    /// Adds an amount.
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Relaxed);
    }

    /// The present value.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
