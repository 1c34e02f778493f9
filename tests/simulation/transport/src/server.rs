//! Runs a handler over everything that arrives at an endpoint.

use std::sync::Arc;

use bytes::Bytes;
use protocol::UnitId;
use simulated_tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Endpoint, FrameReceiver, FrameSender, link::End, network::Exchange};

/// Answers the requests and serves the streams of all peers, many at once.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn request(&self, peer: UnitId, body: Bytes) -> impl Future<Output = Bytes> + Send;

    /// Serves one long-lived stream until it ends.
    fn stream(
        &self,
        peer: UnitId,
        opening: Bytes,
        sender: FrameSender,
        receiver: FrameReceiver,
    ) -> impl Future<Output = ()> + Send;
}

/// Serves an endpoint until `shutdown` is cancelled or the endpoint is closed.
pub async fn serve<H: Handler>(endpoint: Endpoint, handler: Arc<H>, shutdown: CancellationToken) {
    let mut inbox = endpoint.network.listen(endpoint.unit());
    let mut exchanges = JoinSet::new();
    loop {
        simulated_tokio::select! {
            () = shutdown.cancelled() => return,
            exchange = inbox.recv() => match exchange {
                Some(exchange) => exchanges.spawn(serve_exchange(exchange, Arc::clone(&handler))),
                None => return,
            },
            Some(_) = exchanges.join_next() => {}
        }
    }
}

async fn serve_exchange<H: Handler>(exchange: Exchange, handler: Arc<H>) {
    match exchange {
        Exchange::Request { link, body, answer } => {
            let peer = link.peer(End::Listener);
            let answered = simulated_tokio::select! {
                answered = handler.request(peer, body) => answered,
                _ = link.lost(End::Listener) => return,
            };
            // Whoever asked may have given up.
            let _ = answer.send(answered);
        }
        Exchange::Stream { link, opening, sender, receiver } => {
            let peer = link.peer(End::Listener);
            simulated_tokio::select! {
                () = handler.stream(peer, opening, sender, receiver) => {}
                _ = link.lost(End::Listener) => {}
            }
        }
    }
}
