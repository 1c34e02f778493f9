//! What can be wrong with a request as such, before any unit is asked: stable numbers and words.
//!
//! `docs/errors.md` has a row for each; a test compares the two.

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $word:literal, $status:literal;)*) => {
        /// The stable code of a request that the gateway does not take.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// All codes, by number.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number that programs see.
            pub(crate) const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// The kebab-case word people and scripts see.
            pub(crate) const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The HTTP status.
            pub(crate) const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

faults! {
    /// A part of the address cannot be read, or is outside of its limits.
    BadParameter = 400, "bad-parameter", 400;
    /// The request comes from a page of another site.
    WrongOrigin = 403, "wrong-origin", 403;
    /// There is nothing at the address.
    NoSuchPage = 404, "no-such-page", 404;
    /// The address takes other methods.
    WrongMethod = 405, "wrong-method", 405;
    /// The body did not come in time.
    SlowRequest = 408, "slow-request", 408;
    /// The body is too long.
    TooLong = 413, "too-long", 413;
    /// The body is of a kind that the address does not take.
    WrongContentType = 415, "wrong-content-type", 415;
    /// The request names a host that the gateway is not.
    WrongHost = 421, "wrong-host", 421;
    /// The body is none that the address takes.
    UnfitBody = 422, "unfit-body", 422;
    /// The address of the client has made too many requests.
    TooManyRequests = 429, "too-many-requests", 429;
    /// The body breaks off, or is no JSON.
    UnreadableBody = 460, "unreadable-body", 400;
    /// To find it would take more than the gateway spends on a page.
    TooCostly = 461, "too-costly", 422;
    /// No key is held here to sign with.
    NoDevKey = 463, "no-dev-key", 403;
    /// Too much is under way, or too many listen.
    Overloaded = 503, "overloaded", 503;
    /// The network did not answer in time.
    TooSlow = 504, "too-slow", 504;
}

#[cfg(test)]
mod tests;
