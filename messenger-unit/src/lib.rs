//! The messenger unit.
mod outbox;
