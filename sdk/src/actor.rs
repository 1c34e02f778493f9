//! What `#[actor]` implements.

use protocol::{ProcessId, codec, schema::Schema};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    ActorRef, Args, Call, Context, Error, Evidence, State, ViewContext,
    expansion::{self, Answer, Task},
};

/// A type that processes can be of. Implemented by `#[actor]` on the type's definition.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an actor",
    note = "put `#[actor]` on the struct as well as on the impl"
)]
pub trait Addressable: Sized {
    /// The methods an [`ActorRef`] of this type has.
    type Stub: Stub<ProcessId> + Copy;

    /// The same methods for whoever calls from elsewhere than an actor.
    type StubVia<V: Via>: Stub<V>;

    /// The version of the state, for upgrades.
    const STATE_VERSION: u32;

    /// The documentation and the version of the state, as two items of the encoded schema.
    #[doc(hidden)]
    const DESCRIPTION: &'static [u8];
}

/// The methods of a remote actor. Implemented by `#[actor]` on the type's definition.
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run as a process",
    note = "put `#[actor]` on the struct as well as on the impl"
)]
pub trait Actor: Addressable + Serialize + DeserializeOwned {
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
    /// `bad-arguments`.
    fn start(
        _state: &State<Self>,
        _cx: &Context,
        _method: &str,
        _args: &[u8],
    ) -> Result<Option<Task>, Error> {
        Ok(None)
    }

    /// Handles a message that is no async method.
    ///
    /// # Errors
    ///
    /// The method's own, `bad-arguments` or `unknown-method`.
    fn call(&mut self, cx: &Context, method: &str, args: &[u8]) -> Result<Answer, Error>;

    /// Whether there is a method that takes evidence.
    const ASSIGNED: bool = false;

    /// Handles a message of the sender's own that shows another one.
    ///
    /// # Errors
    ///
    /// The method's own, or `unknown-method`.
    fn assigned(&mut self, _cx: &Context, _evidence: Evidence) -> Result<Answer, Error> {
        Err(expansion::no_evidence())
    }

    /// Answers a view with the encoded reply.
    ///
    /// # Errors
    ///
    /// The method's own, `bad-arguments` or `unknown-method`.
    fn view(&self, cx: &ViewContext, method: &str, args: &[u8]) -> Result<Vec<u8>, Error>;

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
