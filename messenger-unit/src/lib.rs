//! The messenger unit: carries what clients say to processes, and what processes say to each other.
//!
//! It relays entries to the schedulers of their targets and brings back assignments and outcomes;
//! it follows what compute units execute and delivers outbox items to their targets, exactly once
//! and in order for each pair. It signs nothing and is trusted by nobody: whatever it brings proves
//! itself, and whatever it loses is found again from the logs and outcomes of others.
//!
//! # Code map
//!
//! - `outbox`: the pure core of delivery; `delivery` performs its effects.
//! - `session`, `router`, `relay`, `flight`: from a client's stream to schedulers and back.
//! - `follow`, `check`, `collect`, `parcel`: from compute units to the outbox.
//! - `agenda`: the pure core of timers and deadlines; `firing` performs its effects. `verdict`: that of
//!   what sources must be told of their items; `telling` performs its effects. `errand`: how both
//!   submit.
//! - `board`: who waits for which outcome; `subscription`: who follows a process. `location`: who
//!   processes are; `handover`: when that has changed. `fetch`: what has passed.
//! - `witness`: receipts that contradict each other.
//! - `share`: which messenger of an operator delivers what which process emits.
//! - `store`: cursors on disk. `service`: requests, streams, start and stop.
//!
//! **Invariant:** nothing here is needed to be right: the database is a cache, and a lost or second
//! messenger changes neither what is delivered nor in which order.

mod agenda;
mod basis;
mod board;
mod check;
mod collect;
mod config;
mod delivery;
mod errand;
mod fetch;
mod firing;
mod flight;
mod follow;
mod handover;
mod hub;
mod location;
mod metrics;
mod outbox;
mod parcel;
mod relay;
mod router;
mod service;
mod session;
mod share;
mod store;
mod subscription;
mod telling;
mod verdict;
mod wire;
mod witness;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use config::Config;
pub use service::{Error, Running, start};
pub use store::StoreError;

/// Locks a mutex whose every section leaves its data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
