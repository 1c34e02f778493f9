//! The file that holds a memory as it was at the last mark.

#![expect(unsafe_code, reason = "maps a file in memory")]

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::{
    fs::{MemfdFlags, ftruncate, memfd_create},
    mm::{MapFlags, ProtFlags, mmap, munmap},
};

use super::faults::Faults;
use crate::memory::{PageSource, STATE_PAGE, page_at};

/// A file in memory, mapped as a whole.
pub(crate) struct Base {
    file: OwnedFd,
    start: NonNull<u8>,
    len: usize,
    /// The memory that is read when it is touched, in bytes from the start.
    restored: usize,
    source: Option<Arc<dyn PageSource>>,
    damaged: AtomicBool,
}

// SAFETY: the mapping belongs to this value alone. A page is written either by the one thread that
// marks the instance, or, before anybody can have read it, by the thread that fills it.
unsafe impl Send for Base {}
// SAFETY: as above.
unsafe impl Sync for Base {}

impl Base {
    /// A file of zeros for a memory of up to so many bytes.
    pub(crate) fn new(bytes_max: usize) -> io::Result<Self> {
        let file = memfd_create("antiphon-memory", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, bytes_max as u64)?;
        let len = bytes_max.max(STATE_PAGE);
        // SAFETY: a new mapping at a place that the kernel chooses.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::NORESERVE,
                &file,
                0,
            )
        }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let damaged = AtomicBool::new(false);
        Ok(Self { file, start, len, restored: 0, source: None, damaged })
    }

    /// A file whose first bytes come from a source: when they are touched if the kernel asks for
    /// them, else now.
    pub(crate) fn restored(
        bytes_max: usize,
        bytes: usize,
        source: Arc<dyn PageSource>,
    ) -> io::Result<Self> {
        let mut base = Self::new(bytes_max.max(bytes))?;
        base.restored = bytes;
        if Faults::get().is_some() {
            base.source = Some(source);
            return Ok(base);
        }
        let mut page = [0; STATE_PAGE];
        for offset in (0..bytes).step_by(STATE_PAGE) {
            source.read(page_at(offset), &mut page).map_err(io::Error::other)?;
            if page != [0; STATE_PAGE] {
                base.write(offset, &page);
            }
        }
        Ok(base)
    }

    /// The largest size of the memory.
    pub(super) const fn size(&self) -> usize {
        self.len
    }

    /// The bytes that the file was made with.
    pub(super) const fn restored_bytes(&self) -> usize {
        self.restored
    }

    /// Whether pages have to be read when they are touched.
    pub(super) const fn is_lazy(&self) -> bool {
        self.source.is_some()
    }

    /// Whether a page could not be read.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// Reads a page from its source into the file. Where that fails the page is zeros, and whatever
    /// was computed from it must not count: see [`Self::is_damaged`].
    pub(super) fn fill(&self, offset: usize) {
        let Some(source) = &self.source else { return };
        let mut page = [0; STATE_PAGE];
        if let Err(reason) = source.read(page_at(offset), &mut page) {
            tracing::error!(%reason, "a checkpoint is damaged");
            self.damaged.store(true, Ordering::Release);
            page = [0; STATE_PAGE];
        }
        self.write(offset, &page);
    }

    /// A page at the last mark. Must not be called for a page that was never touched.
    pub(super) fn page(&self, offset: usize) -> &[u8] {
        assert!(self.holds(offset), "a page of the file");
        // SAFETY: within the mapping; nobody writes it at the same time, see above.
        unsafe { std::slice::from_raw_parts(self.start.add(offset).as_ptr(), STATE_PAGE) }
    }

    /// Writes a page.
    pub(super) fn write(&self, offset: usize, page: &[u8]) {
        assert!(self.holds(offset) && page.len() == STATE_PAGE, "a page of the file");
        // SAFETY: within the mapping; nobody reads or writes it at the same time, see above.
        unsafe {
            self.start.add(offset).copy_from_nonoverlapping(NonNull::from(page).cast(), STATE_PAGE);
        }
    }

    fn holds(&self, offset: usize) -> bool {
        offset.is_multiple_of(STATE_PAGE)
            && offset.checked_add(STATE_PAGE).is_some_and(|end| end <= self.len)
    }
}

impl AsFd for Base {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `new`, of which nothing is left.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
        if let Err(error) = unmapped {
            tracing::error!(%error, "a memory cannot be given back");
        }
    }
}
