//! Identifiers: one newtype per meaning, shown as bech32m with a prefix that tells the kind.
//!
//! An identifier has exactly one spelling (lower case, BIP 350 checksum); a typing error or an
//! identifier of another kind is refused before anything is sent.

use std::{fmt, str};

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::bech32m;

/// Text that is not an identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a `{kind}1...` identifier: {reason}")]
pub struct ParseIdError {
    kind: &'static str,
    reason: &'static str,
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The human-readable part of the spelling, before the `1`.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps 32 bytes that are already known to be of this kind.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Borrows the canonical bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&bech32m::spell($prefix, &self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl str::FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse(text, $prefix).map(Self)
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: encode::Write>(
                &self,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                array(d).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id_type!(
    /// Names an actor for as long as the network exists: the id of its spawn entry.
    ProcessId,
    "proc"
);
id_type!(
    /// Names an entry of any kind: the digest of what it says, never of what proves it.
    EntryId,
    "msg"
);
id_type!(
    /// Names a module: the BLAKE3 digest of its Wasm binary, as `b3sum` prints it.
    ModuleId,
    "mod"
);
id_type!(
    /// Names an account: a digest of the signature algorithm and the public key.
    AccountId,
    "acct"
);
id_type!(
    /// Names a unit and is its Ed25519 public key: an address proves itself.
    UnitId,
    "unit"
);
id_type!(
    /// Names whoever runs units and is an Ed25519 public key.
    OperatorId,
    "oper"
);
id_type!(
    /// Names a network. It stands in every signed body, so nothing can cross from one to another.
    NetworkId,
    "net"
);
id_type!(
    /// Names the semantics of execution: the digest of a [`crate::Profile`].
    ProfileId,
    "prof"
);

impl ModuleId {
    /// The id of a Wasm binary.
    pub fn of(wasm: &[u8]) -> Self {
        Self(*blake3::hash(wasm).as_bytes())
    }
}

impl ProcessId {
    /// The process whose slot 0 is this entry.
    pub const fn of_spawn(entry: EntryId) -> Self {
        Self(entry.0)
    }

    /// The entry that spawned this process.
    pub const fn spawn_entry(self) -> EntryId {
        EntryId(self.0)
    }
}

/// Decodes a byte string of exactly `N` bytes.
pub(crate) fn array<const N: usize>(d: &mut Decoder<'_>) -> Result<[u8; N], decode::Error> {
    let position = d.position();
    <[u8; N]>::try_from(d.bytes()?)
        .map_err(|_| decode::Error::message("byte string of the wrong length").at(position))
}

fn parse(text: &str, kind: &'static str) -> Result<[u8; 32], ParseIdError> {
    bech32m::read(text, kind).map_err(|reason| ParseIdError { kind, reason })
}

#[cfg(test)]
mod tests;
