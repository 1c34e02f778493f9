//! What a compute unit remembers for a process outside of its memory: the host table, and beside it
//! what is derived from it, so that no slot searches the table.
//!
//! # Invariants
//!
//! - What is beside the table follows from the table alone.
//! - An ask that is answered, a call that is closed and a timer that is over leave no key behind.

use std::collections::BTreeSet;

use protocol::{
    AskAnswer, Effect, Failure, FailureKind, HostTable, ItemBody, PairPosition, ProcessId, Slot,
    Timer, TimerKind, UnitId,
};

use super::{
    acts::{Acts, Place},
    asks::{self, Ask, Asks},
    calls::{self, Call, Caller, Calls},
    pairs,
    timers::{self, Timers},
};
use crate::instance::HostFault;

/// The key of how many processes were taken from the budget of children.
const CHILDREN: [u8; 1] = [9];
/// What the keys of lost tokens begin with.
const LOST: u8 = 10;
/// Calls that a slot ends at most for want of anything that could answer them, and as many again
/// that are past their deadline. What is left over comes with the next slots.
pub(super) const ENDED_MAX: usize = 1_024;

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) table: HostTable,
    pub(super) asks: Asks,
    pub(super) calls: Calls,
    pub(super) timers: Timers,
    /// Tokens whose handler failed since the module last handled anything.
    lost: BTreeSet<u64>,
    /// How many processes were taken from the budget of children.
    children: u64,
}

impl Ledger {
    /// What a host table tells.
    ///
    /// # Errors
    ///
    /// [`HostFault::Damaged`] if it is not one that execution can leave.
    pub(super) fn restore(table: HostTable) -> Result<Self, HostFault> {
        let mut ledger = Self::default();
        for (key, value) in table.iter() {
            ledger.read(key, value).ok_or(HostFault::Damaged)?;
        }
        Ok(Self { table, ..ledger })
    }

    fn read(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let (kind, rest) = key.split_first()?;
        match *kind {
            asks::KEY => self.asks.read(rest, value)?,
            calls::KEY => self.calls.read(rest, value)?,
            timers::KEY => self.timers.read(rest, value)?,
            LOST => {
                self.lost.insert(u64::from_le_bytes(rest.try_into().ok()?));
            }
            _ if key == CHILDREN => self.children = u64::from_le_bytes(value.try_into().ok()?),
            _ => {}
        }
        Some(())
    }

    /// Emits an item of a pair, in its place among them.
    pub(super) fn send(
        &mut self,
        acts: &mut Acts,
        target: ProcessId,
        body: ItemBody,
        hint: Option<UnitId>,
    ) -> PairPosition {
        let pair = pairs::take_next(&mut self.table, &target, acts.slot);
        acts.emit(target, Some(pair), body, hint);
        pair
    }

    /// Closes an ask or a birth, if it is open and the condition holds.
    pub(super) fn close(
        &mut self,
        acts: &mut Acts,
        place: Place,
        holds: impl FnOnce(&Ask) -> bool,
    ) -> Option<Ask> {
        let ask = self.asks.close_if(&mut self.table, place, holds)?;
        acts.closed.push(place);
        Some(ask)
    }

    /// Answers whoever waits for a call of a slot.
    pub(super) fn answer(
        &mut self,
        acts: &mut Acts,
        call: Slot,
        caller: Caller,
        answer: AskAnswer,
    ) {
        match caller {
            Caller::Client => acts.note(ItemBody::Answered { call, answer }),
            Caller::Asker { source, slot, index, .. } => {
                self.send(acts, source, ItemBody::Reply { slot, index, answer }, None);
            }
        }
    }

    /// Answers a call if it is still open.
    pub(super) fn answer_open(&mut self, acts: &mut Acts, call: Slot, answer: AskAnswer) {
        if let Some(Call { caller, .. }) = self.calls.close(&mut self.table, call) {
            self.answer(acts, call, caller, answer);
        }
    }

    /// Gives up calls whose callers wait no more. An asker has learned it from its own timeout.
    pub(super) fn drop_overdue(&mut self, acts: &mut Acts) {
        for _ in 0..ENDED_MAX {
            let Some(slot) = self.calls.overdue(acts.time) else { return };
            let call = self.calls.close(&mut self.table, slot);
            if call.is_some_and(|call| call.caller == Caller::Client) {
                self.answer(acts, slot, Caller::Client, no_reply());
            }
        }
    }

    /// Answers the calls that nothing outstanding can answer any more.
    pub(super) fn end_hopeless(&mut self, acts: &mut Acts) {
        for _ in 0..ENDED_MAX {
            let Some(slot) = self.calls.later() else { return };
            if self.asks.len() > 0 || self.timers.len() > 0 {
                return;
            }
            self.answer_open(acts, slot, no_reply());
        }
    }

    /// Whether tokens were lost.
    pub(super) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// The tokens that were lost, ascending.
    pub(super) fn lost(&self) -> Option<Vec<u64>> {
        self.has_lost().then(|| self.lost.iter().copied().collect())
    }

    /// Loses a token.
    pub(super) fn lose(&mut self, token: u64) {
        self.lost.insert(token);
        self.table.insert(&key_of(LOST, token), &[]);
    }

    /// Forgets what was lost, as the module knows it now.
    pub(super) fn forget_lost(&mut self) {
        for token in std::mem::take(&mut self.lost) {
            self.table.remove(&key_of(LOST, token));
        }
    }

    /// How many processes were taken from the budget of children.
    pub(super) const fn children(&self) -> u64 {
        self.children
    }

    /// Takes processes from the budget of children.
    pub(super) fn take_children(&mut self, count: u64) {
        self.children = self.children.saturating_add(count);
        self.table.insert(&CHILDREN, &self.children.to_le_bytes());
    }

    /// What is waited for, and until when.
    pub(super) fn agenda(&self, process: ProcessId) -> Vec<Timer> {
        let timer = |(slot, index): Place, kind, occurrence, due| Timer {
            process,
            slot,
            index,
            occurrence,
            kind,
            due,
        };
        let asks = self.asks.iter();
        let asks = asks.map(|(place, ask)| timer(place, TimerKind::AskTimeout, 0, ask.deadline));
        let timers = self.timers.iter().filter_map(|set| {
            Some(timer(set.place(), TimerKind::Timer, set.next, set.next_due()?))
        });
        asks.chain(timers).collect()
    }
}

/// The answer to a call that has committed and can have no other.
fn no_reply() -> AskAnswer {
    AskAnswer::Failure(Failure::of(FailureKind::NoReply), Effect::Yes)
}

/// A key of a kind and a number.
pub(super) fn key_of(kind: u8, number: u64) -> [u8; 9] {
    let mut key = [kind; 9];
    let (_, right) = key.split_at_mut(1);
    right.copy_from_slice(&number.to_le_bytes());
    key
}
