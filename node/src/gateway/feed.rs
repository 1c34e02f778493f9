//! Outcomes as they come, for any number of watchers up to a limit.
//!
//! The network is watched once for all of them, and only while there is one. What comes faster
//! than people can read is counted instead of shown; a watcher that is slower still is told how
//! much it missed. Nothing here holds anything back from units.

use std::{sync::Arc, time::Duration};

use antiphon_client::{Observed, Watch};
use axum::{
    extract::State,
    response::{Response, sse::Event},
};
use protocol::{Outcome, ProcessId, Role, Slot};
use serde::Deserialize;
use tokio::{
    sync::{
        Notify, OwnedSemaphorePermit, Semaphore,
        broadcast::{self, error::RecvError},
    },
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Shared, api,
    query::{Asked, id},
    stream::{self, Source},
};
use crate::explorer::{Reader, facts::Problem, fault::Fault, json};

/// Events that wait for a slow watcher.
const WAITING_MAX: usize = 256;

/// Outcomes shown in one [`WINDOW`]; the rest is counted.
const SHOWN_MAX: u32 = 50;

/// The time over which outcomes are counted.
const WINDOW: Duration = Duration::from_millis(250);

/// How many windows without a watcher the network is still watched: people go from page to page.
const LINGER: u32 = 40;

/// How long looking up what a slot was asked may take.
const LOOK_UP: Duration = Duration::from_millis(300);

/// The pause before the network is watched again after it could not be.
const PAUSE: Duration = Duration::from_millis(500);

/// Something to tell watchers.
#[derive(Debug, Clone)]
pub(super) enum News {
    /// A slot was executed.
    Outcome(ProcessId, Arc<str>),
    /// So many outcomes were not shown.
    Missed(u64),
}

/// Hands news to watchers.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    news: broadcast::Sender<News>,
    watchers: Arc<Semaphore>,
    watchers_max: usize,
    came: Arc<Notify>,
    shutdown: CancellationToken,
}

/// One watcher.
#[derive(Debug)]
pub(super) struct Watcher {
    news: broadcast::Receiver<News>,
    only: Option<ProcessId>,
}

impl Feed {
    /// Has room for so many streams, of which only some may be of outcomes as they come.
    pub(super) fn new(watchers_max: usize, shutdown: CancellationToken) -> Self {
        let (news, _) = broadcast::channel(WAITING_MAX);
        let watchers = Arc::new(Semaphore::new(watchers_max));
        Self { news, watchers, watchers_max, came: Arc::new(Notify::new()), shutdown }
    }

    /// Room for one more stream, if there is any.
    pub(super) fn admit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.watchers).try_acquire_owned().ok()
    }

    /// How many streams are open.
    pub(super) fn listeners(&self) -> usize {
        self.watchers_max.saturating_sub(self.watchers.available_permits())
    }

    /// Says when the gateway stops.
    pub(super) fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Lets one more watch, if there is room.
    pub(super) fn subscribe(
        &self,
        only: Option<ProcessId>,
    ) -> Option<(Watcher, OwnedSemaphorePermit)> {
        let permit = self.admit()?;
        let news = self.news.subscribe();
        self.came.notify_one();
        Some((Watcher { news, only }, permit))
    }

    /// Watches the network while somebody watches the feed.
    pub(super) async fn run(self, reader: Reader) {
        let shutdown = self.shutdown.clone();
        let watch = async {
            loop {
                if self.news.receiver_count() == 0 {
                    self.came.notified().await;
                    continue;
                }
                match reader.client().watch() {
                    Ok(watch) => self.pass_on(&reader, watch).await,
                    Err(error) => {
                        tracing::debug!(%error, "the network cannot be watched");
                        sleep(PAUSE).await;
                    }
                }
            }
        };
        tokio::select! { () = watch => {}, () = shutdown.cancelled() => {} }
    }

    /// Passes outcomes on until nobody watches, or there are other messengers to watch.
    async fn pass_on(&self, reader: &Reader, mut watch: Watch) {
        let messengers = || reader.client().directory().units(Role::Messenger);
        let watched = messengers();
        let mut windows = interval(WINDOW);
        windows.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut shown, mut missed, mut quick, mut idle) = (0, 0, true, 0);
        loop {
            // Both branches are safe to cancel: neither takes anything before it is ready.
            tokio::select! {
                observed = watch.next() => match observed {
                    None => return sleep(PAUSE).await,
                    Some(_) if shown >= SHOWN_MAX => missed += 1,
                    Some(Observed { outcome, .. }) => {
                        shown += 1;
                        quick = self.tell(reader, &outcome, quick).await;
                    }
                },
                _ = windows.tick() => {
                    if missed > 0 {
                        self.send(News::Missed(missed));
                    }
                    (shown, missed, quick) = (0, 0, true);
                    idle = if self.news.receiver_count() == 0 { idle + 1 } else { 0 };
                    if idle >= LINGER || messengers() != watched {
                        return;
                    }
                }
            }
        }
    }

    /// Tells of an outcome; says whether looking it up was quick enough to do so again.
    async fn tell(&self, reader: &Reader, outcome: &Outcome, look_up: bool) -> bool {
        let (process, slot) = (outcome.process, outcome.slot);
        let names = reader.names([process]);
        let (record, quick) = if look_up {
            match timeout(LOOK_UP, reader.record(process, slot)).await {
                Ok(record) => (record.ok(), true),
                Err(_) => (None, false),
            }
        } else {
            (None, false)
        };
        let event = json::event(outcome, record.as_ref(), &names.await);
        self.send(News::Outcome(process, event.to_string().into()));
        quick
    }

    pub(super) fn send(&self, news: News) {
        // Without watchers it goes nowhere, which is right.
        let _ = self.news.send(news);
    }
}

impl Source for Watcher {
    async fn next(&mut self) -> Option<Event> {
        loop {
            match self.news.recv().await {
                Ok(News::Outcome(process, _)) if self.only.is_some_and(|only| only != process) => {}
                Ok(News::Outcome(_, json)) => {
                    return Some(Event::default().event("outcome").data(json));
                }
                Ok(News::Missed(count)) | Err(RecvError::Lagged(count)) => {
                    let data = serde_json::json!({ "count": count }).to_string();
                    return Some(Event::default().event("missed").data(data));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn resume(&self) -> Option<Slot> {
        None
    }
}

/// Which outcomes are watched.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Watched {
    process: Option<String>,
}

/// `/api/v1/events?process=`
pub(super) async fn events(
    State(shared): State<Shared>,
    Asked(watched): Asked<Watched>,
) -> Response {
    let only = watched.and_then(|watched| watched.process.as_deref().map(id).transpose());
    let only = match only {
        Ok(only) => only,
        Err(problem) => return api::fail(&problem),
    };
    let Some((watcher, permit)) = shared.feed.subscribe(only) else { return full() };
    stream::respond(watcher, permit, shared.feed.shutdown())
}

/// There is no room for one more.
pub(super) fn full() -> Response {
    let hint = "Close a page, or try again in a moment.";
    let problem = Problem::new(Fault::Overloaded, "Too many watch already.", hint);
    api::fail(&problem)
}

#[cfg(test)]
mod tests;
