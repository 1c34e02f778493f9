//! The linear memory of a resident instance: what it was at the last mark, and what a message
//! touched since.
//!
//! A mark is where a slot that fails returns to. Two methods keep it, behind [`Marked`]:
//!
//! - **mapped** (Linux): the memory is a private mapping of a file in memory that holds the mark.
//!   The processor's page tables know which pages were written, so marking and returning cost what
//!   was touched, at any size; and a restored memory is filled page by page as it is touched.
//! - **copied** (everywhere): a sparse copy that is compared with the memory.
//!
//! # Invariants
//!
//! - Both methods give the same memory and the same set of changed pages: nothing of them can be
//!   seen in an outcome or a state root.
//! - What unsafe code there is lies in this module's Linux half.

mod budget;
mod copied;
#[cfg(target_os = "linux")]
mod linux;
mod pages;
mod proof;
mod tree;

use std::sync::Arc;

pub(crate) use budget::Budget;
use copied::Copied;
pub(crate) use pages::PageSet;
pub(crate) use proof::prove;
pub(crate) use tree::{FANOUT, GroupSource, MemoryTree};

#[cfg(target_os = "linux")]
pub(crate) use linux::{Base, Creator};

/// Bytes in a page of state: what is tracked, hashed and stored as one.
pub(crate) const STATE_PAGE: usize = protocol::STATE_PAGE_BYTES;

/// How an engine's instances know what a message touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tracking {
    /// By comparing with a copy.
    Copied,
    /// By the page tables.
    #[cfg(target_os = "linux")]
    Mapped,
}

impl Tracking {
    /// All methods that this machine has.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Copied];
        if Self::best() != Self::Copied {
            all.push(Self::best());
        }
        all
    }

    /// The better method that this machine has.
    pub(crate) fn best() -> Self {
        #[cfg(target_os = "linux")]
        if linux::is_supported() {
            return Self::Mapped;
        }
        Self::Copied
    }
}

/// How many memories this program may hold at a time, as far as the operating system limits it: a
/// mapped one takes a file. Has the limit raised first.
pub(crate) fn memories_max() -> usize {
    /// Files for everything else: databases, sockets.
    #[cfg(target_os = "linux")]
    const OTHER_FILES: usize = 512;
    #[cfg(target_os = "linux")]
    if Tracking::best() == Tracking::Mapped {
        return linux::raise_file_limit().saturating_sub(OTHER_FILES).max(1);
    }
    usize::MAX
}

/// Where the pages of a restored memory come from.
pub(crate) trait PageSource: Send + Sync {
    /// Reads a page and checks that it is the one that belongs there.
    fn read(&self, page: u32, into: &mut [u8]) -> Result<(), Unreadable>;
}

/// A page of a checkpoint cannot be had, or is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("page {page} of a checkpoint cannot be read: {reason}")]
pub(crate) struct Unreadable {
    /// The page.
    pub(crate) page: u32,
    /// Why.
    pub(crate) reason: String,
}

/// A memory as it was at the last mark.
pub(crate) enum Marked {
    /// See the module's documentation.
    Copied(Copied),
    /// See the module's documentation.
    #[cfg(target_os = "linux")]
    Mapped(linux::Mapped),
}

impl Marked {
    /// The mark of an empty memory that can grow to so many bytes.
    ///
    /// # Errors
    ///
    /// If the machine has no room for it.
    pub(crate) fn new(tracking: Tracking, bytes_max: usize) -> std::io::Result<Self> {
        match tracking {
            Tracking::Copied => Ok(Self::Copied(Copied::default())),
            #[cfg(target_os = "linux")]
            Tracking::Mapped => {
                Ok(Self::Mapped(linux::Mapped::new(Arc::new(Base::new(bytes_max)?))))
            }
        }
    }

    /// The mark of a memory of so many bytes whose pages come from elsewhere, when they are
    /// touched if the machine can do so.
    ///
    /// # Errors
    ///
    /// If the machine has no room for it, or a page cannot be read.
    pub(crate) fn restored(
        tracking: Tracking,
        bytes_max: usize,
        bytes: usize,
        source: Arc<dyn PageSource>,
    ) -> std::io::Result<Self> {
        match tracking {
            Tracking::Copied => Ok(Self::Copied(Copied::restored(bytes, &*source)?)),
            #[cfg(target_os = "linux")]
            Tracking::Mapped => {
                let base = Base::restored(bytes_max, bytes, source)?;
                Ok(Self::Mapped(linux::Mapped::new(Arc::new(base))))
            }
        }
    }

    /// Makes the memory as it is the mark, and adds the pages that changed since the last mark.
    pub(crate) fn mark(&mut self, live: &mut [u8], changed: &mut PageSet) -> std::io::Result<()> {
        match self {
            Self::Copied(copied) => {
                copied.mark(live, changed);
                Ok(())
            }
            #[cfg(target_os = "linux")]
            Self::Mapped(mapped) => mapped.mark(live, changed),
        }
    }

    /// Makes a memory of the mark's size what it was at the mark.
    pub(crate) fn restore(&mut self, live: &mut [u8]) -> std::io::Result<()> {
        match self {
            Self::Copied(copied) => {
                copied.restore(live);
                Ok(())
            }
            #[cfg(target_os = "linux")]
            Self::Mapped(mapped) => mapped.restore(live),
        }
    }

    /// The size of the memory at the mark.
    pub(crate) const fn bytes(&self) -> usize {
        match self {
            Self::Copied(copied) => copied.bytes(),
            #[cfg(target_os = "linux")]
            Self::Mapped(mapped) => mapped.bytes(),
        }
    }

    /// Bytes that have to be looked at for the next mark, whatever was touched.
    pub(crate) const fn bytes_compared(&self) -> usize {
        match self {
            Self::Copied(copied) => copied.bytes(),
            #[cfg(target_os = "linux")]
            Self::Mapped(_) => 0,
        }
    }

    /// Whether a page that was needed could not be read.
    pub(crate) fn is_damaged(&self) -> bool {
        match self {
            Self::Copied(_) => false,
            #[cfg(target_os = "linux")]
            Self::Mapped(mapped) => mapped.base().is_damaged(),
        }
    }

    /// The pages of the mark that differ between it and a memory of zeros of size 0: a new memory
    /// takes them from here when it is made of this mark.
    pub(crate) fn fill(&self, live: &mut [u8]) {
        match self {
            Self::Copied(copied) => copied.fill(live),
            // A new view of the same file holds them already.
            #[cfg(target_os = "linux")]
            Self::Mapped(_) => {}
        }
    }

    /// The file that a new instance's memory is a view of.
    #[cfg(target_os = "linux")]
    pub(crate) const fn base(&self) -> Option<&Arc<Base>> {
        match self {
            Self::Copied(_) => None,
            Self::Mapped(mapped) => Some(mapped.base()),
        }
    }
}

/// The index of the page at an offset.
pub(crate) fn page_at(offset: usize) -> u32 {
    u32::try_from(offset / STATE_PAGE).expect("a memory has at most 2^20 pages")
}

#[cfg(test)]
mod tests;
