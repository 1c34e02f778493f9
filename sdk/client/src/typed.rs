//! Actors by their types: the methods of an actor's stub, called by a client.

use std::{
    fmt,
    future::{Future, IntoFuture},
    marker::PhantomData,
    ops::Deref,
    pin::Pin,
    time::Duration,
};

use antiphon::{Actor, Addressable, Args, Call, Effect, Stub, Via, cbor};
use protocol::{AskAnswer, Failure, FailureKind, ProcessId, Reply, Slot, Value};
use serde::de::DeserializeOwned;

use crate::{Client, ClientError, SendResult, SpawnOptions};

/// How long a call waits if nothing is said.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that is taken to be an `A`, as a client calls it: has the methods of `A`, each giving
/// a [`RemoteCall`].
///
/// Nothing checks that the process is one; a method it lacks is answered with `unknown-method`.
#[derive(Clone)]
pub struct RemoteActor<A: Addressable> {
    stub: A::StubVia<Remote>,
    actor: PhantomData<fn() -> A>,
}

/// A process and the client that calls it.
#[derive(Debug, Clone)]
pub struct Remote {
    client: Client,
    process: ProcessId,
}

impl<A: Addressable> RemoteActor<A> {
    /// The process.
    pub fn id(&self) -> ProcessId {
        self.stub.via().process
    }
}

impl<A: Addressable> Deref for RemoteActor<A> {
    type Target = A::StubVia<Remote>;

    fn deref(&self) -> &Self::Target {
        &self.stub
    }
}

impl<A: Addressable> fmt::Debug for RemoteActor<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.id(), f)
    }
}

impl Via for Remote {
    type Call<R> = RemoteCall<R>;

    fn call<R>(&self, method: &'static str, args: Args) -> RemoteCall<R> {
        self.client.typed(Call::new(self.process, method, args))
    }
}

/// A call of a method that replies an `R`, not made yet. Awaited, it is sent as a message and gives
/// the reply, also where that comes in a later slot.
#[derive(Debug)]
#[must_use = "a call does nothing until it is awaited"]
pub struct RemoteCall<R> {
    client: Client,
    call: Call<R>,
    limit: Duration,
}

impl<R> RemoteCall<R> {
    /// Waits for at most this long; 30 seconds if nothing is said.
    pub fn deadline(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Sends it as a message and waits for its answer; gives all that proves it.
    ///
    /// # Errors
    ///
    /// As [`Client::call`].
    pub async fn prove(self) -> Result<SendResult, ClientError> {
        let Self { client, call, limit } = self;
        client.call(call.target(), call.method(), &arguments(&call)?, limit).await
    }
}

impl<R: DeserializeOwned> RemoteCall<R> {
    /// Sends it as a message and waits for its reply, as awaiting it does.
    ///
    /// # Errors
    ///
    /// [`CallError`] says whose error it is, and whether the message took effect.
    pub async fn send(self) -> Result<R, CallError> {
        self.prove().await?.typed()
    }

    /// Calls a view without sending a message: on a state that is not older than what this client
    /// has seen to be executed.
    ///
    /// # Errors
    ///
    /// [`CallError`] says whose error it is.
    pub async fn view(self) -> Result<R, CallError> {
        self.view_at(None).await
    }

    /// Calls a view on the state after a slot, or a later one.
    ///
    /// # Errors
    ///
    /// As [`view`](Self::view).
    pub async fn view_at(self, at_least: Option<Slot>) -> Result<R, CallError> {
        let Self { client, call, limit } = self;
        let args = arguments(&call)?;
        let viewed = client.view(call.target(), call.method(), &args, at_least);
        let viewed = tokio::time::timeout(limit, viewed).await.unwrap_or_else(|_| {
            Err(ClientError::unreachable("no unit answered the view in time; try again"))
        });
        match viewed {
            Ok(viewed) => read(&viewed.reply.encode().map_err(CallError::reply)?),
            Err(ClientError::Actor(failure)) => Err(CallError::of(failure, Effect::No)),
            Err(error) => Err(error.into()),
        }
    }
}

impl<R> Clone for RemoteCall<R> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), call: self.call.clone(), limit: self.limit }
    }
}

