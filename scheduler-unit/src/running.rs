//! Starting and stopping a unit.

mod stores;

use std::{
    io,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use protocol::{Control, Entry, ProcessId, Provenance, Slot, Timestamp, UnitId, codec};
use tokio::{sync::watch, task};
use tokio_util::sync::CancellationToken;
use transport::{Directory, Endpoint, Peers};

pub(crate) use self::stores::Stores;
use self::stores::{ModulesAt, reading};
use crate::{
    Config, absence,
    adoption::Adoptions,
    archive::Archive,
    births::Births,
    board::{Board, Known},
    clock::Clock,
    indexer,
    layout::{Layout, LayoutError},
    metrics::Metrics,
    order::{Log, Order, StoredLog},
    seals::{Seals, Successor},
    segment::Segment,
    sequencer::Sequencer,
    service::Service,
    shard::Shards,
    store::{Disk, Files, Index, Loaded, LogStore, ModuleStore, StoreError, Superseded},
    unit::Unit,
    verify::{Pool, Verifier},
};

/// Why a unit does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The shards are not where they should be.
    #[error(transparent)]
    Layout(#[from] LayoutError),
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
    server: task::JoinHandle<()>,
    threads: Mutex<Threads>,
    failed: watch::Receiver<Option<String>>,
}

#[derive(Debug, Default)]
struct Threads {
    verifiers: Vec<JoinHandle<()>>,
    sequencers: Vec<JoinHandle<()>>,
    indexers: Vec<JoinHandle<()>>,
}

/// Starts a unit that answers at an endpoint. Must be called within a Tokio runtime.
///
/// Reads what was stored before it returns. The last of it may be left to be indexed afterwards.
///
/// # Errors
///
/// [`Error`] says which part of the environment does not allow it.
pub fn start(config: Config, endpoint: Endpoint, directory: Directory) -> Result<Running, Error> {
    let layout = Layout::establish(&config)?;
    let files = |path| -> Arc<dyn Disk> { Arc::new(Files(path)) };
    let disks = layout.directories(&config.data).into_iter().map(files).collect();
    let id = config.key.public().unit();
    let opened = open(&Stores::of(&config), &files(config.data.clone()), disks, id)?;
    let clock = Arc::new(Clock::start(opened.floor));
    let metrics = Arc::new(Metrics::default());
    let shards = opened.shards;
    let (network, accounts) = (config.network, config.accounts);
    let verifier =
        Arc::new(Verifier::new(network, id, accounts, Arc::clone(&shards), clock.started()));
    let (failing, failed) = watch::channel(None);
    let mut threads = Threads::default();
    for (shard, written) in shards.iter().zip(opened.written) {
        let sequencer = Sequencer {
            order: written.order,
            archive: Arc::clone(&shard.archive),
            seals: Arc::clone(&shards.seals),
            inbox: Arc::clone(&shard.inbox),
            clock: Arc::clone(&clock),
            key: config.key.clone(),
            network,
            next: written.batches,
            metrics: Arc::clone(&metrics),
            doubtful: None,
            fenced: false,
        };
        let fenced = failing.clone();
        let fenced = move |error: StoreError| drop(fenced.send_replace(Some(error.to_string())));
        threads.sequencers.push(spawn("sequencer", &failing, move || sequencer.run(fenced))?);
        let (archive, indexed) = (Arc::clone(&shard.archive), written.indexed);
        let index = move || indexer::run(&archive, indexed);
        threads.indexers.push(spawn("indexer", &failing, index)?);
    }
    let pool = Pool::new(Arc::clone(&verifier), Arc::clone(&shards), Arc::clone(&clock));
    for _ in 0..config.verifiers.get() {
        let worker = pool.worker();
        threads.verifiers.push(spawn("verifier", &failing, move || worker.work())?);
    }
    let (memory, readers) = Unit::semaphores();
    let (open_gate, gate) = watch::channel(false);
    let unit = Arc::new(Unit {
        key: config.key,
        id,
        network,
        shards,
        verifier,
        pool,
        clock,
        metrics,
        adoptions: Adoptions::new(Peers::new(endpoint.clone(), directory.clone())),
        gate,
        directory,
        memory,
        readers,
    });
    let shards = unit.shards.count();
    tracing::info!(%id, shards, operator = %config.operator, "the scheduler has started");
    let stop = CancellationToken::new();
    let checking = Arc::clone(&unit).check_store(open_gate);
    tokio::spawn(stop.clone().run_until_cancelled_owned(checking));
    tokio::spawn(stop.clone().run_until_cancelled_owned(absence::run(Arc::clone(&unit))));
    let server = serve(endpoint, &unit, &stop, failing);
    Ok(Running { stop, unit, server, threads: Mutex::new(threads), failed })
}

/// Answers at an endpoint until the unit stops.
fn serve(
    endpoint: Endpoint,
    unit: &Arc<Unit>,
    stop: &CancellationToken,
    failing: watch::Sender<Option<String>>,
) -> task::JoinHandle<()> {
    let service = Arc::new(Service(Arc::clone(unit)));
    let serving = transport::serve(endpoint, service, stop.clone());
    let stopping = stop.clone();
    tokio::spawn(async move {
        serving.await;
        if !stopping.is_cancelled() {
            failing.send_replace(Some("the endpoint was closed".to_owned()));
        }
    })
}

/// What is read when a unit starts.
pub(crate) struct Opened {
    pub(crate) shards: Arc<Shards>,
    /// What each shard goes on from.
    pub(crate) written: Vec<Written>,
    /// The time of the last batch.
    pub(crate) floor: Timestamp,
}

/// What a shard goes on from.
pub(crate) struct Written {
    pub(crate) order: Order,
    /// How many batches the log has.
    pub(crate) batches: u64,
    /// How many of them are indexed.
    pub(crate) indexed: u64,
}

/// What the shards of a unit share while they are opened.
struct Shared<'u> {
    modules: &'u dyn ModuleStore,
    births: Arc<Births>,
    me: UnitId,
    /// How many they are.
    shards: usize,
}

