//! Whether a call is permitted.

use protocol::abi::GuestResult;

use crate::{Error, ViewContext};

/// What a guard answers.
#[diagnostic::on_unimplemented(
    message = "a guard answers `bool` or `Result<(), E>`, not `{Self}`",
    note = "write it `fn may(&self, cx: &ViewContext) -> bool` and say `#[only(Self::may)]`"
)]
pub trait Verdict {
    /// The verdict, with why not.
    ///
    /// # Errors
    ///
    /// `not-permitted`.
    fn verdict(self) -> Result<(), Error>;
}

impl Verdict for bool {
    fn verdict(self) -> Result<(), Error> {
        if self { Ok(()) } else { Err(refused("the sender may not do so")) }
    }
}

impl<E: Into<Error>> Verdict for Result<(), E> {
    fn verdict(self) -> Result<(), Error> {
        self.map_err(|error| match error.into().into_result() {
            GuestResult::Error { detail, .. } => refused(detail),
            _ => refused(""),
        })
    }
}

/// Permits a call if a guard of the author's does.
///
/// # Errors
///
/// `not-permitted`.
pub fn permit(verdict: impl Verdict) -> Result<(), Error> {
    verdict.verdict()
}

/// Permits a call of the controller.
///
/// # Errors
///
/// `not-permitted`.
pub fn only_controller(cx: &ViewContext) -> Result<(), Error> {
    let permitted = cx.sender() == cx.controller();
    if permitted { Ok(()) } else { Err(refused("only the controller may do so")) }
}

/// Permits a call of the process itself, and so of its timers.
///
/// # Errors
///
/// `not-permitted`.
pub fn only_own(cx: &ViewContext) -> Result<(), Error> {
    if cx.is_own() { Ok(()) } else { Err(refused("only the process itself may do so")) }
}

fn refused(detail: impl Into<String>) -> Error {
    Error::known(Error::NOT_PERMITTED, detail)
}
