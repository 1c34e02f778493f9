//! Numbers with a meaning: positions, instants and amounts, never bare integers.

use minicbor::{Decode, Encode};

macro_rules! measure {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode,
            serde::Serialize, serde::Deserialize,
        )]
        #[cbor(transparent)]
        #[serde(transparent)]
        pub struct $name(#[n(0)] u64);

        impl $name {
            /// The smallest value.
            pub const ZERO: Self = Self(0);

            /// Wraps a number.
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The bare number.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

measure!(
    /// The position of an entry in its process's log. Dense from 0, and never reused.
    Slot
);
measure!(
    /// A span of a log under one scheduler and one policy, counted from 0.
    Epoch
);
measure!(
    /// The position of an outbox item among those from one process to another, dense from 0.
    PairNumber
);
measure!(
    /// Milliseconds since the Unix epoch, as read by a shell.
    Timestamp
);
measure!(
    /// Units of metered work, as the profile prices it.
    Gas
);

macro_rules! counted {
    ($name:ident) => {
        impl $name {
            /// The value after this one, or `None` past the end of the range.
            pub const fn next(self) -> Option<Self> {
                match self.0.checked_add(1) {
                    Some(next) => Some(Self(next)),
                    None => None,
                }
            }
        }
    };
}

counted!(Slot);
counted!(Epoch);
counted!(PairNumber);

impl Timestamp {
    /// This instant plus a number of milliseconds, at most the end of the range.
    pub const fn saturating_add(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}
