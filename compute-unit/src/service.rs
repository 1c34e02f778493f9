//! The compute unit on the network: requests, followers, and the parts it runs.

mod answers;
mod logs;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::AtomicUsize},
    time::Duration,
};

use bytes::Bytes;
use protocol::{
    NetworkId, ProcessId, Refusal, RefusalCode, SecretKey, Timestamp, UnitId,
    api::{Opening, Request, Response},
    codec,
};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use transport::{
    Directory, Endpoint, FaultFiles, FrameReceiver, FrameSender, Handler, Peers, serve,
};

use crate::{
    archive::Archive,
    checkpoint::{CheckpointStore, Writer},
    config::Config,
    conformance::{self, Nonconformity},
    crew::Crew,
    database::StoreError,
    engine::{CompileError, Engine, THREAD_STACK_BYTES},
    executor::{Executor, Parts},
    feed::Feed,
    following::{FollowError, follow},
    given::Given,
    keeper::Keeper,
    liveness::{Resting, Watching},
    metrics::Metrics,
    module::Modules,
    published::Published,
    publisher,
    resuming::{Left, resumes, sweep},
    store::{Head, Store},
    tail::Moves,
    tailing::{Tailing, WAITING_BYTES_MAX},
};

/// Modules compiled for strangers at once.
const COMPILATIONS_MAX: usize = 2;
/// How long a unit that stops waits for its threads, which end within a slice of execution unless
/// the disk or the machine is stuck.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a compute unit cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The outcome database cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine cannot be made on this machine.
    #[error(transparent)]
    Engine(#[from] CompileError),
    /// The engine does not do on this machine what the profile says.
    #[error(transparent)]
    Nonconformity(#[from] Nonconformity),
    /// The directory of compiled modules cannot be opened.
    #[error("cannot open the directory of compiled modules: {0}")]
    Modules(std::io::Error),
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// A running compute unit. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Running {
    shutdown: CancellationToken,
    tasks: TaskTracker,
    executor: Arc<Executor>,
    feed: Arc<Feed>,
    keeper: Keeper,
    /// The threads that execute and publish.
    workers: Arc<Crew>,
    /// The thread that stores.
    keepers: Arc<Crew>,
    endpoint: Endpoint,
}

impl Running {
    /// Stops: finishes the slots being executed but for long ones, which are executed again after
    /// the next start, writes outcomes, closes connections.
    pub async fn shutdown(self) {
        self.shutdown.cancel();
        self.tasks.wait().await;
        self.executor.stop();
        self.feed.close();
        if !finished(&self.workers).await {
            tracing::warn!("execution does not end; what comes of it is derived again");
        }
        self.keeper.stop();
        if !finished(&self.keepers).await {
            tracing::warn!("the disk does not take the last outcomes; they are derived again");
        }
        self.endpoint.close().await;
    }

    /// Resolves when the unit can no longer serve, with why.
    pub async fn failed(&self) -> String {
        tokio::select! {
            () = self.tasks.wait() => "the compute unit's tasks ended".to_owned(),
            reason = self.workers.failed() => reason,
            reason = self.keepers.failed() => reason,
        }
    }
}

/// Whether all threads of a crew end in time.
async fn finished(crew: &Arc<Crew>) -> bool {
    let crew = Arc::clone(crew);
    tokio::task::spawn_blocking(move || crew.wait(PATIENCE)).await.unwrap_or(false)
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// What answers requests and serves followers.
#[derive(Debug)]
struct Service {
    key: SecretKey,
    unit: UnitId,
    network: NetworkId,
    started: Timestamp,
    directory: Directory,
    checkpoints: Arc<CheckpointStore>,
    keepers: Arc<Crew>,
    executor: Arc<Executor>,
    /// What other units execute at present.
    resting: Arc<Resting>,
    /// How many slots wait.
    backlog: Arc<AtomicUsize>,
    modules: Arc<Modules>,
    archive: Archive,
    published: Published,
    metrics: Arc<Metrics>,
    compilations: Semaphore,
}

/// Starts a compute unit on an endpoint of its own.
///
/// # Errors
///
/// [`Error`] if its database, engine or threads cannot be had, or if the engine is not admitted to the
/// profile.
pub async fn start(
    config: Config,
    endpoint: Endpoint,
    directory: Directory,
) -> Result<Running, Error> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    crate::allocator::keep_few_pools();
    let metrics = Arc::new(Metrics::default());
    let kept = Kept::open(&config, &metrics).await?;
    let (backlog, resting) = (Arc::default(), Arc::new(Resting::default()));
    let (workers, keepers) = (Arc::new(Crew::default()), Arc::new(Crew::default()));
    let executor = Arc::new(execute(&config, &kept, (&workers, &keepers), &backlog, &metrics)?);
    let heads = kept.published.store.heads()?;
    let moves = Arc::<Moves>::default();
    let resumes = Mutex::new(resumes(kept.left(&heads), &moves, &executor)?);
    let Kept { published, archive, checkpoints, modules } = kept;
    let (store, feed) = (Arc::clone(&published.store), Arc::clone(&published.feed));
    let queues = (Arc::clone(&archive.given), Arc::clone(&feed));
    let keeper = Keeper::start(&keepers, Arc::clone(&store), queues, Arc::clone(&metrics))?;
    let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
    let peers = Peers::new(endpoint.clone(), directory.clone());
    let (presence, present) = watch::channel(None);
    let watching = Watching {
        unit: config.key.public().unit(),
        peers: peers.clone(),
        directory: directory.clone(),
        present: presence,
        metrics: Arc::clone(&metrics),
        shutdown: shutdown.clone(),
    };
    let tailing = Arc::new(Tailing {
        unit: config.key.public().unit(),
        peers,
        directory: directory.clone(),
        executor: Arc::clone(&executor),
        modules: Arc::clone(&modules),
        heads,
        resumes,
        waiting: Arc::new(Semaphore::new(WAITING_BYTES_MAX)),
        metrics: Arc::clone(&metrics),
        verify_all: config.verify_all,
        present,
        resting: Arc::clone(&resting),
        moves,
        archive: archive.clone(),
        faults: Arc::new(FaultFiles::new(&config.data)),
        operator: config.operator,
        shutdown: shutdown.clone(),
    });
    let service = Arc::new(Service {
        unit: config.key.public().unit(),
        key: config.key,
        network: config.network,
        started: now(),
        directory,
        checkpoints,
        keepers: Arc::clone(&keepers),
        executor: Arc::clone(&executor),
        resting,
        backlog,
        modules,
        archive,
        published,
        metrics,
        compilations: Semaphore::new(COMPILATIONS_MAX),
    });
    begin(&tasks, &shutdown, watching.run());
    begin(&tasks, &shutdown, tailing.run());
    begin(&tasks, &shutdown, serve(endpoint.clone(), service, shutdown.clone()));
    begin(&tasks, &shutdown, sweep(Arc::clone(&executor), shutdown.clone()));
    tasks.close();
    Ok(Running { shutdown, tasks, executor, feed, keeper, workers, keepers, endpoint })
}

/// What a unit keeps on disk, opened.
struct Kept {
    published: Published,
    archive: Archive,
    checkpoints: Arc<CheckpointStore>,
    modules: Arc<Modules>,
}

impl Kept {
    /// What there is to resume.
    fn left<'a>(&'a self, heads: &'a BTreeMap<ProcessId, Head>) -> Left<'a> {
        let Self { published, archive, checkpoints, .. } = self;
        Left { published, archive, checkpoints, heads }
    }

    async fn open(config: &Config, metrics: &Arc<Metrics>) -> Result<Self, Error> {
        let store = Arc::new(Store::open(&config.data)?);
        let feed = Arc::new(Feed::resume(store.next_frame()?));
        let given = Arc::new(Given::resume(store.next_given()?));
        let checkpoints = Arc::new(CheckpointStore::open(&config.data, config.checkpoints_kept)?);
        let engine = admitted(Engine::new()?).await?.with_memory(config.memory_max());
        let modules = Arc::new(modules(config, engine)?.counted(Arc::clone(metrics)));
        let archive = Archive { store: Arc::clone(&store), given };
        Ok(Self { published: Published { store, feed }, archive, checkpoints, modules })
    }
}

/// Starts to execute and to publish, with crews that work and that keep what comes of it.
fn execute(
    config: &Config,
    kept: &Kept,
    (workers, keepers): (&Crew, &Crew),
    backlog: &Arc<AtomicUsize>,
    metrics: &Arc<Metrics>,
) -> Result<Executor, Error> {
    let publisher = publisher::start(
        workers,
        config.key.clone(),
        config.network,
        Arc::clone(&kept.published.feed),
        Arc::clone(backlog),
        Arc::clone(metrics),
    )?;
    let parts = Parts {
        publisher,
        backlog: Arc::clone(backlog),
        store: Arc::clone(&kept.checkpoints),
        writer: Writer::start(keepers, Arc::clone(&kept.checkpoints), Arc::clone(metrics))?,
        published: kept.published.clone(),
        modules: Arc::clone(&kept.modules),
        room: config.room(),
        interval: config.interval,
        metrics: Arc::clone(metrics),
    };
    Ok(Executor::start((workers, config.thread_count()), parts)?)
}

/// Begins a part without which the unit is of no use: the end of one is the end of all.
fn begin(
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
    part: impl Future<Output = ()> + Send + 'static,
) {
    let shutdown = shutdown.clone();
    tasks.spawn(async move {
        let _end = shutdown.drop_guard();
        part.await;
    });
}

/// Holds an engine to the profile, on a thread with room for what that executes.
async fn admitted(engine: Engine) -> Result<Engine, Error> {
    let (done, outcome) = oneshot::channel();
    let work = move || {
        // Whoever starts the unit may have given up.
        let _ = done.send(conformance::admit(&engine).map(|()| engine));
    };
    let builder = std::thread::Builder::new().name("admission".to_owned());
    builder.stack_size(THREAD_STACK_BYTES).spawn(work)?;
    let panicked = |_| std::io::Error::other("the admission of the engine panicked");
    Ok(outcome.await.map_err(panicked)??)
}

/// The modules of a unit, kept in a directory that only this unit's key makes believed.
fn modules(config: &Config, engine: Engine) -> Result<Modules, Error> {
    let secret = blake3::derive_key("antiphon v1 module files", config.key.seed());
    Modules::with_disk(engine, Modules::KEPT, config.data.join("modules"), secret)
        .map_err(Error::Modules)
}

impl Handler for Service {
    async fn request(&self, _peer: UnitId, body: Bytes) -> Bytes {
        let answered = match codec::decode::<Request>(&body) {
            Ok(request) => self.answer(request).await,
            Err(error) => Err(Refusal::new(RefusalCode::Malformed, error.to_string())),
        };
        Bytes::from(answered.unwrap_or_else(Response::refused))
    }

    async fn stream(
        &self,
        peer: UnitId,
        opening: Bytes,
        sender: FrameSender,
        mut receiver: FrameReceiver,
    ) {
        let cursors = match codec::decode(&opening) {
            Ok(Opening::Follow { cursors }) => cursors,
            Ok(Opening::Log { process, from }) => {
                return tokio::select! {
                    () = self.send_log(peer, process, from, sender) => {}
                    () = silence_broken(&mut receiver) => {}
                };
            }
            _ => return,
        };
        let Published { store, feed } = &self.published;
        let following = follow(Arc::clone(store), Arc::clone(feed), cursors, sender);
        tokio::select! {
            ended = following => if let Err(reason) = ended {
                tracing::debug!(follower = %peer, %reason, "a follower is let go");
                if let FollowError::Store(error @ StoreError::Damaged(_)) = reason {
                    self.keepers.fail(error.to_string());
                }
            },
            // Followers say nothing; whatever comes means that the stream has ended.
            _ = receiver.recv() => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the shell stamps its own start, for people")]
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::new(since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
}

/// Completes when a reader says something or is gone. It may end its half: it has nothing to say.
async fn silence_broken(receiver: &mut FrameReceiver) {
    if matches!(receiver.recv().await, Ok(None)) {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests;
