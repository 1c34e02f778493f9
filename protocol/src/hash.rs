//! Digests, and the domain strings that keep their meanings apart.

use std::{fmt, sync::OnceLock};

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::id::array;

/// A BLAKE3 digest of 32 bytes, shown as hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The predecessor of the first chain hash, and the root of an empty tree.
    pub const ZERO: Self = Self([0; 32]);

    /// Wraps a digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The plain BLAKE3 digest of bytes, as `b3sum` prints it: what addresses a stored blob.
    pub fn of_blob(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Borrows the digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<C> Encode<C> for Hash {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Hash {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        array(d).map(Self)
    }
}

macro_rules! domains {
    ($($(#[$doc:meta])* $name:ident = $context:literal;)*) => {
        /// What a digest is of. Each has its own BLAKE3 `derive_key` context, so equal bytes with
        /// different meanings never have equal digests.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Domain {
            $($(#[$doc])* $name,)*
        }

        impl Domain {
            /// All domains.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The BLAKE3 `derive_key` context string.
            pub const fn context(self) -> &'static str {
                match self { $(Self::$name => $context,)* }
            }
        }
    };
}

domains! {
    /// An account: algorithm byte, public key.
    Account = "antiphon v1 account";
    /// A spawn body.
    Spawn = "antiphon v1 spawn";
    /// A message body.
    Message = "antiphon v1 message";
    /// A control body.
    Control = "antiphon v1 control";
    /// What a delivery says: source, slot, index, target, pair number, item digest.
    Delivery = "antiphon v1 delivery";
    /// What a skip says: source, slot, index.
    Skip = "antiphon v1 skip";
    /// What a timer or an ask timeout says: process, slot, index, occurrence.
    Timer = "antiphon v1 timer";
    /// What an answer says: source, target, pair number.
    Answer = "antiphon v1 answer";
    /// The chain hash of a log.
    Chain = "antiphon v1 chain";
    /// A leaf of a batch root that is an assignment.
    AssignmentLeaf = "antiphon v1 assignment leaf";
    /// A leaf of a batch root that is a final refusal.
    RefusalLeaf = "antiphon v1 refusal leaf";
    /// An inner node of any Merkle tree.
    MerkleNode = "antiphon v1 merkle node";
    /// A scheduler's batch header.
    Batch = "antiphon v1 batch";
    /// The first leaf of an outcome: everything but its outbox.
    OutcomeHead = "antiphon v1 outcome head";
    /// A leaf of an outcome that is an outbox item.
    OutboxItem = "antiphon v1 outbox item";
    /// A leaf of a receipt root.
    ReceiptLeaf = "antiphon v1 receipt leaf";
    /// A compute unit's receipt batch header.
    ReceiptBatch = "antiphon v1 receipt batch";
    /// A leaf of the host table.
    HostTableLeaf = "antiphon v1 host table leaf";
    /// A key of the host table.
    HostTableKey = "antiphon v1 host table key";
    /// A state root: memory root, host table root, profile, module, encoded globals.
    State = "antiphon v1 state";
    /// An execution profile.
    Profile = "antiphon v1 profile";
    /// A compute policy.
    Policy = "antiphon v1 policy";
    /// The weight of a unit for a process: process, unit.
    PolicyRank = "antiphon v1 policy rank";
    /// A unit's acceptance of a module.
    Acceptance = "antiphon v1 acceptance";
    /// A unit record.
    UnitRecord = "antiphon v1 unit record";
    /// An operator's word for a unit.
    Vouch = "antiphon v1 vouch";
    /// A signed head.
    Head = "antiphon v1 head";
    /// A view request.
    ViewRequest = "antiphon v1 view request";
    /// A view answer.
    ViewAnswer = "antiphon v1 view answer";
    /// A compute unit's statement of a process's state.
    StateStatement = "antiphon v1 state statement";
    /// A scheduler's statement about a pair number.
    PairStatement = "antiphon v1 pair statement";
    /// The seed a slot gives its handler.
    Seed = "antiphon v1 seed";
}

impl Domain {
    /// The digest of the concatenated parts in this domain. Parts other than the last must have a
    /// fixed length, so that no two lists of parts concatenate to the same bytes.
    pub fn digest(self, parts: &[&[u8]]) -> Hash {
        let mut hasher = blake3::Hasher::new_from_context_key(self.context_key());
        for part in parts {
            hasher.update(part);
        }
        Hash(*hasher.finalize().as_bytes())
    }

    /// The key that the context stands for, made once: making it costs as much as a short digest.
    fn context_key(self) -> &'static ContextKey {
        static KEYS: [OnceLock<ContextKey>; Domain::ALL.len()] =
            [const { OnceLock::new() }; Domain::ALL.len()];
        let key = KEYS.get(self as usize).expect("there is a place for every domain");
        key.get_or_init(|| hash_derive_key_context(self.context()))
    }
}

#[cfg(test)]
mod tests;
