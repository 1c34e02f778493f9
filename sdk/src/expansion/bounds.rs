//! What an actor's types must be, as traits that tell an author what to do where they are not.

use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

/// An error that a method may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no error that an actor can answer with",
    note = "return `Error`, text or an enum with `#[derive(ActorError)]`; \
            `.map_err(|error| error.to_string())?` makes text of any error"
)]
pub trait Failure {
    /// The error as callers see it.
    fn failure(self) -> Error;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Error>> Failure for E {
    fn failure(self) -> Error {
        self.into()
    }
}

/// The error as callers see it.
pub fn failure<E: Failure>(error: E) -> Error {
    error.failure()
}

/// A type whose values outlive their module.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the state of a process",
    note = "put `#[derive(Serialize, Deserialize)]` on it, and on what it holds: an upgrade hands \
            the state to the next module"
)]
pub trait Storable: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Storable for T {}
