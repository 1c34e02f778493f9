//! Write Antiphon actors in Rust: a struct, an impl, `#[actor]` on both.
//!
//! ```
//! use antiphon::prelude::*;
//!
//! /// Counts.
//! #[actor]
//! #[derive(Serialize, Deserialize)]
//! pub struct Counter {
//!     n: u64,
//! }
//!
//! #[actor]
//! impl Counter {
//!     #[init]
//!     fn new(start: u64) -> Self {
//!         Self { n: start }
//!     }
//!
//!     /// A view: `&self`, answered from committed state, never in the log.
//!     fn get(&self) -> u64 {
//!         self.n
//!     }
//!
//!     /// A message: `&mut self`, one slot of the log.
//!     fn add(&mut self, cx: &Context, by: u64) -> Result<u64, Error> {
//!         require!(cx.sender() == cx.controller(), "only the controller may add");
//!         self.n = self.n.checked_add(by).ok_or("the count does not fit")?;
//!         Ok(self.n)
//!     }
//! }
//!
//! // An actor is ordinary Rust: test it natively.
//! let mut counter = Counter::new(5);
//! assert_eq!(counter.add(&Context::mock(), 3), Ok(8));
//! assert_eq!(counter.get(), 8);
//! ```
//!
//! # What a method may be
//!
//! - `#[init]` makes the first state: parameters, then `Self` or `Result<Self, E>`. Exactly one.
//! - `&self` is a view. It may take a [`ViewContext`] and cannot have effects. Sent as a message,
//!   a view is answered in the order of the log.
//! - `&mut self` is a message. It may take a [`Context`] and [tell](Context::tell),
//!   [log](macro@log) and [emit](Context::emit). One that returns a [`Later`] may reply in a later
//!   slot ([`Context::reply_later`]).
//! - `async fn` with `this: State<Self>` and `cx: Context` is a message that may wait. It runs until
//!   its first `await` that has to; other messages are handled meanwhile.
//! - `#[assigned]` with `&mut self` and an [`Evidence`] takes messages that show another message. At
//!   most one; nobody calls it by name.
//! - Parameters are owned serde types, found by name. A method returns nothing, a serde type, or a
//!   `Result` whose error becomes an [`Error`]: that itself, text, or an enum whose variants have
//!   codes ([`ActorError`](trait@ActorError)). An error answers the caller; what the method did to the
//!   state before stays. A panic undoes the slot.
//! - `#[only(controller)]` lets nobody else call a method, `#[only(own)]` none but the process itself
//!   and its timers, and `#[only(Self::may)]` whom `fn may(&self, cx: &ViewContext) -> bool` permits.
//!   It may answer a `Result<(), E>` to say why not, and be a function outside of the actor that takes
//!   the actor first. Others are answered with `not-permitted`. A guard stands before what is sent to
//!   the process; Rust code that calls the method itself passes by it.
//! - Helpers go to an impl block of their own, without `#[actor]`.
//!
//! # Talking to another actor
//!
//! `ActorRef<Counter>` has the methods of `Counter`, each giving a [`Call`]: `peer.add(3).tell(cx)`
//! sends it and goes on, `peer.add(3).ask(&cx).await` waits for its reply. A process whose type is
//! not at hand is called by name: `cx.tell(id, "add", args! { by: 3 })`.
//!
//! ```
//! use antiphon::prelude::*;
//!
//! #[actor]
//! #[derive(Default, Serialize, Deserialize)]
//! pub struct Counter { n: u64 }
//!
//! #[actor]
//! impl Counter {
//!     #[init]
//!     fn new(start: u64) -> Self { Self { n: start } }
//!     fn get(&self) -> u64 { self.n }                                  // &self: a view
//!     fn add(&mut self, cx: &Context, by: u64) -> Result<u64, Error> { // &mut self: a message
//!         require!(cx.sender() == cx.controller(), "only the controller may add");
//!         self.n += by;
//!         Ok(self.n)
//!     }
//!     async fn pull(this: State<Self>, cx: Context, peer: ActorRef<Counter>) -> Result<u64, AskError> {
//!         let theirs = peer.get().deadline(secs(5)).ask(&cx).await?;   // other messages may run meanwhile
//!         Ok(this.with(|me| { me.n += theirs; me.n }))                 // no borrow can cross an await
//!     }
//! }
//!
//! // Many actors are tested natively, too, in virtual time.
//! let mut sim = antiphon::Sim::seeded(7);
//! let (a, b) = (sim.spawn::<Counter>(args! { start: 1 }), sim.spawn::<Counter>(args! { start: 41 }));
//! assert_eq!(sim.send(a.pull(b)), Ok(42));
//! sim.cut_off(b);
//! assert_eq!(sim.send(a.pull(b)).unwrap_err().code(), "expired");
//! sim.check_replay(); // every log, run again, says the same bytes and leaves the same state
//! ```
//!
//! A [`Sim`] loses, delays, refuses and crashes as told, or by chance ([`Faults`]). A panic undoes its
//! slot there, too. A test that is written over any [`Stage`] runs on the actors' modules and on real
//! networks as well.
//!
//! Every ask gets exactly one answer: the reply, or an [`AskError`] that says whether it took
//! [effect](AskError::effect). An ask is sent when the slot ends, so several can be under way:
//! [`join`], [`join_all`] and [`select`] wait for them, for children and for
//! [sleeps](Context::sleep). While none of these is outstanding nothing can answer a caller any more:
//! the unit does so with the failure `no-reply`.
//!
//! What a method found in the state before an `await` may be different after it. What it did before
//! an `await` has happened, whatever comes later: if it panics after one, only that slot is undone,
//! its caller gets the failure, and the method is dropped where it waited. An upgrade drops all
//! methods that wait.
//!
//! # What the schema says
//!
//! A module tells tools what it is without being run: its methods with their types and documentation,
//! the errors that they list, and the events of `#[actor(events(..))]`. A type with
//! `#[derive(Described)]` is shown with its fields, any other by its name.
//!
//! ```
//! use antiphon::prelude::*;
//!
//! /// A request of somebody's.
//! #[derive(Serialize, Deserialize, Described)]
//! pub struct Wish {
//!     what: String,
//!     at_most: Option<u64>,
//! }
//!
//! /// Why a wish is not taken.
//! #[derive(Debug, PartialEq, Eq, ActorError)]
//! pub enum WishError {
//!     /// The list is full.
//!     Full,
//! }
//!
//! /// A wish was taken.
//! #[derive(Serialize, Event)]
//! pub struct WishTaken {
//!     number: usize,
//! }
//!
//! #[actor(events(WishTaken))]
//! #[derive(Default, Serialize, Deserialize)]
//! pub struct List {
//!     wishes: Vec<Wish>,
//! }
//!
//! #[actor]
//! impl List {
//!     #[init]
//!     fn new() -> Self {
//!         Self::default()
//!     }
//!
//!     fn wish(&mut self, cx: &Context, wish: Wish) -> Result<(), WishError> {
//!         require!(self.wishes.len() < 3, WishError::Full);
//!         self.wishes.push(wish);
//!         cx.emit(WishTaken { number: self.wishes.len() });
//!         Ok(())
//!     }
//!
//!     #[only(controller)]
//!     fn clear(&mut self) {
//!         self.wishes.clear();
//!     }
//! }
//!
//! let schema = List::schema();
//! assert_eq!(schema.method("wish").unwrap().errors[0].code, WishError::FULL);
//! assert_eq!(schema.method("clear").unwrap().errors[0].code, Error::NOT_PERMITTED);
//! assert_eq!(schema.events[0].name, WishTaken::NAME);
//! ```
//!
//! # Upgrades
//!
//! The state goes to the next module as its serde form, with the version of `#[actor(version = N)]`.
//! A module takes a state of its own version, and of those that a `#[migrate(from = N)]` reads; any
//! other is refused with `state-version`, and the module before goes on. Whoever changes the form of
//! the state keeps the old one as a type:
//!
//! ```
//! use antiphon::prelude::*;
//!
//! /// The state of version 1.
//! #[derive(Serialize, Deserialize)]
//! struct CounterV1 {
//!     n: u64,
//! }
//!
//! #[actor(version = 2)]
//! #[derive(Serialize, Deserialize)]
//! pub struct Counter {
//!     total: u64,
//!     step: u64,
//! }
//!
//! #[actor]
//! impl Counter {
//!     #[init]
//!     fn new() -> Self {
//!         Self { total: 0, step: 1 }
//!     }
//!
//!     #[migrate(from = 1)]
//!     fn from_v1(old: CounterV1) -> Self {
//!         Self { total: old.n, step: 1 }
//!     }
//! }
//!
//! let saved = antiphon::cbor::to_vec(&CounterV1 { n: 5 })?;
//! let counter = Counter::load(&Context::mock(), 1, &saved)?;
//! assert_eq!((counter.total, counter.step), (5, 1));
//! assert_eq!(Counter::load(&Context::mock(), 7, &saved).err().unwrap().code(), Error::STATE_VERSION);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `#[save] fn close(&self) -> Saved` and `#[load] fn open(saved: Saved) -> Self` save another type in
//! the place of the state. Migrations and `#[load]` may return a `Result`, and take a [`Context`].
//!
//! A module that panics when it saves cannot be upgraded in that way, and goes on as it is. For such a
//! case `antiphon upgrade --raw` hands its memory to the next module, of which a
//! `#[recover] fn recover(image: MemoryImage) -> Result<Self, E>` makes the state: see [`MemoryImage`].
//!
//! # Time and children
//!
//! [`Context::every`] and [`Context::after`] make calls of a process's own; [`Context::set_timer`]
//! does so by name. [`Context::spawn`] makes a child, whose id is known at once.
//!
//! # Building
//!
//! ```text
//! cargo rustc --release --target wasm32-unknown-unknown --crate-type cdylib
//! ```
//!
//! A module has its memory from an allocator that the SDK sets: an actor cannot set another one.
//!
//! A crate that only needs `ActorRef<T>` depends on the crate of `T` with `features = ["stub"]`,
//! and that crate declares `stub = []`: without it the exports and the schema of both actors would
//! land in one module. Such crates are plain libraries, made modules by the command above: cargo
//! gives a declared `cdylib` one file name whatever its features, so stub and module would
//! overwrite each other.
//!
//! # Invariants
//!
//! - Equal inputs give equal outputs: no clock, no randomness, and maps are sorted when encoded.
//! - Every value that leaves is canonical CBOR; see [`cbor`].
//! - What waits is woken in the order of the log, and runs in the order in which it was woken.

