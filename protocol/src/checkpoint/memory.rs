//! A memory image as a tree of addresses: 64 entries to a node, state pages below.
//!
//! Beside every address stands the chaining value of the pages below, so the memory root is
//! computed from the top alone, and a changed page changes one node on each level.

use minicbor::{Decode, Encode};

use crate::{
    Hash, Limits,
    codec::DecodeError,
    state::{self, STATE_PAGE_BYTES},
};

use super::CheckpointError;

static ZEROS: [u8; STATE_PAGE_BYTES] = [0; STATE_PAGE_BYTES];

/// The top of a memory image.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct MemoryIndex {
    /// The size of the memory in Wasm pages of 64 KiB.
    #[n(0)]
    pub pages: u32,
    /// The height of the top node; the smallest that leaves it at most 64 entries.
    #[n(1)]
    pub height: u8,
    /// The entries of the top node, which is not stored itself.
    #[n(2)]
    pub root: Vec<PageEntry>,
}

/// A state page in a node of height 0, a node one lower in all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PageEntry {
    /// The plain BLAKE3 hash of the page or of the encoded node; [`Hash::ZERO`] for a page of
    /// zeros, which is never stored.
    #[n(0)]
    pub address: Hash,
    /// The BLAKE3 chaining value of the page or of all pages below, at their place in the image.
    #[n(1)]
    pub cv: Hash,
}

/// A node of the tree: 1 to 64 entries. Only the last node of a level may have less than 64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryNode(Vec<PageEntry>);

impl PageEntry {
    /// Bytes of an entry in a node.
    pub const BYTES: usize = 64;

    /// The entry of a page at its place in an image, counted in pages.
    pub fn of_page(index: u32, bytes: &[u8; STATE_PAGE_BYTES]) -> Self {
        let address = if *bytes == ZEROS { Hash::ZERO } else { Hash::of_blob(bytes) };
        Self { address, cv: Hash::from_bytes(state::page_cv(index, bytes)) }
    }

    /// Whether this is the entry of a page at its place in an image. A page of zeros is checked
    /// like any other: its chaining value could be that of other bytes.
    #[must_use]
    pub fn is_of_page(&self, index: u32, bytes: &[u8]) -> bool {
        bytes.try_into().is_ok_and(|bytes| Self::of_page(index, bytes) == *self)
    }

    /// The node that this entry stands for, from its bytes.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] if the bytes are not that node.
    pub fn node(&self, bytes: &[u8]) -> Result<MemoryNode, CheckpointError> {
        if Hash::of_blob(bytes) != self.address {
            return Err(CheckpointError::Address(self.address));
        }
        let node = MemoryNode::decode(bytes)?;
        if node.cv() == self.cv {
            Ok(node)
        } else {
            Err(CheckpointError::ChainingValue(self.address))
        }
    }
}

impl MemoryNode {
    /// The most entries of a node.
    pub const ENTRIES_MAX: usize = 64;

    /// A node with these entries, if there are 1 to 64.
    pub fn new(entries: Vec<PageEntry>) -> Option<Self> {
        (1..=Self::ENTRIES_MAX).contains(&entries.len()).then_some(Self(entries))
    }

    /// The entries, in the order of the image.
    pub fn entries(&self) -> &[PageEntry] {
        &self.0
    }

    /// The entries one behind the other, address then chaining value.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * PageEntry::BYTES);
        for entry in &self.0 {
            bytes.extend_from_slice(entry.address.as_bytes());
            bytes.extend_from_slice(entry.cv.as_bytes());
        }
        bytes
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not 1 to 64 entries.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let malformed = || DecodeError::Malformed {
            what: "MemoryNode",
            detail: "not 1 to 64 entries of 64 bytes".to_owned(),
        };
        let (hashes, rest) = bytes.as_chunks::<32>();
        let (pairs, odd) = hashes.as_chunks::<2>();
        if !rest.is_empty() || !odd.is_empty() || pairs.len() > Self::ENTRIES_MAX {
            return Err(malformed());
        }
        let entry = |[address, cv]: &[[u8; 32]; 2]| PageEntry {
            address: Hash::from_bytes(*address),
            cv: Hash::from_bytes(*cv),
        };
        Self::new(pairs.iter().map(entry).collect()).ok_or_else(malformed)
    }

    /// The chaining value of all pages below.
    pub fn cv(&self) -> Hash {
        let cv = state::merge_all(cvs(&self.0)).expect("a node has an entry");
        Hash::from_bytes(cv)
    }
}

