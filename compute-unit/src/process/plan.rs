//! What a handler wants: first checked against all that is outstanding, while nothing has happened
//! yet, then done, which cannot fail any more.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{FailureKind, ItemBody, Limits, ProcessId, Slot, TimerKind, Timestamp, UnitId};

use super::{
    acts::Acts,
    asks::Ask,
    calls::{self, Call, Caller},
    ledger::Ledger,
    pairs, timers,
};
use crate::output::{Child, Said, Timed, Wanted};

/// The handler whose output is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handler<'a> {
    /// The slot that it handles.
    pub(super) slot: Slot,
    /// Who waits for its answer.
    pub(super) caller: Option<Caller>,
    /// The limits of the process.
    pub(super) limits: &'a Limits,
}

/// What the output so far adds to what is outstanding.
struct Tally<'a> {
    ledger: &'a Ledger,
    handler: Handler<'a>,
    /// Whether the handler's own call stays open.
    stays: bool,
    /// New asks and births.
    asks: usize,
    tokens: BTreeSet<u64>,
    children: u64,
    /// Open calls that are answered.
    answered: BTreeSet<Slot>,
    /// Timers whose state differs from what it was, and whether they are set.
    timers: BTreeMap<u64, bool>,
    timers_set: usize,
}

impl Ledger {
    /// Checks that everything a handler wants can be done.
    ///
    /// # Errors
    ///
    /// Why the slot fails.
    pub(super) fn check(
        &self,
        handler: Handler<'_>,
        said: &Said,
        wanted: &[Wanted],
    ) -> Result<(), FailureKind> {
        let stays = !matches!(said, Said::Reply(_));
        if stays && handler.caller.is_none() {
            return Err(FailureKind::BadOutput);
        }
        if !stays && wanted.is_empty() {
            return Ok(());
        }
        let mut tally = Tally {
            ledger: self,
            handler,
            stays,
            asks: 0,
            tokens: BTreeSet::new(),
            children: 0,
            answered: BTreeSet::new(),
            timers: BTreeMap::new(),
            timers_set: self.timers.len(),
        };
        for (position, wanted_now) in wanted.iter().enumerate() {
            let before = wanted.get(..position).unwrap_or(&[]);
            tally.add(wanted_now, before)?;
        }
        let calls = self.calls.len().saturating_add(usize::from(stays));
        if stays && calls.saturating_sub(tally.answered.len()) > calls::OPEN_MAX {
            return Err(FailureKind::LimitReached);
        }
        Ok(())
    }

    /// Does everything a handler wants, which was checked.
    pub(super) fn apply(
        &mut self,
        acts: &mut Acts,
        caller: Option<Caller>,
        said: &Said,
        wanted: Vec<Wanted>,
    ) {
        if let (Some(caller), Said::Later | Said::Held) = (caller, said) {
            let call = Call::of(caller, acts.time, *said == Said::Held);
            self.calls.open(&mut self.table, acts.slot, call);
        }
        for wanted in wanted {
            match wanted {
                Wanted::Tell { target, method, args, hint } => {
                    self.send(acts, target, ItemBody::Tell { method, args }, hint);
                }
                Wanted::Ask { target, method, args, timed, hint } => {
                    let deadline = acts.time.saturating_add(timed.patience);
                    let body = ItemBody::Ask { method, args, deadline };
                    self.wait_for(acts, (target, timed, deadline), body, hint);
                }
                Wanted::Reply { call, answer } => {
                    self.answer_open(acts, Slot::new(call), answer);
                }
                Wanted::Spawn { child: Child { id, spawn, cost }, timed } => {
                    let deadline = acts.time.saturating_add(timed.patience);
                    self.take_children(cost);
                    let body = ItemBody::Spawn(spawn, Some(deadline));
                    self.wait_for(acts, (id, timed, deadline), body, None);
                }
                Wanted::SetTimer { .. } => self.set_timer(acts, wanted),
                Wanted::CancelTimer { token } => {
                    if let Some(place) = self.timers.cancel(&mut self.table, token) {
                        acts.closed.push(place);
                        acts.note(ItemBody::CancelTimer { token });
                    }
                }
            }
        }
    }

