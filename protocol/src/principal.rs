//! Who acts.

use minicbor::{Decode, Encode};

use crate::{AccountId, ParseIdError, ProcessId};

/// Who sends a message, spawns a process or controls one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(flat)]
pub enum Principal {
    /// Nobody in particular: may ask for views, nothing else.
    #[n(0)]
    Anonymous,
    /// The holder of a key.
    #[n(1)]
    Account(#[n(0)] AccountId),
    /// A process, through what its execution emits.
    #[n(2)]
    Process(#[n(0)] ProcessId),
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Account(account) => account.fmt(f),
            Self::Process(process) => process.fmt(f),
        }
    }
}

impl From<AccountId> for Principal {
    fn from(account: AccountId) -> Self {
        Self::Account(account)
    }
}

impl From<ProcessId> for Principal {
    fn from(process: ProcessId) -> Self {
        Self::Process(process)
    }
}

impl std::str::FromStr for Principal {
    type Err = ParseIdError;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text == "anonymous" {
            Ok(Self::Anonymous)
        } else if let Ok(process) = text.parse() {
            Ok(Self::Process(process))
        } else {
            text.parse().map(Self::Account)
        }
    }
}

impl serde::Serialize for Principal {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Principal {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
