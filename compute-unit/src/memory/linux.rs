//! Marks by page tables: a memory is a private mapping of a file that holds the mark.
//!
//! What the guest writes goes to private copies of pages, which the kernel tells apart from pages of
//! the file (`PAGEMAP_SCAN`, Linux 6.7). Marking copies those that differ into the file; returning
//! copies them back. Pages that were written recently stay private, so that a process at work
//! causes no page faults; when there are many, they are let go and come from the file again.
//!
//! The file of a restored memory is empty at first. A page that is touched for the first time
//! makes the kernel ask ([`faults`]), and is read from its source, checked and written into the
//! file by a thread of its own.

mod base;
mod faults;
mod scan;
mod view;

use std::sync::Arc;

pub(crate) use base::Base;
pub(crate) use view::Creator;

use super::{PageSet, STATE_PAGE, page_at};

/// Private pages that may be kept although the last mark found them unchanged.
const IDLE_MAX: usize = 64;
/// Private pages that are kept at all.
const PRIVATE_MAX: usize = 1_024;
/// Pages of the file that may be mapped before they are let go: each costs time at every scan.
const MAPPED_MAX: usize = 8_192;

/// Whether this machine can keep marks so.
pub(super) fn is_supported() -> bool {
    scan::is_supported()
}

/// Lets this program have as many files open as it may; gives how many.
pub(super) fn raise_file_limit() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let files = if raised.is_ok() { maximum } else { current };
    files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}

/// A mark in a file.
pub(crate) struct Mapped {
    base: Arc<Base>,
    bytes: usize,
    /// Pages that a scan has found, kept for their room.
    found: scan::Found,
}

impl Mapped {
    /// The mark that a file holds.
    pub(super) fn new(base: Arc<Base>) -> Self {
        let bytes = base.restored_bytes();
        Self { base, bytes, found: scan::Found::default() }
    }

    /// Makes the memory as it is the mark.
    pub(super) fn mark(&mut self, live: &mut [u8], changed: &mut PageSet) -> std::io::Result<()> {
        self.found.scan(live)?;
        let (mut private, mut idle) = (0_usize, 0_usize);
        for range in &self.found.private {
            for offset in range.clone().step_by(STATE_PAGE) {
                let page = page_of(live, offset)?;
                private += 1;
                if self.base.page(offset) == page {
                    idle += 1;
                } else {
                    self.base.write(offset, page);
                    changed.insert(page_at(offset));
                }
            }
        }
        self.bytes = live.len();
        if idle > IDLE_MAX || private > PRIVATE_MAX || self.found.mapped > MAPPED_MAX {
            // The file holds all of it now.
            view::let_go(live)?;
        }
        Ok(())
    }

    /// Makes a memory of the same size what it was at the mark.
    pub(super) fn restore(&mut self, live: &mut [u8]) -> std::io::Result<()> {
        self.found.scan(live)?;
        let private: usize = self.found.private.iter().map(std::ops::Range::len).sum();
        if private / STATE_PAGE > PRIVATE_MAX {
            return view::let_go(live);
        }
        for range in &self.found.private {
            for offset in range.clone().step_by(STATE_PAGE) {
                let end = offset.saturating_add(STATE_PAGE);
                let page = live.get_mut(offset..end).ok_or_else(outside)?;
                let kept = self.base.page(offset);
                if kept != page {
                    page.copy_from_slice(kept);
                }
            }
        }
        Ok(())
    }

    /// The size of the memory at the mark.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The file.
    pub(super) const fn base(&self) -> &Arc<Base> {
        &self.base
    }
}

fn page_of(live: &[u8], offset: usize) -> std::io::Result<&[u8]> {
    live.get(offset..offset.saturating_add(STATE_PAGE)).ok_or_else(outside)
}

fn outside() -> std::io::Error {
    std::io::Error::other("a page outside of the memory")
}
