//! One UDP port and one key: dials units and accepts whoever proves a key.
//!
//! # Invariants
//!
//! - Handshakes run side by side, bounded in number and time: a slow one delays nobody.
//! - Under many handshakes, an address must be proved by a retry (RFC 9000 section 8.1) before it
//!   costs anything more.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use protocol::{NetworkId, SecretKey, UnitId};
use quinn::{ClientConfig, TokioRuntime, TransportConfig, VarInt};
use tokio::{
    sync::{Mutex, mpsc},
    task::{AbortHandle, JoinSet},
    time::timeout,
};

use crate::{
    Connection, Error, Limits, config,
    exchange::Inbound,
    identity::{Identity, peer_of},
    slots::{Slot, Slots},
};

/// Accepted connections that wait for [`Endpoint::accept`].
const ACCEPTED_MAX: usize = 64;

/// How long [`Endpoint::close`] waits for peers to hear of it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A unit's or a client's end of all its connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Endpoint {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    quic: quinn::Endpoint,
    identity: Identity,
    dialer: Arc<TransportConfig>,
    limits: Limits,
    inbound: Inbound,
    local: SocketAddr,
    accepted: Mutex<mpsc::Receiver<Connection>>,
    door: Option<AbortHandle>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(door) = &self.door {
            door.abort();
        }
    }
}

impl Endpoint {
    /// Listens on an address, where port 0 picks a free one. Must be called within a Tokio runtime.
    pub fn bind(
        key: &SecretKey,
        network: NetworkId,
        address: SocketAddr,
        limits: Limits,
    ) -> Result<Self, Error> {
        Self::new(key, network, address, limits, true)
    }

    /// An endpoint that only dials, from a free port. Must be called within a Tokio runtime.
    pub fn client(key: &SecretKey, network: NetworkId, limits: Limits) -> Result<Self, Error> {
        let everywhere = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        let fallback = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        Self::new(key, network, everywhere, limits, false)
            .or_else(|_| Self::new(key, network, fallback, limits, false))
    }

    fn new(
        key: &SecretKey,
        network: NetworkId,
        address: SocketAddr,
        limits: Limits,
        listens: bool,
    ) -> Result<Self, Error> {
        let refuse = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => Error::AddressTaken { address },
            _ => Error::Bind { address, reason: error.to_string() },
        };
        let identity = Identity::new(key, network);
        let listener = listens.then(|| config::listener(&identity, &limits));
        let socket = config::socket(address).map_err(refuse)?;
        let runtime = Arc::new(TokioRuntime);
        let quic = quinn::Endpoint::new(config::endpoint(key), listener, socket, runtime)
            .map_err(refuse)?;
        let local = quic.local_addr().map_err(refuse)?;
        let inbound = Inbound::new(&limits);
        let (admitted, accepted) = mpsc::channel(ACCEPTED_MAX);
        let door = Door {
            quic: quic.clone(),
            limits,
            inbound: inbound.clone(),
            slots: Arc::new(Slots::new(limits.connections, limits.connections_per_host)),
            admitted,
        };
        let door = listens.then(|| tokio::spawn(door.keep()).abort_handle());
        let dialer = Arc::new(config::dialer(&limits));
        let accepted = Mutex::new(accepted);
        let inner = Inner { quic, identity, dialer, limits, inbound, local, accepted, door };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The address this endpoint is bound to, with the port it really has.
    pub fn local_address(&self) -> SocketAddr {
        self.inner.local
    }

    /// The unit this endpoint is.
    pub fn unit(&self) -> UnitId {
        self.inner.identity.unit()
    }

    /// Dials a unit at an address and fails unless that very unit answers.
    pub async fn connect(&self, peer: UnitId, address: SocketAddr) -> Result<Connection, Error> {
        let Inner { quic, identity, dialer, limits, inbound, .. } = &*self.inner;
        let unreachable = Error::Unreachable { unit: peer, address };
        let mut config = ClientConfig::new(Arc::new(identity.dialer(peer)));
        config.transport_config(Arc::clone(dialer));
        let connecting = quic.connect_with(config, address, "antiphon").map_err(|error| {
            tracing::debug!(%error, %address, "cannot dial");
            unreachable.clone()
        })?;
        let quic = timeout(limits.handshake_timeout, connecting)
            .await
            .map_err(|_| unreachable)?
            .map_err(|error| Error::of_dial(error, peer, address))?;
        Ok(Connection::new(quic, peer, *limits, inbound.clone(), None))
    }

    /// The next connection that somebody made; `None` once the endpoint is closed.
    pub async fn accept(&self) -> Option<Connection> {
        self.inner.accepted.lock().await.recv().await
    }

    /// Closes every connection, and waits a moment for the peers to hear of it.
    ///
    /// The port is free once every clone and every connection is dropped.
    pub async fn close(&self) {
        self.inner.quic.close(VarInt::from_u32(0), b"closing");
        if timeout(CLOSE_TIMEOUT, self.inner.quic.wait_idle()).await.is_err() {
            tracing::debug!("closed before every peer confirmed");
        }
    }
}

/// Decides who comes in.
struct Door {
    quic: quinn::Endpoint,
    limits: Limits,
    inbound: Inbound,
    slots: Arc<Slots>,
    admitted: mpsc::Sender<Connection>,
}

impl Door {
    async fn keep(self) {
        let mut handshakes = JoinSet::new();
        loop {
            tokio::select! {
                incoming = self.quic.accept() => match incoming {
                    Some(incoming) => self.admit(incoming, &mut handshakes),
                    None => return,
                },
                Some(_) = handshakes.join_next() => {}
            }
        }
    }

    fn admit(&self, incoming: quinn::Incoming, handshakes: &mut JoinSet<()>) {
        let under_way = handshakes.len();
        if under_way >= self.limits.handshakes {
            return incoming.refuse();
        }
        if under_way >= self.limits.handshakes / 4 && incoming.may_retry() {
            let _ = incoming.retry();
            return;
        }
        let Some(slot) = self.slots.take(incoming.remote_address().ip()) else {
            tracing::debug!(address = %incoming.remote_address(), "too many connections");
            return incoming.refuse();
        };
        handshakes.spawn(shake_hands(
            incoming,
            slot,
            self.limits,
            self.inbound.clone(),
            self.admitted.clone(),
        ));
    }
}

async fn shake_hands(
    incoming: quinn::Incoming,
    slot: Slot,
    limits: Limits,
    inbound: Inbound,
    admitted: mpsc::Sender<Connection>,
) {
    let address = incoming.remote_address();
    let shaking = async { incoming.accept()?.await };
    let quic = match timeout(limits.handshake_timeout, shaking).await {
        Ok(Ok(quic)) => quic,
        Ok(Err(error)) => return tracing::debug!(%address, %error, "a handshake failed"),
        Err(_) => return tracing::debug!(%address, "a handshake took too long"),
    };
    let Some(peer) = peer_of(&quic) else {
        return tracing::error!(%address, "a finished handshake proved no key");
    };
    // While nobody accepts, this waits and counts as a handshake under way.
    let _ = admitted.send(Connection::new(quic, peer, limits, inbound, Some(slot))).await;
}

#[cfg(test)]
mod tests;
