//! The outcomes of one process from a slot on, without gaps, as server-sent events.
//!
//! For programs to count on, unlike the feed that people watch: each event has its slot as its id, and
//! whoever connects again with the id of the last event goes on behind it. Nothing is read from a
//! messenger before whoever follows has taken what came before.

use antiphon_client::{Observed, Subscription};
use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::{Response, sse::Event},
};
use protocol::{ProcessId, Slot};
use serde::Deserialize;

use super::{
    Shared, api, feed,
    query::{Asked, id},
    stream::{self, Source, last_event},
};
use crate::explorer::{facts::Problem, json};

/// Where to begin, unless a last event is named.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    #[serde(default)]
    from: u64,
}

/// Someone who follows a process.
struct Follower(Subscription);

impl Source for Follower {
    async fn next(&mut self) -> Option<Event> {
        let Observed { outcome, receipt } = self.0.next().await;
        let data = json::followed(&outcome, receipt.unit()).to_string();
        Some(Event::default().id(outcome.slot.to_string()).event("outcome").data(data))
    }

    fn resume(&self) -> Option<Slot> {
        Some(self.0.next_slot())
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
    match shared.reader.client().subscribe(process, from).await {
        Ok(following) => stream::respond(Follower(following), permit, shared.feed.shutdown()),
        Err(error) => api::fail(&Problem::from(error)),
    }
}

/// The first slot wanted.
fn begin(headers: &HeaderMap, start: &Start) -> Result<Slot, Problem> {
    let last = last_event(headers)?;
    Ok(last.and_then(Slot::next).unwrap_or_else(|| Slot::new(start.from)))
}

#[cfg(test)]
mod tests;