#![deny(missing_docs)]

// The expansion of `#[actor]` names this crate, also in the tests of this crate.
extern crate self as antiphon;

mod actor;
mod args;
mod ask;
mod call;
pub mod cbor;
mod child;
mod context;
mod described;
mod error;
mod event;
mod evidence;
mod image;
mod join;
mod module_ref;
mod reference;
mod runtime;
#[cfg(not(target_arch = "wasm32"))]
mod sim;
#[cfg(not(target_arch = "wasm32"))]
mod stage;
mod state;
mod tasks;
mod timer;
mod world;

#[doc(hidden)]
pub mod expansion;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod guest;
pub mod prelude;

pub use actor::{Actor, Addressable, Definition, Stub, Via};
/// On the definition and on the impl block of an actor; see the [crate's page](crate#what-a-method-may-be).
///
/// ```
/// use antiphon::{Sim, prelude::*};
///
/// #[actor(version = 2)]
/// #[derive(Serialize, Deserialize)]
/// pub struct Greeter {
///     greeting: String,
/// }
///
/// #[actor]
/// impl Greeter {
///     #[init]
///     fn new(greeting: String) -> Self {
///         Self { greeting }
///     }
///
///     fn greet(&self, name: String) -> String {
///         format!("{}, {name}!", self.greeting)
///     }
/// }
///
/// let mut sim = Sim::seeded(1);
/// let greeter = sim.spawn::<Greeter>(args! { greeting: "Hello" });
/// assert_eq!(sim.view(&greeter.greet("Ada".into())), Ok("Hello, Ada!".to_owned()));
/// ```
pub use antiphon_macros::actor;
pub use antiphon_macros::{ActorError, Described, Event};
pub use args::Args;
pub use ask::{Ask, AskError};
pub use call::{Later, OpenCall};
pub use child::{Birth, Child};
pub use context::{Context, Level, Tell, ViewContext};
pub use described::Described;
pub use error::{ActorError, Error};
pub use event::Event;
pub use evidence::Evidence;
pub use image::MemoryImage;
pub use join::{Either, join, join_all, select};
pub use module_ref::ModuleRef;
pub use protocol::{
    Acceptance, AccountId, Effect, EntryId, Gas, Hash, Limits, ModuleId, Principal, ProcessId,
    Slot, Timestamp, UnitId, schema,
};
pub use reference::{ActorRef, Call};
pub use runtime::Runtime;
#[cfg(not(target_arch = "wasm32"))]
pub use sim::{Faults, LoggedSlot, Sim, Ticket};
#[cfg(not(target_arch = "wasm32"))]
pub use stage::Stage;
pub use state::State;
pub use timer::{Schedule, Sleep, TimerId, millis, secs};

pub(crate) use tasks::TaskId;
