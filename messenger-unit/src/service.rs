//! The messenger as others see it: starts everything, answers requests and serves streams.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use protocol::{
    ProcessId, Refusal, RefusalCode, Role, Slot, Timestamp, UnitId,
    api::{
        Cursor, Executed, Kept, OUTCOME_FRAME_MAX, Opening, OutboxPage, Records, Request, Response,
        SubmitFrame, UnitStatus,
    },
    codec,
};
use tokio::{sync::broadcast::error::RecvError, task::JoinError, time::Instant};
use transport::{Directory, Endpoint, FaultFiles, FrameReceiver, FrameSender, Handler, Peers};

use crate::{
    board::{Place, Prospect},
    config::Config,
    delivery, firing, follow,
    hub::Hub,
    session::{OPEN_MAX, Session, encode_executed},
    share::{self, cursors::Teller},
    store::{Store, StoreError},
    subscription, telling,
};

/// How often cursors are stored.
const STORE_EVERY: Duration = Duration::from_secs(1);

/// How long an [`Request::Await`] waits.
const AWAIT_TIME: Duration = Duration::from_secs(25);

/// Outcomes sent to a watcher at once.
const WATCH_BATCH: usize = 256;

/// Why a messenger unit cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task of the start itself failed.
    #[error("starting failed: {0}")]
    Task(#[from] JoinError),
}

/// A running messenger unit.
#[derive(Debug)]
pub struct Running {
    hub: Arc<Hub>,
    endpoint: Endpoint,
}

/// Starts a messenger unit on an endpoint, among the units of a directory. Must be called within a
/// Tokio runtime.
///
/// # Errors
///
/// [`Error`] if its database is in use or cannot be written.
pub async fn start(
    config: Config,
    endpoint: Endpoint,
    directory: Directory,
) -> Result<Running, Error> {
    let faults = FaultFiles::new(&config.data);
    let opened = tokio::task::spawn_blocking(move || {
        let store = Store::open(&config.data)?;
        let cursors = store.cursors()?;
        Ok::<_, StoreError>((store, cursors))
    });
    let (store, cursors) = opened.await??;
    let peers = Peers::new(endpoint.clone(), directory);
    let who = (config.network, endpoint.unit(), wall_clock());
    let hub = Hub::new(who, peers, (Arc::new(store), faults), &cursors);
    let service = Arc::new(Service { hub: Arc::clone(&hub) });
    let serving = transport::serve(endpoint.clone(), service, hub.shutdown.clone());
    let shutdown = hub.shutdown.clone();
    // Serving aborts its streams by itself when the messenger stops; without it nothing is left to do.
    hub.tasks.spawn(async move {
        serving.await;
        shutdown.cancel();
    });
    hub.spawn(delivery::run(Arc::clone(&hub)));
    hub.spawn(follow::run(Arc::clone(&hub)));
    hub.spawn(share::watching::run(Arc::clone(&hub)));
    hub.spawn(firing::run(Arc::clone(&hub)));
    hub.spawn(telling::run(Arc::clone(&hub)));
    hub.spawn(keep(Arc::clone(&hub)));
    Ok(Running { hub, endpoint })
}

impl Running {
    /// Stops: ends all streams, stores the cursors, closes the endpoint.
    pub async fn shutdown(self) {
        self.hub.shutdown.cancel();
        self.hub.tasks.close();
        self.hub.tasks.wait().await;
        write(&self.hub).await;
        self.endpoint.close().await;
    }

    /// Completes if the messenger stops by itself, and tells why: its endpoint was closed under it,
    /// or a part of it panicked. Its store is a cache whose failures stop nothing.
    pub async fn failed(&self) -> String {
        let closed = async {
            self.hub.tasks.close();
            self.hub.tasks.wait().await;
        };
        closed.await;
        "the messenger's tasks ended".to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.hub.shutdown.cancel();
    }
}

/// Stores what has changed, now and then, and tells it to those who share the work.
async fn keep(hub: Arc<Hub>) {
    let mut ticks = tokio::time::interval(STORE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut teller = Teller::default();
    loop {
        ticks.tick().await;
        let served = write(&hub).await;
        teller.tell(&hub, &served);
        if !hub.swept.swap(true, Relaxed) {
            hub.board.sweep();
        }
    }
}

/// Stores what has changed; the cursors among it of processes that this messenger serves.
async fn write(hub: &Arc<Hub>) -> Vec<Cursor> {
    let ((cursors, served), acquaintances) =
        (hub.post.take_cursors(), hub.locations.take_unwritten());
    let behind = hub.store.has_unwritten();
    if cursors.is_empty() && acquaintances.is_empty() && !behind {
        return served;
    }
    let store = Arc::clone(&hub.store);
    let written = tokio::task::spawn_blocking(move || store.write(cursors, acquaintances));
    match written.await {
        Ok(Ok(())) if behind => tracing::warn!("cursors are stored again"),
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            hub.metrics.cursor_writes_failed.increment();
            if !behind {
                tracing::warn!(%error, "cursors are not stored: a restart now would follow from \
                    further back");
            }
        }
        Err(error) => tracing::error!(%error, "storing cursors failed"),
    }
    served
}

