//! Who acts.

use minicbor::{Decode, Encode};

use crate::{AccountId, ProcessId};

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
