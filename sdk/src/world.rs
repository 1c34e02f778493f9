//! What an instance keeps between its slots besides the actor's state: the effects of the slot at
//! hand, and what waits for answers and timers.
//!
//! # Invariants
//!
//! - Numbers are made of the slot and a count within it: equal on every unit, and never given twice,
//!   not even by the module that an upgrade brings.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    task::{Poll, Waker},
};

use protocol::{
    Hash, Principal, ProcessId, Slot, Timestamp,
    abi::{self, GuestEffect},
};

use crate::{AskError, TaskId};

/// How many low bits of a number count within its slot: more than a slot may have effects.
const COUNT_BITS: u32 = 20;

/// The slot at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Here {
    pub(crate) process: ProcessId,
    pub(crate) slot: Slot,
    pub(crate) time: Timestamp,
    pub(crate) controller: Principal,
    pub(crate) seed: Hash,
}

impl From<&abi::Context> for Here {
    fn from(context: &abi::Context) -> Self {
        Self {
            process: context.process,
            slot: context.slot,
            time: context.time,
            controller: context.controller,
            seed: context.seed,
        }
    }
}

/// What came for a token.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// The reply to an ask, or null for a birth.
    Reply(Vec<u8>),
    /// There is no reply.
    Error(AskError),
    /// A timer was due.
    Due,
}

/// What waits for a token.
#[derive(Debug)]
struct Wait {
    arrival: Option<Arrival>,
    waker: Option<Waker>,
    /// The task that polled last, or that was running when the token was given.
    owner: Option<TaskId>,
}

/// What an instance keeps between its slots besides the actor's state.
#[derive(Debug)]
pub(crate) struct World {
    here: Cell<Here>,
    effects: RefCell<Vec<GuestEffect>>,
    /// The numbers given in the slot at hand.
    given: Cell<u64>,
    /// By token; at most as many as asks and timers may be open.
    waits: RefCell<BTreeMap<u64, Wait>>,
    /// The task that runs.
    running: Cell<Option<TaskId>>,
    /// The process's own spawn, canonical.
    spawn: RefCell<Option<Vec<u8>>>,
}

impl World {
    /// Nothing waits, and no slot has been handled.
    pub(crate) fn new() -> Rc<Self> {
        let here = Here {
            process: ProcessId::from_bytes([0; 32]),
            slot: Slot::new(0),
            time: Timestamp::ZERO,
            controller: Principal::Anonymous,
            seed: Hash::ZERO,
        };
        Rc::new(Self {
            here: Cell::new(here),
            effects: RefCell::default(),
            given: Cell::new(0),
            waits: RefCell::default(),
            running: Cell::new(None),
            spawn: RefCell::default(),
        })
    }

    /// Begins a slot.
    pub(crate) fn enter(&self, here: Here) {
        self.here.set(here);
        self.given.set(0);
    }

    /// The slot at hand.
    pub(crate) const fn here(&self) -> Here {
        self.here.get()
    }

    /// A number that no other slot gives, and this one not again.
    pub(crate) fn fresh(&self) -> u64 {
        let given = self.given.get();
        self.given.set(given + 1);
        (self.here().slot.get() << COUNT_BITS) | given
    }

    /// Adds an effect.
    pub(crate) fn push(&self, effect: GuestEffect) {
        self.effects.borrow_mut().push(effect);
    }

    /// The effects so far, in order.
    pub(crate) const fn effects(&self) -> &RefCell<Vec<GuestEffect>> {
        &self.effects
    }

    /// Keeps the process's own spawn.
    pub(crate) fn keep_spawn(&self, spawn: Vec<u8>) {
        *self.spawn.borrow_mut() = Some(spawn);
    }

    /// The process's own spawn, if it was told.
    pub(crate) const fn spawn(&self) -> &RefCell<Option<Vec<u8>>> {
        &self.spawn
    }

    /// Says which task runs.
    pub(crate) fn set_running(&self, task: Option<TaskId>) {
        self.running.set(task);
    }

    /// Gives a token that something will arrive for.
    pub(crate) fn expect_arrival(&self) -> u64 {
        let token = self.fresh();
        let wait = Wait { arrival: None, waker: None, owner: self.running.get() };
        self.waits.borrow_mut().insert(token, wait);
        token
    }

    /// Keeps what arrived for whoever waits for it, and wakes it. Nobody waits for a token that was
    /// given up.
    pub(crate) fn arrive(&self, token: u64, arrival: Arrival) {
        let waker = self.waits.borrow_mut().get_mut(&token).and_then(|wait| {
            wait.arrival = Some(arrival);
            wait.waker.take()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What arrived for a token, once.
    pub(crate) fn poll(&self, token: u64, waker: &Waker) -> Poll<Arrival> {
        let mut waits = self.waits.borrow_mut();
        let wait = waits.get_mut(&token).expect("nobody polls a future that has ended");
        let Some(arrival) = wait.arrival.take() else {
            wait.waker = Some(waker.clone());
            wait.owner = self.running.get();
            return Poll::Pending;
        };
        waits.remove(&token);
        Poll::Ready(arrival)
    }

    /// Waits for a token no more. Tells whether something was still to arrive.
    pub(crate) fn give_up(&self, token: u64) -> bool {
        let wait = self.waits.borrow_mut().remove(&token);
        wait.is_some_and(|wait| wait.arrival.is_none())
    }

    /// Waits for a token no more for which nothing will arrive. Gives the task that waits in vain.
    pub(crate) fn lose(&self, token: u64) -> Option<TaskId> {
        self.waits.borrow_mut().remove(&token)?.owner
    }
}