#[derive(Debug)]
struct Service {
    hub: Arc<Hub>,
}

impl Handler for Service {
    async fn request(&self, peer: UnitId, body: Bytes) -> Bytes {
        let answer = match codec::decode::<Request>(&body) {
            Err(error) => Err(Refusal::new(RefusalCode::Malformed, error.to_string())),
            // It only wants to know that this one is up, every second: nothing is counted for that.
            Ok(Request::Status) if self.hub.colleagues().contains(&peer) => {
                Ok(Response::done(&self.status_with(Vec::new())))
            }
            Ok(Request::Status) => Ok(Response::done(&self.status())),
            Ok(Request::Records) => {
                Ok(Response::done(&Records { records: self.hub.peers.directory().records() }))
            }
            Ok(Request::Await { process, slot }) => self.wait_for(process, slot).await,
            Ok(Request::Outbox { source, limit }) => {
                let timers = self.hub.dates.waiting().dates as u64;
                let page = self.hub.post.page(source, limit);
                Ok(Response::done(&OutboxPage { timers, ..page }))
            }
            Ok(Request::PutCursors(cursors)) => self.put_cursors(&peer, &cursors),
            Ok(_) => {
                let detail = "a messenger answers status, records, await, outbox and cursors";
                Err(Refusal::new(RefusalCode::UnknownRequest, detail))
            }
        };
        answer.unwrap_or_else(Response::refused).into()
    }

    async fn stream(
        &self,
        peer: UnitId,
        opening: Bytes,
        sender: FrameSender,
        receiver: FrameReceiver,
    ) {
        match codec::decode::<Opening>(&opening) {
            Ok(Opening::Submit) => self.serve_client(sender, receiver).await,
            Ok(Opening::Watch) => self.serve_watcher(sender).await,
            Ok(Opening::Subscribe { process, from }) => {
                subscription::serve(&self.hub, process, from, sender).await;
            }
            Ok(_) => tracing::debug!(%peer, "a stream that a messenger does not serve"),
            Err(error) => tracing::debug!(%peer, %error, "an opening cannot be read"),
        }
    }
}

impl Service {
    fn status(&self) -> UnitStatus {
        let hub = &self.hub;
        let mut counters = hub.metrics.snapshot();
        let (waiting, delivered) = hub.post.waiting();
        let gauge = |name: &str, value: usize| (name.to_owned(), value as u64);
        counters.push(("items_delivered".to_owned(), delivered));
        counters.push(gauge("items_waiting", waiting.items));
        counters.push(gauge("items_waiting_bytes", waiting.weight));
        counters.push(gauge("messengers_sharing", hub.post.crew().others().len() + 1));
        counters.push(gauge("pairs_known", waiting.pairs));
        counters.push(gauge("pairs_retrying", waiting.waiting));
        counters.push(gauge("pairs_spilled", waiting.spilled));
        counters.push(gauge("subscribers", hub.subscriptions.count()));
        counters.push(("pairs_blocked".to_owned(), waiting.blocked.values().sum()));
        counters.push(gauge("skips_waiting", waiting.skips));
        counters.push(("skips_ignored".to_owned(), waiting.skips_ignored));
        let (dates, words) = (hub.dates.waiting(), hub.words.waiting());
        counters.push(gauge("timers_waiting", dates.dates));
        counters.push(("timers_taken".to_owned(), dates.taken));
        counters.push(("timers_unproven".to_owned(), dates.unproven));
        counters.push(gauge("answers_waiting", words.cases));
        counters.push(("answers_taken".to_owned(), words.told));
        counters.push(("answers_given_up".to_owned(), words.given_up));
        let blocked = waiting.blocked.iter();
        counters.extend(blocked.map(|(code, n)| (format!("pairs_blocked:{}", code.word()), *n)));
        counters.push(("items_refused".to_owned(), waiting.refused.values().sum()));
        let refused = waiting.refused.iter();
        counters.extend(refused.map(|(code, n)| (format!("items_refused:{}", code.word()), *n)));
        counters.sort();
        self.status_with(counters)
    }

    fn status_with(&self, counters: Vec<(String, u64)>) -> UnitStatus {
        UnitStatus {
            unit: self.hub.unit,
            role: Role::Messenger,
            software: concat!("antiphon ", env!("CARGO_PKG_VERSION")).to_owned(),
            started: self.hub.started,
            counters,
        }
    }

