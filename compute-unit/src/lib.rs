//! The compute unit: executes logs slot by slot, deterministically, and signs what came of them.
//!
//! [`start`] runs a unit. A tail per scheduler checks batches, the executor folds modules
//! over logs, the publisher signs outcomes in batches, the feed hands them to followers and
//! to the disk. `liveness` tells the tails for which other units this one steps in. The engine ([`Engine`], [`Instance`]) knows nothing of logs or networks.
//!
//! # Invariants
//!
//! - Outcomes depend on log, module and profile alone; nothing of [`Config`] can change one.
//! - Nothing is published that was not executed under a verified batch signature.
//! - No unit starts whose engine does not pass the [`conformance`] suite of the profile.

pub mod conformance;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod agenda;
mod allocator;
mod archive;
#[cfg(feature = "bench")]
pub mod bench;
mod checkpoint;
mod config;
mod crew;
mod database;
mod engine;
mod executor;
mod feed;
mod following;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod given;
mod instance;
mod keeper;
mod liveness;
mod memory;
mod metrics;
mod module;
mod output;
mod prepare;
mod process;
mod published;
mod publisher;
mod replay;
mod reports;
mod resuming;
mod service;
#[cfg(feature = "simulation")]
pub mod simulation;
mod store;
mod tail;
mod tailing;

pub use config::{Config, Interval};
pub use engine::{CompileError, Engine, THREAD_STACK_BYTES};
pub use instance::{
    Executed, Export, Fault, GenesisError, HostFault, Instance, PAGE_BYTES, Pause, StateImage,
    Stopped,
};
pub use module::{CompiledModule, Modules, Successor};
pub use prepare::{
    GlobalKind, MutableGlobal, PREPARATION_VERSION, PrepareError, Prepared, Segment, limits,
    prepare,
};
pub use protocol::GlobalValue;

pub use database::StoreError;
pub use replay::{Replay, ReplayError, Replayed};
pub use service::{Error, Running, start};

#[cfg(test)]
mod fixture;
#[cfg(any(test, feature = "bench"))]
mod testing;