/// What is read of a shard when a unit starts.
struct OpenedShard {
    archive: Arc<Archive>,
    written: Written,
    floor: Timestamp,
    /// Its processes in order of birth.
    born: Vec<(Timestamp, ProcessId)>,
    /// How many of them have no module here.
    lost: usize,
}

/// Opens the stores and reads the logs' ends; shards side by side.
pub(crate) fn open(
    stores: &Stores,
    data: &Arc<dyn Disk>,
    disks: Vec<Arc<dyn Disk>>,
    me: UnitId,
) -> Result<Opened, StoreError> {
    let modules = stores.modules(data)?;
    let births = Arc::<Births>::default();
    let seals = open_seals(data)?;
    let shards = disks.len();
    let shared = &Shared { modules: &*modules.0, births: Arc::clone(&births), me, shards };
    let opened: Result<Vec<OpenedShard>, StoreError> = thread::scope(|scope| {
        let open = |(shard, disk): (usize, Arc<dyn Disk>)| {
            scope.spawn(move || open_shard(stores.log(shard, &disk)?, disk, shared))
        };
        let opening: Vec<_> = disks.into_iter().enumerate().map(open).collect();
        let panicked = |_| Err(StoreError::Damaged("a shard cannot be opened".to_owned()));
        opening.into_iter().map(|shard| shard.join().unwrap_or_else(panicked)).collect()
    });
    gather((modules, seals), births, opened?)
}

/// As [`open`], of a unit of one shard, with a log that is open already.
#[cfg(test)]
pub(crate) fn open_with(
    log: Arc<dyn LogStore>,
    data: &Arc<dyn Disk>,
    me: UnitId,
) -> Result<Opened, StoreError> {
    let modules = Stores::in_files().modules(data)?;
    let births = Arc::<Births>::default();
    let log = (log, "the log".to_owned());
    let shared = Shared { modules: &*modules.0, births: Arc::clone(&births), me, shards: 1 };
    let opened = open_shard(log, Arc::clone(data), &shared)?;
    gather((modules, open_seals(data)?), births, vec![opened])
}

/// Puts the shards of a unit together.
fn gather(
    ((modules, modules_at), seals): (ModulesAt, Seals),
    births: Arc<Births>,
    opened: Vec<OpenedShard>,
) -> Result<Opened, StoreError> {
    let lost: usize = opened.iter().map(|shard| shard.lost).sum();
    if lost > 0 {
        tracing::error!(
            "{modules_at} lacks the modules of {lost} processes: restore it, or spawn something from the \
             same modules, which stores them again"
        );
    }
    let mut born: Vec<_> = opened.iter().flat_map(|shard| &shard.born).copied().collect();
    // Stable: of what was born in one millisecond, each shard keeps its order.
    born.sort_by_key(|(time, _)| *time);
    births.add(born.into_iter().map(|(_, process)| process));
    let floor = opened.iter().map(|shard| shard.floor).max().unwrap_or_default();
    let (archives, written) =
        opened.into_iter().map(|shard| (shard.archive, shard.written)).unzip();
    let shards = Shards::new(archives, births, modules, Arc::new(seals));
    let shards = shards.ok_or_else(|| StoreError::Failed("there is no shard".to_owned()))?;
    Ok(Opened { shards: Arc::new(shards), written, floor })
}