    /// Keeps how far another messenger of the operator has come: its word is taken for it, which
    /// nobody else's is.
    fn put_cursors(&self, peer: &UnitId, cursors: &[Cursor]) -> Result<Vec<u8>, Refusal> {
        if !self.hub.colleagues().contains(peer) {
            let detail = "cursors are taken from messengers of the same operator only";
            return Err(Refusal::new(RefusalCode::NotListed, detail));
        }
        let count = u32::try_from(self.hub.post.keep(cursors)).unwrap_or(u32::MAX);
        Ok(Response::done(&Kept { count }))
    }

    /// The outcome of a slot, now or when it comes by.
    async fn wait_for(&self, process: ProcessId, slot: Slot) -> Result<Vec<u8>, Refusal> {
        let deadline = Instant::now() + AWAIT_TIME;
        let not_yet = || {
            let detail = format!("slot {slot} of {process} has no outcome yet: ask again");
            Refusal::new(RefusalCode::NotFound, detail)
        };
        match self.hub.board.expect(process, slot) {
            Prospect::Passed => {
                let fetched = self.hub.outcome(process, slot).await;
                fetched.map(|executed| Response::done(&executed)).map_err(|code| {
                    let detail = format!("slot {slot} of {process} cannot be had at the moment");
                    Refusal::new(code, detail)
                })
            }
            Prospect::Coming(place) => match tokio::time::timeout_at(deadline, place).await {
                Ok(Ok(place)) => executed(&place).ok_or_else(not_yet),
                Ok(Err(_)) | Err(_) => Err(not_yet()),
            },
            Prospect::Full => {
                let detail = "too many wait for outcomes already: try again";
                Err(Refusal::new(RefusalCode::Busy, detail))
            }
        }
    }

    async fn serve_client(&self, sender: FrameSender, receiver: FrameReceiver) {
        let hub = &self.hub;
        let number = hub.sessions.fetch_add(1, Relaxed);
        let session = Session::new(number, Arc::clone(&hub.shares));
        let stopped = sender.stopped();
        let reading = async {
            if read(hub, &session, receiver).await {
                session.finish();
            } else {
                session.end();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = session.write(sender) => {}
            () = reading => {}
            () = stopped => {}
        }
        session.end();
        hub.swept.store(false, Relaxed);
    }

    /// Tells a watcher of outcomes as they come by, several at once if they wait.
    async fn serve_watcher(&self, mut sender: FrameSender) {
        sender.set_limit(OUTCOME_FRAME_MAX);
        let mut places = self.hub.watchers.subscribe();
        let stopped = sender.stopped();
        tokio::pin!(stopped);
        loop {
            let first = tokio::select! {
                first = places.recv() => first,
                () = &mut stopped => return,
            };
            let (frame, position) = match first {
                Ok(place) => place,
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let mut groups = vec![(frame, vec![(0, position)])];
            while groups.len() < WATCH_BATCH
                && let Ok((frame, position)) = places.try_recv()
            {
                match groups.last_mut().filter(|(last, _)| Arc::ptr_eq(last, &frame)) {
                    Some((_, entries)) => entries.push((0, position)),
                    None => groups.push((frame, vec![(0, position)])),
                }
            }
            let mut frames = Vec::with_capacity(groups.len());
            for (frame, entries) in groups {
                frames.extend(encode_executed(&frame, &entries));
            }
            if sender.send_all(frames).await.is_err() {
                return;
            }
        }
    }
}

/// Takes a client's entries until it has no more; `false` if the stream broke.
async fn read(hub: &Arc<Hub>, session: &Arc<Session>, mut receiver: FrameReceiver) -> bool {
    loop {
        let frame = match receiver.recv().await {
            Ok(Some(frame)) => frame,
            Ok(None) => return true,
            Err(_) => return false,
        };
        let submissions = match codec::decode::<SubmitFrame>(&frame) {
            Ok(frame) => frame.submissions,
            Err(error) => {
                tracing::debug!(%error, "a client's frame cannot be read");
                return false;
            }
        };
        let count = u32::try_from(submissions.len()).ok();
        let Some(count) = count.filter(|_| submissions.len() <= OPEN_MAX) else { return false };
        let share = session.admit(frame.len(), count).await;
        hub.submit(session, submissions, &share).await;
    }
}

fn executed((frame, position): &Place) -> Option<Vec<u8>> {
    let slot = frame.inner.slots.get(*position)?;
    let receipt = frame.receipt(slot)?;
    Some(Response::done(&Executed { outcome: slot.outcome.clone(), receipt }))
}

/// This host's clock.
#[cfg(simulation)]
pub(crate) fn wall_clock() -> Timestamp {
    Timestamp::new(tokio::simulation::wall_clock())
}

/// This host's clock.
#[cfg(not(simulation))]
#[expect(clippy::disallowed_methods, reason = "the shell reads the clock, for people and timers")]
pub(crate) fn wall_clock() -> Timestamp {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
