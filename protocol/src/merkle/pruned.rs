//! Trees of which only some leaves are of interest: the rest is cut off and stands there as digests.

use std::collections::HashMap;

use minicbor::{Decode, Encode};

use super::{MerklePath, MerkleTree, node};
use crate::Hash;

/// Some leaves of a tree, and the digests of the largest subtrees that have none of them: all that
/// is needed to compute the root. A subtree that is promoted stands where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PrunedTree {
    /// How many leaves the tree has.
    #[n(0)]
    pub count: u32,
    /// The height of each digest, from left to right; 0 is a leaf.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub heights: Vec<u8>,
    /// The digests, 32 bytes each.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub digests: Vec<u8>,
}

/// A pruned tree with all digests that follow from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTree {
    count: u32,
    /// Positions and digests of each level, in order, leaves first.
    levels: Vec<Vec<(u32, Hash)>>,
}

/// Leaves of one tree with their paths, to be made a pruned tree of.
#[derive(Debug, Clone, Default)]
pub struct Branches {
    count: u32,
    leaves: Vec<u32>,
    digests: HashMap<(u8, u32), Hash>,
}

/// A tree of which some digests are known.
trait Nodes {
    /// How many leaves it has.
    fn count(&self) -> u32;

    /// The digest at a height and a position, if it is known.
    fn digest(&self, height: u8, position: u32) -> Option<Hash>;
}

/// How many nodes a level has.
const fn width(count: u32, height: u8) -> u32 {
    match count.checked_sub(1) {
        Some(last) if height < 32 => (last >> height) + 1,
        Some(_) => 1,
        None => 0,
    }
}

/// The height of the root.
const fn top(count: u32) -> u8 {
    let mut height = 0;
    while width(count, height) > 1 {
        height += 1;
    }
    height
}

/// Whether a node has but one child, whose digest it has.
const fn is_promoted(count: u32, height: u8, position: u32) -> bool {
    height > 0 && position.saturating_mul(2).saturating_add(1) >= width(count, height - 1)
}

impl PrunedTree {
    /// Computes all digests; nothing if those given are not what a tree of so many leaves has.
    pub fn open(&self) -> Option<OpenTree> {
        let (digests, rest) = self.digests.as_chunks::<32>();
        if digests.len() != self.heights.len() || !rest.is_empty() {
            return None;
        }
        let given = self.heights.iter().zip(digests);
        let given = given.map(|(height, digest)| (*height, Hash::from_bytes(*digest)));
        let levels = vec![Vec::new(); usize::from(top(self.count)) + 1];
        let mut tree = OpenTree { count: self.count, levels };
        let mut given = given.peekable();
        if self.count > 0 {
            tree.grow(&mut given, top(self.count), 0)?;
        }
        given.next().is_none().then_some(tree)
    }

    fn push(&mut self, height: u8, digest: &Hash) {
        self.heights.push(height);
        self.digests.extend_from_slice(digest.as_bytes());
    }
}

impl OpenTree {
    /// Computes a node from the digests that come next.
    fn grow(
        &mut self,
        given: &mut std::iter::Peekable<impl Iterator<Item = (u8, Hash)>>,
        height: u8,
        position: u32,
    ) -> Option<Hash> {
        let promoted = is_promoted(self.count, height, position);
        let digest = match given.next_if(|(given, _)| *given == height && !promoted) {
            Some((_, digest)) => digest,
            None => {
                let below = height.checked_sub(1)?;
                let left = self.grow(given, below, position * 2)?;
                if promoted {
                    left
                } else {
                    node(&left, &self.grow(given, below, position * 2 + 1)?)
                }
            }
        };
        self.levels.get_mut(usize::from(height))?.push((position, digest));
        Some(digest)
    }

    /// The root: [`Hash::ZERO`] of no leaves.
    pub fn root(&self) -> Hash {
        self.levels.last().and_then(|level| level.first()).map_or(Hash::ZERO, |(_, root)| *root)
    }

    /// How many leaves the tree has.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The leaf at a position, if it is given.
    pub fn leaf(&self, index: u32) -> Option<Hash> {
        self.digest(0, index)
    }

    /// The positions of the leaves that are given, in order.
    pub fn leaves(&self) -> impl Iterator<Item = u32> {
        self.levels.first().into_iter().flatten().map(|(position, _)| *position)
    }

    /// The path of a leaf that is given.
    pub fn path(&self, index: u32) -> Option<MerklePath> {
        self.leaf(index)?;
        let (mut siblings, mut position) = (Vec::with_capacity(self.levels.len()), index);
        for height in 0..top(self.count) {
            if position ^ 1 < width(self.count, height) {
                siblings.push(self.digest(height, position ^ 1)?);
            }
            position /= 2;
        }
        Some(MerklePath { index, count: self.count, siblings })
    }

