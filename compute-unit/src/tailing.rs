//! Keeps a tail to one scheduler open, loads modules, and feeds the executor.

mod dispatch;
mod evidence;
mod modules;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use protocol::{
    ProcessId, Provenance, Role, Slot, UnitId, UnitSet,
    api::{Opening, Request, TailFrame},
    codec,
};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use transport::{Connection, Directory, FaultFiles, FrameReceiver, FrameSender, Peers};

use crate::{
    archive::Archive,
    executor::Executor,
    liveness::Resting,
    metrics::Metrics,
    module::Modules,
    reports::Reports,
    resuming::Resume,
    store::Head,
    tail::{Moves, Tail, Unknown},
};

pub(crate) use modules::compile;

/// Bytes of entries that may wait for execution, over all processes. Past it tails are not read.
pub(crate) const WAITING_BYTES_MAX: usize = 256 << 20;
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
/// How long reports gather behind one.
const REPORT_PACE: Duration = Duration::from_millis(20);

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
    /// Which logs have gone over to another scheduler.
    pub(crate) moves: Arc<Moves>,
    /// What this unit was given.
    pub(crate) archive: Archive,
    /// Evidence against schedulers.
    pub(crate) faults: Arc<FaultFiles>,
    /// This unit's operator.
    pub(crate) operator: protocol::OperatorId,
    /// Cancelled when the unit stops.
    pub(crate) shutdown: CancellationToken,
}

/// What a tail to a scheduler keeps beside its state.
#[derive(Debug)]
struct Link {
    scheduler: UnitId,
    reports: Arc<Reports>,
}

/// What may end a stream.
#[derive(Debug)]
struct Watched {
    drained: watch::Receiver<u64>,
    presence: watch::Receiver<Option<UnitSet>>,
    moves: watch::Receiver<u64>,
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
        let tail = Tail::new(self.unit, scheduler, network, trusted);
        let mut tail = tail.among(Arc::clone(&self.moves));
        for Resume { process, lineage, position } in self.take_resumes(scheduler) {
            tail.resume_at(process, &lineage, position);
        }
        let link = Link { scheduler, reports: Arc::default() };
        let (mut pause, mut seen) = (REOPEN_PAUSE, 0);
        loop {
            let connection = self.peers.peer(scheduler).connection().await;
            let began = Instant::now();
            let ended = self.stream(&link, &connection, (&mut tail, &mut seen)).await;
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
        link: &Link,
        connection: &Connection,
        (tail, seen): (&mut Tail, &mut u64),
    ) -> Result<(), String> {
        let mut watched = Watched {
            drained: self.executor.drained(),
            presence: self.present.clone(),
            moves: self.moves.changed(),
        };
        let present = watched.presence.borrow_and_update().clone();
        watched.moves.borrow_and_update();
        self.resting.change(tail.set_present(present.clone()));
        self.catch_up(tail, seen);
        let cursors = tail.resume(CURSORS_MAX);
        let opening = codec::encode(&Opening::Tail { cursors, present });
        let opened = connection.open_stream(&opening).await;
        let (sender, receiver) = opened.map_err(|error| error.to_string())?;
        // The scheduler knows nothing of earlier streams.
        link.reports.clear();
        for process in tail.executed() {
            let executed = self.executor.executed(&process).filter(|next| *next > Slot::ZERO);
            if let Some(next) = executed {
                link.reports.executed(process, next);
            }
        }
        let lost = tail.take_lost();
        let tell = async {
            self.tell_superseded(link, lost).await;
            std::future::pending().await
        };
        // Reports go on while what was read waits for room.
        tokio::select! {
            ended = self.read(link, receiver, (tail, seen), watched) => ended,
            error = report(&link.reports, sender) => Err(error),
            never = tell => never,
        }
    }

