//! Merkle trees over digests that already carry a leaf domain.
//!
//! Nodes have a domain of their own. An odd node at the end of a level is promoted to the next
//! level, not paired with itself, so no two lists of leaves have one root.

mod pruned;

use minicbor::{Decode, Encode};

pub use pruned::{Branches, OpenTree, PrunedTree};

use crate::{Domain, Hash};

/// All levels of a tree, leaves first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerkleTree {
    levels: Vec<Vec<Hash>>,
}

/// The siblings that lead from a leaf to the root, lowest first.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct MerklePath {
    /// The position of the leaf.
    #[n(0)]
    pub index: u32,
    /// How many leaves the tree has.
    #[n(1)]
    pub count: u32,
    /// The siblings; a promoted node has none on its level.
    #[n(2)]
    pub siblings: Vec<Hash>,
}

impl MerkleTree {
    /// Builds the tree of these leaves.
    pub fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let next = level.chunks(2).map(|pair| match pair {
                [left, right] => node(left, right),
                [single] => *single,
                _ => unreachable!("chunks of two have one or two elements"),
            });
            let next = next.collect();
            levels.push(next);
        }
        Self { levels }
    }

    /// The root: [`Hash::ZERO`] of no leaves, the leaf itself of one.
    pub fn root(&self) -> Hash {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or(Hash::ZERO)
    }

    /// The path of the leaf at a position, if there is one.
    pub fn path(&self, index: u32) -> Option<MerklePath> {
        let count = u32::try_from(self.levels.first()?.len()).ok()?;
        if index >= count {
            return None;
        }
        let mut position = usize::try_from(index).ok()?;
        let mut siblings = Vec::with_capacity(self.levels.len());
        for level in &self.levels {
            siblings.extend(level.get(position ^ 1).filter(|_| level.len() > 1));
            position /= 2;
        }
        Some(MerklePath { index, count, siblings })
    }
}

/// The root of these leaves.
pub fn merkle_root(leaves: Vec<Hash>) -> Hash {
    MerkleTree::new(leaves).root()
}

impl MerklePath {
    /// The root this path leads to from a leaf, or nothing if the path has the wrong length.
    pub fn root_from(&self, leaf: Hash) -> Option<Hash> {
        if self.index >= self.count {
            return None;
        }
        let (mut position, mut width) = (self.index, self.count);
        let mut siblings = self.siblings.iter();
        let mut digest = leaf;
        while width > 1 {
            let promoted = position == width - 1 && width % 2 == 1;
            if !promoted {
                let sibling = siblings.next()?;
                digest = if position.is_multiple_of(2) {
                    node(&digest, sibling)
                } else {
                    node(sibling, &digest)
                };
            }
            position /= 2;
            width = width.div_ceil(2);
        }
        siblings.next().is_none().then_some(digest)
    }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Domain::MerkleNode.digest(&[left.as_bytes(), right.as_bytes()])
}

#[cfg(test)]
mod tests;
