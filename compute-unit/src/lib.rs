//! The compute unit: executes logs slot by slot, deterministically, and signs what came of them.
//!
//! [`start`] runs a unit. A tail per scheduler checks batches, the executor folds modules
//! over logs, the publisher signs outcomes in batches, the feed hands them to followers and
//! to the disk. The engine ([`Engine`], [`Instance`]) knows nothing of logs or networks.
//!
//! # Invariants
//!
//! - Outcomes depend on log, module and profile alone; nothing of [`Config`] can change one.
//! - Nothing is published that was not executed under a verified batch signature.
//! - No unit starts whose engine does not pass the [`conformance`] suite of the profile.

pub mod conformance;

mod config;
mod crew;
mod engine;
mod executor;
mod feed;
mod following;
mod instance;
mod keeper;
mod metrics;
mod module;
mod output;
mod prepare;
mod process;
mod publisher;
mod service;
mod store;
mod tail;
mod tailing;

pub use config::Config;
pub use engine::{CompileError, Engine, THREAD_STACK_BYTES};
pub use instance::{
    Executed, Export, Fault, GenesisError, GlobalValue, HostFault, Instance, PAGE_BYTES, StateImage,
};
pub use module::{CompiledModule, Modules};
pub use prepare::{
    GlobalKind, MutableGlobal, PREPARATION_VERSION, PrepareError, Prepared, Segment, limits,
    prepare,
};

pub use service::{Error, Running, start};
pub use store::StoreError;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod testing;
