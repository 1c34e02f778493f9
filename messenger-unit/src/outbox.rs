//! Delivers what processes emit, exactly once and in order for each pair. Pure: no clock, no disk, no
//! network.
//!
//! The shell reports what happens with `handle_*` and performs what [`Outbox::take_effects`] gives;
//! after [`Outbox::wake_at`] it calls [`Outbox::handle_time`]. Time is a duration since any fixed
//! instant.
//!
//! The target's scheduler accepts exactly the next number of a pair, so the outbox may submit
//! anything twice: it keeps many numbers of a pair in flight, and after doubt it asks for the next
//! number and resumes there.
//!
//! # Invariants
//!
//! - An item is let go only when its number or a later one of its pair is acknowledged.
//! - A pair that fails delays no other, and what it keeps in memory is bounded: the rest is spilled
//!   and fetched again when its turn comes. Nor does a source of many pairs delay another source's.
//! - A number that the target's scheduler has refused under its signature is used up, and its item
//!   ended. One that is refused without proof blocks its pair: later ones are never tried before it.
//! - The target's word on its next number counts, also if it goes back.
//! - A number that its source has given up is passed over in its turn, never before, and only if it
//!   was not accepted meanwhile.

mod effect;
mod inquirers;
mod listing;
mod pair;
mod progress;
mod sharing;
mod skips;
mod spill;
mod takeover;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use protocol::{PairNumber, ProcessId, RefusalCode, Slot};

pub(crate) use effect::{Bounds, Doubt, Effect, Waiting};
use inquirers::Inquirers;
use pair::{Inquiry, Pair, Spill, State};
pub(crate) use pair::{Item, PairKey};
use progress::Progress;

/// The first wait after a refusal for want of room; doubles with every failure.
const BUSY_WAIT: Duration = Duration::from_millis(5);

/// The first wait after any other failure; doubles with every failure.
const FAILURE_WAIT: Duration = Duration::from_millis(100);

/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The longest wait for a target that no scheduler knows: it may never have been.
const WAIT_UNKNOWN_MAX: Duration = Duration::from_secs(600);

/// How often a target that no scheduler knows is looked for before the wait is long: until an ask of
/// it is ended.
const LOOKS: u32 = 4;

/// After how many failures in a row a pair holds nothing in memory while memory is short.
const SHED_AFTER: u32 = 3;

/// All pairs of a messenger.
#[derive(Debug)]
pub(crate) struct Outbox<P> {
    bounds: Bounds,
    pairs: HashMap<PairKey, Pair<P>>,
    progress: Progress,
    effects: Vec<Effect<P>>,
    timers: BTreeSet<(Duration, PairKey)>,
    /// Inquiries under way, and the pairs that wait for their turn.
    inquiries: usize,
    inquirers: Inquirers,
    idle: VecDeque<PairKey>,
    items: usize,
    weight: usize,
    /// Skips in memory, and those of which only the slot is.
    skips: usize,
    notes: usize,
    skips_ignored: u64,
    delivered: u64,
    /// Where the tickets of new pairs begin: beyond those of pairs that were let go of.
    tickets: u64,
    /// Items refused for good, by why.
    refused: BTreeMap<RefusalCode, u64>,
}

