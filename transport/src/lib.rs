//! How units talk: QUIC between two Ed25519 keys, framed streams and short requests.
//!
//! An [`Endpoint`] is one UDP port and one key. A [`Connection`] is authenticated at both ends: the
//! peer's [`UnitId`](protocol::UnitId) is the key it proved in the TLS handshake, and a dialer names
//! the key it expects. On a connection run short requests and long-lived framed streams; [`Peer`]
//! keeps one up across restarts of the other side and [`serve`] answers them.
//!
//! A [`Directory`] holds the checked records of all units known; [`Peers`] reaches whoever stands in
//! it, and [`Discovery`] or a single [`bootstrap`] address fills it. What shows that a unit lies is
//! kept in [`FaultFiles`].
//!
//! # The wire
//!
//! TLS 1.3 with raw public keys (RFC 7250) on both sides; ALPN is `antiphon/1/` and the network id,
//! so two networks never mix. Each exchange is one bidirectional QUIC stream:
//!
//! ```text
//! request   opener: 01 frame FIN          acceptor: frame FIN
//! stream    opener: 02 frame frame* FIN   acceptor: frame* FIN
//! frame     length (u32, little-endian), then that many bytes
//! ```
//!
//! The single frames of a request and of its answer may be as long as [`Limits::bulk`]; all others
//! as long as [`Limits::frame`]. A length is checked before memory is taken, and memory grows only
//! as bytes arrive. A stream that ends otherwise is reset with a code of [`StreamCode`].
//!
//! # Invariants
//!
//! - No peer can make this crate panic, wait for ever on a handshake or an opening, or hold more
//!   than the memory that [`Limits`] allows.
//! - A full receiver slows its sender down; nothing is queued without a bound.

mod address;
mod config;
mod connection;
mod directory;
mod discovery;
mod endpoint;
mod error;
mod exchange;
mod fault_files;
mod frame;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod identity;
mod limits;
mod peer;
mod peers;
mod server;
mod slots;

pub use address::{ParseAddressError, UnitAddress};
pub use connection::Connection;
pub use directory::{Directory, RecordSigner};
pub use discovery::{Discovery, DiscoveryConfig, DiscoveryError};
pub use endpoint::Endpoint;
pub use error::{Error, StreamCode};
pub use exchange::{Incoming, Responder};
pub use fault_files::FaultFiles;
pub use frame::{FrameReceiver, FrameSender};
pub use limits::Limits;
pub use peer::Peer;
pub use peers::{Peers, RequestError, bootstrap};
pub use server::{Handler, serve};

#[cfg(test)]
mod testing;
