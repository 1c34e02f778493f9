//! What the gateway counts of itself: requests, and how long they took.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use tokio::time::Instant;

use super::text::{Kind, Text};

/// The longest times, in microseconds, of the classes that requests are counted in.
pub(super) const BOUNDS: [u64; 12] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000,
    15_000_000, 60_000_000,
];

/// The families, for the page of metrics: name, kind and what it says.
pub(super) const FAMILIES: [(&str, Kind, &str); 2] = [
    (
        "antiphon_gateway_request_duration_seconds",
        Kind::Histogram,
        "How long requests took until their answer began, by route, method and status.",
    ),
    ("antiphon_gateway_subscribers", Kind::Gauge, "Streams of events that are open."),
];

/// Routes, methods and statuses, of which there are few.
type Key = (String, &'static str, u16);

/// Counts the requests of a gateway.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Own(Arc<Mutex<BTreeMap<Key, Times>>>);

#[derive(Debug, Clone, Copy, Default)]
struct Times {
    classes: [u64; BOUNDS.len()],
    sum: u64,
    count: u64,
}

impl Own {
    pub(super) fn note(&self, route: &str, method: &'static str, status: u16, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut requests = self.requests();
        let times = requests.entry((route.to_owned(), method, status)).or_default();
        times.count = times.count.saturating_add(1);
        times.sum = times.sum.saturating_add(took);
        let mut classes = BOUNDS.iter().zip(&mut times.classes);
        if let Some((_, class)) = classes.find(|(bound, _)| took <= **bound) {
            *class = class.saturating_add(1);
        }
    }

    pub(super) fn write(&self, text: &mut Text, listeners: usize) {
        let [requests, subscribers] = FAMILIES;
        text.family(requests.0, requests.1, requests.2);
        for ((route, method, status), times) in self.requests().iter() {
            let labels = [
                ("route", route.clone()),
                ("method", (*method).to_owned()),
                ("status", status.to_string()),
            ];
            let mut below = 0_u64;
            let buckets = BOUNDS.iter().zip(&times.classes).map(|(bound, class)| {
                below = below.saturating_add(*class);
                (*bound, below)
            });
            text.histogram(&labels, &buckets.collect::<Vec<_>>(), (times.sum, times.count));
        }
        text.family(subscribers.0, subscribers.1, subscribers.2);
        let listeners = u64::try_from(listeners).unwrap_or(u64::MAX);
        text.sample("", &[], super::number(listeners));
    }

    fn requests(&self) -> MutexGuard<'_, BTreeMap<Key, Times>> {
        // Every step under the lock leaves the numbers whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request when its answer begins.
pub(in super::super) async fn measure(
    State(own): State<Own>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    // What matches nothing could be anything.
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let method = match request.method().as_str() {
        "GET" => "GET",
        "POST" => "POST",
        _ => "other",
    };
    let begun = Instant::now();
    let response = next.run(request).await;
    own.note(&route, method, response.status().as_u16(), begun.elapsed());
    response
}
