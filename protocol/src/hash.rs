//! Digests, and the domain strings that keep their meanings apart.

use std::fmt;

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

/// What a digest is of. Each has its own BLAKE3 `derive_key` context, so equal bytes with
/// different meanings never have equal digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Domain {
    /// An account: algorithm byte, public key.
    Account,
    /// A spawn body.
    Spawn,
    /// A message body.
    Message,
    /// A control body.
    Control,
    /// What a delivery says: source, slot, index, target, pair number, item digest.
    Delivery,
    /// What a skip says: source, slot, index.
    Skip,
    /// What a timer or an ask timeout says: process, slot, index, occurrence.
    Timer,
    /// What an answer says: target, pair number.
    Answer,
    /// The chain hash of a log.
    Chain,
    /// A leaf of a batch root that is an assignment.
    AssignmentLeaf,
    /// A leaf of a batch root that is a final refusal.
    RefusalLeaf,
    /// An inner node of any Merkle tree.
    MerkleNode,
    /// A scheduler's batch header.
    Batch,
    /// The first leaf of an outcome: everything but its outbox.
    OutcomeHead,
    /// A leaf of an outcome that is an outbox item.
    OutboxItem,
    /// A leaf of a receipt root.
    ReceiptLeaf,
    /// A compute unit's receipt batch header.
    ReceiptBatch,
    /// A leaf of the host table.
    HostTableLeaf,
    /// A key of the host table.
    HostTableKey,
    /// A state root.
    State,
    /// An execution profile.
    Profile,
    /// A compute policy.
    Policy,
    /// A unit's acceptance of a module.
    Acceptance,
    /// A unit record.
    UnitRecord,
    /// An operator's word for a unit.
    Vouch,
    /// A signed head.
    Head,
    /// A view request.
    ViewRequest,
    /// A view answer.
    ViewAnswer,
    /// A scheduler's statement about a pair number.
    PairStatement,
    /// The seed a slot gives its handler.
    Seed,
}

impl Domain {
    /// The BLAKE3 `derive_key` context string.
    pub const fn context(self) -> &'static str {
        match self {
            Self::Account => "antiphon v1 account",
            Self::Spawn => "antiphon v1 spawn",
            Self::Message => "antiphon v1 message",
            Self::Control => "antiphon v1 control",
            Self::Delivery => "antiphon v1 delivery",
            Self::Skip => "antiphon v1 skip",
            Self::Timer => "antiphon v1 timer",
            Self::Answer => "antiphon v1 answer",
            Self::Chain => "antiphon v1 chain",
            Self::AssignmentLeaf => "antiphon v1 assignment leaf",
            Self::RefusalLeaf => "antiphon v1 refusal leaf",
            Self::MerkleNode => "antiphon v1 merkle node",
            Self::Batch => "antiphon v1 batch",
            Self::OutcomeHead => "antiphon v1 outcome head",
            Self::OutboxItem => "antiphon v1 outbox item",
            Self::ReceiptLeaf => "antiphon v1 receipt leaf",
            Self::ReceiptBatch => "antiphon v1 receipt batch",
            Self::HostTableLeaf => "antiphon v1 host table leaf",
            Self::HostTableKey => "antiphon v1 host table key",
            Self::State => "antiphon v1 state",
            Self::Profile => "antiphon v1 profile",
            Self::Policy => "antiphon v1 policy",
            Self::Acceptance => "antiphon v1 acceptance",
            Self::UnitRecord => "antiphon v1 unit record",
            Self::Vouch => "antiphon v1 vouch",
            Self::Head => "antiphon v1 head",
            Self::ViewRequest => "antiphon v1 view request",
            Self::ViewAnswer => "antiphon v1 view answer",
            Self::PairStatement => "antiphon v1 pair statement",
            Self::Seed => "antiphon v1 seed",
        }
    }

    /// The digest of the concatenated parts in this domain. Parts other than the last must have a
    /// fixed length, so that no two lists of parts concatenate to the same bytes.
    pub fn digest(self, parts: &[&[u8]]) -> Hash {
        let mut hasher = blake3::Hasher::new_derive_key(self.context());
        for part in parts {
            hasher.update(part);
        }
        Hash(*hasher.finalize().as_bytes())
    }
}
