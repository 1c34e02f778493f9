//! Server-sent events: how a stream begins, stays alive, and ends for whoever does not keep up.
//!
//! The next event is made when the one before has been taken, so that a slow subscriber holds no
//! more than one. Whoever takes very long over one gives its place to others: it is told where to
//! go on, and cut.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::HeaderMap,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::stream;
use protocol::Slot;
use serde_json::json;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::explorer::{facts::Problem, fault::Fault};

/// How often a silent stream says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// In which time a subscriber that was cut off connects again.
const RETRY: Duration = Duration::from_secs(1);

/// How long a subscriber may take over one event.
pub(super) const STALL_MAX: Duration = Duration::from_secs(10);

/// The header in which a browser names the last event it has.
const LAST_EVENT: &str = "last-event-id";

/// Where events come from.
pub(super) trait Source: Send + 'static {
    /// The next event; none if there will be no more.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;

    /// Where whoever is cut goes on: the first slot that it has not been told of.
    fn resume(&self) -> Option<Slot>;
}

/// A stream of events while somebody takes them.
struct Stream<S> {
    source: S,
    hello: Option<Event>,
    /// When the last event was handed out.
    handed: Option<Instant>,
    ended: bool,
    shutdown: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl<S: Source> Stream<S> {
    async fn next(&mut self, now: Instant) -> Option<Event> {
        if self.ended {
            return None;
        }
        if let Some(hello) = self.hello.take() {
            return Some(hello);
        }
        let taken = self.handed.map_or(Duration::ZERO, |handed| now.duration_since(handed));
        if taken > STALL_MAX {
            self.ended = true;
            let resume = self.source.resume()?;
            let data = json!({ "resume": resume }).to_string();
            return Some(Event::default().event("cut").data(data));
        }
        let event = tokio::select! {
            event = self.source.next() => event,
            () = self.shutdown.cancelled() => None,
        };
        self.handed = Some(Instant::now());
        event
    }
}

/// Answers with the events of a source.
pub(super) fn respond(
    source: impl Source,
    permit: OwnedSemaphorePermit,
    shutdown: CancellationToken,
) -> Response {
    let hello = Some(Event::default().comment("antiphon").retry(RETRY));
    let stream = Stream { source, hello, handed: None, ended: false, shutdown, _permit: permit };
    let events = stream::unfold(stream, async |mut stream| {
        let event = stream.next(Instant::now()).await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// The slot of the last event that a subscriber has, if it names one.
pub(super) fn last_event(headers: &HeaderMap) -> Result<Option<Slot>, Problem> {
    let Some(last) = headers.get(LAST_EVENT) else { return Ok(None) };
    let slot = last.to_str().ok().and_then(|last| last.parse().ok()).map(Slot::new);
    let slot = slot.filter(|slot| slot.next().is_some());
    slot.map(Some).ok_or_else(|| {
        let hint = "Send back the id of the last event, or none to begin anew.";
        Problem::new(Fault::BadParameter, "Last-Event-ID is not the slot of an event.", hint)
    })
}

#[cfg(test)]
mod tests;