impl MemoryIndex {
    /// The index of an image from the entries of all its state pages. `store` is given the address
    /// and the bytes of every node below the top.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] if no memory has that many pages.
    pub fn build(
        mut entries: Vec<PageEntry>,
        mut store: impl FnMut(Hash, Vec<u8>),
    ) -> Result<Self, CheckpointError> {
        let pages = entries.len() as u64 / u64::from(state::PAGES_PER_WASM_PAGE);
        let pages = u32::try_from(pages).map_err(|_| SHAPE)?;
        let mut height = 0;
        while entries.len() > MemoryNode::ENTRIES_MAX {
            let nodes = entries.chunks(MemoryNode::ENTRIES_MAX).map(|children| {
                let node = MemoryNode(children.to_vec());
                let bytes = node.encode();
                let address = Hash::of_blob(&bytes);
                store(address, bytes);
                PageEntry { address, cv: node.cv() }
            });
            entries = nodes.collect();
            height += 1;
        }
        let index = Self { pages, height, root: entries };
        index.check()?;
        Ok(index)
    }

    /// Whether height and number of entries are those of the number of pages.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Shape`] if not, or if no process may have that many pages.
    pub fn check(&self) -> Result<(), CheckpointError> {
        let fits = self.pages <= Limits::MAX.memory_pages
            && self.root.len() as u64 == self.width(self.height)
            && self.root.len() <= MemoryNode::ENTRIES_MAX;
        // One level less would be too wide for a top node.
        let lowest = self
            .height
            .checked_sub(1)
            .is_none_or(|below| self.width(below) > MemoryNode::ENTRIES_MAX as u64);
        if fits && lowest { Ok(()) } else { Err(SHAPE) }
    }

    /// The BLAKE3 hash of the image; nothing if [`Self::check`] fails.
    pub fn memory_root(&self) -> Option<Hash> {
        self.check().ok()?;
        if self.pages == 0 {
            return Some(state::empty_root());
        }
        state::merge_all_to_root(cvs(&self.root))
    }

    /// The entries of all state pages, in the order of the image. `read` gives the bytes of a node
    /// by its address. Everything but the pages is checked, and those that are zeros.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] names the blob that is missing or wrong.
    pub fn page_entries(
        &self,
        mut read: impl FnMut(&Hash) -> Option<Vec<u8>>,
    ) -> Result<Vec<PageEntry>, CheckpointError> {
        self.check()?;
        let mut level = self.root.clone();
        for height in (0..self.height).rev() {
            let mut missing = self.width(height);
            let mut below = Vec::new();
            for entry in &level {
                let bytes = read(&entry.address).ok_or(CheckpointError::Missing(entry.address))?;
                let node = entry.node(&bytes)?;
                let full = missing.min(MemoryNode::ENTRIES_MAX as u64);
                if node.0.len() as u64 != full {
                    return Err(SHAPE);
                }
                missing -= full;
                below.extend(node.0);
            }
            level = below;
        }
        let zeros = (0..).zip(&level).filter(|(_, entry)| entry.address == Hash::ZERO);
        for (index, entry) in zeros {
            if !entry.is_of_page(index, &ZEROS) {
                return Err(CheckpointError::ChainingValue(entry.address));
            }
        }
        Ok(level)
    }

    /// How many entries the nodes of a height have in all.
    fn width(&self, height: u8) -> u64 {
        let pages = u64::from(self.pages) * u64::from(state::PAGES_PER_WASM_PAGE);
        let below = (MemoryNode::ENTRIES_MAX as u64).saturating_pow(height.into());
        pages.div_ceil(below)
    }
}

/// A memory index whose height or number of entries is wrong.
pub(super) const SHAPE: CheckpointError =
    CheckpointError::Shape("the memory index is not of the shape that its pages give it");

fn cvs(entries: &[PageEntry]) -> Vec<[u8; 32]> {
    entries.iter().map(|entry| *entry.cv.as_bytes()).collect()
}

#[cfg(test)]
mod tests;
