//! What stands before every handler: the host's name, the number of requests, their time, and the
//! headers that keep a browser from running or sending anything that is not the gateway's own.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, RETRY_AFTER,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::{sync::Semaphore, time::timeout};

/// Requests worked on at once.
const REQUESTS_MAX: usize = 64;

/// How long one request may be worked on.
const REQUEST_TIME: Duration = Duration::from_secs(15);

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What requests must pass.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    address: SocketAddr,
    requests: Arc<Semaphore>,
}

impl Guard {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, requests: Arc::new(Semaphore::new(REQUESTS_MAX)) }
    }
}

pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = admit(&guard, request, next).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn admit(guard: &Guard, request: Request, next: Next) -> Response {
    let host = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let host = host.or_else(|| host_of(request.headers()));
    if guard.address.ip().is_loopback() && !host.as_deref().is_some_and(is_loopback_name) {
        let detail = format!("This gateway serves http://{} only.\n", guard.address);
        return (StatusCode::MISDIRECTED_REQUEST, detail).into_response();
    }
    let Ok(_permit) = guard.requests.try_acquire() else {
        let detail = "Too many requests at once: try again in a moment.\n";
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], detail).into_response();
    };
    let late = |_| (StatusCode::GATEWAY_TIMEOUT, "The network is too slow.\n").into_response();
    timeout(REQUEST_TIME, next.run(request)).await.unwrap_or_else(late)
}

/// The one Host header; two are as bad as none.
fn host_of(headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(HOST).iter();
    match (all.next(), all.next()) {
        (Some(host), None) => host.to_str().ok().map(str::to_owned),
        _ => None,
    }
}

/// Whether a host, with or without port, can only be this machine.
fn is_loopback_name(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
