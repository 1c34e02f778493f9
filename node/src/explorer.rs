//! The explorer: pages that show a network, its processes, their logs and single messages.
//!
//! [`Reader`] gathers facts through a client; the other modules turn facts into markup or JSON and
//! are pure. What actors and units say is hostile: markup escapes it, and every text has a limit.

pub(crate) mod account;
pub(crate) mod chart;
pub(crate) mod facts;
pub(crate) mod fault;
pub(crate) mod filter;
pub(crate) mod forms;
pub(crate) mod graph;
pub(crate) mod home;
pub(crate) mod json;
pub(crate) mod layout;
pub(crate) mod log;
pub(crate) mod message;
pub(crate) mod module;
pub(crate) mod outbox;
pub(crate) mod pace;
pub(crate) mod problem;
pub(crate) mod process;
pub(crate) mod proven;
mod read;
pub(crate) mod search;
mod show;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod timers;
pub(crate) mod travel;
pub(crate) mod unit;
pub(crate) mod units;

pub(crate) use read::{Reader, SEARCHED};
