//! One message to its final reply, as server-sent events: `assigned`, then `outcome` if the reply
//! comes in a later slot, then `reply`, and the stream ends.
//!
//! The last two have the slot that they are of as their id. Whoever connects again behind `outcome`
//! is told of the reply only, and whoever has that gets no content, upon which browsers stop asking.

use std::time::Duration;

use antiphon_client::{Observed, SendResult};
use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response, sse::Event},
};
use protocol::{Assignment, EntryId, Outcome, Receipt, Reply, Slot};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Shared, api, feed,
    query::id,
    stream::{self, Source, last_event},
};
use crate::{
    explorer::{facts::Problem, json},
    output::Sent,
};

/// A reply is waited for as long as somebody listens.
const EVER: Duration = Duration::from_secs(365 * 24 * 3_600);

/// What is still to be told of a message.
enum Left {
    Assigned,
    Outcome,
    Reply(Box<(Outcome, Receipt)>),
    Nothing,
}

/// Someone who waits for a reply.
struct Listener {
    shared: Shared,
    assignment: Assignment,
    left: Left,
    /// The slot of the last event that is known already.
    last: Option<Slot>,
    _stream: OwnedSemaphorePermit,
}

impl Source for Listener {
    async fn next(&mut self) -> Option<Event> {
        loop {
            match std::mem::replace(&mut self.left, Left::Nothing) {
                Left::Assigned => {
                    self.left = Left::Outcome;
                    if self.last.is_none() {
                        return Some(self.assigned());
                    }
                }
                Left::Outcome => {
                    let (outcome, receipt) = self.executed().await?;
                    let later = outcome.reply == Reply::Later;
                    let known = self.last >= Some(outcome.slot);
                    let data = json::followed(&outcome, receipt.unit()).to_string();
                    let id = outcome.slot.to_string();
                    self.left = Left::Reply(Box::new((outcome, receipt)));
                    if later && !known {
                        return Some(Event::default().id(id).event("outcome").data(data));
                    }
                }
                Left::Reply(own) => return self.reply(*own).await,
                Left::Nothing => return None,
            }
        }
    }

    fn resume(&self) -> Option<Slot> {
        None
    }
}

impl Listener {
    fn assigned(&self) -> Event {
        let Assignment { process, entry, slot, .. } = self.assignment;
        let data = json::under_way(process, entry, Some(slot), "assigned").to_string();
        Event::default().event("assigned").data(data)
    }

    /// What came of the message in its own slot; none if a takeover has made it void.
    async fn executed(&self) -> Option<(Outcome, Receipt)> {
        let Assignment { process, entry, slot, .. } = self.assignment;
        let following = self.shared.reader.client().subscribe(process, slot).await;
        let Observed { outcome, receipt } = following.ok()?.next().await;
        (outcome.entry == entry).then_some((outcome, receipt))
    }

    async fn reply(&self, (outcome, receipt): (Outcome, Receipt)) -> Option<Event> {
        let client = self.shared.reader.client();
        let assignment = client.proof(&self.assignment).await.ok()?;
        let message = self.assignment.entry;
        let sent = SendResult { message, assignment, outcome, receipt, late: None };
        let result = client.final_reply(sent, EVER).await.ok()?;
        let slot = result.late.as_ref().map_or_else(|| result.slot(), |late| late.slot);
        let data = json::replied(self.assignment.process, &Sent::with_reply(&result)).to_string();
        Some(Event::default().id(slot.to_string()).event("reply").data(data))
    }
}

/// `/api/v1/message/{message}/events`
pub(super) async fn events(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = async {
        let (entry, last): (EntryId, _) = (id(&text)?, last_event(&headers)?);
        Ok::<_, Problem>((shared.reader.find(entry).await?.assignment, last))
    };
    let (assignment, last) = match found.await {
        Ok(found) => found,
        Err(problem) => return api::fail(&problem),
    };
    if let Some(last) = last
        && is_over(&shared, &assignment, last).await
    {
        return StatusCode::NO_CONTENT.into_response();
    }
    let Some(permit) = shared.feed.admit() else { return feed::full() };
    // The reply is followed for this one alone.
    let Some(stream) = shared.tails.stream() else { return feed::full() };
    let shutdown = shared.feed.shutdown();
    let left = Left::Assigned;
    let listener = Listener { shared, assignment, left, last, _stream: stream };
    stream::respond(listener, permit, shutdown)
}

/// Whether the last event that somebody has was the reply.
async fn is_over(shared: &Shared, assignment: &Assignment, last: Slot) -> bool {
    if last != assignment.slot {
        return last > assignment.slot;
    }
    let page = shared.reader.client().outcomes(assignment.process, last, 1).await;
    let own = page.ok().and_then(|page| page.executed.into_iter().next());
    own.is_some_and(|own| own.outcome.slot == last && own.outcome.reply != Reply::Later)
}
