//! Keeps a tail to one scheduler open, loads modules, and feeds the executor.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use protocol::{
    ModuleId, ProcessId, Provenance, Role, Slot, UnitId, UnitSet,
    api::{ModuleBytes, Opening, Request},
    codec,
};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use transport::{Connection, Directory, Peers};

use crate::{
    engine::CompileError,
    executor::{Batch, Executor, Work},
    liveness::Resting,
    metrics::Metrics,
    module::{CompiledModule, Modules},
    resuming::Resume,
    store::Head,
    tail::{CheckedBatch, Tail},
};

/// Bytes of entries that may wait for execution, over all processes. Past it tails are not read.
pub(crate) const WAITING_BYTES_MAX: usize = 256 << 20;
/// What a waiting entry costs beside its bytes.
const ENTRY_OVERHEAD_BYTES: usize = 1_024;
/// How long to wait before a module that could not be had is asked for again: at first, and at the
/// longest.
const MODULE_RETRY: Duration = Duration::from_secs(1);
const MODULE_RETRY_MAX: Duration = Duration::from_secs(30);
/// Cursors that fit into the opening of a stream, of about 45 bytes each.
const CURSORS_MAX: usize = 65_536;
/// How long a scheduler may take to say who a process is.
const DESCRIBE_TIME: Duration = Duration::from_secs(2);
/// How long what could not be judged waits before it is judged again.
const UNDECIDED_PAUSE: Duration = Duration::from_secs(5);
/// How long to wait before a tail that ended is opened again: at first, and after it ended at once
/// again and again.
const REOPEN_PAUSE: Duration = Duration::from_millis(200);
const REOPEN_PAUSE_MAX: Duration = Duration::from_secs(5);
/// A stream that lasted this long did not end at once.
const STABLE: Duration = Duration::from_secs(1);

/// What tails share.
#[derive(Debug)]
pub(crate) struct Tailing {
    /// This unit.
    pub(crate) unit: UnitId,
    /// Connections to other units.
    pub(crate) peers: Peers,
    /// Who there is.
    pub(crate) directory: Directory,
    /// Runs processes.
    pub(crate) executor: Arc<Executor>,
    /// Compiled modules.
    pub(crate) modules: Arc<Modules>,
    /// What earlier runs published.
    pub(crate) heads: BTreeMap<ProcessId, Head>,
    /// Where earlier runs left processes, by scheduler, until their tails take them.
    pub(crate) resumes: Mutex<BTreeMap<UnitId, Vec<Resume>>>,
    /// Bounds the entries that wait.
    pub(crate) waiting: Arc<Semaphore>,
    /// Counters.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether schedulers of the same operator are checked as well.
    pub(crate) verify_all: bool,
    /// The other compute units that are up.
    pub(crate) present: watch::Receiver<Option<UnitSet>>,
    /// What is left to them at present.
    pub(crate) resting: Arc<Resting>,
    /// This unit's operator.
    pub(crate) operator: protocol::OperatorId,
    /// Cancelled when the unit stops.
    pub(crate) shutdown: CancellationToken,
}

