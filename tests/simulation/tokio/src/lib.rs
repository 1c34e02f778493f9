//! Tokio as units see it in the simulation: the same names, but tasks run on one thread in an order
//! that a seed decides, and time passes only when nothing else can be done.
//!
//! What needs no runtime, such as channels and locks, is Tokio's own.

pub mod simulation;
pub mod sync;
pub mod task;
pub mod time;

pub use ::tokio::*;

pub use task::spawn;

/// As Tokio's, with the branches tried in their order.
#[macro_export]
macro_rules! select {
    (biased; $($branches:tt)*) => { $crate::select_biased! { biased; $($branches)* } };
    ($($branches:tt)*) => { $crate::select_biased! { biased; $($branches)* } };
}

#[doc(hidden)]
pub use ::tokio::select as select_biased;
