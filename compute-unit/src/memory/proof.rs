//! Shows a page to be part of a memory. Pure.

use protocol::{
    Hash, PageProof,
    state::{merge, page_cv},
};

use super::STATE_PAGE;

/// The proof of a page of an image; none if it has no such page.
pub(crate) fn prove(image: &[u8], page: u32) -> Option<PageProof> {
    let (pages, _) = image.as_chunks::<STATE_PAGE>();
    let count = u32::try_from(pages.len()).ok().filter(|count| page < *count)?;
    let mut level: Vec<[u8; 32]> =
        (0..).zip(pages).map(|(index, bytes)| page_cv(index, bytes)).collect();
    let mut position = usize::try_from(page).ok()?;
    let mut siblings = Vec::new();
    while level.len() > 1 {
        siblings.extend(level.get(position ^ 1).map(|sibling| Hash::from_bytes(*sibling)));
        let (pairs, odd) = level.as_chunks::<2>();
        let merged = pairs.iter().map(|[left, right]| merge(left, right));
        level = merged.chain(odd.iter().copied()).collect();
        position /= 2;
    }
    Some(PageProof { page, pages: count, siblings })
}
