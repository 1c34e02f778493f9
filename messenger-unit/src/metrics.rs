//! What a messenger unit counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// The counters of a unit, each growing from its start.
        #[derive(Debug, Default)]
        pub(crate) struct Metrics {
            $($(#[$doc])* pub(crate) $name: Counter,)*
        }

        impl Metrics {
            /// Names and values.
            pub(crate) fn snapshot(&self) -> Vec<(String, u64)> {
                vec![$((stringify!($name).to_owned(), self.$name.get()),)*]
            }
        }
    };
}

counters! {
    /// Entries taken from clients.
    entries_taken;
    /// Acknowledgements passed on to clients.
    entries_assigned;
    /// Refusals passed on to clients or made here.
    entries_refused;
    /// Outcomes sent to the clients that wait for them.
    outcomes_returned;
    /// Frames taken from compute units.
    frames_followed;
    /// Slots whose outcome came by for the first time.
    slots_followed;
    /// Frames and slots of compute units that break a rule.
    follow_faults;
    /// Slots that came before one of the slots before them.
    follow_gaps;
    /// Searches for processes of whom something was known already.
    searches_again;
    /// Schedulers shown that a process is their own.
    handovers_helped;
    /// Client entries that followed their process to another scheduler.
    entries_rerouted;
    /// Slots put off because nobody could tell who their process is.
    slots_put_off;
    /// Slots passed over because their process's newest policy does not name the unit.
    slots_passed_over;
    /// Receipts found that contradict each other.
    receipt_conflicts;
    /// Outbox items that nobody need do anything about, or that break a rule.
    items_ignored;
    /// Deliveries submitted, those submitted again included.
    deliveries_submitted;
    /// Deliveries refused for good.
    deliveries_refused;
    /// Timers and deadlines submitted, those submitted again included.
    timers_submitted;
    /// Words on items submitted, those submitted again included.
    answers_submitted;
    /// Streams to schedulers that ended and were opened again.
    relay_reconnects;
    /// Streams to compute units that ended and were opened again.
    follow_reconnects;
    /// How often another messenger of the operator came or went.
    crew_changes;
    /// Attempts to tell one of them how far this one has come that failed.
    cursors_untold;
    /// Writes of cursors that failed.
    cursor_writes_failed;
    /// Client streams ended because the client did not read.
    slow_clients;
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

    /// Adds a number of things.
    pub(crate) fn add_many(&self, amount: usize) {
        self.add(amount as u64);
    }

    /// The amount so far.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
