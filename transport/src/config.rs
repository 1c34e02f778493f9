//! How QUIC is tuned: loopback and LAN first, long distances without surprises.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use protocol::SecretKey;
use quinn::{
    EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig, TransportConfig, VarInt,
    crypto::{CryptoError, HmacKey},
};
use quinn_proto::HashedConnectionIdGenerator;
use socket2::{Domain, Protocol, Socket, Type};

use crate::{Limits, identity::Identity};

/// Bytes in flight or unread on one stream, so that one slow reader leaves room for the others.
const STREAM_WINDOW: u32 = 2 << 20;

/// Bytes in flight or unread on all streams of a connection.
const CONNECTION_WINDOW: u32 = 16 << 20;

/// The largest datagram that path discovery tries. Ten of them, the most that quinn hands to the
/// kernel at once, must fit into one segmented send of 65,507 bytes.
const DATAGRAM_MAX: u16 = 6_400;
const _: () = assert!(DATAGRAM_MAX as u32 * 10 <= 65_507);

/// A guess until measured. It decides how fast a lost first packet is sent again, as when a peer
/// has just restarted.
const ROUND_TRIP_GUESS: Duration = Duration::from_millis(50);

/// Bytes asked of the kernel for each direction; it may give less.
const SOCKET_BUFFER: usize = 4 << 20;

/// Bytes of datagrams kept for handshakes that wait to be admitted.
const HANDSHAKE_BUFFER: u64 = 64 << 10;

pub(crate) fn listener(identity: &Identity, limits: &Limits) -> ServerConfig {
    let mut config = ServerConfig::with_crypto(Arc::new(identity.listener()));
    config
        .transport_config(Arc::new(connection(limits)))
        .max_incoming(limits.handshakes)
        .incoming_buffer_size(HANDSHAKE_BUFFER)
        .incoming_buffer_size_total(HANDSHAKE_BUFFER * 64);
    config
}

/// What both ends of a connection run with; only the dialer breaks the silence.
pub(crate) fn dialer(limits: &Limits) -> TransportConfig {
    let mut config = connection(limits);
    config.keep_alive_interval(Some(limits.keep_alive));
    config
}

fn connection(limits: &Limits) -> TransportConfig {
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(DATAGRAM_MAX);
    let idle = u32::try_from(limits.idle_timeout.as_millis()).unwrap_or(u32::MAX);
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(limits.exchanges))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(u64::from(CONNECTION_WINDOW))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(idle))))
        .initial_rtt(ROUND_TRIP_GUESS)
        .mtu_discovery_config(Some(discovery));
    config
}

/// An endpoint whose successor with the same key recognises its connections and resets them at
/// once (RFC 9000 section 10.3), instead of leaving peers to time out.
pub(crate) fn endpoint(key: &SecretKey) -> EndpointConfig {
    let reset = ResetKey(blake3::derive_key("antiphon v1 stateless reset", key.seed()));
    let ids = blake3::derive_key("antiphon v1 connection ids", key.seed());
    let ids = ids.iter().take(8).fold(0, |ids, byte| ids << 8 | u64::from(*byte));
    let mut config = EndpointConfig::new(Arc::new(reset));
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(ids)));
    config.max_udp_payload_size(DATAGRAM_MAX).expect("it lies between 1,200 and 65,527");
    config
}

/// Opens the socket; an unspecified IPv6 address also reaches IPv4.
pub(crate) fn socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // More is better, less still works.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// BLAKE3 in its keyed mode, as the HMAC that makes reset tokens.
struct ResetKey([u8; 32]);

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        blake3::Hasher::new_keyed(&self.0).update(data).finalize_xof().fill(signature_out);
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let expected = blake3::keyed_hash(&self.0, data);
        // Comparing a BLAKE3 hash takes the same time wherever they differ.
        if expected == *signature { Ok(()) } else { Err(CryptoError) }
    }
}
