//! All the units a unit talks to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use minicbor::{Decode, Encode};
use protocol::{
    UnitId,
    api::{Request, Response},
    codec,
};
use simulated_tokio::time::{Instant, sleep, timeout_at};

use crate::{Connection, Directory, Endpoint, Error, RequestError};

/// The bounds of the wait between two dials.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// The peers of one endpoint.
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

impl Peers {
    /// How long a request may take where the caller does not say.
    pub const DEADLINE: Duration = Duration::from_secs(10);

    /// Reaches units from an endpoint.
    pub fn new(endpoint: Endpoint, directory: Directory) -> Self {
        Self { inner: Arc::new(Inner { endpoint, directory, peers: Mutex::default() }) }
    }

    /// The directory in which units are looked up.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// The unit's connection.
    pub fn peer(&self, unit: UnitId) -> Peer {
        let mut peers = self.inner.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.entry(unit).or_insert_with(|| Peer::new(self.inner.endpoint.clone(), unit)).clone()
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

/// A unit to stay connected with.
#[derive(Debug, Clone)]
pub struct Peer {
    inner: Arc<Standing>,
}

#[derive(Debug)]
struct Standing {
    endpoint: Endpoint,
    unit: UnitId,
    current: Mutex<Option<Connection>>,
    /// Held by whoever dials.
    dialing: simulated_tokio::sync::Mutex<()>,
}

impl Peer {
    fn new(endpoint: Endpoint, unit: UnitId) -> Self {
        let (current, dialing) = (Mutex::default(), simulated_tokio::sync::Mutex::default());
        Self { inner: Arc::new(Standing { endpoint, unit, current, dialing }) }
    }

    /// The connection, if one stands now.
    pub fn current(&self) -> Option<Connection> {
        self.lock().clone().filter(Connection::is_open)
    }

    /// The connection, waiting until one stands.
    pub async fn connection(&self) -> Connection {
        let Standing { endpoint, unit, .. } = &*self.inner;
        let mut wait = BACKOFF_MIN;
        let _turn = self.inner.dialing.lock().await;
        loop {
            if let Some(current) = self.current() {
                return current;
            }
            sleep(Duration::from_micros(endpoint.network.number() % 5_000)).await;
            if let Ok(connection) = endpoint.network.connect(endpoint.unit(), *unit) {
                *self.lock() = Some(connection);
            } else {
                sleep(wait).await;
                wait = wait.saturating_mul(2).min(BACKOFF_MAX);
            }
        }
    }

    /// The connection, waiting until one stands; when the time is up, why there is none.
    ///
    /// # Errors
    ///
    /// If the unit cannot be reached.
    pub async fn connection_within(&self, limit: Duration) -> Result<Connection, Error> {
        let connected = timeout_at(Instant::now() + limit, self.connection()).await;
        connected.map_err(|_| Error::NotConnected { unit: self.inner.unit })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        self.inner.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
