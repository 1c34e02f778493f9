//! What an actor answers when it does not do what it was asked.

use std::borrow::Cow;

use protocol::abi::GuestResult;

/// An actor's refusal: a code for programs and a detail for people.
///
/// ```
/// use antiphon::Error;
///
/// let error = Error::new("no-room", "the list is full");
/// assert_eq!(error.to_string(), "no-room: the list is full");
/// assert_eq!(Error::from("the list is full").code(), Error::REFUSED);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Error {
    code: Cow<'static, str>,
    detail: String,
}

impl Error {
    /// The code of errors that are made from text alone.
    pub const REFUSED: &'static str = "refused";
    /// The code for a method the actor does not have.
    pub const UNKNOWN_METHOD: &'static str = "unknown-method";
    /// The code for arguments that do not fit the method.
    pub const BAD_ARGUMENTS: &'static str = "bad-arguments";
    /// The code for a saved state that the actor cannot take.
    pub const BAD_STATE: &'static str = "bad-state";
    /// The code for a saved state of a version that the actor cannot take.
    pub const STATE_VERSION: &'static str = "state-version";
    /// The code for a call that the method's guard refuses.
    pub const NOT_PERMITTED: &'static str = "not-permitted";
    /// The code for an input that this version of the SDK does not handle.
    pub const UNSUPPORTED_INPUT: &'static str = "unsupported-input";
    /// The code for a call before the first state exists.
    pub const NOT_BORN: &'static str = "not-born";

    /// Makes an error from a short kebab-case code and a sentence for people. Characters a code
    /// cannot have become `-`.
    pub fn new(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::spelled(code.into(), detail.into())
    }

    fn spelled(code: Cow<'static, str>, detail: String) -> Self {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let code = if code.chars().all(fits) {
            code
        } else {
            let fit = |c: char| if fits(c) { c } else { '-' };
            Cow::Owned(code.chars().map(|c| fit(c.to_ascii_lowercase())).collect())
        };
        Self { code, detail }
    }

    /// Makes an error with the code [`Error::REFUSED`].
    pub fn refused(detail: impl Into<String>) -> Self {
        Self::known(Self::REFUSED, detail)
    }

    /// The code, for programs.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The detail, for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Makes an error of the SDK's own, whose code needs no check.
    pub(crate) fn known(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code: Cow::Borrowed(code), detail: detail.into() }
    }

    pub(crate) fn bad_arguments(detail: impl Into<String>) -> Self {
        Self::known(Self::BAD_ARGUMENTS, detail)
    }

    pub(crate) fn into_result(self) -> GuestResult {
        GuestResult::Error { code: self.code.into_owned(), detail: self.detail }
    }
}

impl From<&str> for Error {
    fn from(detail: &str) -> Self {
        Self::refused(detail)
    }
}

impl From<String> for Error {
    fn from(detail: String) -> Self {
        Self::refused(detail)
    }
}

/// An error that callers tell apart by its code, by `#[derive(ActorError)]` on an enum.
///
/// The code of a variant is its name in kebab case, or what `#[code("..")]` says. The detail is what
/// the error displays, or else the variant's documentation. The codes stand in the schema and, for
/// callers, as constants in the enum. What a variant holds does not reach the caller but through the
/// detail.
///
/// ```
/// use antiphon::prelude::*;
///
/// #[derive(Debug, ActorError)]
/// pub enum PayError {
///     /// There is not so much money.
///     TooPoor,
///     #[code("shut")]
///     Closed,
/// }
///
/// assert_eq!(PayError::TOO_POOR, "too-poor");
/// let error = Error::from(PayError::TooPoor);
/// assert_eq!((error.code(), error.detail()), (PayError::TOO_POOR, "There is not so much money."));
/// assert_eq!(Error::from(PayError::Closed).code(), "shut");
/// ```
///
/// With a `Display`, by hand or by `thiserror`, that is the detail.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no codes",
    note = "put `#[derive(ActorError)]` on the enum"
)]
pub trait ActorError: Into<Error> {
    /// How many codes there are, and these with their documentation as encoded items.
    #[doc(hidden)]
    const CODES: (usize, &'static [u8]);

    /// The code of this error.
    fn code(&self) -> &'static str;
}

/// Returns an error unless the condition holds.
///
/// `require!(cond, "text {}", x)` refuses with a text, `require!(cond, error)` with any error.
///
/// ```
/// use antiphon::prelude::*;
///
/// fn half(number: u64) -> Result<u64, Error> {
///     require!(number % 2 == 0, "{number} is odd");
///     Ok(number / 2)
/// }
///
/// assert_eq!(half(3).unwrap_err().detail(), "3 is odd");
/// ```
#[macro_export]
macro_rules! require {
    ($condition:expr, $format:literal $(, $argument:expr)* $(,)?) => {
        if !$condition {
            return ::core::result::Result::Err(
                $crate::Error::refused(::std::format!($format $(, $argument)*)).into(),
            );
        }
    };
    ($condition:expr, $error:expr $(,)?) => {
        if !$condition {
            return ::core::result::Result::Err($error.into());
        }
    };
}
