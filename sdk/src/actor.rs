//! What `#[actor]` implements.

use protocol::{ProcessId, codec, schema::Schema};

use crate::{
    ActorRef, Args, Call, Context, Error, Evidence, MemoryImage, State, ViewContext, cbor,
    expansion::{self, Answer, Storable, Task},
};

/// What is said of an actor at its definition. Implemented by `#[actor]` there.
#[diagnostic::on_unimplemented(
    message = "the definition of `{Self}` lacks `#[actor]`",
    note = "put `#[actor]` on the struct or enum as well as on the impl"
)]
pub trait Definition: Sized {
    /// The version of the state, for upgrades.
    const STATE_VERSION: u32;

    /// The documentation and the version of the state, as two items of the encoded schema.
    #[doc(hidden)]
    const DESCRIPTION: &'static [u8];

    /// How many events are listed, and these as encoded items.
    #[doc(hidden)]
    const EVENTS: (usize, &'static [u8]);
}

/// A type that processes can be of. Implemented by `#[actor]` on the impl block.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an actor",
    note = "put `#[actor]` on the struct as well as on the impl"
)]
pub trait Addressable: Definition {
    /// The methods an [`ActorRef`] of this type has.
    type Stub: Stub<ProcessId> + Copy;

    /// The same methods for whoever calls from elsewhere than an actor.
    type StubVia<V: Via>: Stub<V>;
}

/// The methods of a remote actor. Implemented by `#[actor]` on the impl block.
pub trait Stub<V> {
    /// The methods of the process that is reached this way.
    fn new(via: V) -> Self;

    /// The way to the process.
    fn via(&self) -> &V;
}

/// A way to a process, which decides what the methods of a [`Stub`] give.
///
/// For actors it is the process's id, and a method gives a [`Call`]. Clients have ways of their own.
pub trait Via {
    /// What a method gives that replies an `R`.
    type Call<R>;

    /// Prepares a call.
    fn call<R>(&self, method: &'static str, args: Args) -> Self::Call<R>;
}

impl Via for ProcessId {
    type Call<R> = Call<R>;

    fn call<R>(&self, method: &'static str, args: Args) -> Call<R> {
        Call::new(*self, method, args)
    }
}

/// A type that runs as a process. Implemented by `#[actor]` on the impl block.
///
/// Nothing here is called with a dot: it would hide methods of the same name that the author has
/// written with `&mut self`.
///
/// ```
/// use antiphon::{prelude::*, schema::MethodKind};
///
/// /// A lamp.
/// #[actor]
/// #[derive(Serialize, Deserialize)]
/// pub struct Lamp {
///     on: bool,
/// }
///
/// #[actor]
/// impl Lamp {
///     #[init]
///     fn new() -> Self {
///         Self { on: false }
///     }
///
///     /// Switches it on or off.
///     fn switch(&mut self, on: bool) {
///         self.on = on;
///     }
/// }
///
/// let schema = Lamp::schema();
/// assert_eq!((&*schema.name, &*schema.docs), ("Lamp", "A lamp."));
/// assert_eq!(schema.method("switch").unwrap().kind, MethodKind::Message);
/// // What is saved for an upgrade is what serde makes of the state.
/// assert_eq!(Lamp::save(&Lamp::new()), antiphon::cbor::to_vec(&Lamp::new()));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run as a process",
    note = "put `#[actor]` on the struct as well as on the impl"
)]
pub trait Actor: Addressable + Storable {
    /// The encoded schema, as it stands in the module's custom section.
    const SCHEMA: &'static [u8];

    /// Makes the first state.
    ///
    /// # Errors
    ///
    /// The initialiser's own, or `bad-arguments`.
    fn init(cx: &Context, args: &[u8]) -> Result<Self, Error>;

    /// Whether there are async methods.
    const ASYNC: bool = false;

    /// Begins an async method, if this is one.
    ///
    /// # Errors
    ///
    /// `bad-arguments` or `not-permitted`.
    fn start(
        _actor: &Self,
        _state: &State<Self>,
        _cx: &Context,
        _method: &[u8],
        _args: &[u8],
    ) -> Result<Option<Task>, Error> {
        Ok(None)
    }

    /// Handles a message that is no async method.
    ///
    /// # Errors
    ///
    /// The method's own, `bad-arguments` or `unknown-method`.
    fn call(actor: &mut Self, cx: &Context, method: &[u8], args: &[u8]) -> Result<Answer, Error>;

    /// Whether there is a method that takes evidence.
    const ASSIGNED: bool = false;

    /// Handles a message of the sender's own that shows another one.
    ///
    /// # Errors
    ///
    /// The method's own, or `unknown-method`.
    fn assigned(_actor: &mut Self, _cx: &Context, _evidence: Evidence) -> Result<Answer, Error> {
        Err(expansion::no_evidence())
    }

    /// Answers a view with the encoded reply.
    ///
    /// # Errors
    ///
    /// The method's own, `bad-arguments` or `unknown-method`.
    fn view(actor: &Self, cx: &ViewContext, method: &[u8], args: &[u8]) -> Result<Vec<u8>, Error>;

    /// Saves the state for an upgrade: encoded as it is, or what `#[save]` gives.
    ///
    /// # Errors
    ///
    /// [`cbor::Error`] if it has no CBOR form.
    fn save(actor: &Self) -> Result<Vec<u8>, cbor::Error> {
        cbor::to_vec(actor)
    }

    /// Takes over the state that the module before has saved.
    ///
    /// # Errors
    ///
    /// `state-version` if it has another version and no `#[migrate]` is from it, `bad-state` if it
    /// cannot be read, or the migration's own.
    fn load(_cx: &Context, version: u32, state: &[u8]) -> Result<Self, Error> {
        expansion::load(version, state)
    }

    /// Whether there is a function that recovers the state from a memory image.
    const RECOVERS: bool = false;

    /// Recovers the state from the memory of the module before.
    ///
    /// # Errors
    ///
    /// `bad-state` without a `#[recover]`, or its own.
    fn recover(_cx: &Context, _image: MemoryImage) -> Result<Self, Error> {
        Err(expansion::no_recovery())
    }

    /// The interface of the actor.
    fn schema() -> Schema {
        codec::decode(Self::SCHEMA).expect("`#[actor]` encoded it")
    }

    /// Refers to the process with this id as one of this type.
    fn at(id: ProcessId) -> ActorRef<Self> {
        ActorRef::new(id)
    }

    /// Refers to this process, for its timers.
    fn own(cx: &ViewContext) -> ActorRef<Self> {
        ActorRef::new(cx.process())
    }
}
