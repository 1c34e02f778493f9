//! The outcomes of one process from a slot on, without gaps, as server-sent events.
//!
//! For programs to count on, unlike the feed that people watch: each event has its slot as its id, and
//! whoever connects again with the id of the last event goes on behind it. Nothing is read from a
//! messenger before whoever follows has taken what came before.

use std::{convert::Infallible, time::Duration};

use antiphon_client::{Observed, Subscription};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::stream;
use protocol::{ProcessId, Slot};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::{
    Shared, api,
    feed::{self, KEEP_ALIVE},
    query::{Asked, id},
};
use crate::explorer::{facts::Problem, fault::Fault, json};

/// The header in which a browser names the last event it has.
const LAST_EVENT: &str = "last-event-id";

/// Where to begin, unless a last event is named.
#[derive(Debug, Deserialize)]
pub(super) struct Start {
    #[serde(default)]
    from: u64,
}

/// Someone who follows a process.
struct Follower {
    subscription: Subscription,
    shutdown: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    /// The next outcome; none once the gateway stops.
    async fn next(&mut self) -> Option<Event> {
        let Observed { outcome, receipt } = tokio::select! {
            observed = self.subscription.next() => observed,
            () = self.shutdown.cancelled() => return None,
        };
        let data = json::followed(&outcome, receipt.unit()).to_string();
        Some(Event::default().id(outcome.slot.to_string()).event("outcome").data(data))
    }
}

/// `/api/v1/process/{process}/events?from=`, or behind the slot in `Last-Event-ID`.
pub(super) async fn events(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(start): Asked<Start>,
    headers: HeaderMap,
) -> Response {
    let asked = start.and_then(|start| Ok((id::<ProcessId>(&text)?, begin(&headers, &start)?)));
    let (process, from) = match asked {
        Ok(asked) => asked,
        Err(problem) => return api::fail(&problem),
    };
    let Some(permit) = shared.feed.admit() else { return feed::full() };
    let subscription = match shared.reader.client().subscribe(process, from).await {
        Ok(subscription) => subscription,
        Err(error) => return api::fail(&Problem::from(error)),
    };
    let shutdown = shared.feed.shutdown();
    let follower = Follower { subscription, shutdown, _permit: permit };
    let hello = Event::default().comment("antiphon").retry(Duration::from_secs(1));
    let events = stream::unfold((Some(hello), follower), async |(hello, mut follower)| {
        let event = match hello {
            Some(hello) => hello,
            None => follower.next().await?,
        };
        Some((Ok::<_, Infallible>(event), (None, follower)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// The first slot wanted.
fn begin(headers: &HeaderMap, start: &Start) -> Result<Slot, Problem> {
    let Some(last) = headers.get(LAST_EVENT) else { return Ok(Slot::new(start.from)) };
    let slot = last.to_str().ok().and_then(|last| last.parse().ok()).map(Slot::new);
    slot.and_then(Slot::next).ok_or_else(|| {
        let hint = "Send back the id of the last event, or none to begin anew.";
        Problem::new(Fault::BadParameter, "Last-Event-ID is not the slot of an event.", hint)
    })
}

#[cfg(test)]
mod tests;
