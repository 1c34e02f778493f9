//! Proofs of what a host table has for a key.

use minicbor::{Decode, Encode};

use crate::Hash;

use super::{
    bit, branch_digest, key_digest, leaf_digest,
    node::{Leaf, shared_bits},
};

/// Shows what a host table has for a key, or that it has nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct KeyProof {
    /// The subtrees beside the way to the key, lowest first.
    #[n(0)]
    pub siblings: Vec<Hash>,
    /// The one key of the subtree in which the proven key would be; absent if the key is there, or
    /// the subtree is empty.
    #[n(1)]
    pub other: Option<OtherKey>,
}

/// A key that stands where another is absent.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OtherKey {
    /// The digest of the key.
    #[n(0)]
    pub key: Hash,
    /// Its value.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub value: Vec<u8>,
}

impl OtherKey {
    pub(super) fn of(leaf: &Leaf) -> Self {
        Self { key: *leaf.key_digest(), value: leaf.value().to_vec() }
    }
}

impl KeyProof {
    /// Whether a table with this root has this value for the key, or no such key.
    #[must_use]
    pub fn verify(&self, root: &Hash, key: &[u8], value: Option<&[u8]>) -> bool {
        self.root_from(key, value) == Some(*root)
    }

    /// The root this proof leads to, or nothing if it does not fit the claim.
    pub(super) fn root_from(&self, key: &[u8], value: Option<&[u8]>) -> Option<Hash> {
        let key = key_digest(key);
        let depth = u32::try_from(self.siblings.len()).ok().filter(|depth| *depth <= 256)?;
        let end = match (value, &self.other) {
            (Some(value), None) => leaf_digest(&key, value),
            (None, None) => Hash::ZERO,
            // Of another place a leaf says nothing about the key.
            (None, Some(other)) if other.key != key && shared_bits(&other.key, &key) >= depth => {
                leaf_digest(&other.key, &other.value)
            }
            _ => return None,
        };
        let ways = self.siblings.iter().zip((0..depth).rev());
        Some(ways.fold(end, |digest, (sibling, depth)| {
            if bit(&key, depth) {
                branch_digest(sibling, &digest)
            } else {
                branch_digest(&digest, sibling)
            }
        }))
    }
}
