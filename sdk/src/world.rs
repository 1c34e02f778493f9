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

use protocol::abi::GuestEffect;

use crate::{AskError, TaskId, ViewContext};

/// How many low bits of a number count within its slot: more than a slot may have effects.
const COUNT_BITS: u32 = 20;

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
    /// The slot at hand. Async methods keep those of their calls.
    here: RefCell<Rc<ViewContext>>,
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
        Rc::new(Self {
            here: RefCell::new(Rc::new(ViewContext::nowhere())),
            effects: RefCell::default(),
            given: Cell::new(0),
            waits: RefCell::default(),
            running: Cell::new(None),
            spawn: RefCell::default(),
        })
    }

    /// Begins a slot, whose context is filled in where it is kept.
    pub(crate) fn enter<R>(&self, fill: impl FnOnce(&mut ViewContext) -> R) -> R {
        self.given.set(0);
        fill(Rc::make_mut(&mut self.here.borrow_mut()))
    }

    /// The slot at hand.
    pub(crate) fn here(&self) -> Rc<ViewContext> {
        Rc::clone(&self.here.borrow())
    }

    /// A number that no other slot gives, and this one not again.
    pub(crate) fn fresh(&self) -> u64 {
        let given = self.given.get();
        self.given.set(given + 1);
        (self.here.borrow().slot().get() << COUNT_BITS) | given
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