impl<R: DeserializeOwned + 'static> IntoFuture for RemoteCall<R> {
    type Output = Result<R, CallError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// Why a call has no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The actor answered with an error of its own.
    #[error(transparent)]
    Actor(antiphon::Error),
    /// The actor's execution failed: it panicked, used too much, or left the call without a reply.
    #[error("{}", failure.detail)]
    Failed {
        /// How.
        failure: Failure,
        /// Whether the message took effect.
        effect: Effect,
    },
    /// The reply is not what the method of this type gives: the process is of another type or version.
    #[error("the reply is not of the method's type: {0}")]
    Reply(String),
    /// There is no answer that holds, or none yet.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl CallError {
    /// The stable kebab-case word for programs.
    pub fn code(&self) -> &str {
        match self {
            Self::Actor(error) => error.code(),
            Self::Failed { failure, .. } => &failure.code,
            Self::Reply(_) => "bad-reply",
            Self::Client(error) => error.code(),
        }
    }

    /// Whether the message took effect, as far as this client knows.
    pub const fn effect(&self) -> Effect {
        match self {
            Self::Actor(_) | Self::Reply(_) => Effect::Yes,
            Self::Failed { effect, .. } => *effect,
            Self::Client(
                ClientError::BadRequest(_)
                | ClientError::NoKey
                | ClientError::Refused { proof: Some(_), .. },
            ) => Effect::No,
            Self::Client(_) => Effect::Unknown,
        }
    }

    fn of(failure: Failure, effect: Effect) -> Self {
        match failure.kind {
            FailureKind::Actor => Self::Actor(antiphon::Error::new(failure.code, failure.detail)),
            _ => Self::Failed { failure, effect },
        }
    }

    fn reply(error: impl ToString) -> Self {
        Self::Reply(error.to_string())
    }
}

impl Client {
    /// Refers to a process as an actor of a type, to call its methods.
    ///
    /// ```no_run
    /// use antiphon::prelude::*;
    /// use antiphon_client::{CallError, Client};
    ///
    /// /// Counts.
    /// #[actor]
    /// #[derive(Serialize, Deserialize)]
    /// pub struct Counter {
    ///     n: u64,
    /// }
    ///
    /// #[actor]
    /// impl Counter {
    ///     #[init]
    ///     fn new(start: u64) -> Self {
    ///         Self { n: start }
    ///     }
    ///
    ///     fn get(&self) -> u64 {
    ///         self.n
    ///     }
    ///
    ///     fn add(&mut self, by: u64) -> Result<u64, Error> {
    ///         self.n = self.n.checked_add(by).ok_or("the count does not fit")?;
    ///         Ok(self.n)
    ///     }
    /// }
    ///
    /// async fn count(client: &Client, counter: ProcessId) -> Result<u64, CallError> {
    ///     let counter = client.actor::<Counter>(counter);
    ///     match counter.add(3).deadline(secs(5)).await {
    ///         Ok(n) => println!("{n} now"),
    ///         Err(CallError::Actor(error)) => println!("the counter refuses: {error}"),
    ///         Err(error) => println!("{error}; did it count? {:?}", error.effect()),
    ///     }
    ///     counter.get().view().await
    /// }
    /// ```
    pub fn actor<A: Addressable>(&self, process: ProcessId) -> RemoteActor<A> {
        let via = Remote { client: self.clone(), process };
        RemoteActor { stub: Stub::new(via), actor: PhantomData }
    }

    /// Prepares a call of an actor that was made elsewhere, as by an `ActorRef`.
    pub fn typed<R>(&self, call: Call<R>) -> RemoteCall<R> {
        RemoteCall { client: self.clone(), call, limit: PATIENCE }
    }

    /// Spawns an actor of a type and waits until it is born.
    ///
    /// # Errors
    ///
    /// The initialiser's own among others; [`ClientError::BadRequest`] if the module has another
    /// interface than the type.
    pub async fn spawn_actor<A: Actor>(
        &self,
        options: SpawnOptions,
    ) -> Result<RemoteActor<A>, CallError> {
        if Self::schema_of(&options.module).as_ref() != Some(&A::schema()) {
            let reason = "the module is not that of the actor type as it is here; build it again";
            return Err(ClientError::BadRequest(reason.to_owned()).into());
        }
        let spawned = self.spawn(options).await?;
        let process = spawned.process;
        reply_of(spawned.birth).map(|_| self.actor(process))
    }
}

impl SendResult {
    /// The reply, as a method of an actor's type gives it.
    ///
    /// # Errors
    ///
    /// As awaiting a [`RemoteCall`] does.
    pub fn typed<R: DeserializeOwned>(self) -> Result<R, CallError> {
        read(&reply_of(self)?)
    }
}

/// The encoded reply, or why there is none.
fn reply_of(sent: SendResult) -> Result<Vec<u8>, CallError> {
    let message = sent.message;
    match (sent.late.map(|late| late.answer), sent.outcome.reply) {
        (Some(AskAnswer::Value(reply)), _) | (None, Reply::Value(reply)) => Ok(reply),
        (Some(AskAnswer::Failure(failure, effect)), _) => Err(CallError::of(failure, effect)),
        // Whatever fails in the message's own slot is rolled back.
        (None, Reply::Failure(failure)) => Err(CallError::of(failure, Effect::No)),
        (None, Reply::Later) => Err(ClientError::NoAnswerYet { message, reason: None }.into()),
    }
}

fn read<R: DeserializeOwned>(reply: &[u8]) -> Result<R, CallError> {
    cbor::from_slice(reply).map_err(CallError::reply)
}

/// The arguments, as a client sends them.
fn arguments<R>(call: &Call<R>) -> Result<Value, ClientError> {
    Value::decode(&call.args()).map_err(|error| ClientError::BadRequest(error.to_string()))
}

#[cfg(test)]
mod tests;
