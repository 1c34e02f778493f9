//! The outcomes of one process from a slot on, without gaps, as server-sent events.
//!
//! For programs to count on, unlike the feed that people watch: each event has its slot as its id, and
//! whoever connects again with the id of the last event goes on behind it. Nothing is read from a
//! messenger before one of those who follow has taken what came before.

mod kept;
mod tail;

use antiphon_client::{Client, Mark};
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
use crate::explorer::facts::Problem;
use kept::Told;
use tail::Seat;

pub(super) use tail::Tails;

/// Where to begin, unless a last event is named.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    #[serde(default)]
    from: u64,
}

/// Someone who follows a process.
struct Follower {
    tails: Tails,
    client: Client,
    process: ProcessId,
    at: Mark,
    seat: Seat,
}

impl Source for Follower {
    async fn next(&mut self) -> Option<Event> {
        self.tails.join(self.process, &mut self.seat, &self.at);
        loop {
            if let Some(Told { slot, data, mark }) = self.seat.next().await {
                self.at = mark;
                return Some(Event::default().id(slot.to_string()).event("outcome").data(data));
            }
            // Others were so much faster that this one's next is no longer kept.
            let own = self.client.subscribe_at(self.process, self.at).ok();
            match own.and_then(|own| self.tails.seat(self.process, own)) {
                Some(seat) => self.seat = seat,
                None => return None,
            }
        }
    }

    fn resume(&self) -> Option<Slot> {
        Some(self.at.next_slot())
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
    let client = shared.reader.client().clone();
    let subscription = match client.subscribe(process, from).await {
        Ok(subscription) => subscription,
        Err(error) => return api::fail(&Problem::from(error)),
    };
    let (tails, at) = (shared.tails, subscription.mark());
    let Some(seat) = tails.seat(process, subscription) else { return feed::full() };
    let follower = Follower { tails, client, process, at, seat };
    stream::respond(follower, permit, shared.feed.shutdown())
}

/// The first slot wanted.
fn begin(headers: &HeaderMap, start: &Start) -> Result<Slot, Problem> {
    let last = last_event(headers)?;
    Ok(last.and_then(Slot::next).unwrap_or_else(|| Slot::new(start.from)))
}

#[cfg(test)]
mod tests;
