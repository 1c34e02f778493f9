//! When timers and deadlines of processes are due. Pure: no clock, no disk, no network.
//!
//! The shell reports what happens with `handle_*` and performs what [`Agenda::take_effects`] gives;
//! at [`Agenda::wake_at`] it calls [`Agenda::handle_time`]. Time is that of this host's clock: the
//! scheduler of the process decides on its own, and says how long to wait.
//!
//! Everything in here is a hint. What is due proves itself by the item that set it, and the scheduler
//! takes each occurrence once, so a date may fire too early, twice, or though nobody waits for it.
//!
//! # Invariants
//!
//! - A date is let go only when it is closed, void or over, or when memory is short; then the compute
//!   units are asked for their agendas again.
//! - One occurrence of a date is under way at a time, and no more than [`Bounds::flights`] in all.

mod recurrence;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::{
    ItemBody, OutboxItem, ProcessId, RefusalCode, Slot, Timer, Timestamp, api::AgendaKey,
};

pub(crate) use recurrence::Occurrence;

/// How old a slot must be for its dates to be taken for possibly long over, in milliseconds.
const HISTORY: u64 = 10_000;

/// How long such a date waits for the slot that closes it to come by.
const GRACE: u64 = 2_000;

/// How long after its acceptance a date that nothing has closed is submitted again: the slot may be
/// void by then.
const RECHECK: u64 = 600_000;

/// How often that is done.
const RECHECKS_MAX: u32 = 3;

/// How long after a takeover the compute units are asked for their agendas.
const REVIEW_WAIT: u64 = 5_000;

/// The first wait after a failure, which doubles with every further one, and the longest.
const FAILURE_WAIT: u64 = 100;
const WAIT_MAX: u64 = 30_000;

/// After how many failures a date is let go that cannot be proven.
const UNPROVEN_MAX: u32 = 64;

/// How much is kept and under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Dates in memory.
    pub(crate) dates: usize,
    /// Dates under way at once.
    pub(crate) flights: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { dates: 262_144, flights: 1_024 }
    }
}

/// What the shell must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Effect {
    /// Prove and submit what is due, then [`Agenda::handle_fired`].
    Fire {
        /// The item that set it.
        key: AgendaKey,
        /// To be reported back.
        ticket: u64,
        /// The occurrence that is next, as far as is known.
        occurrence: u64,
        /// Whether a compute unit must be asked first if it is still waited for.
        doubtful: bool,
    },
    /// Ask all compute units for their agendas.
    Review,
}

/// What came of firing a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fired {
    /// The occurrence stands in the log; the next one, if there is one.
    Taken(Option<Occurrence>),
    /// It is not waited for any more, or was never set.
    Gone,
    /// It is refused, with the milliseconds to wait; the next occurrence, if there is one.
    Refused(RefusalCode, Option<u64>, Option<Occurrence>),
}

/// What waits, for people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Dates known.
    pub(crate) dates: usize,
    /// Occurrences that were taken since the start.
    pub(crate) taken: u64,
    /// Dates let go since the start because they could not be proven.
    pub(crate) unproven: u64,
}

#[derive(Debug)]
struct Date {
    occurrence: u64,
    /// When to do something about it.
    wake: Timestamp,
    /// The submission under way.
    flight: Option<u64>,
    /// The word by which its process may replace or cancel it, where that is known.
    token: Option<u64>,
    doubtful: bool,
    failures: u32,
    /// How often it was taken without being closed since.
    taken: u32,
}

/// All dates of a messenger.
#[derive(Debug)]
pub(crate) struct Agenda {
    bounds: Bounds,
    dates: BTreeMap<AgendaKey, Date>,
    /// Those that are not under way.
    wakes: BTreeSet<(Timestamp, AgendaKey)>,
    tokens: HashMap<(ProcessId, u64), AgendaKey>,
    flights: usize,
    ticket: u64,
    /// Whether dates were let go for want of room.
    dropped: bool,
    review: Option<Timestamp>,
    effects: Vec<Effect>,
    taken: u64,
    unproven: u64,
}

