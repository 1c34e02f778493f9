//! What stands before every handler: who asks, under which name and from which page, how often, how
//! many at once and for how long; and the headers that keep a browser from running or sending
//! anything that is not the gateway's own.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
            ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN,
            REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

use super::{
    Origin, Serving,
    api::{WAIT_MAX, fail},
    origin,
    rate::Rates,
};
use crate::explorer::{facts::Problem, fault::Fault};

/// Requests worked on at once.
const REQUESTS_MAX: usize = 64;

/// Requests at once that wait for something to happen.
const WAITING_MAX: usize = 256;

/// How long one request may be worked on.
const REQUEST_TIME: Duration = Duration::from_secs(15);

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    // Nothing is told to other sites. Without any referrer, forms would hide their own origin too.
    (REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What a browser is told of a site that is allowed, when it asks before a request.
const PREFLIGHT: [(HeaderName, &str); 3] = [
    (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
    (ACCESS_CONTROL_ALLOW_HEADERS, "content-type, last-event-id"),
    (ACCESS_CONTROL_MAX_AGE, "600"),
];

/// The address of who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// What requests must pass.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    address: SocketAddr,
    hosts: Arc<[String]>,
    allowed: Arc<[Origin]>,
    rates: Arc<Mutex<Rates>>,
}

/// How many requests are worked on at once, and for how long.
#[derive(Debug, Clone)]
pub(super) struct Turns {
    free: Arc<Semaphore>,
    time: Duration,
}

impl Guard {
    pub(super) fn new(address: SocketAddr, serving: &Serving) -> Self {
        let Serving { cors, gateway_host, gateway_rate, .. } = serving;
        Self {
            address,
            hosts: gateway_host.as_slice().into(),
            allowed: cors.as_slice().into(),
            rates: Arc::new(Mutex::new(Rates::new(*gateway_rate))),
        }
    }

    /// Lets a request pass, or says why not.
    fn check(&self, request: &Request, now: Instant) -> Result<(), Refused> {
        let peer = request.extensions().get::<Peer>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(address)| *address);
        // Every step under the lock leaves it whole.
        let taken = self.rates.lock().unwrap_or_else(PoisonError::into_inner).take(now, peer);
        taken.map_err(Refused::Rate)?;
        let host =
            host_of(request).filter(|host| origin::is_meant(host, self.address.ip(), &self.hosts));
        let host = host.ok_or(Refused::Host)?;
        let from = request.headers().get(ORIGIN).map(HeaderValue::to_str);
        match from {
            None => Ok(()),
            Some(Ok(from)) if origin::is_own(from, &host) || self.allows(from) => Ok(()),
            Some(_) => Err(Refused::Origin),
        }
    }

    fn allows(&self, origin: &str) -> bool {
        Origin::find(&self.allowed, origin).is_some()
    }

    fn refuse(&self, refused: &Refused) -> Problem {
        match refused {
            Refused::Rate(wait) => {
                let detail = format!("Wait for {} ms.", wait.as_millis().saturating_add(1));
                let hint = "Whoever runs the gateway can allow more (--gateway-rate).";
                Problem::new(Fault::TooManyRequests, detail, hint)
            }
            Refused::Host => {
                let detail = format!("This gateway serves http://{} only.", self.address);
                let hint = "Whoever runs it can give it other names (--gateway-host).";
                Problem::new(Fault::WrongHost, detail, hint)
            }
            Refused::Origin => {
                let detail = "The request comes from a page of another site.";
                let hint = "Whoever runs the gateway can allow the site (--cors).";
                Problem::new(Fault::WrongOrigin, detail, hint)
            }
        }
    }
}

/// Why a request does not pass.
#[derive(Debug)]
enum Refused {
    /// For so long.
    Rate(Duration),
    Host,
    Origin,
}

impl Turns {
    /// For what is answered at once.
    pub(super) fn short() -> Self {
        Self { free: Arc::new(Semaphore::new(REQUESTS_MAX)), time: REQUEST_TIME }
    }

    /// For what waits for something to happen.
    pub(super) fn long() -> Self {
        let time = REQUEST_TIME.saturating_add(WAIT_MAX);
        Self { free: Arc::new(Semaphore::new(WAITING_MAX)), time }
    }
}

/// Checks a request, and dresses its answer.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let allowed = origin.and_then(|origin| Origin::find(&guard.allowed, origin)).cloned();
    let mut response = match guard.check(&request, Instant::now()) {
        Err(refused) => fail(&guard.refuse(&refused)),
        Ok(()) if allowed.is_some() && is_preflight(&request) => {
            (StatusCode::NO_CONTENT, PREFLIGHT).into_response()
        }
        Ok(()) => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if !guard.allowed.is_empty() {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    if let Some(value) = allowed.and_then(|origin| HeaderValue::from_str(origin.as_str()).ok()) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value);
        let exposed = HeaderValue::from_static("retry-after");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

/// Has a request take a turn.
pub(super) async fn turn(State(turns): State<Turns>, request: Request, next: Next) -> Response {
    let Ok(_turn) = turns.free.try_acquire() else {
        let detail = "Too many requests are being worked on.";
        return fail(&Problem::new(Fault::Overloaded, detail, "Try again in a moment."));
    };
    let answered = timeout(turns.time, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        let hint = "Look at which units are up, and try again.";
        fail(&Problem::new(Fault::TooSlow, "The network did not answer in time.", hint))
    })
}

fn is_preflight(request: &Request) -> bool {
    let asks = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    request.method() == Method::OPTIONS && asks
}

/// The one host that a request names; two are as bad as none.
pub(super) fn host_of(request: &Request) -> Option<String> {
    let named = request.uri().authority().map(|authority| authority.as_str().to_owned());
    named.or_else(|| only_host(request.headers()))
}

fn only_host(headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(HOST).iter();
    match (all.next(), all.next()) {
        (Some(host), None) => host.to_str().ok().map(str::to_owned),
        _ => None,
    }
}
