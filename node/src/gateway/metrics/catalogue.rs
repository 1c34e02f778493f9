//! What units count: the unit's name for each number, what it is, and what it says.

use super::counted::{
    Counted,
    Shape::{self, ByCode, Counter, Gauge, Histogram, Micros, Millis},
};

const fn of(
    role: &'static str,
    counter: &'static str,
    shape: Shape,
    says: &'static str,
) -> Counted {
    Counted { role, counter, shape, says }
}

const fn scheduler(counter: &'static str, shape: Shape, says: &'static str) -> Counted {
    of("scheduler", counter, shape, says)
}

const fn messenger(counter: &'static str, shape: Shape, says: &'static str) -> Counted {
    of("messenger", counter, shape, says)
}

const fn compute(counter: &'static str, shape: Shape, says: &'static str) -> Counted {
    of("compute", counter, shape, says)
}

/// All numbers of all units.
pub(super) const CATALOGUE: &[Counted] = &[
    scheduler("assigned", Counter, "Entries that got a slot."),
    scheduler("batches", Counter, "Group commits."),
    scheduler(
        "clock_offset_ahead_millis",
        Millis,
        "How far this machine's clock is ahead of the unit's time.",
    ),
    scheduler(
        "clock_offset_behind_millis",
        Millis,
        "How far this machine's clock is behind the unit's time.",
    ),
    scheduler("clock_steps", Counter, "Steps of this machine's clock that were not followed."),
    scheduler(
        "commit",
        Histogram { sum: "commit_micros", count: "batches" },
        "How long group commits took to be durable.",
    ),
    scheduler("commits_failed", Counter, "Group commits that failed."),
    scheduler("duplicates", Counter, "Entries that had a slot already."),
    scheduler("forming_micros", Micros, "Time that forming and signing batches took, in all."),
    scheduler(
        "imported",
        Counter,
        "Slots of other schedulers that were taken over with their logs.",
    ),
    scheduler("log_batches", Gauge, "Batches that the logs hold."),
    scheduler("processes", Gauge, "Processes whose logs the unit holds."),
    scheduler("refused", Counter, "Entries that were refused."),
    scheduler("requests", Counter, "Requests answered."),
    scheduler("segment_bytes", Counter, "Bytes of group commits."),
    scheduler("shards", Gauge, "Logs with a writer of their own."),
    scheduler(
        "stale_processes",
        Gauge,
        "Processes whose logs here are older than what was signed.",
    ),
    scheduler("submit_streams", Gauge, "Submission streams open now."),
    scheduler("tail_frames", Counter, "Frames sent to tails."),
    scheduler("tails", Gauge, "Tails open now."),
    messenger("answers_given_up", Counter, "Words on items that were given up."),
    messenger(
        "answers_submitted",
        Counter,
        "Words on items submitted, those submitted again included.",
    ),
    messenger("answers_taken", Counter, "Words on items that the source's scheduler took."),
    messenger("answers_waiting", Gauge, "Words on items that are sought or submitted."),
    messenger("crew_changes", Counter, "How often another messenger of the operator came or went."),
    messenger("cursor_writes_failed", Counter, "Writes of cursors that failed."),
    messenger(
        "cursors_untold",
        Counter,
        "Attempts to tell another messenger how far this one has come that failed.",
    ),
    messenger("deliveries_refused", Counter, "Deliveries refused for good."),
    messenger(
        "deliveries_submitted",
        Counter,
        "Deliveries submitted, those submitted again included.",
    ),
    messenger(
        "entries_assigned",
        Counter,
        "Acknowledgements passed on to clients or of deliveries.",
    ),
    messenger("entries_refused", Counter, "Refusals passed on to clients or made here."),
    messenger(
        "entries_rerouted",
        Counter,
        "Client entries that followed their process to another scheduler.",
    ),
    messenger("entries_taken", Counter, "Entries taken from clients."),
    messenger("follow_faults", Counter, "Frames and slots of compute units that break a rule."),
    messenger("follow_gaps", Counter, "Slots that came before one of the slots before them."),
    messenger(
        "follow_reconnects",
        Counter,
        "Streams to compute units that ended and were opened again.",
    ),
    messenger("frames_followed", Counter, "Frames taken from compute units."),
    messenger("handovers_helped", Counter, "Schedulers shown that a process is their own."),
    messenger("items_delivered", Counter, "Outbox items whose targets have acknowledged them."),
    messenger(
        "items_ignored",
        Counter,
        "Outbox items that nobody need do anything about, or that break a rule.",
    ),
    messenger(
        "items_refused",
        ByCode,
        "Outbox items that their target's scheduler refused for good, by the word of the refusal.",
    ),
    messenger("items_waiting", Gauge, "Outbox items in memory that wait to be acknowledged."),
    messenger("items_waiting_bytes", Gauge, "Bytes of those."),
    messenger(
        "messengers_sharing",
        Gauge,
        "Messengers of the operator that share the work, this one included.",
    ),
    messenger("outcomes_returned", Counter, "Outcomes sent to the clients that wait for them."),
    messenger(
        "pairs_blocked",
        ByCode,
        "Pairs of processes that nothing here can unblock, by the word of the refusal.",
    ),
    messenger("pairs_known", Gauge, "Pairs of processes that are in memory."),
    messenger("pairs_retrying", Gauge, "Pairs of processes that are tried again later."),
    messenger(
        "pairs_spilled",
        Gauge,
        "Pairs of processes whose items are read again from compute units.",
    ),
    messenger("receipt_conflicts", Counter, "Receipts found that contradict each other."),
    messenger(
        "relay_reconnects",
        Counter,
        "Streams to schedulers that ended and were opened again.",
    ),
    messenger(
        "searches_again",
        Counter,
        "Searches for processes of whom something was known already.",
    ),
    messenger("skips_ignored", Counter, "Skips that nobody need do anything about."),
    messenger("skips_waiting", Gauge, "Skips that wait for their turn."),
    messenger("slots_followed", Counter, "Slots whose outcome came by for the first time."),
    messenger(
        "slots_passed_over",
        Counter,
        "Slots of units that their process's newest policy does not name.",
    ),
    messenger(
        "slots_put_off",
        Counter,
        "Slots put off because nobody could tell who their process is.",
    ),
    messenger("slow_clients", Counter, "Client streams ended because the client did not read."),
    messenger("subscribers", Gauge, "Streams of clients that follow a process."),
    messenger(
        "timers_submitted",
        Counter,
        "Timers and deadlines submitted, those submitted again included.",
    ),
    messenger("timers_taken", Counter, "Timers and deadlines that schedulers took."),
    messenger("timers_unproven", Counter, "Timers and deadlines whose slot could not be proven."),
    messenger("timers_waiting", Gauge, "Timers and deadlines that are set."),
    compute(
        "checkpoints_damaged",
        Counter,
        "Checkpoints that could not be read, or were not what they must be.",
    ),
    compute("checkpoints_failed", Counter, "Checkpoints that could not be stored."),
    compute("checkpoints_written", Counter, "Checkpoints stored."),
    compute("frames_given", Counter, "Frames of schedulers noted of which slots are executed."),
    compute("gas_used", Counter, "Gas used."),
    compute("module_files_damaged", Counter, "Files of modules that were damaged, and removed."),
    compute("modules_compiled", Counter, "Modules prepared and compiled."),
    compute("modules_loaded", Counter, "Modules read from the files of earlier compilations."),
    compute("outcome_commits", Counter, "Commits of outcomes to disk."),
    compute("outcome_commits_failed", Counter, "Commits of outcomes that failed."),
    compute(
        "presence_changes",
        Counter,
        "How often other compute units were found to be gone, or up again.",
    ),
    compute(
        "processes_behind",
        Counter,
        "How often a process had more slots waiting than there was room for.",
    ),
    compute("processes_evicted", Counter, "Processes whose memory was given back."),
    compute(
        "processes_halted",
        Counter,
        "Processes halted because their log or a replay contradicts itself.",
    ),
    compute("processes_hosted", Counter, "Processes that the unit has begun to execute."),
    compute("processes_restored", Counter, "Processes restored from checkpoints."),
    compute(
        "processes_voided",
        Counter,
        "Processes brought back because a takeover made executed slots void.",
    ),
    compute("receipt_batches", Counter, "Receipt batches signed."),
    compute("scheduler_faults", Counter, "Faults of schedulers found."),
    compute(
        "slots_executed",
        Counter,
        "Slots executed, those executed again after a start included.",
    ),
    compute("slots_failed", Counter, "Slots whose outcome is a failure of execution."),
    compute("slots_waiting", Gauge, "Slots that wait for execution."),
    compute("tails_reopened", Counter, "Tail streams that ended and were opened again."),
    compute("views_answered", Counter, "Views answered."),
];