impl Agenda {
    /// An empty agenda.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            dates: BTreeMap::new(),
            wakes: BTreeSet::new(),
            tokens: HashMap::new(),
            flights: 0,
            ticket: 0,
            dropped: false,
            review: None,
            effects: Vec::new(),
            taken: 0,
            unproven: 0,
        }
    }

    /// Learns of an item of a slot that has come by and was ordered at some time.
    pub(crate) fn handle_item(
        &mut self,
        now: Timestamp,
        (process, slot, ordered): (ProcessId, Slot, Timestamp),
        item: &OutboxItem,
    ) {
        let key = AgendaKey { process, slot, index: item.index };
        let Some((due, token)) = self.set_by(key, item) else { return };
        let doubtful = due <= now && ordered.saturating_add(HISTORY) < now;
        let wake = if doubtful { now.saturating_add(GRACE) } else { due };
        self.add(key, Date { doubtful, token, ..Date::new(wake) });
    }

    /// Learns of an item of a slot that came by before the start. What it sets may have been closed
    /// since then.
    pub(crate) fn handle_repeated(
        &mut self,
        now: Timestamp,
        (process, slot): (ProcessId, Slot),
        item: &OutboxItem,
    ) {
        let key = AgendaKey { process, slot, index: item.index };
        let Some((due, token)) = self.set_by(key, item) else { return };
        let wake = due.max(now.saturating_add(GRACE));
        self.add(key, Date { doubtful: true, token, ..Date::new(wake) });
    }

    /// When what an item sets is due, with its token, if it sets anything. What it replaces or
    /// cancels is let go.
    fn set_by(&mut self, key: AgendaKey, item: &OutboxItem) -> Option<(Timestamp, Option<u64>)> {
        match &item.body {
            ItemBody::Ask { deadline, .. } | ItemBody::Spawn(_, Some(deadline)) => {
                Some((*deadline, None))
            }
            ItemBody::Timer { token, due, .. } => {
                self.replace(key, *token).then_some((*due, Some(*token)))
            }
            ItemBody::CancelTimer { token } => {
                self.replace(key, *token);
                None
            }
            _ => None,
        }
    }

    /// Learns of what a compute unit says is waited for.
    pub(crate) fn handle_page(&mut self, timers: &[Timer]) {
        for timer in timers {
            let Timer { process, slot, index, occurrence, due, .. } = *timer;
            let key = AgendaKey { process, slot, index };
            match self.dates.get_mut(&key) {
                Some(date) => date.occurrence = date.occurrence.max(occurrence),
                // It may be closed by the time it is due.
                None => self.add(key, Date { occurrence, doubtful: true, ..Date::new(due) }),
            }
        }
    }

    /// Learns that something is no longer waited for.
    pub(crate) fn handle_closed(&mut self, key: AgendaKey) {
        self.remove(&key);
    }

    /// Learns that slots of a process from one on are void: what they set is, and what they have
    /// closed may be open again.
    pub(crate) fn handle_void(&mut self, now: Timestamp, process: ProcessId, first: Slot) {
        let from = AgendaKey { process, slot: first, index: 0 };
        let to = AgendaKey { process, slot: Slot::new(u64::MAX), index: u32::MAX };
        let void: Vec<_> = self.dates.range(from..=to).map(|(key, _)| *key).collect();
        void.iter().for_each(|key| self.remove(key));
        self.review.get_or_insert_with(|| now.saturating_add(REVIEW_WAIT));
    }

    /// Learns what came of an [`Effect::Fire`].
    pub(crate) fn handle_fired(
        &mut self,
        now: Timestamp,
        (key, ticket): (AgendaKey, u64),
        fired: Fired,
    ) {
        self.flights = self.flights.saturating_sub(1);
        self.taken += u64::from(matches!(fired, Fired::Taken(_)));
        let Some(date) = self.dates.get_mut(&key).filter(|date| date.flight == Some(ticket)) else {
            return;
        };
        date.flight = None;
        let kept = match fired {
            Fired::Taken(next) => date.go_on(now, next),
            Fired::Gone => false,
            Fired::Refused(code, retry_after, next) => match code {
                RefusalCode::NotDue => {
                    let wait = retry_after.unwrap_or(FAILURE_WAIT).clamp(1, RECHECK);
                    date.wake = now.saturating_add(wait);
                    true
                }
                // It has come already, or a later one has.
                RefusalCode::Expired | RefusalCode::PairConflict => date.go_on(now, next),
                RefusalCode::OutOfOrder if date.occurrence > 0 => {
                    date.occurrence -= 1;
                    date.wake = now;
                    true
                }
                RefusalCode::NotFound | RefusalCode::BadOrigin if date.failures >= UNPROVEN_MAX => {
                    false
                }
                RefusalCode::BadOrigin => date.fail(now, retry_after),
                code if code.is_retryable() => date.fail(now, retry_after),
                _ => false,
            },
        };
        if kept {
            self.wakes.insert((date.wake, key));
        } else {
            let over = |code| matches!(code, RefusalCode::Expired | RefusalCode::PairConflict);
            let unproven = matches!(fired, Fired::Refused(code, ..) if !over(code));
            self.unproven += u64::from(unproven);
            self.remove(&key);
        }
    }

    /// Fires what is due.
    pub(crate) fn handle_time(&mut self, now: Timestamp) {
        while self.flights < self.bounds.flights {
            let Some((wake, key)) = self.wakes.first().copied().filter(|(wake, _)| *wake <= now)
            else {
                break;
            };
            self.wakes.remove(&(wake, key));
            let Some(date) = self.dates.get_mut(&key) else { continue };
            self.ticket += 1;
            self.flights += 1;
            let ticket = self.ticket;
            date.flight = Some(ticket);
            let Date { occurrence, doubtful, .. } = *date;
            self.effects.push(Effect::Fire { key, ticket, occurrence, doubtful });
        }
        let room = self.dropped && self.dates.len() <= self.bounds.dates / 2;
        if room || self.review.is_some_and(|review| review <= now) {
            self.dropped = false;
            self.review = None;
            self.effects.push(Effect::Review);
        }
    }

    /// When [`Self::handle_time`] has something to do next.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        let first = self.wakes.first().map(|(wake, _)| *wake);
        let first = first.filter(|_| self.flights < self.bounds.flights);
        [first, self.review].into_iter().flatten().min()
    }

    /// What the shell must do now, in this order.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Counts what waits.
    pub(crate) fn waiting(&self) -> Waiting {
        Waiting { dates: self.dates.len(), taken: self.taken, unproven: self.unproven }
    }

    /// Ends the timer that a process has set with a token before an item; `false` if the timer that is
    /// known comes of a later one.
    fn replace(&mut self, key: AgendaKey, token: u64) -> bool {
        match self.tokens.get(&(key.process, token)).copied() {
            Some(known) if known >= key => known == key,
            Some(known) => {
                self.remove(&known);
                true
            }
            None => true,
        }
    }

    fn add(&mut self, key: AgendaKey, date: Date) {
        if let Some(known) = self.dates.get_mut(&key) {
            known.token = date.token.or(known.token);
        } else {
            if self.dates.len() >= self.bounds.dates && !self.make_room(date.wake) {
                return;
            }
            self.wakes.insert((date.wake, key));
            self.dates.insert(key, date);
        }
        if let Some(token) = self.dates.get(&key).and_then(|date| date.token) {
            self.tokens.insert((key.process, token), key);
        }
    }

    /// Lets go of the date that is due last, if that is later than another one.
    fn make_room(&mut self, wake: Timestamp) -> bool {
        self.dropped = true;
        let last = self.wakes.last().copied().filter(|(last, _)| *last > wake);
        if let Some((_, key)) = last {
            self.remove(&key);
        }
        last.is_some()
    }

    fn remove(&mut self, key: &AgendaKey) {
        let Some(date) = self.dates.remove(key) else { return };
        self.wakes.remove(&(date.wake, *key));
        if let Some(token) = date.token
            && self.tokens.get(&(key.process, token)) == Some(key)
        {
            self.tokens.remove(&(key.process, token));
        }
    }
}

impl Date {
    const fn new(wake: Timestamp) -> Self {
        let (occurrence, failures, taken) = (0, 0, 0);
        let (flight, token, doubtful) = (None, None, false);
        Self { occurrence, wake, flight, token, doubtful, failures, taken }
    }

    /// Goes on behind an occurrence that is over; whether there is anything to wait for.
    fn go_on(&mut self, now: Timestamp, next: Option<Occurrence>) -> bool {
        self.failures = 0;
        self.doubtful = false;
        match next {
            Some(Occurrence { number, due }) => {
                self.occurrence = number;
                self.wake = due;
                true
            }
            None => {
                self.taken += 1;
                self.doubtful = true;
                self.wake = now.saturating_add(RECHECK);
                self.taken <= RECHECKS_MAX
            }
        }
    }

    fn fail(&mut self, now: Timestamp, retry_after: Option<u64>) -> bool {
        let doubled = FAILURE_WAIT.saturating_mul(1 << self.failures.min(16));
        let wait = doubled.min(WAIT_MAX).max(retry_after.unwrap_or_default().min(RECHECK));
        self.failures = self.failures.saturating_add(1);
        self.wake = now.saturating_add(wait);
        true
    }
}

#[cfg(test)]
mod tests;
