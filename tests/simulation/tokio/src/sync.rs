//! What tasks share. All is Tokio's own but watches: those choose at random whom they wake first.

pub mod watch;

pub use ::tokio::sync::*;