    /// Emits an ask or a spawn, and waits for its answer.
    fn wait_for(
        &mut self,
        acts: &mut Acts,
        (target, timed, deadline): (ProcessId, Timed, Timestamp),
        body: ItemBody,
        hint: Option<UnitId>,
    ) {
        let place = acts.place();
        let birth = matches!(body, ItemBody::Spawn(..));
        let number = self.send(acts, target, body, hint).number;
        let Timed { token, call, .. } = timed;
        let ask = Ask { token, target, number, deadline, call, birth, assigned: false };
        self.asks.open(&mut self.table, place, ask);
        acts.wait(place, TimerKind::AskTimeout, 0, deadline);
    }

    fn set_timer(&mut self, acts: &mut Acts, wanted: Wanted) {
        let Wanted::SetTimer { token, due, every, catch_up, method, args, call } = wanted else {
            return;
        };
        let (slot, index) = acts.place();
        let body = ItemBody::Timer {
            token,
            due,
            every,
            catch_up,
            method: method.clone(),
            args: args.clone(),
        };
        let timer = timers::Timer { slot, index, next: 0, due, every, method, args, call };
        acts.closed.extend(self.timers.set(&mut self.table, token, timer));
        acts.wait((slot, index), TimerKind::Timer, 0, due);
        acts.note(body);
    }
}

impl Tally<'_> {
    /// Adds what is wanted behind what was wanted before.
    fn add(&mut self, wanted: &Wanted, before: &[Wanted]) -> Result<(), FailureKind> {
        match wanted {
            Wanted::Tell { .. } => Ok(()),
            Wanted::Ask { timed, .. } => self.add_ask(timed.token),
            Wanted::Reply { call, .. } => self.add_reply(Slot::new(*call)),
            Wanted::Spawn { child, timed } => {
                self.add_ask(timed.token)?;
                self.add_child(child, before)
            }
            Wanted::SetTimer { token, .. } => self.add_timer(*token, true),
            Wanted::CancelTimer { token } => self.add_timer(*token, false),
        }
    }

    fn add_ask(&mut self, token: u64) -> Result<(), FailureKind> {
        if self.ledger.asks.has_token(token) || !self.tokens.insert(token) {
            return Err(FailureKind::BadOutput);
        }
        self.asks = self.asks.saturating_add(1);
        let open = self.ledger.asks.len().saturating_add(self.asks);
        within(open, self.handler.limits.open_asks)
    }

    fn add_child(&mut self, child: &Child, before: &[Wanted]) -> Result<(), FailureKind> {
        let is_used = |wanted: &Wanted| match wanted {
            Wanted::Tell { target, .. } | Wanted::Ask { target, .. } => *target == child.id,
            Wanted::Spawn { child: other, .. } => other.id == child.id,
            _ => false,
        };
        if pairs::is_used(&self.ledger.table, &child.id) || before.iter().any(is_used) {
            return Err(FailureKind::BadOutput);
        }
        self.children = self.children.saturating_add(child.cost);
        let used = self.ledger.children().saturating_add(self.children);
        if used > u64::from(self.handler.limits.children.unwrap_or(0)) {
            return Err(FailureKind::LimitReached);
        }
        Ok(())
    }

    /// An answer to a call that has ended does nothing: the actor cannot know that it has.
    fn add_reply(&mut self, call: Slot) -> Result<(), FailureKind> {
        let own = call == self.handler.slot;
        if call > self.handler.slot || own && !self.stays {
            return Err(FailureKind::BadOutput);
        }
        if own || self.ledger.calls.is_open(call) {
            self.answered.insert(call);
        }
        Ok(())
    }

    fn add_timer(&mut self, token: u64, sets: bool) -> Result<(), FailureKind> {
        let was = self.timers.insert(token, sets);
        let was = was.unwrap_or_else(|| self.ledger.timers.is_set(token));
        match (was, sets) {
            (false, true) => self.timers_set = self.timers_set.saturating_add(1),
            (true, false) => self.timers_set = self.timers_set.saturating_sub(1),
            _ => {}
        }
        within(self.timers_set, self.handler.limits.timers)
    }
}

fn within(count: usize, limit: u32) -> Result<(), FailureKind> {
    match u32::try_from(count) {
        Ok(count) if count <= limit => Ok(()),
        _ => Err(FailureKind::LimitReached),
    }
}
