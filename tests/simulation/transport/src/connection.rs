//! Connections and the exchanges on them.

use std::sync::Arc;

use bytes::Bytes;
use protocol::UnitId;
use simulated_tokio::{sync::oneshot, task::spawn, time::sleep};

use crate::{
    Error, FrameReceiver, FrameSender, Network,
    frame::stream,
    link::{End, Link, lost},
    network::Exchange,
};

/// A connection that this end has dialed.
#[derive(Debug, Clone)]
pub struct Connection {
    network: Network,
    link: Arc<Link>,
}

impl Connection {
    pub(crate) const fn new(network: Network, link: Arc<Link>) -> Self {
        Self { network, link }
    }

    /// The unit at the other end.
    pub fn peer(&self) -> UnitId {
        self.link.peer(End::Dialer)
    }

    /// Whether the connection still stands, as far as this end knows.
    pub fn is_open(&self) -> bool {
        !self.link.is_lost(End::Dialer)
    }

    /// Waits until the connection is gone and tells why.
    pub async fn closed(&self) -> Error {
        self.link.lost(End::Dialer).await
    }

    /// Closes the connection at once.
    pub fn close(&self) {
        self.link.close();
    }

    /// Asks the peer and waits for its answer, without a deadline.
    pub async fn request(&self, body: impl Into<Bytes>) -> Result<Bytes, Error> {
        let body = body.into();
        let twice = self.network.weather().doubled > self.network.number() % 100;
        if twice {
            // Nobody takes that answer.
            let again = self.clone();
            let body = body.clone();
            drop(spawn(async move { drop(again.put(body).await) }));
        }
        simulated_tokio::select! {
            answer = self.put(body) => answer,
            error = self.link.lost(End::Dialer) => Err(error),
        }
    }

    async fn put(&self, body: Bytes) -> Result<Bytes, Error> {
        let (answer, answered) = oneshot::channel();
        let link = Arc::clone(&self.link);
        self.hand_over(Exchange::Request { link, body, answer }).await?;
        let answer = answered.await.map_err(|_| Error::Truncated)?;
        self.pass().await?;
        Ok(answer)
    }

    /// Opens a long-lived stream whose first frame says what it is for.
    pub async fn open_stream(&self, opening: &[u8]) -> Result<(FrameSender, FrameReceiver), Error> {
        if !self.is_open() {
            return Err(lost());
        }
        let [ours, (sender, receiver)] = stream(&self.network, &self.link);
        let (link, opening) = (Arc::clone(&self.link), Bytes::copy_from_slice(opening));
        let there = self.clone();
        drop(spawn(async move {
            let exchange = Exchange::Stream { link, opening, sender, receiver };
            // Lost with the connection.
            drop(there.hand_over(exchange).await);
        }));
        Ok(ours)
    }

    async fn hand_over(&self, exchange: Exchange) -> Result<(), Error> {
        self.pass().await?;
        let listener = self.network.listener(self.peer());
        match listener {
            Some(listener) => listener.send(exchange).await.map_err(|_| lost()),
            None => Err(self.closed().await),
        }
    }

    /// Takes the time of one way.
    async fn pass(&self) -> Result<(), Error> {
        sleep(self.network.way(&self.link)).await;
        if self.link.carries(simulated_tokio::time::Instant::now()) {
            Ok(())
        } else {
            Err(self.closed().await)
        }
    }
}
