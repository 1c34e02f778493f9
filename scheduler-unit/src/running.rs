//! Starting and stopping a unit.

mod stores;

use std::{
    io,
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use protocol::Timestamp;
use tokio::{sync::watch, task};
use tokio_util::sync::CancellationToken;
use transport::{Directory, Endpoint};

pub(crate) use self::stores::Stores;
use self::stores::reading;
use crate::{
    Config,
    archive::Archive,
    board::{Board, Known},
    clock::Clock,
    indexer,
    metrics::Metrics,
    order::{Log, Order},
    segment::Segment,
    sequencer::{Inbox, Sequencer},
    service::Service,
    store::{Disk, Files, Index, StoreError},
    unit::Unit,
    verify::{Pool, Verifier},
};

/// Why a unit does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory cannot be made.
    #[error("cannot make {path}: {source}")]
    Directory {
        /// The directory.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A store cannot be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// A unit that runs until it is shut down or dropped.
#[derive(Debug)]
pub struct Running {
    stop: CancellationToken,
    unit: Arc<Unit>,
    inbox: Arc<Inbox>,
    server: task::JoinHandle<()>,
    threads: Mutex<Threads>,
    failed: watch::Receiver<Option<String>>,
}

#[derive(Debug, Default)]
struct Threads {
    verifiers: Vec<JoinHandle<()>>,
    sequencer: Option<JoinHandle<()>>,
    indexer: Option<JoinHandle<()>>,
}

/// Starts a unit that answers at an endpoint. Must be called within a Tokio runtime.
///
/// Reads what was stored, and indexes what was not indexed, before it returns.
///
/// # Errors
///
/// [`Error`] says which part of the environment does not allow it.
pub fn start(config: Config, endpoint: Endpoint, directory: Directory) -> Result<Running, Error> {
    std::fs::create_dir_all(&config.data).map_err(|source| {
        let path = config.data.display().to_string();
        Error::Directory { path, source }
    })?;
    let disk: Arc<dyn Disk> = Arc::new(Files(config.data.clone()));
    start_on(config, disk, endpoint, directory)
}

fn start_on(
    config: Config,
    disk: Arc<dyn Disk>,
    endpoint: Endpoint,
    directory: Directory,
) -> Result<Running, Error> {
    let stores = Stores::open(&config, &disk)?;
    let Opened { archive, order, batches, floor } = open_with(disk, stores)?;
    let clock = Arc::new(Clock::start(floor));
    let metrics = Arc::new(Metrics::default());
    let inbox = Arc::new(Inbox::default());
    let id = config.key.public().unit();
    let verifier = Arc::new(Verifier::new(
        config.network,
        id,
        config.accounts,
        Arc::clone(&archive),
        clock.started(),
    ));
    let (failing, failed) = watch::channel(None);
    let sequencer = Sequencer {
        order,
        archive: Arc::clone(&archive),
        inbox: Arc::clone(&inbox),
        clock: Arc::clone(&clock),
        key: config.key.clone(),
        network: config.network,
        next: batches,
        metrics: Arc::clone(&metrics),
        doubtful: None,
        fenced: false,
    };
    let fenced = failing.clone();
    let sequencer = spawn("sequencer", &failing, move || {
        sequencer.run(|error| drop(fenced.send_replace(Some(error.to_string()))));
    })?;
    let indexed = Arc::clone(&archive);
    let indexer = spawn("indexer", &failing, move || indexer::run(&indexed, batches))?;
    let pool = Pool::new(Arc::clone(&verifier), Arc::clone(&inbox));
    let mut verifiers = Vec::new();
    for _ in 0..config.verifiers.get() {
        let worker = pool.worker();
        verifiers.push(spawn("verifier", &failing, move || worker.work())?);
    }
    let (memory, readers) = Unit::semaphores();
    let unit = Arc::new(Unit {
        key: config.key,
        id,
        network: config.network,
        archive,
        verifier,
        pool,
        clock,
        metrics,
        directory,
        memory,
        readers,
    });
    tracing::info!(%id, batches, operator = %config.operator, "the scheduler has started");
    let stop = CancellationToken::new();
    let service = Arc::new(Service(Arc::clone(&unit)));
    let serving = transport::serve(endpoint, service, stop.clone());
    let (stopping, watched) = (stop.clone(), failing);
    let server = tokio::spawn(async move {
        serving.await;
        if !stopping.is_cancelled() {
            watched.send_replace(Some("the endpoint was closed".to_owned()));
        }
    });
    let threads = Threads { verifiers, sequencer: Some(sequencer), indexer: Some(indexer) };
    Ok(Running { stop, unit, inbox, server, threads: Mutex::new(threads), failed })
}

/// What is read when a unit starts.
pub(crate) struct Opened {
    pub(crate) archive: Arc<Archive>,
    pub(crate) order: Order,
    /// How many batches the log has.
    pub(crate) batches: u64,
    /// The time of the last one.
    pub(crate) floor: Timestamp,
}

/// Opens the stores of a unit that keeps everything on its disk.
#[cfg(test)]
pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<Opened, StoreError> {
    let stores = Stores::in_files(&disk)?;
    open_with(disk, stores)
}

/// Indexes what is not indexed, and reads the logs' ends.
pub(crate) fn open_with(disk: Arc<dyn Disk>, stores: Stores) -> Result<Opened, StoreError> {
    let Stores { log, log_at, modules, modules_at } = stores;
    let (batches, floor) = reading(&log_at, || {
        let batches = log.count()?;
        let floor = match batches.checked_sub(1) {
            Some(last) => Segment::read(&log.segment(last)?)?.batch()?.unverified().time,
            None => Timestamp::ZERO,
        };
        Ok((batches, floor))
    })?;
    let index_at = disk.describe(Index::FILE);
    let index = reading(&index_at, || {
        let index = Index::open(Arc::clone(&disk))?;
        index.batches()?;
        Ok(index)
    })?;
    indexer::catch_up(&*log, &index)?;
    let (logs, pairs) = reading(&index_at, || index.load())?;
    let lost = logs.iter().filter(|stored| !modules.contains(&stored.spawn.module)).count();
    if lost > 0 {
        tracing::error!(
            "{modules_at} lacks the modules of {lost} processes: restore it, or spawn something from \
             the same modules, which stores them again"
        );
    }
    let known = logs.iter().map(|stored| {
        let log = Log::new(stored.number, &stored.process, &stored.spawn, stored.head);
        (stored.process, Known { number: log.number, executors: log.executors, head: log.head })
    });
    let board = Board::new(batches, known);
    let order = Order::resume(logs, pairs);
    Ok(Opened { archive: Arc::new(Archive { log, index, board, modules }), order, batches, floor })
}

impl Running {
    /// Stops taking submissions, finishes what was verified, and closes the stores.
    pub async fn shutdown(mut self) {
        self.signal();
        // A serving task that was aborted or panicked has stopped as well.
        let _ = (&mut self.server).await;
        let threads = self.threads.lock().map(|mut threads| std::mem::take(&mut *threads));
        let threads = threads.unwrap_or_default();
        let (unit, inbox) = (Arc::clone(&self.unit), Arc::clone(&self.inbox));
        let joined = task::spawn_blocking(move || {
            // A thread that panicked was reported when it did.
            for thread in threads.verifiers {
                let _ = thread.join();
            }
            inbox.close();
            let _ = threads.sequencer.map(JoinHandle::join);
            unit.archive.board.stop_indexing();
            let _ = threads.indexer.map(JoinHandle::join);
            unit.archive.close();
        });
        let _ = joined.await;
        tracing::info!(id = %self.unit.id, "the scheduler has stopped");
    }

    /// Completes when a part of the unit has failed for good, and tells which.
    pub async fn failed(&self) -> String {
        let mut failed = self.failed.clone();
        match failed.wait_for(Option::is_some).await {
            Ok(failure) => failure.clone().unwrap_or_default(),
            Err(_) => "the unit has ended".to_owned(),
        }
    }

    fn signal(&self) {
        self.stop.cancel();
        self.unit.pool.stop();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal();
        self.inbox.close();
        self.unit.archive.board.stop_indexing();
    }
}

/// Starts a thread whose panic is reported.
fn spawn(
    name: &'static str,
    failing: &watch::Sender<Option<String>>,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    let guard = Guard { name, failing: failing.clone() };
    let builder = std::thread::Builder::new().name(format!("scheduler-{name}"));
    let work = move || {
        let _guard = guard;
        work();
    };
    builder.spawn(work).map_err(Error::Thread)
}

struct Guard {
    name: &'static str,
    failing: watch::Sender<Option<String>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.failing.send_replace(Some(format!("the {} panicked", self.name)));
        }
    }
}
