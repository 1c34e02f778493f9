//! Refusals: why a unit does not do what it was asked, by stable numbers and words.
//!
//! `docs/errors.md` has a row for each; a test compares the two.

use minicbor::{Decode, Encode};

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $word:literal, $retry:ident;)*) => {
        /// The stable code of a refusal. Numbers are never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(index_only)]
        pub enum RefusalCode {
            $($(#[$doc])* #[n($number)] $name,)*
        }

        impl RefusalCode {
            /// All codes, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number on the wire.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// The kebab-case word people and scripts see.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Whether the same request may succeed later.
            pub const fn is_retryable(self) -> bool {
                match self { $(Self::$name => refusals!(@$retry),)* }
            }
        }
    };
    (@retry) => { true };
    (@final) => { false };
}

refusals! {
    /// The bytes are not an object of the protocol.
    Malformed = 1, "malformed", final;
    /// It is meant for another network.
    WrongNetwork = 2, "wrong-network", final;
    /// A signature does not hold.
    BadSignature = 3, "bad-signature", final;
    /// The signer may not act for the sender.
    WrongSigner = 4, "wrong-signer", final;
    /// Its expiry is past.
    Expired = 5, "expired", final;
    /// Its expiry is too far ahead.
    ExpiryTooFar = 6, "expiry-too-far", final;
    /// It is larger than the process's limits allow.
    TooLarge = 7, "too-large", final;
    /// A field breaks a rule of its format.
    BadBody = 8, "bad-body", final;
    /// The process is not known here.
    UnknownProcess = 9, "unknown-process", retry;
    /// The module is not stored here.
    UnknownModule = 10, "unknown-module", retry;
    /// The spawn names another scheduler.
    WrongScheduler = 11, "wrong-scheduler", final;
    /// The module's acceptance does not hold.
    BadAcceptance = 12, "bad-acceptance", final;
    /// The profile is not known here.
    UnknownProfile = 13, "unknown-profile", final;
    /// The account may not use this scheduler.
    NotListed = 14, "not-listed", final;
    /// Too much waits already.
    Busy = 15, "busy", retry;
    /// A number of the pair before this one has not come.
    OutOfOrder = 16, "out-of-order", retry;
    /// The number of the pair is taken by another item.
    PairConflict = 17, "pair-conflict", final;
    /// The proof of origin does not hold.
    BadOrigin = 18, "bad-origin", final;
    /// The source must be introduced first.
    IntroductionNeeded = 19, "introduction-needed", retry;
    /// The sender is not the controller.
    NotController = 20, "not-controller", final;
    /// The timer's time has not come.
    NotDue = 21, "not-due", retry;
    /// Entries of this kind are not accepted by the process's profile.
    UnsupportedEntry = 22, "unsupported-entry", final;
    /// The module breaks the profile.
    ModuleRefused = 23, "module-refused", final;
    /// The request is not known, or not for this kind of unit.
    UnknownRequest = 24, "unknown-request", final;
    /// There is no such slot, entry or outcome.
    NotFound = 25, "not-found", retry;
    /// The unit does not execute the process.
    NotHosted = 26, "not-hosted", retry;
    /// The unit's disk does not take writes at the moment.
    StorageFailed = 27, "storage-failed", retry;
    /// The unit is stopping.
    Stopping = 28, "stopping", retry;
    /// The view failed; the detail says how.
    ViewFailed = 29, "view-failed", final;
    /// No unit that could do it can be reached.
    Unreachable = 30, "unreachable", retry;
    /// The process has moved; the detail names its scheduler.
    Moved = 31, "moved", retry;
    /// The process accepts no further messages.
    Stopped = 32, "stopped", final;
    /// The scheduler's store is an older copy of what it has signed.
    StaleStore = 33, "stale-store", retry;
    /// A receipt is of a unit that the newest policy seen here does not name.
    WrongPolicy = 34, "wrong-policy", retry;
    /// The new policy does not follow from the one before.
    BadPolicy = 35, "bad-policy", final;
    /// The scheduler cannot go on with the log, as nothing authorises it.
    BadHandover = 36, "bad-handover", final;
    /// Another scheduler has taken over the store.
    Fenced = 37, "fenced", retry;
    /// The source of the item has passed over its number.
    Skipped = 38, "skipped", final;
}

/// A refusal as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[error("{}: {detail}", code.word())]
pub struct Refusal {
    /// Why, for programs.
    #[n(0)]
    pub code: RefusalCode,
    /// Why and what to do, for people.
    #[n(1)]
    pub detail: String,
    /// Milliseconds to wait before trying again.
    #[n(2)]
    pub retry_after: Option<u64>,
}

impl Refusal {
    /// Refuses with a code and a sentence that says what to do.
    pub fn new(code: RefusalCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry_after: None }
    }
}

#[cfg(test)]
mod tests;