    /// Takes what the scheduler sends.
    async fn read(
        &self,
        link: &Link,
        mut receiver: FrameReceiver,
        (tail, seen): (&mut Tail, &mut u64),
        mut watched: Watched,
    ) -> Result<(), String> {
        let mut judge_again = None;
        loop {
            let bytes = tokio::select! {
                frame = receiver.recv() => frame.map_err(|error| error.to_string())?,
                _ = watched.drained.changed() => match self.catch_up(tail, seen) {
                    true => return Ok(()),
                    false => continue,
                },
                () = alarm(judge_again) => return Ok(()),
                // The next stream is about other logs.
                () = changed(&mut watched.presence) => return Ok(()),
                () = changed(&mut watched.moves) => match tail.has_arrivals() {
                    true => return Ok(()),
                    false => continue,
                },
            };
            let bytes = bytes.ok_or("the scheduler ended the stream")?;
            let frame: TailFrame = codec::decode(&bytes).map_err(|error| error.to_string())?;
            let arrived = self.learn(link.scheduler, &frame, tail).await?;
            let batch = tail.handle(frame).map_err(|error| error.to_string())?;
            let gap = batch.gap;
            let ahead = self.dispatch(link, bytes, batch, tail).await;
            if judge_again.is_none() && tail.is_undecided() {
                judge_again = Some(Instant::now() + UNDECIDED_PAUSE);
            }
            if let Some(process) = gap {
                // Of what others execute by now, only the control comes that made it so.
                self.learn_newest(link.scheduler, vec![process], tail).await?;
                return Err(format!("slots of {process} are missing"));
            }
            if ahead || arrived {
                return Ok(());
            }
        }
    }

    /// Asks who processes are of which a frame says something that cannot be judged otherwise.
    /// Whether logs are executed here now that were not before, whose slots have passed by.
    async fn learn(
        &self,
        scheduler: UnitId,
        frame: &TailFrame,
        tail: &mut Tail,
    ) -> Result<bool, String> {
        let Unknown { mut sources, logs } = tail.unknown(frame);
        for asked in self.schedulers(scheduler) {
            if sources.is_empty() {
                break;
            }
            for process in sources {
                if let Some(provenance) = self.ask_who(asked, &process).await {
                    tail.learn(process, &provenance);
                }
            }
            // Who ordered a process once may not know who orders it now.
            sources = tail.unknown_sources(frame);
        }
        self.learn_newest(scheduler, logs, tail).await
    }

    /// Learns the newest policies of processes. Whether logs are executed here now that were not
    /// before. Fails if nobody tells: then the next stream brings those logs, and asks, again.
    async fn learn_newest(
        &self,
        scheduler: UnitId,
        processes: Vec<ProcessId>,
        tail: &mut Tail,
    ) -> Result<bool, String> {
        let (mut changes, mut untold) = (Vec::new(), None);
        for process in processes {
            match self.describe(scheduler, &process).await {
                Some(provenance) => changes.extend(tail.introduce(process, &provenance)),
                None => untold = Some(process),
            }
        }
        let arrived = changes.iter().any(|(_, executed)| *executed);
        self.resting.change(changes);
        match untold {
            Some(process) => Err(format!("nobody tells who executes {process}")),
            None => Ok(arrived),
        }
    }

    /// Lets logs be brought again whose processes have room for them, or need them; whether there
    /// are any.
    fn catch_up(&self, tail: &mut Tail, seen: &mut u64) -> bool {
        let rewinds = self.executor.rewinds(seen, |process| tail.follows(process));
        for (process, rewind) in &rewinds {
            if rewind.alone {
                tail.let_go(process);
            }
            tail.rewind(process, rewind.to);
        }
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
                    let known = (&this.directory, scheduler);
                    let fetched = modules::fetch(&this.peers, &this.modules, known, module).await;
                    this.executor.provide(&module, fetched.map(drop));
                }));
            }
            if wants.changed().await.is_err() {
                return;
            }
        }
    }

    /// Asks schedulers who a process is, first the one that should have been told.
    async fn describe(&self, first: UnitId, process: &ProcessId) -> Option<Provenance> {
        for scheduler in self.schedulers(first) {
            let told = self.ask_who(scheduler, process).await;
            if told.is_some() {
                return told;
            }
        }
        None
    }

    /// All schedulers, beginning with one.
    fn schedulers(&self, first: UnitId) -> Vec<UnitId> {
        let mut schedulers = self.directory.units(Role::Scheduler);
        schedulers.sort_by_key(|scheduler| *scheduler != first);
        schedulers
    }

    async fn ask_who(&self, scheduler: UnitId, process: &ProcessId) -> Option<Provenance> {
        let request = Request::Describe(*process);
        self.peers.ask_within(scheduler, &request, DESCRIBE_TIME).await.ok()
    }
}

/// Tells the scheduler how far its logs are executed, at most so often, until that fails.
async fn report(reports: &Reports, mut sender: FrameSender) -> String {
    loop {
        let report = codec::encode(&reports.next().await);
        if let Err(error) = sender.send(&report).await {
            return error.to_string();
        }
        tokio::time::sleep(REPORT_PACE).await;
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
