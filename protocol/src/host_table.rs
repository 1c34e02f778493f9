//! The root of the host table: what a compute unit remembers for a process outside of its memory.
//!
//! A keyed Merkle map as a binary trie over the digests of the keys. A subtree with one key is its
//! leaf, an empty one is 32 zero bytes, so the root depends on the contents alone and an update or
//! a proof follows the touched key.

use std::collections::BTreeMap;

use crate::{Domain, Hash};

/// The root of a map from key to value bytes.
pub fn host_table_root(entries: &BTreeMap<Vec<u8>, Vec<u8>>) -> Hash {
    let mut leaves: Vec<(Hash, Hash)> = entries
        .iter()
        .map(|(key, value)| {
            let key = Domain::HostTableKey.digest(&[key]);
            (key, Domain::HostTableLeaf.digest(&[key.as_bytes(), value]))
        })
        .collect();
    leaves.sort_unstable();
    subtree(&leaves, 0)
}

/// The root of leaves that share the first `depth` bits of their keys, sorted by key.
fn subtree(leaves: &[(Hash, Hash)], depth: u32) -> Hash {
    match leaves {
        [] => Hash::ZERO,
        [(_, leaf)] => *leaf,
        _ => {
            let (zeros, ones) =
                leaves.split_at(leaves.partition_point(|(key, _)| !bit(key, depth)));
            let (left, right) = (subtree(zeros, depth + 1), subtree(ones, depth + 1));
            Domain::MerkleNode.digest(&[left.as_bytes(), right.as_bytes()])
        }
    }
}

/// Bit `depth` of a digest, most significant first.
fn bit(key: &Hash, depth: u32) -> bool {
    let byte = usize::try_from(depth / 8).ok().and_then(|byte| key.as_bytes().get(byte));
    byte.is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
}

#[cfg(test)]
mod tests;
