//! The gateway: serves the explorer, an API in JSON and events over HTTP/1.1, by default on loopback.
//!
//! It passes on what others have signed, and has no key of its own unless it is given one for
//! development, which it takes on loopback only. For pages that look back it replays logs, within a
//! budget. Sizes, connections, subscribers, rates and times are bounded. It answers only to its own
//! names and to pages of its own or of sites that were allowed, so that no other web page can use it.

mod api;
mod assets;
mod body;
mod feed;
mod follow;
mod guard;
mod metrics;
mod openapi;
mod options;
mod origin;
mod pages;
mod patient;
mod query;
mod rate;
mod serve;
mod stream;
#[cfg(test)]
mod tests;
mod trail;
mod travels;

use std::{io, net::SocketAddr};

use antiphon_client::Client;
use axum::{Router, middleware, routing::get};
use protocol::Principal;
use tokio::net::TcpListener;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::explorer::{Reader, facts::Problem, fault::Fault};
use body::Room;
use feed::Feed;
use follow::Tails;
use guard::{Guard, Turns};
use metrics::Own;
use travels::Travels;

pub(crate) use options::Serving;
pub(crate) use origin::Origin;

/// Where a gateway listens, and whom it serves.
#[derive(Debug, Clone)]
pub(crate) struct GatewayConfig {
    /// The address; port 0 takes any that is free.
    pub(crate) listen: SocketAddr,
    /// Whom it serves.
    pub(crate) serving: Serving,
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
    tails: Tails,
    room: Room,
    own: Own,
    travels: Travels,
}

impl Shared {
    /// Whether the gateway signs what it is asked to call.
    fn signs(&self) -> bool {
        self.reader.client().principal() != Principal::Anonymous
    }

    /// Refuses what would have to be signed where there is no key.
    fn must_sign(&self) -> Result<(), Problem> {
        let hint = "Send a signed message to /api/v1/messages, or start the cluster with \
                    --dev-key.";
        let refused =
            || Problem::new(Fault::NoDevKey, "This gateway holds no key to sign with.", hint);
        if self.signs() { Ok(()) } else { Err(refused()) }
    }
}

/// Starts a gateway that speaks to the network through a client, until it is shut down or dropped. It
/// signs if the client has a key.
///
/// # Errors
///
/// [`GatewayError::Listen`] if the address is taken or not this machine's.
pub(crate) async fn start(config: GatewayConfig, client: Client) -> Result<Gateway, GatewayError> {
    let GatewayConfig { listen, serving } = config;
    let refuse = |source| GatewayError::Listen { address: listen, source };
    let listener = TcpListener::bind(listen).await.map_err(refuse)?;
    let address = listener.local_addr().map_err(refuse)?;
    let shutdown = CancellationToken::new();
    let tasks = TaskTracker::new();
    let reader = Reader::new(client);
    let feed = Feed::new(serving.gateway_streams, shutdown.clone());
    tasks.spawn(feed.clone().run(reader.clone()));
    let (tails, travels) = (Tails::new(), Travels::new(shutdown.clone()));
    let (room, own) = (Room::new(), Own::default());
    let shared = Shared { reader, feed, tails, room, own, travels };
    let router = router(shared, Guard::new(address, &serving));
    let connections = serve::connections(serving.gateway_streams);
    tasks.spawn(serve::serve((listener, connections), router, tasks.clone(), shutdown.clone()));
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
    let (short, long) = (Turns::short(), Turns::long());
    let own = shared.own.clone();
    let pages = Router::new()
        .route("/", get(pages::home))
        .route("/processes", get(pages::processes))
        .route("/process/{id}", get(pages::process))
        .route("/process/{id}/state", get(pages::travel::state))
        .route("/message/{id}", get(pages::message))
        .route("/units", get(pages::units))
        .route("/message/{id}/graph", get(pages::graph))
        .route("/unit/{id}", get(pages::unit))
        .route("/module/{id}", get(pages::module))
        .route("/account/{id}", get(pages::account))
        .route("/outbox", get(pages::outbox))
        .route("/search", get(pages::search))
        .route("/api", get(openapi::page))
        .route("/metrics", get(metrics::metrics))
        .route("/assets/style.css", get(assets::style))
        .route("/assets/live.js", get(assets::script))
        .route("/assets/forms.js", get(assets::forms))
        .route("/assets/slider.js", get(assets::slider))
        .route("/assets/icon.svg", get(assets::icon))
        .route_layer(middleware::from_fn_with_state(short.clone(), guard::turn));
    // What is submitted waits for its reply.
    let forms = Router::new()
        .route("/process/{id}/call", get(pages::forms::form).post(pages::forms::submit))
        .route_layer(middleware::from_fn_with_state(long.clone(), guard::turn));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .merge(pages)
        .merge(forms)
        .merge(api::routes(&short, &long))
        .fallback(pages::nowhere)
        .method_not_allowed_fallback(api::wrong_method)
        .with_state(shared)
        .layer(middleware::from_fn_with_state(guard, guard::guard))
        .layer(middleware::from_fn_with_state(own, metrics::measure))
}
