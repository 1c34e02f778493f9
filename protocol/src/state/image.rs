//! The memory root from its parts: chaining values of BLAKE3 subtrees.
//!
//! Every page is a subtree of four chunks. Pairing page subtrees level by level, with the odd one
//! at the end promoted, gives BLAKE3's own tree; only the last merge of an image is another.

use blake3::{
    Hasher,
    hazmat::{HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root},
};
use minicbor::{Decode, Encode};

use crate::Hash;

/// Bytes in a page of a state: the unit in which memory is stored, compared and proven. A page of
/// Wasm has sixteen.
pub const STATE_PAGE_BYTES: usize = 4_096;

/// State pages in a Wasm page.
pub(crate) const PAGES_PER_WASM_PAGE: u32 = 16;

/// The root of a memory without pages: the hash of nothing.
pub fn empty_root() -> Hash {
    Hash::of_blob(&[])
}

/// The chaining value of a page at its place in an image, counted in pages.
pub fn page_cv(index: u32, bytes: &[u8; STATE_PAGE_BYTES]) -> [u8; 32] {
    let offset = u64::from(index) * (STATE_PAGE_BYTES as u64);
    Hasher::new().set_input_offset(offset).update(bytes).finalize_non_root()
}

/// The chaining value of two neighbouring subtrees, of which the left is complete.
pub fn merge(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    merge_subtrees_non_root(left, right, Mode::Hash)
}

/// The root of an image whose two halves are these subtrees.
pub fn merge_root(left: &[u8; 32], right: &[u8; 32]) -> Hash {
    Hash::from_bytes(*merge_subtrees_root(left, right, Mode::Hash).as_bytes())
}

/// The chaining value of neighbouring subtrees of one size, of which the last may be smaller;
/// nothing of none.
pub(crate) fn merge_all(mut level: Vec<[u8; 32]>) -> Option<[u8; 32]> {
    while level.len() > 1 {
        level = next_level(&level);
    }
    level.pop()
}

/// The root of an image that consists of these subtrees, as [`merge_all`] takes them; nothing of
/// less than two.
pub(crate) fn merge_all_to_root(mut level: Vec<[u8; 32]>) -> Option<Hash> {
    while level.len() > 2 {
        level = next_level(&level);
    }
    match level.as_slice() {
        [left, right] => Some(merge_root(left, right)),
        _ => None,
    }
}

fn next_level(level: &[[u8; 32]]) -> Vec<[u8; 32]> {
    let (pairs, odd) = level.as_chunks::<2>();
    pairs.iter().map(|[left, right]| merge(left, right)).chain(odd.iter().copied()).collect()
}

/// Shows to anybody that a page is part of a memory image. A proof alone does not fix how many
/// pages there are.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PageProof {
    /// The position of the page.
    #[n(0)]
    pub page: u32,
    /// How many pages the image has.
    #[n(1)]
    pub pages: u32,
    /// The chaining values of the subtrees beside the way to the root, lowest first; a promoted
    /// subtree has none on its level.
    #[n(2)]
    pub siblings: Vec<Hash>,
}

impl PageProof {
    /// The memory root this proof leads to from the bytes of the page, or nothing if the proof or
    /// the page is malformed.
    pub fn memory_root(&self, bytes: &[u8]) -> Option<Hash> {
        let bytes: &[u8; STATE_PAGE_BYTES] = bytes.try_into().ok()?;
        if self.page >= self.pages || !self.pages.is_multiple_of(PAGES_PER_WASM_PAGE) {
            return None;
        }
        let (mut position, mut width) = (self.page, self.pages);
        let mut siblings = self.siblings.iter();
        let mut cv = page_cv(self.page, bytes);
        loop {
            let promoted = position == width - 1 && width % 2 == 1;
            if !promoted {
                let sibling = siblings.next()?.as_bytes();
                let (left, right) =
                    if position.is_multiple_of(2) { (&cv, sibling) } else { (sibling, &cv) };
                if width == 2 {
                    let root = merge_root(left, right);
                    return siblings.next().is_none().then_some(root);
                }
                cv = merge(left, right);
            }
            position /= 2;
            width = width.div_ceil(2);
        }
    }
}
