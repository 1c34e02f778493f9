//! The causal tree of a message: what came of it, what it emitted, what that became in other logs,
//! and so on, through any number of processes.
//!
//! [`Growth`] decides what to look up next and puts the tree together; it is pure. [`Tracer`] looks
//! things up through a client, which checks whatever it is told.
//!
//! # Invariants
//!
//! - A tree has no more nodes than its bounds allow, and counts what it leaves out.
//! - A tree depends on what stands in logs and outcomes alone, never on who answers first.
//! - A time is never made up: the network records when a slot was assigned, and by whose clock, but
//!   not when it was executed.

mod hop;
mod links;
mod read;
mod tree;

pub(crate) use hop::{Agreed, Execution, Hop};
pub(crate) use links::{emitted_by, entry_of};
pub(crate) use read::Tracer;
#[cfg(test)]
pub(crate) use tree::Growth;
pub(crate) use tree::{Bounds, Node, Reached, Tree, Via};
