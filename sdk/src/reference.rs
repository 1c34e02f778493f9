//! References to other actors, and the calls they make.

use std::{fmt, hash, marker::PhantomData, ops::Deref, time::Duration};

use protocol::{Principal, ProcessId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::{Addressable, Args, Ask, Context, Stub, ask::PATIENCE, cbor, timer};

/// A process that is taken to be a `T`: has the methods of `T`, each giving a [`Call`].
///
/// Nothing checks that the process is one; a method it lacks is answered with `unknown-method`. As
/// an argument and in a state it is the process's id.
///
/// ```
/// # use antiphon::prelude::*;
/// # #[actor]
/// # #[derive(Default, Serialize, Deserialize)]
/// # pub struct Counter { n: u64 }
/// # #[actor]
/// # impl Counter {
/// #     #[init]
/// #     fn new() -> Self { Self::default() }
/// #     fn get(&self) -> u64 { self.n }
/// #     fn add(&mut self, by: u64) -> u64 { self.n += by; self.n }
/// # }
/// let counter: ActorRef<Counter> = Counter::at(ProcessId::from_bytes([7; 32]));
/// let cx = Context::mock();
/// counter.add(3).tell(&cx);
/// assert_eq!(cx.tells()[0].arg::<u64>("by"), Some(3));
/// ```
pub struct ActorRef<T: Addressable> {
    stub: T::Stub,
}

impl<T: Addressable> ActorRef<T> {
    /// Refers to the process with this id.
    pub fn new(id: ProcessId) -> Self {
        Self { stub: T::Stub::new(id) }
    }

    /// The process referred to.
    pub fn id(&self) -> ProcessId {
        *self.stub.via()
    }
}

impl<T: Addressable> Deref for ActorRef<T> {
    type Target = T::Stub;

    fn deref(&self) -> &T::Stub {
        &self.stub
    }
}

impl<T: Addressable> Clone for ActorRef<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Addressable> Copy for ActorRef<T> {}

impl<T: Addressable> PartialEq for ActorRef<T> {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl<T: Addressable> Eq for ActorRef<T> {}

impl<T: Addressable> hash::Hash for ActorRef<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl<T: Addressable> fmt::Debug for ActorRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.id(), f)
    }
}

impl<T: Addressable> Serialize for ActorRef<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.id().serialize(serializer)
    }
}

impl<'de, T: Addressable> Deserialize<'de> for ActorRef<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ProcessId::deserialize(deserializer).map(Self::new)
    }
}

impl<T: Addressable> From<ProcessId> for ActorRef<T> {
    fn from(id: ProcessId) -> Self {
        Self::new(id)
    }
}

impl<T: Addressable> From<ActorRef<T>> for ProcessId {
    fn from(actor: ActorRef<T>) -> Self {
        actor.id()
    }
}

impl<T: Addressable> From<ActorRef<T>> for Principal {
    fn from(actor: ActorRef<T>) -> Self {
        Self::Process(actor.id())
    }
}

/// A call of a method that replies an `R`, not made yet.
///
/// ```
/// # use antiphon::prelude::*;
/// # #[actor]
/// # #[derive(Default, Serialize, Deserialize)]
/// # pub struct Counter { n: u64 }
/// # #[actor]
/// # impl Counter {
/// #     #[init]
/// #     fn new() -> Self { Self::default() }
/// #     fn get(&self) -> u64 { self.n }
/// #     fn add(&mut self, by: u64) -> u64 { self.n += by; self.n }
/// async fn pull(this: State<Self>, cx: Context, peer: ActorRef<Self>) -> Result<u64, AskError> {
///     let theirs = peer.get().deadline(secs(5)).ask(&cx).await?;
///     Ok(this.with(|me| me.add(theirs)))
/// }
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a call does nothing until it is told or asked"]
pub struct Call<R> {
    target: ProcessId,
    method: &'static str,
    args: Args,
    /// Milliseconds.
    patience: u64,
    reply: PhantomData<fn() -> R>,
}

impl<R> Call<R> {
    /// Prepares a call; the methods of an [`ActorRef`] do.
    pub const fn new(target: ProcessId, method: &'static str, args: Args) -> Self {
        Self { target, method, args, patience: PATIENCE, reply: PhantomData }
    }

    /// Sends the message when the handler ends. Nobody answers it.
    pub fn tell(self, cx: &Context) {
        cx.tell(self.target, self.method, self.args);
    }

    /// Waits for at most this long if it is asked, 30 days at most; a minute if nothing is said. The
    /// time runs from the slot that asks, on the clock of this process's scheduler.
    pub fn deadline(self, patience: Duration) -> Self {
        Self { patience: timer::patience(patience), ..self }
    }

    /// Sends the message when the slot ends. Its one answer comes by awaiting what this gives, and
    /// other messages are handled meanwhile.
    pub fn ask(self, cx: &Context) -> Ask<R> {
        cx.ask_for(self.target, self.method, self.args, self.patience)
    }

    /// The process that is called.
    pub const fn target(&self) -> ProcessId {
        self.target
    }

    /// The method that is called.
    pub const fn method(&self) -> &'static str {
        self.method
    }

    /// The arguments: a canonical CBOR map from parameter name to value.
    pub fn args(&self) -> Vec<u8> {
        self.args.encode()
    }
}

impl<R> Clone for Call<R> {
    fn clone(&self) -> Self {
        let Self { target, method, ref args, patience, reply } = *self;
        Self { target, method, args: args.clone(), patience, reply }
    }
}

impl<R: DeserializeOwned> Call<R> {
    /// Reads what the method replied.
    ///
    /// # Errors
    ///
    /// [`cbor::Error`] if it is not what the method of this type replies.
    pub fn decode_reply(&self, reply: &[u8]) -> Result<R, cbor::Error> {
        cbor::from_slice(reply)
    }
}
