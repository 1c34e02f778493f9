//! How much memory all instances of a unit may have together.
//!
//! What a process may have stands in its spawn, what this machine has does not: where it runs out,
//! the slot has no outcome here, and is executed again later.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that nobody has taken.
#[derive(Debug)]
pub(crate) struct Budget {
    free: AtomicUsize,
}

impl Budget {
    /// So many bytes for all.
    pub(crate) const fn of(bytes: usize) -> Self {
        Self { free: AtomicUsize::new(bytes) }
    }

    /// Takes bytes, all or none; whether there were as many.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let left = |free: usize| free.checked_sub(bytes);
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }

    /// Gives back what was taken.
    pub(crate) fn give(&self, bytes: usize) {
        self.free.fetch_add(bytes, Ordering::Relaxed);
    }
}
