//! Runs a handler over everything that arrives at an endpoint, in bounded tasks.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use protocol::UnitId;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{Connection, Endpoint, FrameReceiver, FrameSender, Incoming};

/// Answers the requests and serves the streams of all peers, many at once.
///
/// The future of an exchange is dropped when its connection is lost or serving ends: what must not
/// stop half-way belongs into a task of its own.
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

async fn serve_connection<H: Handler>(connection: Connection, handler: Arc<H>) {
    let peer = connection.peer();
    let mut exchanges = JoinSet::new();
    loop {
        let running = exchanges.len();
        tokio::select! {
            incoming = connection.accept_exchange(), if running < connection.exchanges_max() => {
                match incoming {
                    Some(incoming) => {
                        exchanges.spawn(serve_exchange(peer, incoming, Arc::clone(&handler)));
                    }
                    None => return,
                }
            }
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