impl Tailing {
    /// Follows every scheduler that is or becomes known. Returns when the unit stops, or if a tail
    /// panics.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut changed = self.directory.changed();
        let mut followed = BTreeSet::new();
        let mut tails = tokio::task::JoinSet::new();
        tails.spawn(Arc::clone(&self).fetch_modules());
        loop {
            changed.borrow_and_update();
            for scheduler in self.directory.units(Role::Scheduler) {
                if followed.insert(scheduler) {
                    tails.spawn(Arc::clone(&self).follow(scheduler));
                }
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                changed = changed.changed() => if changed.is_err() { return },
                // Tails only end by a panic.
                Some(ended) = tails.join_next() => {
                    return tracing::error!(?ended, "following a scheduler failed");
                }
            }
        }
    }

    async fn follow(self: Arc<Self>, scheduler: UnitId) {
        let operator = self.directory.operator(&scheduler);
        let trusted = !self.verify_all && operator == Some(self.operator);
        let network = self.directory.network();
        let mut tail = Tail::new(self.unit, scheduler, network, trusted);
        for Resume { process, spawn, position } in self.take_resumes(scheduler) {
            tail.resume_at(process, &spawn, position);
        }
        let mut pause = REOPEN_PAUSE;
        loop {
            let connection = self.peers.peer(scheduler).connection().await;
            let began = Instant::now();
            let ended = self.stream(scheduler, &connection, &mut tail).await;
            self.metrics.tails_reopened.increment();
            if let Err(reason) = &ended {
                tracing::debug!(%scheduler, %reason, "a tail ended");
            }
            if ended.is_ok() || began.elapsed() >= STABLE {
                pause = REOPEN_PAUSE;
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(REOPEN_PAUSE_MAX);
        }
    }

    /// Follows until the stream breaks, or until another one would bring more.
    async fn stream(
        &self,
        scheduler: UnitId,
        connection: &Connection,
        tail: &mut Tail,
    ) -> Result<(), String> {
        let mut drained = self.executor.drained();
        let mut presence = self.present.clone();
        let present = presence.borrow_and_update().clone();
        self.resting.change(tail.set_present(present.clone()));
        self.catch_up(tail);
        let cursors = tail.resume(CURSORS_MAX);
        let opening = codec::encode(&Opening::Tail { cursors, present });
        let opened = connection.open_stream(&opening).await;
        let (_sender, mut receiver) = opened.map_err(|error| error.to_string())?;
        let mut judge_again = None;
        loop {
            let frame = tokio::select! {
                frame = receiver.recv() => frame.map_err(|error| error.to_string())?,
                _ = drained.changed() => match self.catch_up(tail) {
                    true => return Ok(()),
                    false => continue,
                },
                () = alarm(judge_again) => return Ok(()),
                // The next stream is about other logs.
                () = changed(&mut presence) => return Ok(()),
            };
            let frame = frame.ok_or("the scheduler ended the stream")?;
            let unknown = tail.unknown_sources(&frame).map_err(|error| error.to_string())?;
            for process in unknown {
                if let Some(provenance) = self.describe(scheduler, &process).await {
                    tail.learn(process, &provenance);
                }
            }
            let batch = tail.handle_frame(&frame).map_err(|error| error.to_string())?;
            let gap = batch.gap;
            self.dispatch(scheduler, batch, tail).await;
            if judge_again.is_none() && tail.is_undecided() {
                judge_again = Some(Instant::now() + UNDECIDED_PAUSE);
            }
            if let Some(process) = gap {
                return Err(format!("slots of {process} are missing"));
            }
        }
    }

    /// Lets logs be brought again whose processes have room for them, or need them; whether there
    /// are any.
    fn catch_up(&self, tail: &mut Tail) -> bool {
        let rewinds = self.executor.take_rewinds(|process| tail.follows(process));
        rewinds.iter().for_each(|(process, to)| tail.rewind(process, *to));
        let ready: Vec<ProcessId> =
            tail.behind().filter(|process| !self.executor.is_behind(process)).collect();
        ready.iter().for_each(|process| tail.catch_up(process));
        !ready.is_empty() || !rewinds.is_empty()
    }

    fn take_resumes(&self, scheduler: UnitId) -> Vec<Resume> {
        let mut resumes = self.resumes.lock().unwrap_or_else(PoisonError::into_inner);
        resumes.remove(&scheduler).unwrap_or_default()
    }

    /// Gets the modules that processes wait for, until the unit stops.
    async fn fetch_modules(self: Arc<Self>) {
        let mut wants = self.executor.wants();
        loop {
            wants.borrow_and_update();
            for (module, scheduler) in self.executor.take_wanted() {
                let this = Arc::clone(&self);
                let shutdown = self.shutdown.clone();
                tokio::spawn(shutdown.run_until_cancelled_owned(async move {
                    let fetched = fetch(&this.peers, &this.modules, scheduler, module).await;
                    this.executor.provide(&module, fetched.map(drop));
                }));
            }
            if wants.changed().await.is_err() {
                return;
            }
        }
    }

    async fn dispatch(&self, scheduler: UnitId, batch: CheckedBatch, tail: &mut Tail) {
        let shared = Arc::new(Batch { header: batch.header, tree: batch.tree });
        let mut behind = BTreeSet::new();
        for slot in batch.slots {
            let process = slot.record.assignment.process;
            if behind.contains(&process) {
                continue;
            }
            let bytes = slot.record.entry.len().saturating_add(ENTRY_OVERHEAD_BYTES);
            if !self.executor.admits(&process, bytes, self.waiting.available_permits()) {
                self.metrics.processes_behind.increment();
                tail.fall_behind(process, slot.before);
                behind.insert(process);
                continue;
            }
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            let share = Arc::clone(&self.waiting).acquire_many_owned(bytes).await;
            let share = share.expect("the semaphore is never closed");
            let assignment = slot.record.assignment;
            if assignment.slot == Slot::ZERO {
                let known = self.heads.get(&process).copied();
                self.executor.host(process, scheduler, known, None);
            }
            let (entry, index, batch) = (slot.entry, slot.record.index, Arc::clone(&shared));
            self.executor.push(Work { assignment, entry, index, batch, share });
        }
    }

    /// Asks schedulers who a process is, first the one that should have been told.
    async fn describe(&self, first: UnitId, process: &ProcessId) -> Option<Provenance> {
        let mut schedulers = self.directory.units(Role::Scheduler);
        schedulers.sort_by_key(|scheduler| *scheduler != first);
        for scheduler in schedulers {
            let request = Request::Describe(*process);
            let asked = self.peers.ask_within::<Provenance>(scheduler, &request, DESCRIBE_TIME);
            if let Ok(provenance) = asked.await {
                return Some(provenance);
            }
        }
        None
    }
}

