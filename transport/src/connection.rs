//! One authenticated connection and the exchanges on it.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use protocol::UnitId;
use tokio::{sync::Mutex, task::JoinSet};

use crate::{
    Error, FrameReceiver, FrameSender, Incoming, Limits,
    exchange::{self, Inbound, REQUEST, STREAM},
    slots::Slot,
};

/// A connection between two units that have proved their keys to each other.
///
/// Cheap to clone; it closes when the last clone and the last stream on it are dropped, or at once
/// with [`Connection::close`].
#[derive(Debug, Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    quic: quinn::Connection,
    peer: UnitId,
    limits: Limits,
    inbound: Inbound,
    /// Streams whose openings are being read. The tasks hold no `Connection`, so that the last
    /// clone can be dropped.
    openings: Mutex<JoinSet<Option<Incoming>>>,
    _slot: Option<Slot>,
}

impl Connection {
    pub(crate) fn new(
        quic: quinn::Connection,
        peer: UnitId,
        limits: Limits,
        inbound: Inbound,
        slot: Option<Slot>,
    ) -> Self {
        let openings = Mutex::new(JoinSet::new());
        Self { inner: Arc::new(Inner { quic, peer, limits, inbound, openings, _slot: slot }) }
    }

    /// The unit at the other end: the key it proved.
    pub fn peer(&self) -> UnitId {
        self.inner.peer
    }

    /// Where the unit at the other end is.
    pub fn remote_address(&self) -> SocketAddr {
        let address = self.inner.quic.remote_address();
        SocketAddr::new(address.ip().to_canonical(), address.port())
    }

    /// Whether the connection still stands, as far as this end knows.
    pub fn is_open(&self) -> bool {
        self.inner.quic.close_reason().is_none()
    }

    /// Waits until the connection is gone and tells why.
    pub async fn closed(&self) -> Error {
        self.inner.quic.closed().await.into()
    }

    /// Closes the connection at once; exchanges under way fail at both ends.
    pub fn close(&self) {
        self.inner.quic.close(quinn::VarInt::from_u32(0), b"");
    }

    /// Asks the peer and waits for its answer, without a deadline: drop the future to give up.
    ///
    /// Body and answer may be as long as [`Limits::bulk`].
    pub async fn request(&self, body: impl Into<Bytes>) -> Result<Bytes, Error> {
        let body = body.into();
        let (mut sender, mut receiver) = self.open(REQUEST, self.inner.limits.bulk).await?;
        let asked = async {
            sender.send_all([body]).await?;
            sender.finish().await
        };
        match asked.await {
            // A peer that does not want to hear the rest may already have told why.
            Ok(()) | Err(Error::Abandoned(_)) => receiver.recv().await?.ok_or(Error::Truncated),
            Err(error) => Err(error),
        }
    }

    /// Opens a long-lived stream whose first frame says what it is for.
    pub async fn open_stream(&self, opening: &[u8]) -> Result<(FrameSender, FrameReceiver), Error> {
        let (mut sender, receiver) = self.open(STREAM, self.inner.limits.frame).await?;
        sender.send(opening).await?;
        Ok((sender, receiver))
    }

    /// The next request or stream of the peer; `None` once the connection is gone.
    ///
    /// Openings are read side by side, each under its deadline: a slow one holds up no other. Safe
    /// to cancel, and to call from several tasks.
    pub async fn accept_exchange(&self) -> Option<Incoming> {
        let Inner { quic, limits, inbound, .. } = &*self.inner;
        let most = self.exchanges_max();
        let mut openings = self.inner.openings.lock().await;
        loop {
            let reading = openings.len();
            tokio::select! {
                streams = quic.accept_bi(), if reading < most => {
                    openings.spawn(exchange::open(streams.ok()?, *limits, inbound.clone()));
                }
                Some(opening) = openings.join_next(), if reading > 0 => match opening {
                    Ok(Some(incoming)) => return Some(incoming),
                    Ok(None) => {}
                    Err(error) => tracing::error!(%error, "reading an opening failed"),
                },
            }
        }
    }

    /// How many exchanges of the peer may be under way.
    pub(crate) fn exchanges_max(&self) -> usize {
        usize::try_from(self.inner.limits.exchanges).unwrap_or(usize::MAX)
    }

    async fn open(&self, kind: u8, limit: usize) -> Result<(FrameSender, FrameReceiver), Error> {
        let (send, recv) = self.inner.quic.open_bi().await?;
        let mut sender = FrameSender::new(send, limit);
        sender.put_kind(kind);
        Ok((sender, FrameReceiver::new(recv, limit)))
    }

    /// The connection underneath, for tests that break the rules.
    #[cfg(test)]
    pub(crate) fn quic(&self) -> &quinn::Connection {
        &self.inner.quic
    }
}
