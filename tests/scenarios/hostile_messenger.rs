//! Messengers that forge, alter, replay, withhold and reorder: they delay, and nothing else.
//!
//! The cluster's own messenger is killed first; the rogue of these tests carries what there is to
//! carry, in whatever order and company it likes.

#[path = "hostile_messenger/asks.rs"]
mod asks;
#[path = "hostile_messenger/births.rs"]
mod births;
#[path = "hostile_messenger/disorder.rs"]
mod disorder;
#[path = "hostile_messenger/doubts.rs"]
mod doubts;
#[path = "hostile_messenger/proofs.rs"]
mod proofs;
#[path = "hostile_messenger/puppet.rs"]
mod puppet;
#[path = "hostile_messenger/rogue.rs"]
mod rogue;
#[path = "hostile_messenger/timers.rs"]
mod timers;
