//! The nodes of a host table: shared by its clones, copied where one of them changes.

use std::sync::{Arc, OnceLock};

use crate::Hash;

use super::{bit, branch_digest, key_digest, leaf_digest};

/// A subtree.
#[derive(Clone, Default)]
pub(super) enum Node {
    /// No key.
    #[default]
    Empty,
    /// One key.
    Leaf(Arc<Leaf>),
    /// Two keys or more.
    Branch(Arc<Branch>),
}

/// A key with its value.
pub(crate) struct Leaf {
    key_digest: Hash,
    key: Box<[u8]>,
    value: Box<[u8]>,
    digest: OnceLock<Hash>,
}

/// A subtree in two halves: the keys whose bit at its depth is zero, and the others.
#[derive(Clone)]
pub(super) struct Branch {
    zeros: Node,
    ones: Node,
    digest: OnceLock<Hash>,
}

impl Leaf {
    /// Makes the leaf of a key.
    pub(crate) fn new(key: &[u8], value: &[u8]) -> Self {
        Self {
            key_digest: key_digest(key),
            key: key.into(),
            value: value.into(),
            digest: OnceLock::new(),
        }
    }

    /// The digest of the key.
    pub(crate) const fn key_digest(&self) -> &Hash {
        &self.key_digest
    }

    /// The key.
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The value.
    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }
}

impl Branch {
    fn new(zeros: Node, ones: Node) -> Self {
        Self { zeros, ones, digest: OnceLock::new() }
    }

    pub(super) const fn halves(&self) -> [&Node; 2] {
        [&self.zeros, &self.ones]
    }

    /// The half that a key belongs to, and the other one.
    pub(super) fn split(&self, key: &Hash, depth: u32) -> (&Node, &Node) {
        if bit(key, depth) { (&self.ones, &self.zeros) } else { (&self.zeros, &self.ones) }
    }

    /// The half that a key belongs to, which is about to change.
    fn change(&mut self, key: &Hash, depth: u32) -> &mut Node {
        self.digest.take();
        if bit(key, depth) { &mut self.ones } else { &mut self.zeros }
    }
}

impl Node {
    fn branch(zeros: Self, ones: Self) -> Self {
        Self::Branch(Arc::new(Branch::new(zeros, ones)))
    }

    /// The root of the subtree.
    pub(super) fn digest(&self) -> Hash {
        match self {
            Self::Empty => Hash::ZERO,
            Self::Leaf(leaf) => {
                *leaf.digest.get_or_init(|| leaf_digest(&leaf.key_digest, &leaf.value))
            }
            Self::Branch(branch) => *branch.digest.get_or_init(|| {
                let [zeros, ones] = branch.halves();
                branch_digest(&zeros.digest(), &ones.digest())
            }),
        }
    }

    /// Puts a leaf in and tells whether its key is new.
    pub(super) fn put(&mut self, depth: u32, leaf: Arc<Leaf>) -> bool {
        match self {
            Self::Empty => *self = Self::Leaf(leaf),
            Self::Leaf(old) if old.key_digest == leaf.key_digest => {
                *old = leaf;
                return false;
            }
            Self::Leaf(old) => *self = fork(depth, Arc::clone(old), leaf),
            Self::Branch(branch) => {
                let half = Arc::make_mut(branch).change(&leaf.key_digest, depth);
                return half.put(depth + 1, leaf);
            }
        }
        true
    }

    /// Takes out a key that is there.
    pub(super) fn take(&mut self, depth: u32, key: &Hash) {
        let Self::Branch(branch) = self else {
            *self = Self::Empty;
            return;
        };
        let branch = Arc::make_mut(branch);
        branch.change(key, depth).take(depth + 1, key);
        // What is left of two keys is a leaf, and has no branch above it.
        if let (Self::Leaf(last), Self::Empty) | (Self::Empty, Self::Leaf(last)) =
            (&branch.zeros, &branch.ones)
        {
            *self = Self::Leaf(Arc::clone(last));
        }
    }
}

/// The subtree of two leaves whose keys share the first `depth` bits.
fn fork(depth: u32, one: Arc<Leaf>, other: Arc<Leaf>) -> Node {
    let key = one.key_digest;
    let shared = shared_bits(&key, &other.key_digest);
    let (zeros, ones) = if bit(&key, shared) { (other, one) } else { (one, other) };
    let mut node = Node::branch(Node::Leaf(zeros), Node::Leaf(ones));
    for depth in (depth..shared).rev() {
        node = if bit(&key, depth) {
            Node::branch(Node::Empty, node)
        } else {
            Node::branch(node, Node::Empty)
        };
    }
    node
}

/// How many bits two digests have in common before they differ.
pub(super) fn shared_bits(one: &Hash, other: &Hash) -> u32 {
    let mut bits = 0;
    for (one, other) in one.as_bytes().iter().zip(other.as_bytes()) {
        let same = (one ^ other).leading_zeros();
        bits += same;
        if same < u8::BITS {
            break;
        }
    }
    bits
}

#[cfg(test)]
mod tests;