/// Completes when there is something new.
async fn changed<T>(watched: &mut watch::Receiver<T>) {
    if watched.changed().await.is_err() {
        // Nobody is left to tell anything: the unit is stopping.
        std::future::pending::<()>().await;
    }
}

/// Completes at an instant, if there is one.
async fn alarm(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Finds a module on this unit's disk, or gets it from a scheduler and compiles it, for as long as
/// it takes: the log names it, so it exists. Fails only if it is no module that a unit could run.
async fn fetch(
    peers: &Peers,
    modules: &Arc<Modules>,
    scheduler: UnitId,
    id: ModuleId,
) -> Result<Arc<CompiledModule>, CompileError> {
    let known = Arc::clone(modules);
    if let Ok(Some(found)) = tokio::task::spawn_blocking(move || known.find(&id)).await {
        return found;
    }
    let mut pause = MODULE_RETRY;
    loop {
        match peers.ask::<ModuleBytes>(scheduler, &Request::GetModule(id)).await {
            Ok(bytes) if ModuleId::of(&bytes.module) == id => {
                match compile(modules, bytes.module).await {
                    Ok(module) => return Ok(module),
                    Err(error) if error.is_refusal() => return Err(error),
                    Err(error) => tracing::error!(module = %id, %error, "cannot compile"),
                }
            }
            Ok(_) => tracing::error!(module = %id, %scheduler, "got another module"),
            Err(error) => tracing::warn!(module = %id, %scheduler, %error, "cannot get a module"),
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(MODULE_RETRY_MAX);
    }
}

/// Compiles a module off the event loop.
pub(crate) async fn compile(
    modules: &Arc<Modules>,
    wasm: Vec<u8>,
) -> Result<Arc<CompiledModule>, CompileError> {
    let modules = Arc::clone(modules);
    let compiled = tokio::task::spawn_blocking(move || modules.compile(&wasm)).await;
    compiled.unwrap_or_else(|error| Err(CompileError::Engine { detail: error.to_string() }))
}
