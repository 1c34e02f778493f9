//! The queue of one pair: items of one process for another, in the order of their numbers.
//!
//! # Invariants
//!
//! - The numbers in the queue are dense: each is one more than the one before it.
//! - The items in flight are the first `sent` of the queue, under the present ticket.
//! - With a spill, no item at or beyond its number is in the queue.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use protocol::{PairNumber, ProcessId, RefusalCode, Slot};

use super::Doubt;

/// Who emits and who receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PairKey {
    /// Who emits.
    pub(crate) source: ProcessId,
    /// Who receives.
    pub(crate) target: ProcessId,
}

/// An item on its way.
#[derive(Debug, Clone)]
pub(crate) struct Item<P> {
    /// Its place in the pair.
    pub(crate) number: PairNumber,
    /// The slot of the source that emitted it.
    pub(crate) slot: Slot,
    /// The bytes it keeps in memory, about.
    pub(crate) weight: usize,
    /// Whether a skip may take its place. Not that of a birth: before it nobody orders the target.
    pub(crate) skippable: bool,
    /// Whether its source waits for an answer of the target.
    pub(crate) asks: bool,
    /// What the shell needs to submit it.
    pub(crate) payload: P,
}

/// The source's word that a number will never come, unless it has come already.
#[derive(Debug, Clone)]
pub(super) struct Skip<P> {
    /// The slot of the source that emitted it.
    pub(super) slot: Slot,
    /// Absent where there was no room for it, or what proves it no longer counts: then the item is
    /// delivered, and its source is told all the same.
    pub(super) payload: Option<P>,
}

/// Items that are not held in memory, to be fetched again when their turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spill {
    /// A slot at or before that of the first of them.
    pub(super) from: Slot,
    /// The first of them.
    pub(super) number: PairNumber,
    /// The last that is known to exist.
    pub(super) last: PairNumber,
}

/// What a pair wants to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inquiry {
    /// The number its target's scheduler accepts next.
    Next,
    /// Its spilled items.
    Spilled,
}

/// What a pair is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Waits for a reason to ask for its next number.
    Unasked,
    /// Waits until fewer inquiries are under way.
    Queued(Inquiry),
    /// Waits for an answer.
    Asking(Inquiry),
    /// Submits as items come.
    Open,
    /// Waits after a failure.
    Waiting { until: Duration, reason: RefusalCode },
}

/// One pair.
#[derive(Debug)]
pub(super) struct Pair<P> {
    pub(super) queue: VecDeque<Item<P>>,
    pub(super) sent: usize,
    /// Distinguishes submissions of the present attempt from earlier ones.
    pub(super) ticket: u64,
    /// Acknowledgements under earlier tickets may be of a log that is void by now.
    pub(super) since: u64,
    pub(super) state: State,
    /// The lowest number that may not be accepted yet, as far as this run knows for certain.
    pub(super) next: Option<PairNumber>,
    /// Whether the scheduler must be asked before anything is submitted.
    pub(super) doubtful: bool,
    /// What must be found out anew before that.
    pub(super) doubt: Doubt,
    /// Whether a number was acknowledged while the scheduler was being asked: its answer may be
    /// older than that.
    pub(super) outran: bool,
    pub(super) failures: u32,
    /// Since when nothing was accepted because of failures, and what the last of them was.
    pub(super) failing: Option<(Duration, RefusalCode)>,
    /// Whether submissions carry the source's introduction.
    pub(super) introduce: bool,
    /// A number that its target refuses without proof: nothing from it on can be delivered.
    pub(super) block: Option<(PairNumber, RefusalCode)>,
    /// The last number that is known to exist behind that.
    pub(super) beyond: Option<PairNumber>,
    /// A number whose refusal has been checked once already.
    pub(super) disputed: Option<PairNumber>,
    pub(super) spill: Option<Spill>,
    /// Numbers that may not be accepted yet and shall be passed over.
    pub(super) skips: BTreeMap<PairNumber, Skip<P>>,
    /// The slot of the last item that was queued.
    pub(super) last_slot: Option<Slot>,
    pub(super) listed_idle: bool,
}

