//! Tells the allocator of the C library to keep few pools.
//!
//! By default glibc has eight for each core and never moves what is free in one to another. A unit
//! that brings processes into memory on any of its threads would hold the most that each thread
//! ever needed.

#![expect(unsafe_code, reason = "a setting of the C library")]

/// Pools of memory, whatever the number of threads.
const ARENAS: libc::c_int = 2;

/// Lets the program have few pools from now on.
pub(crate) fn keep_few_pools() {
    // SAFETY: sets a number in the allocator, which takes its own lock.
    if unsafe { libc::mallopt(libc::M_ARENA_MAX, ARENAS) } == 0 {
        tracing::debug!("the allocator keeps its own number of pools");
    }
}
