//! What the expansion of `#[actor]` calls. No interface for people: it changes with the macro.

pub use crate::{args::Arguments, tasks::Task};

use protocol::abi::GuestResult;
use serde::Serialize;

use crate::{Context, Error, Later, cbor};

/// What a method comes to that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// An encoded reply.
    Reply(Vec<u8>),
    /// The reply follows when the method ends.
    Later,
    /// The reply follows by an [`OpenCall`](crate::OpenCall).
    Held,
}

impl Answer {
    /// The reply where there is nothing to say.
    pub(crate) fn null() -> Self {
        Self::Reply(cbor::NULL.to_vec())
    }

    pub(crate) fn into_result(self) -> GuestResult {
        match self {
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
pub fn try_reply<T: Serialize, E: Into<Error>>(result: Result<T, E>) -> Result<Vec<u8>, Error> {
    result.map(|value| reply(&value)).map_err(Into::into)
}

/// Encodes the reply of a method that may reply later.
pub fn later<T: Serialize>(cx: &Context, later: &Later<T>) -> Answer {
    match later.value() {
        Some(value) => Answer::Reply(reply(value)),
        None if cx.call().is_some() => Answer::Held,
        None => Answer::null(),
    }
}

/// Encodes the reply of a method that may reply later and can fail.
///
/// # Errors
///
/// The method's own.
pub fn try_later<T: Serialize, E: Into<Error>>(
    cx: &Context,
    result: Result<Later<T>, E>,
) -> Result<Answer, Error> {
    result.map(|value| later(cx, &value)).map_err(Into::into)
}

/// Wraps an async method.
pub fn task<T: Serialize>(method: impl Future<Output = T> + 'static) -> Task {
    Box::pin(async move { Ok(Answer::Reply(reply(&method.await))) })
}

/// Wraps an async method that can fail.
pub fn try_task<T: Serialize, E: Into<Error>>(
    method: impl Future<Output = Result<T, E>> + 'static,
) -> Task {
    Box::pin(async move { try_reply(method.await).map(Answer::Reply) })
}

/// The error for a method that the actor does not have.
pub fn unknown_method(method: &str) -> Error {
    Error::new(Error::UNKNOWN_METHOD, format!("there is no method `{method}`"))
}

/// The error for evidence that the actor does not take.
pub fn no_evidence() -> Error {
    Error::new(Error::UNKNOWN_METHOD, "this actor takes no evidence")
}

/// The error for a message that was asked for as a view.
pub fn not_a_view(method: &str) -> Error {
    Error::new(Error::UNKNOWN_METHOD, format!("`{method}` is a message, not a view: send it"))
}

/// The length of some parts joined.
pub const fn joined_len(parts: &[&[u8]]) -> usize {
    let mut rest = parts;
    let mut len = 0;
    while let [part, after @ ..] = rest {
        len += part.len();
        rest = after;
    }
    len
}

/// Joins parts whose joined length is `N`.
#[expect(clippy::indexing_slicing, reason = "const evaluation: a wrong index does not compile")]
pub const fn join<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut joined = [0; N];
    let (mut at, mut part) = (0, 0);
    while part < parts.len() {
        let mut byte = 0;
        while byte < parts[part].len() {
            joined[at] = parts[part][byte];
            (at, byte) = (at + 1, byte + 1);
        }
        part += 1;
    }
    joined
}
