//! Transport as units see it in the simulation: the same names, but what is said goes through memory,
//! and a seed decides how long it takes, which connections break, and what is lost with them.
//!
//! As on QUIC, frames of one stream come in order and whole, or the stream breaks; streams and
//! requests overtake each other.

mod connection;
mod frame;
mod link;
mod network;
mod peers;
mod server;

pub use transport::{Directory, Error, FaultFiles, Limits, RequestError, StreamCode};

pub use connection::Connection;
pub use frame::{FrameReceiver, FrameSender};
pub use network::{Endpoint, Network, Weather};
pub use peers::{Peer, Peers};
pub use server::{Handler, serve};
