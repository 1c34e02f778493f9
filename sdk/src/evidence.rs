//! Messages that others were sent, shown to this process.

use protocol::{EntryId, Principal, ProcessId, Timestamp, abi};
use serde::de::DeserializeOwned;

use crate::{Error, args::Arguments};

/// A message that its sender has signed, shown to a process that it was not meant for.
///
/// That its sender wanted it elsewhere is certain, and nothing else is: whether it was assigned
/// there, and when, it does not say.
///
/// ```
/// use antiphon::prelude::*;
///
/// /// Keeps who has promised what to whom.
/// #[actor]
/// #[derive(Default, Serialize, Deserialize)]
/// pub struct Notary {
///     promises: Vec<(Principal, ProcessId, u64)>,
/// }
///
/// #[actor]
/// impl Notary {
///     #[init]
///     fn new() -> Self {
///         Self::default()
///     }
///
///     #[assigned]
///     fn witness(&mut self, shown: Evidence) -> Result<(), Error> {
///         require!(shown.method() == "promise", "a promise is shown");
///         self.promises.push((shown.sender(), shown.target(), shown.arg("amount")?));
///         Ok(())
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence(abi::Evidence);

impl Evidence {
    pub(crate) const fn new(evidence: abi::Evidence) -> Self {
        Self(evidence)
    }

    /// The message.
    pub const fn message(&self) -> EntryId {
        self.0.message
    }

    /// Who signed it.
    pub const fn sender(&self) -> Principal {
        self.0.sender
    }

    /// The process it was meant for.
    pub const fn target(&self) -> ProcessId {
        self.0.target
    }

    /// The method it calls there.
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// When it expired, or does.
    pub const fn expiry(&self) -> Timestamp {
        self.0.expiry
    }

    /// Reads one of its arguments.
    ///
    /// # Errors
    ///
    /// `bad-arguments` if it is missing or of another type.
    pub fn arg<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        Arguments::read(&self.0.args)?.take(name)
    }
}
