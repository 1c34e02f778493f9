//! Asks: messages that get exactly one answer.

use std::{
    marker::PhantomData,
    pin::Pin,
    rc::Rc,
    task::{self, Poll},
};

use protocol::{
    Effect, ProcessId,
    abi::{AnswerInput, GuestEffect},
};
use serde::de::DeserializeOwned;

use crate::{
    Args, Context, Error, cbor,
    world::{Arrival, World},
};

/// How long an ask waits that names no deadline, in milliseconds.
pub(crate) const PATIENCE: u64 = 60_000;

/// Why an ask has no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct AskError {
    code: String,
    detail: String,
    effect: Effect,
    system: bool,
}

impl AskError {
    /// The code for a reply that is not of the expected type.
    pub const BAD_REPLY: &'static str = "bad-reply";

    /// A short kebab-case word: the peer's own, or that of the system's failure.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What happened, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether what was asked took effect. `No` and `Yes` are certain. An error of the peer's own is
    /// `Yes`: what the peer did before it is kept.
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// Whether the system says so. No actor can cause such an error by what it replies.
    pub const fn is_system(&self) -> bool {
        self.system
    }

    /// The code of the peer's own error: nothing if the system says that there is no reply, or the
    /// reply is of another type.
    ///
    /// ```
    /// # use antiphon::prelude::*;
    /// # #[derive(ActorError)]
    /// # enum PayError { TooPoor }
    /// fn is_worth_another_try(error: &AskError) -> bool {
    ///     match error.peer_code() {
    ///         Some(PayError::TOO_POOR) => false,
    ///         Some(_) => true,
    ///         None => error.effect() == Effect::No,
    ///     }
    /// }
    /// ```
    pub fn peer_code(&self) -> Option<&str> {
        (!self.system && self.code != Self::BAD_REPLY).then_some(&*self.code)
    }

    fn bad_reply(error: &cbor::Error) -> Self {
        Self {
            code: Self::BAD_REPLY.to_owned(),
            detail: format!("the reply is not of the expected type: {error}"),
            effect: Effect::Yes,
            system: false,
        }
    }
}

impl From<AskError> for Error {
    fn from(error: AskError) -> Self {
        Self::new(error.code, error.detail)
    }
}

impl From<AnswerInput> for Arrival {
    fn from(answer: AnswerInput) -> Self {
        let (code, detail, effect, system) = match answer {
            AnswerInput::Reply(reply) => return Self::Reply(reply),
            AnswerInput::Error { code, detail, effect } => (code, detail, effect, false),
            AnswerInput::System { code, detail, effect } => (code, detail, effect, true),
        };
        let effect = match effect {
            0 => Effect::No,
            1 => Effect::Yes,
            _ => Effect::Unknown,
        };
        Self::Error(AskError { code, detail, effect, system })
    }
}

/// A token that something will arrive for. Dropped, it is given up.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) world: Rc<World>,
    pub(crate) token: u64,
}

impl Pending {
    /// Gives a token of the slot at hand.
    pub(crate) fn new(cx: &Context) -> Self {
        let world = Rc::clone(cx.world());
        Self { token: world.expect_arrival(), world }
    }

    /// The answer, without what it replies.
    pub(crate) fn poll_answer(&self, cx: &task::Context<'_>) -> Poll<Result<Vec<u8>, AskError>> {
        self.world.poll(self.token, cx.waker()).map(|arrival| match arrival {
            Arrival::Reply(reply) => Ok(reply),
            Arrival::Error(error) => Err(error),
            Arrival::Due => Ok(cbor::NULL.to_vec()),
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.world.give_up(self.token);
    }
}

/// An ask that was made. Awaited in an async method, it gives the reply.
///
/// It is sent when the slot ends, awaited or not: dropping it only ignores the answer.
#[derive(Debug)]
#[must_use = "await the answer; `tell` sends what needs none"]
pub struct Ask<R> {
    pending: Pending,
    reply: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> Future for Ask<R> {
    type Output = Result<R, AskError>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        self.pending
            .poll_answer(cx)
            .map(|answer| cbor::from_slice(&answer?).map_err(|error| AskError::bad_reply(&error)))
    }
}

impl Context {
    /// Asks a process whose type is not at hand, and waits for at most a minute;
    /// [`Call`](crate::Call) says how long.
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
    /// async fn pull(this: State<Self>, cx: Context, peer: ProcessId) -> Result<u64, AskError> {
    ///     let theirs: u64 = cx.ask(peer, "get", args! {}).await?;
    ///     Ok(this.with(|me| me.add(theirs)))
    /// }
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If an argument has no CBOR form, which undoes the slot.
    pub fn ask<R>(
        &self,
        target: impl Into<ProcessId>,
        method: &str,
        args: impl Into<Args>,
    ) -> Ask<R> {
        self.ask_for(target.into(), method, args.into(), PATIENCE)
    }

    pub(crate) fn ask_for<R>(
        &self,
        target: ProcessId,
        method: &str,
        args: Args,
        patience: u64,
    ) -> Ask<R> {
        let pending = Pending::new(self);
        self.push(GuestEffect::Ask {
            target,
            method: method.to_owned(),
            args: args.encode(),
            token: pending.token,
            patience,
            hint: None,
            call: self.open_call(),
        });
        Ask { pending, reply: PhantomData }
    }
}
