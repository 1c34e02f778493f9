//! Stages for scenarios that are written over [`antiphon::Stage`]: [`Wasm`] runs the actors' modules
//! in this program, as compute units do, and [`Remote`] plays on a real network.
//!
//! Both are told which module an actor type is; the module must have the type's own interface.
//!
//! ```no_run
//! use antiphon::{Sim, Stage, prelude::*};
//! use antiphon_testing::Wasm;
//! # #[actor]
//! # #[derive(Serialize, Deserialize)]
//! # pub struct Counter { n: u64 }
//! # #[actor]
//! # impl Counter {
//! #     #[init]
//! #     fn new(start: u64) -> Self { Self { n: start } }
//! #     fn add(&mut self, by: u64) -> u64 { self.n += by; self.n }
//! # }
//!
//! fn it_counts(stage: &mut impl Stage) {
//!     let counter = stage.spawn::<Counter>(args! { start: 5 });
//!     assert_eq!(stage.send(counter.add(3)), Ok(8));
//! }
//!
//! it_counts(&mut Sim::seeded(7));
//! let module = std::fs::read("target/wasm32-unknown-unknown/release/counter.wasm").unwrap();
//! it_counts(&mut Wasm::seeded(7).with::<Counter>(&module));
//! ```
//!
//! # Invariants
//!
//! - What decides an outcome on [`Wasm`] is the code of compute units; it only orders and carries.
//! - Nobody who writes or runs actors depends on this crate.

#![deny(missing_docs)]

mod engine;
mod modules;
mod remote;
mod wasm;

pub use remote::Remote;
pub use wasm::Wasm;

/// The tutorial: its blocks are compiled and run as this crate's documentation is.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/tutorial.md")]
mod tutorial {}
