//! What all parts of a messenger share.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64},
    },
};

use protocol::{NetworkId, ProcessId, Slot, Timestamp, UnitId};
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use transport::{FaultFiles, Peers};

use crate::{
    board::{Board, Place},
    delivery::Post,
    firing::Dates,
    flight::Flight,
    location::Locations,
    metrics::Metrics,
    router::Parked,
    store::Store,
    subscription::Subscriptions,
    telling::Words,
    witness::Witness,
};

/// Executed slots that a watcher may lag behind before it misses some.
const WATCH_MAX: usize = 4_096;

/// Fetches of single outcomes under way at once.
const FETCHES_MAX: usize = 64;

/// What all parts of a messenger share.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) network: NetworkId,
    pub(crate) unit: UnitId,
    pub(crate) started: Timestamp,
    pub(crate) peers: Peers,
    pub(crate) store: Arc<Store>,
    pub(crate) locations: Locations,
    pub(crate) board: Board,
    pub(crate) post: Post,
    pub(crate) dates: Dates,
    pub(crate) words: Words,
    pub(crate) metrics: Metrics,
    /// What compute units stated lately.
    pub(crate) witness: Mutex<Witness>,
    /// What they stated that cannot be.
    pub(crate) faults: Arc<FaultFiles>,
    /// To each scheduler that was ever needed, the queue of its relay.
    pub(crate) relays: Mutex<HashMap<UnitId, mpsc::Sender<Vec<Flight>>>>,
    /// Entries whose process is being found.
    pub(crate) parked: Mutex<Parked>,
    pub(crate) watchers: broadcast::Sender<Place>,
    pub(crate) subscriptions: Subscriptions,
    /// Memory for unacknowledged entries of clients, in KiB.
    pub(crate) shares: Arc<Semaphore>,
    pub(crate) sessions: AtomicU64,
    /// Whether client streams have ended since the board was swept.
    pub(crate) swept: AtomicBool,
    /// Fetches of single outcomes under way.
    pub(crate) fetches: Semaphore,
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

impl Hub {
    /// A hub that resumes where the store says.
    pub(crate) fn new(
        (network, unit, started): (NetworkId, UnitId, Timestamp),
        peers: Peers,
        (store, faults): (Arc<Store>, FaultFiles),
        cursors: &[(ProcessId, Slot)],
    ) -> Arc<Self> {
        let hub = Self {
            network,
            unit,
            started,
            locations: Locations::new(network, Arc::clone(&store), peers.clone()),
            peers,
            store,
            board: Board::default(),
            post: Post::new(unit),
            dates: Dates::default(),
            words: Words::default(),
            metrics: Metrics::default(),
            witness: Mutex::new(Witness::new(network)),
            faults: Arc::new(faults),
            relays: Mutex::default(),
            parked: Mutex::default(),
            watchers: broadcast::channel(WATCH_MAX).0,
            subscriptions: Subscriptions::default(),
            shares: Arc::new(Semaphore::new(crate::session::SHARES_MAX)),
            sessions: AtomicU64::new(0),
            swept: AtomicBool::new(true),
            fetches: Semaphore::new(FETCHES_MAX),
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        };
        for (process, slot) in cursors {
            hub.board.resume(*process, *slot);
            hub.post.resume(*process, *slot);
        }
        Arc::new(hub)
    }

    /// Runs something until it ends or the messenger stops. A panic ends the messenger: without one
    /// of its parts it would take entries and never deliver what comes of them.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stopping = self.shutdown.clone();
        let fuse = Fuse(stopping.clone());
        self.tasks.spawn(async move {
            let _fuse = fuse;
            tokio::select! {
                () = stopping.cancelled() => {}
                () = work => {}
            }
        });
    }
}

/// Stops the messenger when it is dropped by a panic.
struct Fuse(CancellationToken);

impl Drop for Fuse {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("a part of the messenger panicked: the messenger stops");
            self.0.cancel();
        }
    }
}
