//! Calls that are answered after the slot they came in.

use std::{fmt, marker::PhantomData};

use protocol::{Timestamp, abi::GuestEffect};
use serde::{Deserialize, Serialize};

use crate::{Context, Error, ViewContext, expansion, expansion::Answer, world::World};

/// How long a client's call stays open, in milliseconds.
const CLIENT_PATIENCE: u64 = 60 * 60 * 1_000;

/// How long after the asker's deadline a call stays open, in milliseconds.
const GRACE: u64 = 10_000;

/// A call that can still be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallId {
    number: u64,
    /// From then on the unit may have dropped it, and an answer would break the guest contract.
    until: Timestamp,
}

impl CallId {
    /// The call that a context is of.
    pub(crate) fn new(number: u64, context: &ViewContext) -> Self {
        let until = match context.deadline() {
            Some(deadline) => deadline.saturating_add(GRACE),
            None => context.time().saturating_add(CLIENT_PATIENCE),
        };
        Self { number, until }
    }

    /// The call's number, while it can be answered.
    pub(crate) fn open(&self, world: &World) -> Option<u64> {
        (world.here().time() < self.until).then_some(self.number)
    }

    /// Answers, if it is not too late.
    pub(crate) fn answer(self, world: &World, answer: Result<Answer, Error>) {
        let result = match answer.map(Answer::into_result) {
            Ok(result) => result,
            Err(error) => error.into_result(),
        };
        if let Some(call) = self.open(world) {
            world.push(GuestEffect::Reply { call, result });
        }
    }
}

/// A call that the actor answers in a later slot: kept in the state, used up by the answer.
///
/// One that is dropped is never answered: the asker's deadline ends its waiting.
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
#[must_use = "the caller waits for a reply"]
pub struct OpenCall<R> {
    /// None if nobody waits: a tell or a timer.
    id: Option<CallId>,
    #[serde(skip)]
    reply: PhantomData<fn() -> R>,
}

impl<R> OpenCall<R> {
    /// Whether somebody still waits for the reply.
    pub fn is_open(&self, cx: &Context) -> bool {
        self.id.is_some_and(|id| id.open(cx.world()).is_some())
    }

    /// Answers with an error.
    pub fn fail(self, cx: &Context, error: impl Into<Error>) {
        self.answer(cx, Err(error.into()));
    }

    fn answer(self, cx: &Context, answer: Result<Answer, Error>) {
        if let Some(id) = self.id {
            id.answer(cx.world(), answer);
        }
    }
}

impl<R: Serialize> OpenCall<R> {
    /// Answers.
    ///
    /// # Panics
    ///
    /// If the value has no CBOR form, which undoes the slot.
    pub fn reply(self, cx: &Context, value: R) {
        self.answer(cx, Ok(Answer::Reply(expansion::reply(&value))));
    }
}

impl<R> fmt::Debug for OpenCall<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenCall").field(&self.id).finish()
    }
}

impl<R> PartialEq for OpenCall<R> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<R> Eq for OpenCall<R> {}

/// What a method returns that may reply in a later slot, by an [`OpenCall`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "return it: it says whether the reply comes now or later"]
pub struct Later<R>(Option<R>);

impl<R> Later<R> {
    /// Replies at once, after all.
    pub const fn now(value: R) -> Self {
        Self(Some(value))
    }

    pub(crate) const fn value(&self) -> Option<&R> {
        self.0.as_ref()
    }
}

impl Context {
    /// Leaves the reply to a later slot: keep the call in the state, return the other.
    ///
    /// ```
    /// use antiphon::prelude::*;
    ///
    /// /// Hands out numbers, to whoever waited longest.
    /// #[actor]
    /// #[derive(Default, Serialize, Deserialize)]
    /// pub struct Queue {
    ///     waiting: Vec<OpenCall<u64>>,
    /// }
    ///
    /// #[actor]
    /// impl Queue {
    ///     #[init]
    ///     fn new() -> Self {
    ///         Self::default()
    ///     }
    ///
    ///     fn wait(&mut self, cx: &Context) -> Later<u64> {
    ///         let (call, later) = cx.reply_later();
    ///         self.waiting.push(call);
    ///         later
    ///     }
    ///
    ///     fn put(&mut self, cx: &Context, number: u64) -> Result<(), Error> {
    ///         require!(!self.waiting.is_empty(), "nobody waits");
    ///         self.waiting.remove(0).reply(cx, number);
    ///         Ok(())
    ///     }
    /// }
    /// ```
    pub fn reply_later<R>(&self) -> (OpenCall<R>, Later<R>) {
        (OpenCall { id: self.call(), reply: PhantomData }, Later(None))
    }
}