    /// The same tree with these of its leaves only, which are given here, in ascending order.
    pub fn prune(&self, leaves: &[u32]) -> Option<PrunedTree> {
        prune(self, leaves)
    }
}

impl MerkleTree {
    /// The tree with these of its leaves only, in ascending order; nothing if one is not there.
    pub fn prune(&self, leaves: &[u32]) -> Option<PrunedTree> {
        prune(self, leaves)
    }
}

impl Branches {
    /// Adds a leaf with its path; `false`, and nothing added, if it is of a tree of another size or
    /// the path has the wrong length.
    pub fn add(&mut self, leaf: Hash, path: &MerklePath) -> bool {
        if self.leaves.is_empty() {
            self.count = path.count;
        }
        let fits = path.count == self.count && path.root_length() == Some(path.siblings.len());
        if !fits {
            return false;
        }
        self.digests.insert((0, path.index), leaf);
        self.leaves.push(path.index);
        let (mut siblings, mut position) = (path.siblings.iter(), path.index);
        for height in 0..top(self.count) {
            if position ^ 1 < width(self.count, height)
                && let Some(sibling) = siblings.next()
            {
                self.digests.insert((height, position ^ 1), *sibling);
            }
            position /= 2;
        }
        true
    }

    /// The tree with these leaves.
    pub fn prune(&mut self) -> Option<PrunedTree> {
        self.leaves.sort_unstable();
        self.leaves.dedup();
        prune(self, &self.leaves)
    }
}

impl MerklePath {
    /// How many siblings a path has at its place; nothing if there is no such leaf.
    fn root_length(&self) -> Option<usize> {
        let mut position = (self.index < self.count).then_some(self.index)?;
        let mut length = 0;
        for height in 0..top(self.count) {
            length += usize::from(position ^ 1 < width(self.count, height));
            position /= 2;
        }
        Some(length)
    }
}

impl Nodes for OpenTree {
    fn count(&self) -> u32 {
        self.count
    }

    fn digest(&self, height: u8, position: u32) -> Option<Hash> {
        let level = self.levels.get(usize::from(height))?;
        // Where nothing is cut off to the left, the position is the index.
        let straight = usize::try_from(position).ok().and_then(|at| level.get(at));
        if let Some((_, digest)) = straight.filter(|(at, _)| *at == position) {
            return Some(*digest);
        }
        let found = level.binary_search_by_key(&position, |(at, _)| *at).ok()?;
        level.get(found).map(|(_, digest)| *digest)
    }
}

impl Nodes for MerkleTree {
    fn count(&self) -> u32 {
        let leaves = self.levels.first().map_or(0, Vec::len);
        u32::try_from(leaves).unwrap_or(u32::MAX)
    }

    fn digest(&self, height: u8, position: u32) -> Option<Hash> {
        self.levels.get(usize::from(height))?.get(usize::try_from(position).ok()?).copied()
    }
}

impl Nodes for Branches {
    fn count(&self) -> u32 {
        self.count
    }

    fn digest(&self, height: u8, position: u32) -> Option<Hash> {
        self.digests.get(&(height, position)).copied()
    }
}

fn prune(tree: &impl Nodes, leaves: &[u32]) -> Option<PrunedTree> {
    let (heights, digests) = (Vec::new(), Vec::new());
    let mut pruned = PrunedTree { count: tree.count(), heights, digests };
    if leaves.last().is_some_and(|last| *last >= pruned.count) {
        return None;
    }
    if pruned.count > 0 {
        cut(tree, &mut pruned, (top(tree.count()), 0), leaves)?;
    }
    Some(pruned)
}

/// Adds a node that has these of the leaves.
fn cut(
    tree: &impl Nodes,
    pruned: &mut PrunedTree,
    (mut height, mut position): (u8, u32),
    leaves: &[u32],
) -> Option<()> {
    if leaves.is_empty() || height == 0 {
        let digest = tree.digest(height, position)?;
        while is_promoted(pruned.count, height, position) {
            (height, position) = (height - 1, position * 2);
        }
        pruned.push(height, &digest);
        return Some(());
    }
    let below = height - 1;
    if is_promoted(pruned.count, height, position) {
        return cut(tree, pruned, (below, position * 2), leaves);
    }
    let right = position * 2 + 1;
    let (before, behind) = leaves.split_at(leaves.partition_point(|leaf| leaf >> below < right));
    cut(tree, pruned, (below, right - 1), before)?;
    cut(tree, pruned, (below, right), behind)
}

#[cfg(test)]
mod tests;
