//! The gateway: serves the explorer, its JSON and its events over HTTP/1.1, by default on loopback.
//!
//! It reads through a client that has no key, so nothing it serves can change a process. Sizes,
//! connections, subscribers and times are bounded; on loopback it answers only to loopback names,
//! so that no web page elsewhere can read it by renaming a host.

mod api;
mod assets;
mod feed;
mod follow;
mod guard;
mod pages;
mod query;
mod serve;
#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr};

use antiphon_client::Client;
use axum::{Router, middleware, routing::get};
use tokio::net::TcpListener;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::explorer::Reader;
use feed::Feed;
use guard::Guard;

/// Where a gateway listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GatewayConfig {
    /// The address; port 0 takes any that is free.
    pub(crate) listen: SocketAddr,
}

/// A gateway that serves.
#[derive(Debug)]
pub(crate) struct Gateway {
    address: SocketAddr,
    tasks: TaskTracker,
    shutdown: DropGuard,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    /// The address cannot be listened on.
    #[error(
        "the gateway cannot listen on {address}: {source}; choose another address, port 0 takes \
         any that is free"
    )]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
}

/// What every handler has.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    reader: Reader,
    feed: Feed,
}

/// Starts a gateway that reads through a client, until it is shut down or dropped.
///
/// # Errors
///
/// [`GatewayError::Listen`] if the address is taken or not this machine's.
pub(crate) async fn start(config: GatewayConfig, client: Client) -> Result<Gateway, GatewayError> {
    let GatewayConfig { listen } = config;
    let refuse = |source| GatewayError::Listen { address: listen, source };
    let listener = TcpListener::bind(listen).await.map_err(refuse)?;
    let address = listener.local_addr().map_err(refuse)?;
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    let reader = Reader::new(client);
    let feed = Feed::new(shutdown.clone());
    tasks.spawn(feed.clone().run(reader.clone()));
    let router = router(Shared { reader, feed }, Guard::new(address));
    tasks.spawn(serve::serve(listener, router, tasks.clone(), shutdown.clone()));
    tasks.close();
    Ok(Gateway { address, tasks, shutdown: shutdown.drop_guard() })
}

impl GatewayError {
    /// Whether another program has the address.
    pub(crate) fn is_taken(&self) -> bool {
        let Self::Listen { source, .. } = self;
        source.kind() == io::ErrorKind::AddrInUse
    }
}

impl Gateway {
    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: answers what is under way, for a short time, and closes.
    pub(crate) async fn shutdown(self) {
        drop(self.shutdown);
        self.tasks.wait().await;
    }
}

fn router(shared: Shared, guard: Guard) -> Router {
    Router::new()
        .route("/", get(pages::home))
        .route("/processes", get(pages::processes))
        .route("/process/{id}", get(pages::process))
        .route("/message/{id}", get(pages::message))
        .route("/unit/{id}", get(pages::unit))
        .route("/outbox", get(pages::outbox))
        .route("/search", get(pages::search))
        .route("/events", get(feed::events))
        .route("/api/units", get(api::units))
        .route("/api/processes", get(api::processes))
        .route("/api/process/{id}/log", get(api::log))
        .route("/api/process/{id}/events", get(follow::events))
        .route("/api/message/{id}", get(api::message))
        .route("/api/outbox", get(api::outbox))
        .route("/healthz", get(async || "ok\n"))
        .route("/assets/style.css", get(assets::style))
        .route("/assets/live.js", get(assets::script))
        .route("/assets/icon.svg", get(assets::icon))
        .fallback(pages::nowhere)
        .with_state(shared)
        .layer(middleware::from_fn_with_state(guard, guard::guard))
}
