//! What the expansion of `#[actor]` calls. No interface for people: it changes with the macro.

mod bounds;
mod guard;
mod parts;
mod upgrade;

pub use self::{
    bounds::{Failure, Storable, failure},
    guard::{Verdict, only_controller, only_own, permit},
    parts::{Probe, Unlisted, array_head, array_head_with, described, join, joined_len, list_head},
    upgrade::{load, no_recovery, saved, state_version},
};
pub use crate::{args::Arguments, tasks::Task};

use std::fmt;

use protocol::abi::GuestResult;
use serde::Serialize;

use crate::{Context, Error, Later, cbor};

/// What a method comes to that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A reply that says nothing: null.
    Nothing,
    /// An encoded reply.
    Reply(Vec<u8>),
    /// The reply follows when the method ends.
    Later,
    /// The reply follows by an [`OpenCall`](crate::OpenCall).
    Held,
}

impl Answer {
    pub(crate) fn into_result(self) -> GuestResult {
        match self {
            Self::Nothing => GuestResult::Reply(cbor::NULL.to_vec()),
            Self::Reply(reply) => GuestResult::Reply(reply),
            Self::Later => GuestResult::Later,
            Self::Held => GuestResult::Held,
        }
    }
}

/// Encodes a reply.
///
/// # Panics
///
/// If it has no CBOR form, which undoes the slot: a caller never takes silence for success.
pub fn reply<T: Serialize>(value: &T) -> Vec<u8> {
    match cbor::to_vec(value) {
        Ok(bytes) => bytes,
        Err(error) => panic!("reply: {error}"),
    }
}

/// Encodes the reply of a method that can fail.
///
/// # Errors
///
/// The method's own.
pub fn try_reply<T: Serialize, E: Failure>(result: Result<T, E>) -> Result<Vec<u8>, Error> {
    result.map(|value| reply(&value)).map_err(failure)
}

/// The answer of a method that returns nothing and can fail.
///
/// # Errors
///
/// The method's own.
pub fn try_nothing<E: Failure>(result: Result<(), E>) -> Result<Answer, Error> {
    result.map(|()| Answer::Nothing).map_err(failure)
}

/// Encodes the reply of a method that may reply later.
pub fn later<T: Serialize>(cx: &Context, later: &Later<T>) -> Answer {
    match later.value() {
        Some(value) => Answer::Reply(reply(value)),
        None if cx.call().is_some() => Answer::Held,
        None => Answer::Nothing,
    }
}

/// Encodes the reply of a method that may reply later and can fail.
///
/// # Errors
///
/// The method's own.
pub fn try_later<T: Serialize, E: Failure>(
    cx: &Context,
    result: Result<Later<T>, E>,
) -> Result<Answer, Error> {
    result.map(|value| later(cx, &value)).map_err(failure)
}

/// Wraps an async method.
pub fn task<T: Serialize>(method: impl Future<Output = T> + 'static) -> Task {
    Box::pin(async move { Ok(Answer::Reply(reply(&method.await))) })
}

/// Wraps an async method that can fail.
pub fn try_task<T: Serialize, E: Failure>(
    method: impl Future<Output = Result<T, E>> + 'static,
) -> Task {
    Box::pin(async move { try_reply(method.await).map(Answer::Reply) })
}

/// What an error says to people: what it displays, or what [`Undisplayed`] gives.
#[derive(Debug)]
pub struct Shown<'a, E>(pub &'a E);

impl<E: fmt::Display> Shown<'_, E> {
    /// What the error displays.
    pub fn detail(&self, _docs: &str) -> String {
        self.0.to_string()
    }
}

/// Details of errors that display nothing.
pub trait Undisplayed {
    /// The documentation of the error.
    fn detail(&self, docs: &str) -> String {
        docs.to_owned()
    }
}

impl<E> Undisplayed for Shown<'_, E> {}

/// The error for a method that the actor does not have.
pub fn unknown_method(method: &[u8]) -> Error {
    let method = shown(method);
    Error::known(Error::UNKNOWN_METHOD, format!("there is no method `{method}`"))
}

/// The error for evidence that the actor does not take.
pub fn no_evidence() -> Error {
    Error::known(Error::UNKNOWN_METHOD, "this actor takes no evidence")
}

/// The error for a message that was asked for as a view.
pub fn not_a_view(method: &[u8]) -> Error {
    let method = shown(method);
    Error::known(Error::UNKNOWN_METHOD, format!("`{method}` is a message, not a view: send it"))
}

/// The name of a method as it came.
fn shown(method: &[u8]) -> &str {
    str::from_utf8(method).unwrap_or("?")
}