impl<P: Clone> Outbox<P> {
    /// An empty outbox.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            pairs: HashMap::new(),
            progress: Progress::default(),
            effects: Vec::new(),
            timers: BTreeSet::new(),
            inquiries: 0,
            inquirers: Inquirers::default(),
            idle: VecDeque::new(),
            items: 0,
            weight: 0,
            skips: 0,
            notes: 0,
            skips_ignored: 0,
            delivered: 0,
            tickets: 0,
            refused: BTreeMap::new(),
        }
    }

    /// Resumes a process at a stored cursor: everything below it is delivered.
    pub(crate) fn resume(&mut self, process: ProcessId, cursor: Slot) {
        self.progress.pass(process, cursor);
    }

    /// The first slot of a process that has not been handled.
    pub(crate) fn next_slot(&self, process: &ProcessId) -> Slot {
        self.progress.next(process)
    }

    /// The first slot that has not been handled, for every process, in no order.
    pub(crate) fn next_slots(&self) -> impl Iterator<Item = (ProcessId, Slot)> + '_ {
        self.progress.all()
    }

    /// The first slot that is still needed, for each process where that may have changed.
    pub(crate) fn take_cursors(&mut self) -> Vec<(ProcessId, Slot)> {
        self.progress.take_changed()
    }

    /// Whether so much waits that nothing more should be read.
    pub(crate) const fn is_full(&self) -> bool {
        self.items >= self.bounds.items || self.weight >= self.bounds.weight
    }

    /// How many items have been acknowledged.
    pub(crate) const fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Learns of a slot that has come by; its items follow with [`Self::handle_item`] before
    /// [`Self::release`].
    pub(crate) fn hold(&mut self, source: ProcessId, slot: Slot) {
        self.progress.open(source, slot);
        self.handle_slot(source, slot);
    }

    /// Ends a [`Self::hold`].
    pub(crate) fn release(&mut self, source: ProcessId, slot: Slot) {
        self.progress.close(source, slot);
    }

    /// Learns of a slot that has come by, after its items.
    pub(crate) fn handle_slot(&mut self, source: ProcessId, slot: Slot) {
        self.progress.pass(source, slot.next().unwrap_or(slot));
    }

    /// Takes an item to deliver. Items of a pair come in order, but may come again.
    pub(crate) fn handle_item(&mut self, key: PairKey, item: Item<P>) {
        let pair = self.pairs.entry(key).or_insert_with(|| Pair::new(self.tickets));
        if pair.block.is_some_and(|(number, _)| item.number >= number) {
            pair.beyond = pair.beyond.max(Some(item.number));
            return;
        }
        let tail = pair.tail().unwrap_or(item.number);
        if item.number < tail {
            return;
        }
        if let Some(spill) = &mut pair.spill {
            spill.last = spill.last.max(item.number);
            return;
        }
        let crowded = self.items >= self.bounds.items / 2 || self.weight >= self.bounds.weight / 2;
        if item.number > tail {
            let from = pair.last_slot.unwrap_or(Slot::ZERO);
            pair.spill = Some(Spill { from, number: tail, last: item.number });
            self.progress.open(key.source, from);
        } else if pair.queue.len() >= self.bounds.pair_items || (!pair.is_moving() && crowded) {
            pair.spill = Some(Spill { from: item.slot, number: tail, last: tail });
            self.progress.open(key.source, item.slot);
        } else {
            if item.asks {
                self.look_soon(key);
            }
            self.push(key, item);
        }
        self.advance(key);
    }

    /// Learns of an item that cannot be taken now: it is fetched when its turn comes.
    pub(crate) fn handle_absent_item(&mut self, key: PairKey, slot: Slot, number: PairNumber) {
        let pair = self.pairs.entry(key).or_insert_with(|| Pair::new(self.tickets));
        if pair.block.is_some_and(|(first, _)| number >= first) {
            pair.beyond = pair.beyond.max(Some(number));
            return;
        }
        if pair.tail().is_some_and(|tail| number < tail) {
            return;
        }
        if let Some(spill) = &mut pair.spill {
            spill.last = spill.last.max(number);
            return;
        }
        let first = pair.tail().unwrap_or(number);
        let from = if first == number { slot } else { pair.last_slot.unwrap_or(Slot::ZERO) };
        self.spill(key, Spill { from, number: first, last: number });
        self.advance(key);
    }

    /// Learns that the target's scheduler has accepted a number, and so all before it.
    pub(crate) fn handle_assigned(&mut self, key: PairKey, (number, ticket): (PairNumber, u64)) {
        let Some(pair) = self.pairs.get_mut(&key).filter(|pair| ticket >= pair.since) else {
            return;
        };
        pair.failures = 0;
        pair.failing = None;
        pair.introduce = false;
        pair.outran = true;
        pair.accepted_below(number.next().unwrap_or(number));
        self.delivered += self.drop_accepted(key);
        self.advance(key);
    }

    /// Learns that the target's scheduler has refused a number for good, under its signature: the
    /// number is used up as those before it are, and the pair goes on with the next.
    pub(crate) fn handle_final(
        &mut self,
        key: PairKey,
        place: (PairNumber, u64),
        code: RefusalCode,
    ) {
        *self.refused.entry(code).or_default() += 1;
        let before = self.delivered;
        self.handle_assigned(key, place);
        // All that were let go of are delivered but this one.
        self.delivered = self.delivered.saturating_sub(1).max(before);
    }

    /// Learns that a submission was refused.
    pub(crate) fn handle_refused(
        &mut self,
        now: Duration,
        key: PairKey,
        (number, ticket): (PairNumber, u64),
        (code, retry_after): (RefusalCode, Option<Duration>),
    ) {
        let Some(pair) = self.pairs.get_mut(&key).filter(|pair| pair.ticket == ticket) else {
            return;
        };
        match code {
            RefusalCode::IntroductionNeeded if !pair.introduce => {
                pair.introduce = true;
                pair.renew();
            }
            RefusalCode::PairConflict if pair.disputed != Some(number) => {
                // A number that was accepted long ago may be told from a conflict by asking.
                pair.disputed = Some(number);
                pair.renew();
                pair.state = State::Unasked;
            }
            RefusalCode::BadOrigin if pair.disputed != Some(number) => {
                // It may have been proven by who no longer counts.
                pair.disputed = Some(number);
                self.look_again(now, key, RefusalCode::WrongPolicy);
            }
            RefusalCode::OutOfOrder if pair.failures == 0 => {
                pair.failures = 1;
                pair.renew();
                pair.state = State::Unasked;
            }
            RefusalCode::OutOfOrder => {
                pair.doubtful = true;
                self.wait(now, key, code, retry_after);
            }
            RefusalCode::IntroductionNeeded | RefusalCode::WrongPolicy | RefusalCode::Moved => {
                self.look_again(now, key, code);
            }
            _ if code.is_retryable() => self.wait(now, key, code, retry_after),
            _ => self.block(key, number, code),
        }
        self.advance(key);
    }

    /// Learns that whatever became of a submission will not be heard.
    pub(crate) fn handle_disconnected(&mut self, key: PairKey, ticket: u64) {
        let Some(pair) = self.pairs.get_mut(&key).filter(|pair| pair.ticket == ticket) else {
            return;
        };
        pair.renew();
        pair.state = State::Unasked;
        self.advance(key);
    }

    /// Learns the number the target's scheduler accepts next, or why it is not known.
    pub(crate) fn handle_next(
        &mut self,
        now: Duration,
        (key, ticket): (PairKey, u64),
        answer: Result<PairNumber, RefusalCode>,
    ) {
        if self.end_inquiry(key, ticket) {
            match answer {
                Ok(next) => self.resume_pair(key, next),
                Err(reason) => self.wait(now, key, reason, None),
            }
            self.advance(key);
        }
        self.start_inquiries();
    }

    /// Takes items that were fetched again, in order from the number wanted, or why there are none.
    pub(crate) fn handle_fetched(
        &mut self,
        now: Duration,
        (key, ticket): (PairKey, u64),
        answer: Result<Vec<Item<P>>, RefusalCode>,
    ) {
        if self.end_inquiry(key, ticket) {
            let gained = match answer {
                Ok(items) => self.refill(key, items),
                Err(_) => false,
            };
            if gained {
                self.open_pair(key);
            } else {
                self.wait(now, key, RefusalCode::NotFound, None);
            }
            self.advance(key);
        }
        self.start_inquiries();
    }

    /// Learns that some unit can be reached again: whoever waits for that tries at once.
    pub(crate) fn handle_reachable(&mut self) {
        let unreachable = |(_, key): &&(Duration, PairKey)| {
            let state = self.pairs.get(key).map(|pair| pair.state);
            matches!(state, Some(State::Waiting { reason: RefusalCode::Unreachable, .. }))
        };
        let due: Vec<_> = self.timers.iter().filter(unreachable).copied().collect();
        due.into_iter().for_each(|timer| self.fire(timer));
    }

    /// What a pair submits next, if that is in memory.
    pub(crate) fn front(&self, key: &PairKey) -> Option<&P> {
        self.pairs.get(key)?.queue.front().map(|item| &item.payload)
    }

    /// Lets those pairs try again whose wait is over.
    pub(crate) fn handle_time(&mut self, now: Duration) {
        while let Some(timer) = self.timers.first().copied().filter(|(until, _)| *until <= now) {
            self.fire(timer);
        }
    }

    /// When [`Self::handle_time`] has something to do next.
    pub(crate) fn wake_at(&self) -> Option<Duration> {
        self.timers.first().map(|(until, _)| *until)
    }

    /// What the shell must do now, in this order.
    pub(crate) fn take_effects(&mut self) -> Vec<Effect<P>> {
        std::mem::take(&mut self.effects)
    }

    /// Counts what waits. Looks at every pair.
    pub(crate) fn waiting(&self) -> Waiting {
        let mut waiting = Waiting {
            items: self.items,
            weight: self.weight,
            pairs: self.pairs.len(),
            skips: self.skips + self.notes,
            skips_ignored: self.skips_ignored,
            refused: self.refused.clone(),
            ..Waiting::default()
        };
        self.pairs.values().for_each(|pair| {
            waiting.waiting += usize::from(matches!(pair.state, State::Waiting { .. }));
            waiting.spilled += usize::from(pair.spill.is_some());
            if let Some(code) = pair.blocked() {
                *waiting.blocked.entry(code).or_default() += 1;
            }
        });
        waiting
    }

    fn push(&mut self, key: PairKey, item: Item<P>) {
        let pair = self.pairs.get_mut(&key).expect("items are pushed to pairs that exist");
        self.progress.open(key.source, item.slot);
        self.items += 1;
        self.weight += item.weight;
        pair.last_slot = Some(item.slot);
        pair.queue.push_back(item);
        pair.check_invariants();
    }

    fn let_go(&mut self, source: ProcessId, item: &Item<P>) {
        self.progress.close(source, item.slot);
        self.items -= 1;
        self.weight -= item.weight;
    }

    /// Lets go of what is accepted, and counts it.
    fn drop_accepted(&mut self, key: PairKey) -> u64 {
        let mut dropped = 0;
        while let Some(item) = self.pairs.get_mut(&key).and_then(Pair::pop_accepted) {
            dropped += 1;
            self.let_go(key.source, &item);
        }
        let Some(pair) = self.pairs.get_mut(&key) else { return dropped };
        if let (Some(spill), Some(next)) = (pair.spill, pair.next)
            && spill.last < next
        {
            pair.spill = None;
            self.progress.close(key.source, spill.from);
        }
        if pair.block.zip(pair.next).is_some_and(|((number, _), next)| number < next) {
            pair.block = None;
        }
        if !pair.skips.is_empty() {
            self.settle_skips(key);
        }
        dropped
    }

    fn open_pair(&mut self, key: PairKey) {
        if let Some(pair) = self.pairs.get_mut(&key) {
            pair.state = State::Open;
        }
    }

    fn wait(
        &mut self,
        now: Duration,
        key: PairKey,
        reason: RefusalCode,
        retry_after: Option<Duration>,
    ) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        pair.failures = pair.failures.saturating_add(1);
        pair.failing = Some((pair.failing.map_or(now, |(since, _)| since), reason));
        pair.renew();
        pair.doubts(reason);
        let first = if reason == RefusalCode::Busy { BUSY_WAIT } else { FAILURE_WAIT };
        let doublings = pair.failures.saturating_sub(1).min(16);
        let wait = first.saturating_mul(1 << doublings).max(retry_after.unwrap_or_default());
        let longest =
            if reason == RefusalCode::UnknownProcess { WAIT_UNKNOWN_MAX } else { WAIT_MAX };
        let until = now.saturating_add(wait.min(longest));
        pair.state = State::Waiting { until, reason };
        if reason == RefusalCode::UnknownProcess {
            let asks = pair.asks();
            if !asks.is_empty() {
                self.effects.push(Effect::NoTarget { pair: key, asks });
            }
        }
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        let shed = pair.failures >= SHED_AFTER && self.items >= self.bounds.items / 2;
        self.timers.insert((until, key));
        if shed {
            self.shed(key);
        }
    }

    /// Lets a pair look for its target at once that has waited for long, as somebody asks it.
    fn look_soon(&mut self, key: PairKey) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        let reason = RefusalCode::UnknownProcess;
        let waits = matches!(pair.state, State::Waiting { reason: why, .. } if why == reason);
        if waits && pair.failures > LOOKS {
            pair.failures = 0;
            pair.state = State::Unasked;
        }
    }

    fn block(&mut self, key: PairKey, number: PairNumber, code: RefusalCode) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        if pair.next.is_some_and(|next| number < next)
            || pair.block.is_some_and(|(first, _)| first <= number)
        {
            return;
        }
        pair.block = Some((number, code));
        pair.beyond = pair.queue.back().map(|last| last.number);
        let spill = pair.spill.take();
        pair.beyond = pair.beyond.max(spill.map(|spill| spill.last));
        if let Some(beyond) = number.next() {
            self.truncate(key, beyond);
        }
        if let Some(spill) = spill {
            self.progress.close(key.source, spill.from);
        }
    }

    fn fire(&mut self, timer: (Duration, PairKey)) {
        self.timers.remove(&timer);
        let (until, key) = timer;
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        if matches!(pair.state, State::Waiting { until: due, .. } if due == until) {
            pair.state = if pair.doubtful { State::Unasked } else { State::Open };
            self.advance(key);
        }
    }

    /// Emits what a pair can do now.
    fn advance(&mut self, key: PairKey) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        match pair.state {
            State::Unasked => {
                pair.doubtful = true;
                pair.state = State::Queued(Inquiry::Next);
                self.inquirers.push(key);
                self.start_inquiries();
            }
            State::Open => {
                let (ticket, introduce) = (pair.ticket, pair.introduce);
                while let Some((number, payload)) = pair.next_to_send(self.bounds.window) {
                    self.effects.push(Effect::Submit {
                        pair: key,
                        number,
                        ticket,
                        introduce: introduce || number == PairNumber::ZERO,
                        payload: payload.clone(),
                    });
                }
                if pair.queue.is_empty() && pair.spill.is_some() {
                    pair.state = State::Queued(Inquiry::Spilled);
                    self.inquirers.push(key);
                    self.start_inquiries();
                } else if pair.is_idle() && !pair.listed_idle {
                    pair.listed_idle = true;
                    self.idle.push_back(key);
                    self.forget_idle();
                }
            }
            State::Queued(_) | State::Asking(_) | State::Waiting { .. } => {}
        }
    }

    fn start_inquiries(&mut self) {
        while self.inquiries < self.bounds.inquiries {
            let Some(key) = self.inquirers.pop() else { return };
            let Some(pair) = self.pairs.get_mut(&key) else { continue };
            let State::Queued(inquiry) = pair.state else { continue };
            let (ticket, doubt) = (pair.ticket, pair.doubt);
            pair.outran = false;
            let effect = match (inquiry, pair.spill) {
                (Inquiry::Next, _) if doubt.is_none() => Effect::AskNext { pair: key, ticket },
                (Inquiry::Next, _) => Effect::LookAgain { pair: key, ticket, doubt },
                (Inquiry::Spilled, Some(Spill { from, number, .. })) => {
                    let number = pair.next.map_or(number, |next| next.max(number));
                    Effect::Fetch { pair: key, ticket, from, number }
                }
                // It came about otherwise: an acknowledgement told that all of it is accepted.
                (Inquiry::Spilled, None) => {
                    pair.state = State::Open;
                    continue;
                }
            };
            pair.state = State::Asking(inquiry);
            self.inquiries += 1;
            self.effects.push(effect);
        }
    }

    /// Whether an answer is one that the pair still waits for.
    fn end_inquiry(&mut self, key: PairKey, ticket: u64) -> bool {
        self.inquiries = self.inquiries.saturating_sub(1);
        self.pairs
            .get(&key)
            .is_some_and(|pair| pair.ticket == ticket && matches!(pair.state, State::Asking(_)))
    }

    fn forget_idle(&mut self) {
        while self.idle.len() > self.bounds.idle_pairs {
            let Some(key) = self.idle.pop_front() else { return };
            let Some(pair) = self.pairs.get_mut(&key) else { continue };
            pair.listed_idle = false;
            if pair.is_idle() {
                self.pairs.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests;
