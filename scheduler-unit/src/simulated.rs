//! The unit on a simulated disk, clock and network, without threads: what a simulation of all units
//! runs. Everything that a peer sees is the unit's own; only what threads would do is done in turns.

use std::{sync::Arc, time::Duration};

use protocol::{NetworkId, SecretKey};
use tokio::{simulation, sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;
use transport::{Directory, Endpoint, Peers};

use crate::{
    absence,
    adoption::Adoptions,
    archive::Archive,
    clock::{Clock, Host, Reading},
    indexer,
    metrics::Metrics,
    running::{Stores, open},
    sequencer::Sequencer,
    service::Service,
    store::{StoreError, testing::FaultDisk},
    unit::Unit,
    verify::{Pool, Verifier, Worker},
};

/// How long the unit rests between turns: after one with work, and at the longest.
const TURN_MIN: Duration = Duration::from_micros(700);
const TURN_MAX: Duration = Duration::from_millis(12);

/// How often the index is brought up to the log, or opened again after a failure.
const INDEX_PACE: Duration = Duration::from_millis(700);

/// What survives a crash.
#[derive(Debug, Clone)]
pub struct Disk(Arc<FaultDisk>);

impl Default for Disk {
    fn default() -> Self {
        Self(FaultDisk::new())
    }
}

impl Disk {
    /// The power fails: of what was not synced an arbitrary part is lost.
    pub fn crash(&self, seed: u64) {
        self.0.crash(seed);
    }

    /// Makes nothing durable from now on, and says that it does.
    pub fn lie(&self) {
        self.0.lie();
    }

    /// Takes so many more changes and syncs, and refuses so many after them.
    pub fn refuse(&self, after: u64, failures: u64) {
        self.0.fail_after(after, failures);
    }

    /// Takes everything again.
    pub fn heal(&self) {
        self.0.heal();
    }
}

/// The clocks of a simulated machine.
#[derive(Debug)]
struct Clocks;

impl Host for Clocks {
    fn read(&self) -> Reading {
        let host = Duration::from_millis(simulation::wall_clock());
        Reading { monotonic: simulation::now(), host }
    }
}

/// Starts a unit of one shard, which runs until its machine crashes.
///
/// # Errors
///
/// If its disk does not let it.
pub fn start(
    disk: &Disk,
    (key, network): (SecretKey, NetworkId),
    endpoint: Endpoint,
    directory: Directory,
) -> Result<(), StoreError> {
    let id = key.public().unit();
    let files = Arc::clone(&disk.0) as Arc<dyn crate::store::Disk>;
    let opened = open(&Stores::in_files(), &files, vec![Arc::clone(&files)], id)?;
    let clock = Arc::new(Clock::on(Box::new(Clocks), opened.floor));
    let (metrics, shards) = (Arc::new(Metrics::default()), opened.shards);
    let verifier = Arc::new(Verifier::new(network, id, None, Arc::clone(&shards), clock.started()));
    let pool = Pool::new(Arc::clone(&verifier), Arc::clone(&shards), Arc::clone(&clock));
    for (shard, written) in shards.iter().zip(opened.written) {
        // Indexing waits for nothing from here on.
        shard.archive.board.stop_indexing();
        let sequencer = Sequencer {
            order: written.order,
            archive: Arc::clone(&shard.archive),
            seals: Arc::clone(&shards.seals),
            inbox: Arc::clone(&shard.inbox),
            clock: Arc::clone(&clock),
            key: key.clone(),
            network,
            next: written.batches,
            metrics: Arc::clone(&metrics),
            doubtful: None,
            fenced: false,
        };
        tokio::spawn(work(pool.worker(), sequencer));
    }
    let (memory, readers) = Unit::semaphores();
    let (open_gate, gate) = watch::channel(false);
    let adoptions = Adoptions::new(Peers::new(endpoint.clone(), directory.clone()));
    let unit = Arc::new(Unit {
        key,
        id,
        network,
        shards,
        verifier,
        pool,
        clock,
        metrics,
        adoptions,
        gate,
        directory,
        memory,
        readers,
    });
    tokio::spawn(Arc::clone(&unit).check_store(open_gate));
    tokio::spawn(absence::run(Arc::clone(&unit)));
    let service = Arc::new(Service(unit));
    tokio::spawn(transport::serve(endpoint, service, CancellationToken::new()));
    Ok(())
}

/// Does in turns what the threads of a shard do.
async fn work(worker: Worker, mut sequencer: Sequencer) {
    let (mut wait, mut indexed, mut due) = (TURN_MIN, 0, INDEX_PACE);
    loop {
        sleep(wait).await;
        worker.work_off();
        let before = sequencer.next;
        sequencer.turn();
        let idle = before == sequencer.next;
        wait = if idle { wait.saturating_mul(2).min(TURN_MAX) } else { TURN_MIN };
        if sequencer.next > indexed && simulation::now() >= due {
            due = simulation::now() + INDEX_PACE;
            indexed = index(&sequencer.archive).unwrap_or(indexed);
        }
    }
}

/// Brings the index up to the log, if the disk allows; gives how far it is.
fn index(archive: &Arc<Archive>) -> Option<u64> {
    if let Ok(indexed) = archive.index.batches() {
        indexer::run(archive, indexed);
    } else if let Err(error) = archive.index.recover() {
        tracing::debug!(%error, "the index cannot be opened yet");
    }
    archive.index.batches().ok()
}
