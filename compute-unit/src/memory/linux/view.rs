//! The memory that the engine sees: a private mapping of a [`Base`], with room to grow in place.

#![expect(unsafe_code, reason = "maps memory for the engine")]

use std::{cell::RefCell, io, sync::Arc};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous, munmap};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use super::{base::Base, faults::Registration};

thread_local! {
    /// The file that the next memory made on this thread shows: the engine asks for memories
    /// without saying for whom.
    static NEXT: RefCell<Option<Arc<Base>>> = const { RefCell::new(None) };
}

/// Makes memories for the engine.
#[derive(Debug)]
pub(crate) struct Creator;

impl Creator {
    /// Lets the one memory that `work` has made on this thread show a file.
    pub(crate) fn with_base<T>(base: &Arc<Base>, work: impl FnOnce() -> T) -> T {
        NEXT.set(Some(Arc::clone(base)));
        let made = work();
        NEXT.set(None);
        made
    }
}

// SAFETY: a memory of this creator is reserved with its guard as asked for, is not accessible past
// its size, and lives as long as the value.
unsafe impl MemoryCreator for Creator {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved_size_in_bytes: Option<usize>,
        guard_size_in_bytes: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let base = NEXT.take().ok_or("no file was given for this memory")?;
        // An engine that would move memories gets one that grows in place all the same.
        let reserved = reserved_size_in_bytes.unwrap_or(0).max(base.size()).max(minimum);
        let view = View::new(base, minimum, reserved, guard_size_in_bytes);
        Ok(Box::new(view.map_err(|error| error.to_string())?))
    }
}

/// A private mapping.
struct View {
    base: Arc<Base>,
    start: *mut u8,
    size: usize,
    /// What is mapped, at least `size`: a restored memory is mapped as a whole at once.
    mapped: usize,
    reserved: usize,
    total: usize,
    /// Dropped before the mapping.
    registration: Option<Registration>,
}

// SAFETY: the mapping belongs to this value, and the value to one store.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

impl View {
    fn new(base: Arc<Base>, size: usize, reserved: usize, guard: usize) -> io::Result<Self> {
        let total = reserved.checked_add(guard).ok_or(io::ErrorKind::OutOfMemory)?;
        // SAFETY: a new mapping at a place that the kernel chooses.
        let start = unsafe {
            mmap_anonymous(
                std::ptr::null_mut(),
                total,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )
        }?;
        let mut view = Self {
            base,
            start: start.cast(),
            size,
            mapped: 0,
            reserved,
            total,
            registration: None,
        };
        view.map(size.max(view.base.restored_bytes()))?;
        if view.base.is_lazy() {
            let length = view.base.restored_bytes();
            view.registration = Some(Registration::new(view.start.addr(), length, &view.base)?);
        }
        Ok(view)
    }

    /// Maps the file up to a size.
    fn map(&mut self, size: usize) -> io::Result<()> {
        if size > self.reserved {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let Some(more) = size.checked_sub(self.mapped).filter(|more| *more > 0) else {
            return Ok(());
        };
        // SAFETY: replaces a part of the reservation that is not accessible yet.
        unsafe {
            mmap(
                self.start.add(self.mapped).cast(),
                more,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED,
                &*self.base,
                self.mapped as u64,
            )
        }?;
        self.mapped = size;
        Ok(())
    }
}

// SAFETY: `as_ptr` is valid for `byte_size` bytes, and never moves.
unsafe impl LinearMemory for View {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.reserved
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        self.map(new_size)?;
        self.size = new_size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.start
    }
}

impl Drop for View {
    fn drop(&mut self) {
        drop(self.registration.take());
        // SAFETY: the reservation made in `new`, of which nothing is left.
        if let Err(error) = unsafe { munmap(self.start.cast(), self.total) } {
            tracing::error!(%error, "a memory cannot be given back");
        }
    }
}

/// Lets go of all private pages of a memory: it is what the file holds.
pub(super) fn let_go(live: &mut [u8]) -> io::Result<()> {
    // SAFETY: the memory is a private mapping of a file, and this its only reference. Its contents
    // change to those of the file, which are as valid.
    unsafe { madvise(live.as_mut_ptr().cast(), live.len(), Advice::LinuxDontNeed) }?;
    Ok(())
}
