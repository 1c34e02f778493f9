//! All the units a program talks to: one self-reconnecting connection each, and typed requests.
//!
//! # Invariants
//!
//! - One connection is kept for each unit, however many ask for it.
//! - Every request has a deadline; after a failure other than a refusal, whether it took effect is
//!   unknown, except where [`RequestError::was_sent`] says that it was never sent.

mod bootstrap;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use minicbor::{Decode, Encode};
use protocol::{
    Refusal, UnitId,
    api::{Request, Response},
    codec::{self, DecodeError},
};
use tokio::time::{Instant, timeout_at};

use crate::{Connection, Directory, Endpoint, Error, Peer};

pub use bootstrap::bootstrap;

/// The peers of one endpoint, found through a directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Peers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    endpoint: Endpoint,
    directory: Directory,
    peers: Mutex<BTreeMap<UnitId, Peer>>,
}

/// Why a request brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The unit says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The unit was not reached, or was lost on the way.
    #[error(transparent)]
    Transport(#[from] Error),
    /// The unit was reached and did not answer in time.
    #[error("{unit} did not answer in time")]
    Timeout {
        /// The unit asked.
        unit: UnitId,
    },
    /// The unit answered with something else than what was asked for.
    #[error("{unit} gave an answer that cannot be read: {reason}")]
    Malformed {
        /// The unit asked.
        unit: UnitId,
        /// What is wrong with the answer.
        reason: DecodeError,
    },
}

impl RequestError {
    /// Whether the request may have reached the unit.
    pub const fn was_sent(&self) -> bool {
        use Error::{AddressTaken, Bind, Busy, NotConnected, Unreachable, WrongNetwork, WrongUnit};
        !matches!(
            self,
            Self::Transport(
                AddressTaken { .. }
                    | Bind { .. }
                    | Busy { .. }
                    | NotConnected { .. }
                    | Unreachable { .. }
                    | WrongNetwork { .. }
                    | WrongUnit { .. }
            )
        )
    }
}

impl Peers {
    /// How long a request may take where the caller does not say, connecting included.
    pub const DEADLINE: Duration = Duration::from_secs(10);

    /// The most peers kept; those without a connection make room.
    const PEERS_MAX: usize = Directory::RECORDS_MAX;

    /// Reaches units from an endpoint, wherever the directory says they are.
    pub fn new(endpoint: Endpoint, directory: Directory) -> Self {
        Self { inner: Arc::new(Inner { endpoint, directory, peers: Mutex::default() }) }
    }

    /// The directory in which units are looked up.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// The unit's connection, kept up from now on. Must be called within a Tokio runtime.
    pub fn peer(&self, unit: UnitId) -> Peer {
        // Every step under the lock leaves the map whole.
        let mut peers = self.inner.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= Self::PEERS_MAX && !peers.contains_key(&unit) {
            peers.retain(|_, peer| peer.current().is_some());
        }
        let connect = || {
            let address = self.inner.directory.address(unit);
            Peer::new(self.inner.endpoint.clone(), unit, address)
        };
        peers.entry(unit).or_insert_with(connect).clone()
    }

    /// Asks a unit and returns the bytes of the object it answers with, within
    /// [`Self::DEADLINE`].
    pub async fn request(&self, unit: UnitId, request: &Request) -> Result<Vec<u8>, RequestError> {
        self.request_within(unit, request, Self::DEADLINE).await
    }

    /// Asks a unit and returns the bytes of the object it answers with.
    pub async fn request_within(
        &self,
        unit: UnitId,
        request: &Request,
        limit: Duration,
    ) -> Result<Vec<u8>, RequestError> {
        let deadline = Instant::now() + limit;
        let connected = timeout_at(deadline, self.peer(unit).connection()).await;
        let connection = connected.map_err(|_| Error::NotConnected { unit })?;
        let asked = timeout_at(deadline, ask(&connection, request)).await;
        asked.unwrap_or(Err(RequestError::Timeout { unit }))
    }

    /// Asks a unit and returns the object it answers with, within [`Self::DEADLINE`].
    pub async fn ask<T>(&self, unit: UnitId, request: &Request) -> Result<T, RequestError>
    where
        T: Encode<()> + for<'b> Decode<'b, ()>,
    {
        self.ask_within(unit, request, Self::DEADLINE).await
    }

    /// Asks a unit and returns the object it answers with.
    pub async fn ask_within<T>(
        &self,
        unit: UnitId,
        request: &Request,
        limit: Duration,
    ) -> Result<T, RequestError>
    where
        T: Encode<()> + for<'b> Decode<'b, ()>,
    {
        let answer = self.request_within(unit, request, limit).await?;
        decode(unit, &answer)
    }
}

async fn ask(connection: &Connection, request: &Request) -> Result<Vec<u8>, RequestError> {
    let answer = connection.request(codec::encode(request)).await?;
    match decode(connection.peer(), &answer)? {
        Response::Done(object) => Ok(object),
        Response::Refused(refusal) => Err(refusal.into()),
    }
}

fn decode<T>(unit: UnitId, bytes: &[u8]) -> Result<T, RequestError>
where
    T: Encode<()> + for<'b> Decode<'b, ()>,
{
    codec::decode(bytes).map_err(|reason| RequestError::Malformed { unit, reason })
}

#[cfg(test)]
mod tests;
