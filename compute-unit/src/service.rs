//! The compute unit on the network: requests, followers, and the parts it runs.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use protocol::{
    Acceptance, FailureKind, Kind, ModuleId, NetworkId, ProcessId, Profile, ProfileId, Receipt,
    Refusal, RefusalCode, Reply, Role, SecretKey, Signed, Slot, Timestamp, UnitId, V1, ViewAnswer,
    ViewRequest,
    api::{Executed, FollowFrame, Opening, OutcomePage, Records, Request, Response, UnitStatus},
    codec,
};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use transport::{Directory, Endpoint, FrameReceiver, FrameSender, Handler, Peers, serve};

use crate::{
    config::Config,
    conformance::{self, Nonconformity},
    crew::Crew,
    engine::{CompileError, Engine, THREAD_STACK_BYTES},
    executor::{Executor, ViewJob, Viewed},
    feed::Feed,
    following::{FollowError, follow},
    keeper::Keeper,
    metrics::Metrics,
    module::Modules,
    publisher,
    store::{Store, StoreError},
    tailing::{Tailing, WAITING_BYTES_MAX, compile},
};

/// Slots in one page of outcomes.
const PAGE_SLOTS_MAX: u32 = 1_000;
/// Bytes in one page of outcomes.
const PAGE_BYTES_MAX: usize = 8 << 20;
/// Modules compiled for strangers at once.
const COMPILATIONS_MAX: usize = 2;
/// How long a view waits for the slot it wants, or for its turn: less than clients do.
const VIEW_PATIENCE: Duration = Duration::from_secs(8);
/// How long a unit that stops waits for messages being executed. What comes of them is derived
/// again after the next start.
const EXECUTION_PATIENCE: Duration = Duration::from_secs(2);
/// How long it waits for the disk.
const KEEPER_PATIENCE: Duration = Duration::from_secs(5);

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
    /// Stops: finishes the slots being executed unless that takes long, writes outcomes, closes
    /// connections.
    pub async fn shutdown(self) {
        self.shutdown.cancel();
        self.tasks.wait().await;
        self.executor.stop();
        self.feed.close();
        if !finished(&self.workers, EXECUTION_PATIENCE).await {
            tracing::info!("messages that take long are executed again after the next start");
        }
        self.keeper.stop();
        if !finished(&self.keepers, KEEPER_PATIENCE).await {
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
async fn finished(crew: &Arc<Crew>, patience: Duration) -> bool {
    let crew = Arc::clone(crew);
    tokio::task::spawn_blocking(move || crew.wait(patience)).await.unwrap_or(false)
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

#[derive(Debug)]
struct Service {
    key: SecretKey,
    unit: UnitId,
    network: NetworkId,
    profile: ProfileId,
    started: Timestamp,
    directory: Directory,
    store: Arc<Store>,
    feed: Arc<Feed>,
    keepers: Arc<Crew>,
    executor: Arc<Executor>,
    modules: Arc<Modules>,
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
    let metrics = Arc::new(Metrics::default());
    let store = Arc::new(Store::open(&config.data)?);
    let feed = Arc::new(Feed::resume(store.next_frame()?));
    let modules =
        Arc::new(modules(&config, admitted(Engine::new()?).await?)?.counted(Arc::clone(&metrics)));
    let backlog = Arc::default();
    let (workers, keepers) = (Arc::new(Crew::default()), Arc::new(Crew::default()));
    let publisher = publisher::start(
        &workers,
        config.key.clone(),
        config.network,
        Arc::clone(&feed),
        Arc::clone(&backlog),
        Arc::clone(&metrics),
    )?;
    let threads = (&*workers, config.thread_count());
    let executor = Arc::new(Executor::start(threads, &publisher, &backlog, metrics.clone())?);
    let keeper =
        Keeper::start(&keepers, Arc::clone(&store), Arc::clone(&feed), Arc::clone(&metrics))?;
    let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
    let tailing = Arc::new(Tailing {
        unit: config.key.public().unit(),
        peers: Peers::new(endpoint.clone(), directory.clone()),
        directory: directory.clone(),
        executor: Arc::clone(&executor),
        modules: Arc::clone(&modules),
        heads: store.heads()?,
        waiting: Arc::new(Semaphore::new(WAITING_BYTES_MAX)),
        metrics: Arc::clone(&metrics),
        verify_all: config.verify_all,
        operator: config.operator,
        shutdown: shutdown.clone(),
    });
    let service = Arc::new(Service {
        unit: config.key.public().unit(),
        key: config.key,
        network: config.network,
        profile: Profile::v1().id(),
        started: now(),
        directory,
        store,
        feed: Arc::clone(&feed),
        keepers: Arc::clone(&keepers),
        executor: Arc::clone(&executor),
        modules,
        metrics,
        compilations: Semaphore::new(COMPILATIONS_MAX),
    });
    // Without either the unit is of no use: the end of one is the end of both.
    let (tails, requests) = (shutdown.clone(), shutdown.clone());
    tasks.spawn(async move {
        let _end = tails.drop_guard();
        tailing.run().await;
    });
    let serving = serve(endpoint.clone(), service, shutdown.clone());
    tasks.spawn(async move {
        let _end = requests.drop_guard();
        serving.await;
    });
    tasks.close();
    Ok(Running { shutdown, tasks, executor, feed, keeper, workers, keepers, endpoint })
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
        let Ok(Opening::Follow { cursors }) = codec::decode(&opening) else { return };
        let following = follow(Arc::clone(&self.store), Arc::clone(&self.feed), cursors, sender);
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

impl Service {
    async fn answer(&self, request: Request) -> Result<Vec<u8>, Refusal> {
        match request {
            Request::Status => Ok(Response::done(&UnitStatus {
                unit: self.unit,
                role: Role::Compute,
                software: concat!("antiphon ", env!("CARGO_PKG_VERSION")).to_owned(),
                started: self.started,
                counters: self.metrics.snapshot(),
            })),
            Request::Records => Ok(Response::done(&Records { records: self.directory.records() })),
            Request::Accept { module, profile } => {
                self.accept(module, profile).await.map(|accepted| Response::done(&accepted))
            }
            Request::View(request) => {
                self.view(request).await.map(|answer| Response::done(&answer))
            }
            Request::Outcomes { process, from, limit } => {
                self.outcomes(process, from, limit).await.map(|page| Response::done(&page))
            }
            _ => Err(Refusal::new(
                RefusalCode::UnknownRequest,
                "a compute unit does not answer this; ask a scheduler or a messenger",
            )),
        }
    }

    async fn accept(&self, module: Vec<u8>, profile: ProfileId) -> Result<Acceptance, Refusal> {
        if profile != self.profile {
            let detail = format!("this unit executes profile {} only", self.profile);
            return Err(Refusal::new(RefusalCode::UnknownProfile, detail));
        }
        let id = ModuleId::of(&module);
        if self.modules.get(&id).is_none() {
            let _turn = self.compilations.acquire().await.expect("the semaphore is never closed");
            compile(&self.modules, module).await.map_err(|error| {
                let code = match error.is_refusal() {
                    true => RefusalCode::ModuleRefused,
                    false => RefusalCode::Busy,
                };
                Refusal::new(code, error.to_string())
            })?;
        }
        Ok(Acceptance::sign(&self.key, self.network, &id, &profile))
    }

    async fn view(&self, request: ViewRequest) -> Result<Signed<ViewAnswer>, Refusal> {
        request.check().map_err(|detail| Refusal::new(RefusalCode::BadBody, detail))?;
        let digest = request.digest();
        let ViewRequest { process, method, args, at_least, .. } = request;
        let (answer, answered) = oneshot::channel();
        self.executor.view(&process, ViewJob { method, args, at_least, answer });
        let halted = || Refusal::new(RefusalCode::NotHosted, "the process is halted on this unit");
        let answered = tokio::time::timeout(VIEW_PATIENCE, answered).await;
        let not_yet = |_| {
            let detail = "the slot wanted is not executed yet, the module is not here yet, or too \
                much else is asked of the process; try again";
            Refusal { retry_after: Some(1_000), ..Refusal::new(RefusalCode::Busy, detail) }
        };
        let Viewed { reply, slot, chain } = answered.map_err(not_yet)?.map_err(|_| halted())??;
        if let Reply::Failure(failure) = &reply
            && failure.kind == FailureKind::NotBorn
        {
            return Err(Refusal::new(RefusalCode::ViewFailed, failure.detail.clone()));
        }
        let answer = ViewAnswer {
            version: V1,
            kind: Kind,
            network: self.network,
            unit: self.unit,
            request: digest,
            process,
            slot,
            chain,
            reply,
        };
        Ok(Signed::sign(answer, &self.key))
    }

    async fn outcomes(
        &self,
        process: ProcessId,
        from: Slot,
        limit: u32,
    ) -> Result<OutcomePage, Refusal> {
        let (store, feed) = (Arc::clone(&self.store), Arc::clone(&self.feed));
        let limit = limit.min(PAGE_SLOTS_MAX);
        let read = tokio::task::spawn_blocking(move || page(&store, &feed, &process, from, limit));
        match read.await {
            Ok(Ok(page)) => Ok(page),
            Ok(Err(error)) => Err(Refusal::new(RefusalCode::StorageFailed, error.to_string())),
            Err(_) => Err(Refusal::new(RefusalCode::Stopping, "the unit is stopping")),
        }
    }
}

/// Reads a page of outcomes: from disk, then from memory.
fn page(
    store: &Store,
    feed: &Feed,
    process: &ProcessId,
    from: Slot,
    limit: u32,
) -> Result<OutcomePage, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // Memory first: a frame that moves to disk meanwhile is seen twice rather than never.
    let recent = feed.holding(process, from);
    let (mut executed, mut next, mut bytes) = (Vec::new(), from, 0_usize);
    let mut take = |frame: &FollowFrame, next: &mut Slot| {
        for slot in &frame.slots {
            let full = executed.len() >= limit || bytes >= PAGE_BYTES_MAX;
            if slot.leaf.process == *process && slot.leaf.slot == *next && !full {
                let (leaf, path) = (slot.leaf.clone(), slot.path.clone());
                let receipt = Receipt { leaf, path, batch: frame.batch.clone() };
                let outcome = slot.outcome.clone();
                bytes = bytes.saturating_add(codec::encode(&outcome).len()).saturating_add(1_024);
                executed.push(Executed { outcome, receipt });
                *next = next.next().unwrap_or(*next);
            }
        }
        executed.len() < limit && bytes < PAGE_BYTES_MAX
    };
    let mut more = limit > 0;
    for number in store.frames_of(process, from, limit)? {
        if !more {
            break;
        }
        let frame = store.decoded(number)?.ok_or(StoreError::Damaged(number))?;
        more = take(&frame, &mut next);
    }
    for frame in recent {
        if !more {
            break;
        }
        more = take(&frame.frame, &mut next);
    }
    Ok(OutcomePage { executed, next })
}

#[expect(clippy::disallowed_methods, reason = "the shell stamps its own start, for people")]
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::new(since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)))
}
