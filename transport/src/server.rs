//! Runs a handler over everything that arrives at an endpoint, in bounded tasks.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use protocol::UnitId;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{Connection, Endpoint, FrameReceiver, FrameSender, Incoming};

/// Answers the requests and serves the streams of all peers, many at once.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn request(&self, peer: UnitId, body: Bytes) -> impl Future<Output = Bytes> + Send;

    /// Serves one long-lived stream until it ends; dropping the halves ends it.
    fn stream(
        &self,
        peer: UnitId,
        opening: Bytes,
        sender: FrameSender,
        receiver: FrameReceiver,
    ) -> impl Future<Output = ()> + Send;
}

/// Serves an endpoint until `shutdown` is cancelled or the endpoint is closed.
///
/// Exchanges still under way are then aborted; their peers see them reset. The endpoint stays the
/// caller's to close.
pub async fn serve<H: Handler>(endpoint: Endpoint, handler: Arc<H>, shutdown: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            connection = endpoint.accept() => match connection {
                Some(connection) => {
                    connections.spawn(serve_connection(connection, Arc::clone(&handler)));
                }
                None => return,
            },
            Some(ended) = connections.join_next() => report(ended),
        }
    }
}

/// The number of exchanges is bounded by the limit on open streams, which each of them holds one of.
async fn serve_connection<H: Handler>(connection: Connection, handler: Arc<H>) {
    let mut exchanges = JoinSet::new();
    loop {
        tokio::select! {
            incoming = connection.accept_exchange() => match incoming {
                Some(incoming) => {
                    exchanges.spawn(serve_exchange(connection.peer(), incoming, Arc::clone(&handler)));
                }
                None => return,
            },
            Some(ended) = exchanges.join_next() => report(ended),
        }
    }
}

async fn serve_exchange<H: Handler>(peer: UnitId, incoming: Incoming, handler: Arc<H>) {
    match incoming {
        Incoming::Request { body, responder } => {
            let answer = handler.request(peer, body).await;
            if let Err(error) = responder.respond(answer).await {
                tracing::debug!(%peer, %error, "an answer was not delivered");
            }
        }
        Incoming::Stream { opening, sender, receiver } => {
            handler.stream(peer, opening, sender, receiver).await;
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "serving failed");
    }
}

#[cfg(test)]
mod tests;
