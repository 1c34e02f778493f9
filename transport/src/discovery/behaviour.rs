//! The protocols of discovery's libp2p node, and their limits.

use std::{num::NonZeroUsize, time::Duration};

use libp2p::{
    StreamProtocol, Swarm, SwarmBuilder,
    connection_limits::{self, ConnectionLimits},
    identify, identity, kad, mdns, noise,
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
    tcp, yamux,
};
use protocol::NetworkId;

use super::{
    names,
    store::{Admission, Store},
};
use crate::{Directory, RecordSigner, directory::wall_clock};

/// Connections accepted at once, and as many dialed; known units are let in beyond that.
const CONNECTIONS_MAX: u32 = 256;

/// Connections that are being established at once, each way.
const PENDING_MAX: u32 = 64;

/// Connections with one peer: two, if both dial at once, and some that are being replaced.
const PER_PEER_MAX: u32 = 4;

/// Streams open on one connection: Kademlia's 32 each way, and identify's.
const STREAMS_MAX: usize = 72;

/// Incoming streams of one connection whose protocol is not agreed on yet.
const NEGOTIATING_MAX: usize = 32;

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a silent connection is kept: some rounds of queries.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// How long a query over many peers may take.
const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one peer may take to answer.
const STREAM_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the routing table is refreshed, beside every time it grows.
const REFRESH_INTERVAL: Duration = Duration::from_secs(120);

/// The longest message of Kademlia, in bytes: twenty peers with their addresses.
const MESSAGE_MAX: usize = 32 * 1024;

#[derive(NetworkBehaviour)]
#[behaviour(prelude = "libp2p::swarm::derive_prelude")]
pub(super) struct Behaviour {
    pub(super) limits: connection_limits::Behaviour,
    pub(super) kad: kad::Behaviour<Store>,
    pub(super) identify: identify::Behaviour,
    pub(super) mdns: Toggle<mdns::tokio::Behaviour>,
}

/// A node that does not listen yet.
pub(super) fn swarm(
    signer: &RecordSigner,
    directory: &Directory,
    mdns: bool,
) -> Result<Swarm<Behaviour>, String> {
    let key = identity::Keypair::ed25519_from_bytes(*signer.key().seed())
        .expect("any 32 bytes are the seed of a key");
    let store = Store::new(Admission::new(directory.clone(), wall_clock));
    let behaviour = behaviour(&key, signer.network(), store, mdns);
    let streams = || {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(STREAMS_MAX);
        config
    };
    let builder = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, streams)
        .map_err(|error| error.to_string())?
        .with_behaviour(|_| behaviour)
        .expect("a behaviour that exists is not refused");
    let node = builder
        .with_swarm_config(|config| {
            config
                .with_idle_connection_timeout(IDLE_TIMEOUT)
                .with_max_negotiating_inbound_streams(NEGOTIATING_MAX)
        })
        .with_connection_timeout(CONNECT_TIMEOUT)
        .build();
    Ok(node)
}

fn behaviour(key: &identity::Keypair, network: NetworkId, store: Store, mdns: bool) -> Behaviour {
    let peer = key.public().to_peer_id();
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(PENDING_MAX))
        .with_max_pending_outgoing(Some(PENDING_MAX))
        .with_max_established_incoming(Some(CONNECTIONS_MAX))
        .with_max_established_outgoing(Some(CONNECTIONS_MAX))
        .with_max_established_per_peer(Some(PER_PEER_MAX));
    let mut kad = kad::Behaviour::with_config(peer, store, kademlia(names::kademlia(network)));
    kad.set_mode(Some(kad::Mode::Server));
    let identify = identify::Config::new(names::version(network), key.public())
        .with_agent_version(concat!("antiphon/", env!("CARGO_PKG_VERSION")).to_owned())
        .with_cache_size(0);
    let mdns = mdns.then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), peer));
    let mdns = mdns.and_then(|mdns| {
        let failed = |error| tracing::warn!(%error, "the local network cannot be searched");
        mdns.map_err(failed).ok()
    });
    Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        kad,
        identify: identify::Behaviour::new(identify),
        mdns: Toggle::from(mdns),
    }
}

fn kademlia(protocol: StreamProtocol) -> kad::Config {
    let mut config = kad::Config::new(protocol);
    config
        .set_query_timeout(QUERY_TIMEOUT)
        .set_substreams_timeout(STREAM_TIMEOUT)
        .set_max_packet_size(MESSAGE_MAX)
        .set_parallelism(NonZeroUsize::MIN.saturating_add(3))
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_caching(kad::Caching::Disabled)
        // Every unit publishes its own record, in rounds.
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_publication_interval(None)
        .set_periodic_bootstrap_interval(Some(REFRESH_INTERVAL));
    config
}
