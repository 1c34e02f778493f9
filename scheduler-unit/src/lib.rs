//! The scheduler unit: gives every entry of a process its slot, durably, and proves it.
//!
//! ```text
//! submit streams -> verify (parallel) -> sequencer (one a shard) -> log -> acknowledge
//!                                            |                    \---> tails
//!                                            \-> board (readers) ----> indexer -> index.redb
//! ```
//!
//! `order` decides and knows no I/O; `verify` checks what does not depend on a log; `sequencer`
//! commits; `board` and `archive` are what readers see; `store` is the only place that knows tables.
//! All of these but `verify` exist once for each `shard`.
//!
//! # Invariants
//!
//! - Nothing is acknowledged before it is durable, and every acknowledgement proves itself.
//! - A slow process, stream or reader delays no other.
//! - Only the log must survive a crash; the index is derived from it.

mod absence;
mod adoption;
mod archive;
mod births;
mod board;
mod clock;
mod config;
#[cfg(test)]
mod fixture;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod indexer;
mod layout;
mod log_stream;
pub mod measure;
mod metrics;
mod order;
mod running;
mod seals;
mod segment;
mod sequencer;
mod service;
mod shard;
#[cfg(simulation)]
pub mod simulated;
#[cfg(test)]
mod simulation;
mod store;
mod store_check;
mod submit;
mod superseding;
mod tails;
mod unit;
mod verify;

pub use config::{Config, LogPlace, LogPlaceError};
pub use layout::LayoutError;
pub use running::{Error, Running, start};
pub use store::StoreError;
