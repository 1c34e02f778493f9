//! Accepts connections and speaks HTTP/1.1 on them, within limits.

use std::time::Duration;

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    guard::Peer,
    patient::{Patient, STALL_MAX},
};
use crate::files;

/// Connections at once beside those of streams; more wait to be accepted.
const CONNECTIONS_MAX: usize = 512;

/// How long a connection may take to say what it wants.
const HEAD_TIME: Duration = Duration::from_secs(20);

/// The most bytes of a request line with its headers.
const HEAD_MAX: usize = 16 * 1_024;

/// How long what is under way may take once the gateway stops.
const GRACE: Duration = Duration::from_secs(2);

/// The pause after the operating system refused a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How many connections are served at once with so many streams, each of which has one. Has the
/// operating system allow as many files, if it does.
pub(super) fn connections(streams: usize) -> usize {
    let connections = CONNECTIONS_MAX.saturating_add(streams);
    files::allow(connections);
    connections
}

/// Serves until it is told to stop.
pub(super) async fn serve(
    (listener, connections): (TcpListener, usize),
    router: Router,
    tasks: TaskTracker,
    shutdown: CancellationToken,
) {
    let room = std::sync::Arc::new(tokio::sync::Semaphore::new(connections));
    loop {
        let accepted = async {
            let permit = room.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (router, shutdown) = (router.clone(), shutdown.clone());
                tasks.spawn(async move {
                    speak(stream, Peer(peer.ip()), router, shutdown).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the gateway was not accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn speak(stream: TcpStream, peer: Peer, router: Router, shutdown: CancellationToken) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(Patient::new(stream, STALL_MAX)), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            timeout(GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the gateway broke");
    }
}
