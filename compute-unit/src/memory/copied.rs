//! The portable mark: a sparse copy of the memory.
//!
//! Pages of zeros take no room, and a page that did not change since the last mark is only
//! compared. An actor's memory is mostly stack that was never used.

use super::{PageSet, PageSource, STATE_PAGE, page_at};

static ZEROS: [u8; STATE_PAGE] = [0; STATE_PAGE];

/// A sparse copy of a memory.
#[derive(Default)]
pub(crate) struct Copied {
    bytes: usize,
    /// Pages, none for zeros.
    pages: Vec<Option<Box<[u8]>>>,
}

impl Copied {
    /// A copy that is read from a source.
    pub(super) fn restored(bytes: usize, source: &dyn PageSource) -> std::io::Result<Self> {
        let mut page = vec![0; STATE_PAGE];
        let mut pages = Vec::with_capacity(bytes / STATE_PAGE);
        for index in 0..page_at(bytes) {
            source.read(index, &mut page).map_err(std::io::Error::other)?;
            pages.push((!is_zero(&page)).then(|| page.as_slice().into()));
        }
        Ok(Self { bytes, pages })
    }

    /// Makes this the copy of a memory.
    pub(super) fn mark(&mut self, live: &[u8], changed: &mut PageSet) {
        self.bytes = live.len();
        self.pages.resize_with(live.len().div_ceil(STATE_PAGE), || None);
        for (index, (kept, live)) in (0..).zip(self.pages.iter_mut().zip(live.chunks(STATE_PAGE))) {
            match kept {
                Some(kept) if **kept == *live => continue,
                None if is_zero(live) => continue,
                Some(kept) if kept.len() == live.len() => kept.copy_from_slice(live),
                _ => *kept = Some(live.into()),
            }
            changed.insert(index);
        }
    }

    /// Makes a memory of the same size equal to the copy.
    pub(super) fn restore(&self, live: &mut [u8]) {
        for (kept, live) in self.pages.iter().zip(live.chunks_mut(STATE_PAGE)) {
            match kept {
                Some(kept) if **kept == *live => {}
                Some(kept) => live.copy_from_slice(kept),
                None if is_zero(live) => {}
                None => live.fill(0),
            }
        }
    }

    /// Writes what is not zero into a memory of zeros.
    pub(super) fn fill(&self, live: &mut [u8]) {
        for (kept, live) in self.pages.iter().zip(live.chunks_mut(STATE_PAGE)) {
            if let Some(kept) = kept {
                live.copy_from_slice(kept);
            }
        }
    }

    /// The size of the memory copied.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}

fn is_zero(page: &[u8]) -> bool {
    ZEROS.get(..page.len()).is_some_and(|zeros| zeros == page)
}
