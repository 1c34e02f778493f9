//! Taking over the state of the module before.

use serde::de::DeserializeOwned;

use crate::{Actor, Definition, Error, cbor};

/// Loads a state of the actor's own version.
///
/// # Errors
///
/// `state-version` if it has another, `bad-state` if it cannot be read.
pub fn load<A: Actor>(version: u32, state: &[u8]) -> Result<A, Error> {
    if version == A::STATE_VERSION { saved(state) } else { Err(state_version::<A>(version)) }
}

/// Reads what was saved.
///
/// # Errors
///
/// `bad-state`.
pub fn saved<T: DeserializeOwned>(state: &[u8]) -> Result<T, Error> {
    cbor::from_slice(state).map_err(|error| Error::known(Error::BAD_STATE, error.to_string()))
}

/// The error for a state of a version that nothing migrates from.
pub fn state_version<A: Definition>(version: u32) -> Error {
    let detail = format!(
        "the state has version {} and this module's has {}: nothing migrates from it",
        u64::from(version),
        u64::from(A::STATE_VERSION),
    );
    Error::known(Error::STATE_VERSION, detail)
}

/// The error for a memory image that the actor does not take.
pub fn no_recovery() -> Error {
    let detail = "this module recovers no state from a memory image: it has no `#[recover]`";
    Error::known(Error::BAD_STATE, detail)
}
