//! How units find each other: a libp2p node beside each unit, whose only product is the
//! [`Directory`].
//!
//! The node runs under the unit's own key, so a bootstrap address `unit1...@ip:port` pins who must
//! answer there. It listens on TCP at the same port *number* at which the unit listens for QUIC on
//! UDP: one address serves both, and whoever picks a unit's port picks one that is free in both.
//!
//! Signed unit records travel over Kademlia, whose protocol name carries the network. Every unit
//! gives its record to each unit it hears of and to those closest to the record's key, and asks the
//! units closest to each role's key who else there is; every unit answers from its directory. On a
//! local network, mDNS can stand in for a bootstrap address.
//!
//! # Invariants
//!
//! - Nothing enters the directory that it does not check itself; a peer that passes on what no
//!   honest unit would is cut off.
//! - Connections, streams, queries and everything that waits have limits.
//! - A unit goes on without discovery: known units stay known until their records expire.

mod behaviour;
mod driver;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod names;
mod store;

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use futures::StreamExt;
use libp2p::{Swarm, swarm::SwarmEvent};
use protocol::UnitRecordError;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{behaviour::Behaviour, driver::Driver};
use crate::{Directory, Error, RecordSigner, UnitAddress, directory::wall_clock};

/// What a unit's discovery needs to know.
#[derive(Debug)]
pub struct DiscoveryConfig {
    /// Signs the unit's own records, which discovery announces and renews; its key and network are
    /// discovery's as well.
    pub signer: RecordSigner,
    /// The TCP address to listen on, where port 0 picks a free one. Others expect the number of
    /// the unit's QUIC port.
    pub listen: SocketAddr,
    /// Units to begin with, and to come back to when all others are lost.
    pub bootstrap: Vec<UnitAddress>,
    /// Whether to look for units on the local network, and to be found there.
    pub mdns: bool,
}

/// Why discovery does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// Its port cannot be used.
    #[error(transparent)]
    Listen(#[from] Error),
    /// What the unit would say of itself does not hold: nobody would believe it.
    #[error("the unit's own record does not hold: {0}")]
    Record(#[from] UnitRecordError),
}

/// A running discovery; it stops when this is dropped.
#[derive(Debug)]
pub struct Discovery {
    address: SocketAddr,
    running: JoinHandle<()>,
    shutdown: CancellationToken,
    _guard: DropGuard,
}

impl Discovery {
    /// Announces a unit, and keeps a directory filled with all others until it is shut down. Must
    /// be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError`] if the port is taken or the unit's own record does not hold.
    pub async fn start(
        config: DiscoveryConfig,
        directory: Directory,
    ) -> Result<Self, DiscoveryError> {
        let DiscoveryConfig { signer, listen, bootstrap, mdns } = config;
        directory.insert(signer.sign(wall_clock()), wall_clock())?;
        check_free(listen)?;
        let mut swarm = behaviour::swarm(&signer, &directory, mdns)
            .map_err(|reason| Error::Bind { address: listen, reason })?;
        let address = open(&mut swarm, listen).await?;
        let shutdown = CancellationToken::new();
        let driver = Driver::new(swarm, signer, directory, bootstrap);
        let running = tokio::spawn(driver.run(shutdown.clone()));
        Ok(Self { address, running, _guard: shutdown.clone().drop_guard(), shutdown })
    }

    /// The TCP address it listens on, with the port it really has.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops and closes all connections.
    pub async fn shutdown(self) {
        self.shutdown.cancel();
        if let Err(error) = self.running.await {
            tracing::error!(%error, "discovery failed");
        }
    }
}

/// Says in time that a port is taken: libp2p would share it with another libp2p program.
fn check_free(address: SocketAddr) -> Result<(), Error> {
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Err(Error::AddressTaken { address })
        }
        Err(error) => Err(Error::Bind { address, reason: error.to_string() }),
    }
}

/// Listens and returns the address with its port.
async fn open(swarm: &mut Swarm<Behaviour>, address: SocketAddr) -> Result<SocketAddr, Error> {
    let refuse = |reason: String| Error::Bind { address, reason };
    swarm.listen_on(names::multiaddr(address)).map_err(|error| refuse(error.to_string()))?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address: opened, .. } => {
                let opened = names::socket_address(&opened).unwrap_or(address);
                return Ok(SocketAddr::new(address.ip(), opened.port()));
            }
            SwarmEvent::ListenerClosed { reason: Err(error), .. }
            | SwarmEvent::ListenerError { error, .. } => return Err(refuse(error.to_string())),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
