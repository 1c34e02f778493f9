//! What a handler knows of the world, and what it wants done there.

mod mock;

use std::{ops::Deref, rc::Rc};

use protocol::{EntryId, Gas, Hash, Principal, ProcessId, Slot, Timestamp, abi::GuestEffect};
use serde::Serialize;

use crate::{Args, Event, call::CallId, cbor, world::World};

pub use mock::Tell;

/// Where and when a view is answered. A view can have no effects, so nothing here makes any.
#[derive(Debug, Clone)]
pub struct ViewContext {
    pub(crate) process: ProcessId,
    pub(crate) slot: Slot,
    pub(crate) time: Timestamp,
    pub(crate) sender: Principal,
    pub(crate) controller: Principal,
    pub(crate) message: EntryId,
    pub(crate) seed: Hash,
    pub(crate) gas: Gas,
    pub(crate) deadline: Option<Timestamp>,
}

impl ViewContext {
    /// Before the first slot.
    pub(crate) const fn nowhere() -> Self {
        Self {
            process: ProcessId::from_bytes([0; 32]),
            slot: Slot::new(0),
            time: Timestamp::ZERO,
            sender: Principal::Anonymous,
            controller: Principal::Anonymous,
            message: EntryId::from_bytes([0; 32]),
            seed: Hash::ZERO,
            gas: Gas::new(0),
            deadline: None,
        }
    }

    /// This process.
    pub const fn process(&self) -> ProcessId {
        self.process
    }

    /// The slot that is handled; in a view, the last slot executed.
    pub const fn slot(&self) -> Slot {
        self.slot
    }

    /// The time of the slot by its scheduler. It never goes back.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// Who sent the message.
    pub const fn sender(&self) -> Principal {
        self.sender
    }

    /// Whether this process itself sent the message, or its timer is due.
    pub fn is_own(&self) -> bool {
        self.sender == Principal::Process(self.process)
    }

    /// Who may upgrade, move and stop this process.
    pub const fn controller(&self) -> Principal {
        self.controller
    }

    /// The entry that is handled.
    pub const fn message(&self) -> EntryId {
        self.message
    }

    /// A seed for choices that nobody could foresee when the message was sent. Everybody can
    /// compute it afterwards.
    pub const fn seed(&self) -> Hash {
        self.seed
    }

    /// How much gas the handler may use.
    pub const fn gas_limit(&self) -> Gas {
        self.gas
    }

    /// When the asker stops waiting, if somebody asked.
    pub const fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }
}

/// Where and when a message is handled, and the way to have effects.
///
/// Effects happen when the slot ends, in the order they were made; if it panics, none does.
///
/// A native test takes one of [`mock`](Self::mock), and looks at what was wanted.
///
/// ```
/// use antiphon::prelude::*;
///
/// let cx = Context::mock().at_time(Timestamp::new(5)).sent_by(ProcessId::from_bytes([7; 32]));
/// log!(cx, Level::Warn, "it is {}", cx.now());
/// assert_eq!(cx.logged().len(), 1);
/// assert_ne!(cx.sender(), cx.controller());
/// ```
///
/// In an async method, sender, slot, time and the rest stay those of the call for as long as it
/// takes. [`now`](Self::now) and the effects are of the slot at hand, which is another one after
/// each `await`.
#[derive(Debug, Clone)]
pub struct Context {
    view: Rc<ViewContext>,
    call: Option<CallId>,
    world: Rc<World>,
}

impl Deref for Context {
    type Target = ViewContext;

    fn deref(&self) -> &ViewContext {
        &self.view
    }
}

/// How important a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// For the actor's author.
    Debug,
    /// For those who use the actor.
    Info,
    /// Something to look at.
    Warn,
    /// Something went wrong.
    Error,
}

impl Level {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Trace => 0,
            Self::Debug => 1,
            Self::Info => 2,
            Self::Warn => 3,
            Self::Error => 4,
        }
    }
}

