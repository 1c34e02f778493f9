//! Checkpoints: the state of processes after some of their slots, on disk.
//!
//! A checkpoint is a short record and blobs: pages of memory, nodes of the tree above them, chunks
//! of the host table. Blobs are named by their BLAKE3 hash and stored once, whatever processes and
//! times they are of, so a further checkpoint writes what changed. Nothing here is the truth: a
//! checkpoint that is damaged is dropped, and the process goes on from an older one or its log.
//!
//! # Invariants
//!
//! - What is read is what was written: every blob is checked against its name.
//! - A blob is stored as long as a checkpoint leads to it.

mod build;
mod retention;
mod source;
mod store;
mod writer;

pub(crate) use source::{Blobs, restore, state_root};
pub(crate) use store::{CheckpointStore, Kind};
pub(crate) use writer::{Job, Writer};

#[cfg(test)]
mod tests;
