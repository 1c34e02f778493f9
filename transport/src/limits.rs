//! What a peer may ask of an endpoint, all in one place.

use std::time::Duration;

/// The limits of an endpoint and of each of its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest frame of a stream, in bytes.
    pub frame: usize,
    /// The longest body of a request or of its answer, in bytes.
    pub bulk: usize,
    /// Bytes that long request bodies may take at once, over all connections, from the moment
    /// they are announced until they are answered.
    pub inbound: usize,
    /// Requests and streams that a peer may have open on one connection.
    pub exchanges: u32,
    /// Connections accepted at once.
    pub connections: usize,
    /// Connections accepted at once from one IPv4 address or one IPv6 /64.
    pub connections_per_host: usize,
    /// Handshakes under way at once; from a quarter on, peers must first prove their address.
    pub handshakes: usize,
    /// How long a handshake may take, on both sides.
    pub handshake_timeout: Duration,
    /// How long a peer may take from opening a stream until its first frame has begun; a long body
    /// has a second more for each MiB.
    pub opening_timeout: Duration,
    /// After how much silence a connection counts as lost.
    pub idle_timeout: Duration,
    /// How often a dialer breaks the silence.
    pub keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame: 4 << 20,
            bulk: 32 << 20,
            inbound: 256 << 20,
            exchanges: 256,
            connections: 2_048,
            connections_per_host: 512,
            handshakes: 256,
            handshake_timeout: Duration::from_secs(5),
            opening_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(1),
        }
    }
}
