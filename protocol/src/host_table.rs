//! The host table: what a compute unit remembers for a process outside of its memory.
//!
//! A keyed Merkle map as a binary trie over the digests of the keys. A subtree with one key is its
//! leaf, an empty one is 32 zero bytes, so the root depends on the contents alone and an update or
//! a proof follows the touched key.
//!
//! # Invariants
//!
//! - Clones share their nodes, and no change of one shows in another.
//! - A subtree has a branch only if it has two keys or more.
//! - Nothing here goes deeper than the 256 bits of a digest, in recursion or in dropping.

mod node;
mod proof;

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{Domain, Hash};
use node::Node;

pub(crate) use node::Leaf;
pub use proof::{KeyProof, OtherKey};

/// A map from key to value bytes with a Merkle root. A clone costs nothing; a change copies the
/// nodes above its key that are shared; the root hashes only what changed since it was last asked
/// for.
#[derive(Clone, Default)]
pub struct HostTable {
    top: Node,
    len: usize,
}

impl HostTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many keys there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no keys.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.leaf(&key_digest(key)).map(Leaf::value)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) {
        self.insert_leaf(Leaf::new(key, value));
    }

    /// Sets the value of a key whose digest is known.
    pub(crate) fn insert_leaf(&mut self, leaf: Leaf) {
        if self.leaf(leaf.key_digest()).is_some_and(|old| old.value() == leaf.value()) {
            return;
        }
        if self.top.put(0, Arc::new(leaf)) {
            self.len += 1;
        }
    }

    /// Removes a key, if it is there.
    pub fn remove(&mut self, key: &[u8]) {
        let digest = key_digest(key);
        if self.leaf(&digest).is_some() {
            self.top.take(0, &digest);
            self.len -= 1;
        }
    }

    /// All keys with their values, in the order of the digests of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.leaves().map(|leaf| (leaf.key(), leaf.value()))
    }

    /// All leaves, in the order of the digests of their keys.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = &Leaf> {
        let mut ahead = vec![&self.top];
        std::iter::from_fn(move || {
            loop {
                match ahead.pop()? {
                    Node::Empty => {}
                    Node::Leaf(leaf) => return Some(&**leaf),
                    Node::Branch(branch) => ahead.extend(branch.halves().into_iter().rev()),
                }
            }
        })
    }

    /// The root over all keys and values.
    pub fn root(&self) -> Hash {
        self.top.digest()
    }

    /// Shows what the table has for a key, or that it has nothing.
    pub fn prove(&self, key: &[u8]) -> KeyProof {
        let digest = key_digest(key);
        let (mut node, mut siblings) = (&self.top, Vec::new());
        for depth in 0.. {
            let Node::Branch(branch) = node else { break };
            let (half, sibling) = branch.split(&digest, depth);
            siblings.push(sibling.digest());
            node = half;
        }
        siblings.reverse();
        let other = match node {
            Node::Leaf(leaf) if *leaf.key_digest() != digest => Some(OtherKey::of(leaf)),
            _ => None,
        };
        KeyProof { siblings, other }
    }

    fn leaf(&self, digest: &Hash) -> Option<&Leaf> {
        let mut node = &self.top;
        for depth in 0.. {
            match node {
                Node::Branch(branch) => node = branch.split(digest, depth).0,
                Node::Leaf(leaf) if leaf.key_digest() == digest => return Some(leaf),
                Node::Leaf(_) | Node::Empty => break,
            }
        }
        None
    }
}

impl fmt::Debug for HostTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The root of a map from key to value bytes, computed at once.
pub fn host_table_root(entries: &BTreeMap<Vec<u8>, Vec<u8>>) -> Hash {
    let leaves = entries.iter().map(|(key, value)| {
        let key = key_digest(key);
        (key, leaf_digest(&key, value))
    });
    let mut leaves: Vec<(Hash, Hash)> = leaves.collect();
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
            branch_digest(&subtree(zeros, depth + 1), &subtree(ones, depth + 1))
        }
    }
}

/// The place of a key.
fn key_digest(key: &[u8]) -> Hash {
    Domain::HostTableKey.digest(&[key])
}

/// The root of a subtree with one key.
fn leaf_digest(key: &Hash, value: &[u8]) -> Hash {
    Domain::HostTableLeaf.digest(&[key.as_bytes(), value])
}

/// The root of a subtree with more keys than one.
fn branch_digest(zeros: &Hash, ones: &Hash) -> Hash {
    Domain::MerkleNode.digest(&[zeros.as_bytes(), ones.as_bytes()])
}

/// Bit `depth` of a digest, most significant first.
fn bit(key: &Hash, depth: u32) -> bool {
    let byte = usize::try_from(depth / 8).ok().and_then(|byte| key.as_bytes().get(byte));
    byte.is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
}

#[cfg(test)]
mod tests;