impl Context {
    /// The context of the slot at hand, and of the call in it if somebody waits for its reply.
    pub(crate) fn here(world: &Rc<World>, call: Option<u64>) -> Self {
        let view = world.here();
        let call = call.map(|number| CallId::new(number, &view));
        Self { view, call, world: Rc::clone(world) }
    }

    /// The time of the slot at hand by its scheduler. It never goes back.
    pub fn now(&self) -> Timestamp {
        self.world.here().time()
    }

    /// The slot at hand.
    pub fn current_slot(&self) -> Slot {
        self.world.here().slot()
    }

    /// The seed of the slot at hand: nobody could foresee it when the call was made, nor when the
    /// last ask was.
    pub fn current_seed(&self) -> Hash {
        self.world.here().seed()
    }

    /// Sends a message that nobody answers. Messages to one process arrive once each and in order.
    ///
    /// An [`ActorRef`](crate::ActorRef) does the same with checked names and types.
    ///
    /// ```
    /// use antiphon::prelude::*;
    ///
    /// let (cx, peer) = (Context::mock(), ProcessId::from_bytes([7; 32]));
    /// cx.tell(peer, "add", args! { by: 3 });
    /// assert_eq!((cx.tells()[0].target, &*cx.tells()[0].method), (peer, "add"));
    /// ```
    ///
    /// # Panics
    ///
    /// If an argument has no CBOR form, which undoes the slot.
    pub fn tell(&self, target: impl Into<ProcessId>, method: &str, args: impl Into<Args>) {
        self.push(GuestEffect::Tell {
            target: target.into(),
            method: method.to_owned(),
            args: args.into().encode(),
            hint: None,
        });
    }

    /// Adds a line to the outcome's log; [`log!`](macro@crate::log) formats one.
    pub fn log(&self, level: Level, text: impl Into<String>) {
        self.push(GuestEffect::Log { level: level.number(), text: text.into() });
    }

    /// Emits an event that clients can follow.
    ///
    /// # Panics
    ///
    /// If the event has no CBOR form, which undoes the slot.
    pub fn emit<E: Event>(&self, event: E) {
        self.emit_named(E::NAME, &event);
    }

    /// Emits an event whose type is not at hand.
    ///
    /// # Panics
    ///
    /// As [`emit`](Self::emit).
    pub fn emit_named<T: Serialize + ?Sized>(&self, name: &str, data: &T) {
        match cbor::to_vec(data) {
            Ok(data) => self.push(GuestEffect::Event { name: name.to_owned(), data }),
            Err(error) => panic!("event `{name}`: {error}"),
        }
    }

    pub(crate) fn push(&self, effect: GuestEffect) {
        self.world.push(effect);
    }

    pub(crate) const fn world(&self) -> &Rc<World> {
        &self.world
    }

    /// The call that is handled, if somebody waits for its reply.
    pub(crate) const fn call(&self) -> Option<CallId> {
        self.call
    }

    /// The number of the call that is handled, for what is done on its behalf.
    pub(crate) fn open_call(&self) -> Option<u64> {
        self.call?.open(&self.world)
    }
}

/// Adds a formatted line to the outcome's log: `log!(cx, "text {}", x)`, or with a [`Level`] after
/// `cx`.
///
/// ```
/// use antiphon::prelude::*;
///
/// let cx = Context::mock();
/// log!(cx, "{} left", 3);
/// log!(cx, Level::Warn, "none left");
/// assert_eq!(cx.logged(), ["3 left", "none left"]);
/// ```
#[macro_export]
macro_rules! log {
    ($cx:expr, $format:literal $(, $argument:expr)* $(,)?) => {
        $cx.log($crate::Level::Info, ::std::format!($format $(, $argument)*))
    };
    ($cx:expr, $level:expr, $format:literal $(, $argument:expr)* $(,)?) => {
        $cx.log($level, ::std::format!($format $(, $argument)*))
    };
}