impl<P> Pair<P> {
    /// A pair of which nothing is known, whose first attempt has this ticket.
    pub(super) const fn new(ticket: u64) -> Self {
        Self {
            queue: VecDeque::new(),
            sent: 0,
            ticket,
            since: ticket,
            state: State::Unasked,
            next: None,
            doubtful: true,
            doubt: Doubt { source: false, target: false },
            outran: false,
            failures: 0,
            failing: None,
            introduce: false,
            block: None,
            beyond: None,
            disputed: None,
            spill: None,
            skips: BTreeMap::new(),
            last_slot: None,
            listed_idle: false,
        }
    }

    /// The number after the last one queued, or the next one if none is queued.
    pub(super) fn tail(&self) -> Option<PairNumber> {
        match self.queue.back() {
            Some(last) => last.number.next(),
            None => self.next,
        }
    }

    /// Whether a number at the front is refused for good.
    pub(super) fn blocked(&self) -> Option<RefusalCode> {
        let (number, code) = self.block?;
        self.queue.front().is_some_and(|front| front.number >= number).then_some(code)
    }

    /// Whether items go out as they come, as far as is known.
    pub(super) const fn is_moving(&self) -> bool {
        matches!(self.state, State::Open) && self.block.is_none()
    }

    /// Whether nothing is known but its next number.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.spill.is_none()
            && self.skips.is_empty()
            && matches!(self.state, State::Open)
    }

    /// The number and the payload to submit next, marked as in flight: an item, or the skip in its
    /// place.
    pub(super) fn next_to_send(&mut self, window: usize) -> Option<(PairNumber, &P)> {
        if self.sent >= window {
            return None;
        }
        let item = self.queue.get(self.sent)?;
        if self.block.is_some_and(|(number, _)| item.number >= number) {
            return None;
        }
        self.sent += 1;
        if !self.skips.is_empty()
            && item.skippable
            && let Some(Skip { payload: Some(skip), .. }) = self.skips.get(&item.number)
        {
            return Some((item.number, skip));
        }
        Some((item.number, &item.payload))
    }

    /// The asks in the queue that are not given up yet. A child that is to be born is no absent target.
    pub(super) fn asks(&self) -> Vec<P>
    where
        P: Clone,
    {
        if self.queue.front().is_some_and(|front| !front.skippable) {
            return Vec::new();
        }
        let open =
            self.queue.iter().filter(|item| item.asks && !self.skips.contains_key(&item.number));
        open.map(|item| item.payload.clone()).collect()
    }

    /// Takes an item off the front that is accepted already.
    pub(super) fn pop_accepted(&mut self) -> Option<Item<P>> {
        let next = self.next?;
        let item = self.queue.pop_front_if(|front| front.number < next)?;
        self.sent = self.sent.saturating_sub(1);
        Some(item)
    }

    /// Forgets what is in flight: answers to it no longer count as failures.
    pub(super) const fn renew(&mut self) {
        self.ticket += 1;
        self.sent = 0;
    }

    /// Forgets what is in flight, and that what it is answered counts.
    pub(super) const fn disown(&mut self) {
        self.renew();
        self.since = self.ticket;
    }

    /// Learns that who the source or the target is may be outdated, as a refusal lets suspect.
    pub(super) const fn doubts(&mut self, reason: RefusalCode) {
        match reason {
            RefusalCode::Moved
            | RefusalCode::Unreachable
            | RefusalCode::UnknownProcess
            | RefusalCode::StaleStore
            | RefusalCode::Fenced => self.doubt.target = true,
            RefusalCode::IntroductionNeeded | RefusalCode::WrongPolicy => {
                self.doubt.source = true;
                self.introduce = true;
            }
            _ => return,
        }
        self.doubtful = true;
    }

    /// Learns that all numbers below one are accepted.
    pub(super) fn accepted_below(&mut self, number: PairNumber) {
        self.next = Some(self.next.map_or(number, |next| next.max(number)));
    }

    pub(super) fn check_invariants(&self) {
        debug_assert!(self.sent <= self.queue.len());
        let dense = |a: &Item<P>, b: &Item<P>| a.number.next() == Some(b.number);
        debug_assert!(
            self.queue.front().zip(self.queue.get(1)).is_none_or(|(a, b)| dense(a, b)),
            "numbers are dense"
        );
        debug_assert!(
            self.spill.zip(self.queue.back()).is_none_or(|(spill, b)| b.number < spill.number)
        );
    }
}