/// The seals that a store remembers: of what it holds, everything was verified.
fn open_seals(data: &Arc<dyn Disk>) -> Result<Seals, StoreError> {
    let (store, superseded) = reading(&data.describe(Superseded::FILE), || {
        let store = Superseded::open(Arc::clone(data))?;
        let all = store.load()?;
        Ok((store, all))
    })?;
    let successor = |(process, provenance): (ProcessId, Provenance)| {
        let network = provenance.changes.first()?.control.unverified().network;
        let scheduler = provenance.source(&process, network).ok()?.scheduler();
        Some((process, Successor { scheduler, provenance: Arc::new(provenance) }))
    };
    Ok(Seals::new(store, superseded.into_iter().filter_map(successor)))
}

fn open_shard(
    (log, log_at): stores::Log,
    disk: Arc<dyn Disk>,
    shared: &Shared<'_>,
) -> Result<OpenedShard, StoreError> {
    let Shared { modules, births, me, .. } = shared;
    let (batches, floor) = reading(&log_at, || {
        let batches = log.count()?;
        Ok((batches, floor(&*log, batches, *me)?))
    })?;
    let index_at = disk.describe(Index::FILE);
    let index = reading(&index_at, || {
        let index = Index::open(Arc::clone(&disk), shared.shards)?;
        index.batches()?;
        Ok(index)
    })?;
    let unindexed = indexer::catch_up(&*log, &index)?;
    let mut loaded = reading(&index_at, || index.load())?;
    for (number, slot) in std::mem::take(&mut loaded.changes) {
        let position = usize::try_from(number).ok();
        if let Some(stored) = position.and_then(|position| loaded.logs.get_mut(position)) {
            let control = control_at(&*log, &index, stored, slot)?;
            stored.changes.push((slot, control));
        }
    }
    loaded.go_on(&unindexed)?;
    let Loaded { logs, pairs, timers, .. } = loaded;
    let lost = logs.iter().filter(|stored| !modules.contains(&stored.spawn.module)).count();
    let known = logs.iter().map(|stored| {
        let Log { number, standing, head, .. } = stored.log();
        (stored.process, Known { number, standing, head })
    });
    let born = logs.iter().map(|stored| (stored.born, stored.process)).collect();
    let board = Board::new(batches, known, unindexed, Arc::clone(births));
    let (order, indexed) = (Order::resume(*me, logs, pairs, timers), index.batches()?);
    let written = Written { order, batches, indexed };
    let archive = Arc::new(Archive { log, index, board });
    Ok(OpenedShard { archive, written, floor, born, lost })
}

/// The time of this scheduler's last group commit: those that it has imported have another's.
fn floor(log: &dyn LogStore, batches: u64, me: UnitId) -> Result<Timestamp, StoreError> {
    for number in (0..batches).rev() {
        let bytes = log.segment(number)?;
        let batch = Segment::read(&bytes)?.batch()?;
        if batch.unverified().scheduler == me {
            return Ok(batch.unverified().time);
        }
    }
    Ok(Timestamp::ZERO)
}

/// Reads the control in a slot.
fn control_at(
    log: &dyn LogStore,
    index: &Index,
    stored: &StoredLog,
    slot: Slot,
) -> Result<Control, StoreError> {
    let missing = || StoreError::Damaged("the store lacks a control".to_owned());
    let batch = index.batch_of(stored.number, slot)?.ok_or_else(missing)?;
    let bytes = log.segment(batch)?;
    let segment = Segment::read(&bytes)?;
    let record = segment.record(&stored.process, slot).ok_or_else(missing)?;
    match codec::decode_trusted(record.entry) {
        Ok(Entry::Control(control)) => Ok(control.unverified().clone()),
        _ => Err(missing()),
    }
}

impl Running {
    /// Stops taking submissions, finishes what was verified, and closes the stores.
    pub async fn shutdown(mut self) {
        self.signal();
        // A serving task that was aborted or panicked has stopped as well.
        let _ = (&mut self.server).await;
        let threads = self.threads.lock().map(|mut threads| std::mem::take(&mut *threads));
        let threads = threads.unwrap_or_default();
        let unit = Arc::clone(&self.unit);
        let joined = task::spawn_blocking(move || {
            join(threads.verifiers);
            unit.shards.iter().for_each(|shard| shard.inbox.close());
            join(threads.sequencers);
            unit.shards.iter().for_each(|shard| shard.archive.board.stop_indexing());
            join(threads.indexers);
            unit.shards.close();
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
        for shard in self.unit.shards.iter() {
            shard.inbox.close();
            shard.archive.board.stop_indexing();
        }
    }
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        // A thread that panicked was reported when it did.
        let _ = thread.join();
    }
}

/// Starts a thread whose panic is reported.
fn spawn(
    name: &'static str,
    failing: &watch::Sender<Option<String>>,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, Error> {
    let guard = Guard { name, failing: failing.clone() };
    let builder = thread::Builder::new().name(format!("scheduler-{name}"));
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
        if thread::panicking() {
            self.failing.send_replace(Some(format!("the {} panicked", self.name)));
        }
    }
}
