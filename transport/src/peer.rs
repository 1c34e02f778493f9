//! Keeps a connection to one unit up by itself.
//!
//! # Invariants
//!
//! - One dial at a time; failures are spaced by a back-off that doubles up to a bound, with a jitter
//!   that is a function of both units, so that many dialers of one unit spread out.
//! - A new address is dialed at once; the old connection serves until the new one stands.

use std::{
    future::pending,
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use protocol::UnitId;
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{Connection, Endpoint, Error};

/// How long one dial may take: long enough for distance, short enough to start anew with a fresh
/// first packet when the peer comes back.
const DIAL_TIMEOUT: Duration = Duration::from_secs(2);

/// The bounds of the back-off.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// A connection that lived this long was a success, and its end is no failure.
const STABLE: Duration = Duration::from_secs(1);

/// A unit to stay connected with. Cheap to clone; dropping the last clone lets go of the unit.
#[derive(Debug, Clone)]
pub struct Peer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    unit: UnitId,
    current: watch::Receiver<Option<Connection>>,
    failure: watch::Receiver<Option<Error>>,
    keeper: AbortHandle,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Peer {
    /// Starts to dial a unit wherever `addresses` says it is, now and whenever that changes. Must
    /// be called within a Tokio runtime.
    pub fn new(
        endpoint: Endpoint,
        unit: UnitId,
        addresses: watch::Receiver<Option<SocketAddr>>,
    ) -> Self {
        let (connect, current) = watch::channel(None);
        let (fail, failure) = watch::channel(None);
        let keeper = Keeper { endpoint, unit, addresses, current: connect, failure: fail };
        let keeper = tokio::spawn(keeper.keep()).abort_handle();
        Self { inner: Arc::new(Inner { unit, current, failure, keeper }) }
    }

    /// The unit this handle stays connected with.
    pub fn unit(&self) -> UnitId {
        self.inner.unit
    }

    /// The connection, if one stands now.
    pub fn current(&self) -> Option<Connection> {
        self.inner.current.borrow().clone().filter(Connection::is_open)
    }

    /// The connection, waiting until one stands.
    pub async fn connection(&self) -> Connection {
        let mut current = self.inner.current.clone();
        let standing = |found: &Option<Connection>| found.as_ref().is_some_and(Connection::is_open);
        let found = current.wait_for(standing).await.ok().and_then(|found| found.clone());
        match found {
            Some(connection) => connection,
            // The keeper only ends with the runtime, which ends this future as well.
            None => pending().await,
        }
    }

    /// The connection, waiting until one stands; when the time is up, why there is none.
    pub async fn connection_within(&self, limit: Duration) -> Result<Connection, Error> {
        self.connection_until(after(limit)).await
    }

    /// Asks the unit once, waiting for a connection first; gives up when the time is up.
    ///
    /// After [`Error::Lost`] or [`Error::NoAnswer`], whether the request took effect is unknown.
    pub async fn request(&self, body: impl Into<Bytes>, limit: Duration) -> Result<Bytes, Error> {
        let end = after(limit);
        let connection = self.connection_until(end).await?;
        let answer = timeout_at(end, connection.request(body)).await;
        answer.unwrap_or(Err(Error::NoAnswer { unit: self.inner.unit }))
    }

    async fn connection_until(&self, end: Instant) -> Result<Connection, Error> {
        timeout_at(end, self.connection()).await.map_err(|_| {
            let failure = self.inner.failure.borrow().clone();
            failure.unwrap_or(Error::NotConnected { unit: self.inner.unit })
        })
    }
}

struct Keeper {
    endpoint: Endpoint,
    unit: UnitId,
    addresses: watch::Receiver<Option<SocketAddr>>,
    current: watch::Sender<Option<Connection>>,
    /// Why the last dial failed.
    failure: watch::Sender<Option<Error>>,
}

impl Keeper {
    async fn keep(mut self) {
        let mut failures = 0;
        loop {
            let known = *self.addresses.borrow_and_update();
            let Some(address) = known else {
                announced(&mut self.addresses).await;
                continue;
            };
            let dialed = timeout(DIAL_TIMEOUT, self.endpoint.connect(self.unit, address));
            let unreachable = Error::Unreachable { unit: self.unit, address };
            let dialed = tokio::select! {
                dialed = dialed => dialed.unwrap_or(Err(unreachable)),
                () = moved(&mut self.addresses, address) => {
                    failures = 0;
                    continue;
                }
            };
            failures = match dialed {
                Ok(connection) => match self.hold(connection, address).await {
                    End::Moved | End::Lost { stable: true } => {
                        failures = 0;
                        continue;
                    }
                    End::Lost { stable: false } => failures + 1,
                },
                Err(error) => {
                    tracing::debug!(unit = %self.unit, %error, "dialing failed");
                    self.failure.send_replace(Some(error));
                    failures + 1
                }
            };
            tokio::select! {
                () = sleep(self.backoff(failures)) => {}
                () = announced(&mut self.addresses) => failures = 0,
            }
        }
    }

    /// Hands out a connection until it is lost or the unit has moved.
    async fn hold(&mut self, connection: Connection, address: SocketAddr) -> End {
        let since = Instant::now();
        self.failure.send_replace(None);
        self.current.send_replace(Some(connection.clone()));
        tokio::select! {
            error = connection.closed() => {
                tracing::debug!(unit = %self.unit, %error, "the connection is gone");
                self.current.send_replace(None);
                End::Lost { stable: since.elapsed() >= STABLE }
            }
            () = moved(&mut self.addresses, address) => End::Moved,
        }
    }

    fn backoff(&self, failures: u32) -> Duration {
        backoff((self.endpoint.unit(), self.unit), failures)
    }
}

enum End {
    Moved,
    Lost { stable: bool },
}

/// Completes when an address is announced, be it the same.
async fn announced(addresses: &mut watch::Receiver<Option<SocketAddr>>) {
    if addresses.changed().await.is_err() {
        // Nobody is left to announce another one.
        pending::<()>().await;
    }
}

/// Completes when the unit is announced at another address; none at all means it may still be there.
async fn moved(addresses: &mut watch::Receiver<Option<SocketAddr>>, from: SocketAddr) {
    loop {
        announced(addresses).await;
        if addresses.borrow_and_update().is_some_and(|address| address != from) {
            return;
        }
    }
}

/// The end of a wait; a year is as good as for ever.
fn after(limit: Duration) -> Instant {
    Instant::now() + limit.min(Duration::from_secs(365 * 86_400))
}

/// Between half and the whole of a time that doubles with every failure.
fn backoff(units: (UnitId, UnitId), failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let whole = BACKOFF_MIN.saturating_mul(1 << doublings).min(BACKOFF_MAX);
    let mut hasher = DefaultHasher::new();
    (units, failures).hash(&mut hasher);
    let part = u32::try_from(hasher.finish() % 1_000).unwrap_or_default();
    whole / 2 + whole / 2 * part / 1_000
}

#[cfg(test)]
mod tests;
