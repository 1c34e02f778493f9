//! Runs many processes over a few threads: one slot at a time for each process, in turns.
//!
//! # Invariants
//!
//! - A process is in the run queue at most once, and only while it has work: so no two threads ever
//!   execute one process, and an idle process costs nothing but a few hundred bytes.
//! - After [`turn::QUANTUM`] slots, or [`turn::QUANTUM_GAS`], a process goes to the end of the queue.
//! - A process whose slots wait for long holds no more memory for them than is free for others.
//! - Nothing waits for a long message but its own process. One that uses up a slice of gas leaves
//!   its thread's place in the pool to a new thread, lowers its priority, and takes its turns among
//!   the long messages ([`long`]). Only where there are as many of those as there may be does it
//!   keep its place, until another one ends.
//! - So many processes are in memory as there is room for ([`residents`]). The others are
//!   checkpoints, and come back with their next message.
//! - An executor that stops ends every message at its next slice, without an outcome.

mod entering;
mod hosted;
mod long;
mod residents;
mod saving;
mod settle;
mod turn;
mod upgrading;
mod void;
mod wanted;
mod worker;

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
};

use protocol::{Assignment, Entry, ModuleId, Position, ProcessId, Refusal, Reply, Slot, UnitId};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use crate::{
    checkpoint::{CheckpointStore, Writer},
    crew::Crew,
    database::StoreError,
    engine::CompileError,
    metrics::Metrics,
    module::{CompiledModule, Modules},
    published::Published,
    publisher::{Assigning, Publication},
    reports::Reports,
    store::Head,
};
use hosted::{Hosted, Inbox};
use long::Long;
use residents::Residents;
use wanted::Wanted;

pub(crate) use residents::Room;
pub use saving::Interval;

/// A slot to execute, checked: the next of its process, in a verified batch.
#[derive(Debug)]
pub(crate) struct Work {
    /// The place.
    pub(crate) assignment: Assignment,
    /// What stands there.
    pub(crate) entry: Entry,
    /// Its leaf's position in the batch.
    pub(crate) index: u32,
    /// The batch.
    pub(crate) batch: Arc<Batch>,
    /// Its share of the memory that waiting entries may take.
    pub(crate) share: OwnedSemaphorePermit,
}

/// A verified batch of a scheduler, on its way.
#[derive(Debug)]
pub(crate) struct Batch {
    /// What the scheduler signed.
    pub(crate) assigning: Arc<Assigning>,
    /// Who wants to know when its slots are executed.
    pub(crate) reports: Arc<Reports>,
}

/// What became of a slot that was to be queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It is queued.
    Queued,
    /// It is of no use: it was queued before, or is of another log, or the process is halted.
    Passed,
    /// Slots before it are missing, behind this position.
    Ahead(Option<Position>),
}

/// Where a log has to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rewind {
    /// Behind which position; from the start if there is none.
    pub(crate) to: Option<Position>,
    /// Whether only the scheduler that has the log now may be asked: another one signed other slots.
    pub(crate) alone: bool,
}

/// The logs that have to be read again, each numbered when that was found.
#[derive(Debug, Default)]
struct Rewinds {
    count: u64,
    latest: HashMap<ProcessId, (u64, Rewind)>,
}

/// A view to answer.
#[derive(Debug)]
pub(crate) struct ViewJob {
    /// The method called.
    pub(crate) method: String,
    /// Its arguments.
    pub(crate) args: Vec<u8>,
    /// The slot that must have been executed.
    pub(crate) at_least: Option<Slot>,
    /// Where the answer goes.
    pub(crate) answer: oneshot::Sender<Result<Viewed, Refusal>>,
}

/// The answer to a view, and what it was answered on.
#[derive(Debug)]
pub(crate) struct Viewed {
    /// The answer.
    pub(crate) reply: Reply,
    /// The last slot executed.
    pub(crate) slot: Slot,
    /// Its chain hash.
    pub(crate) chain: protocol::Hash,
}

#[derive(Debug)]
struct Shared {
    hosted: Mutex<HashMap<ProcessId, Arc<Hosted>>>,
    queue: Mutex<Queue>,
    ready: Condvar,
    long: Long,
    residents: Mutex<Residents>,
    interval: Interval,
    store: Arc<CheckpointStore>,
    /// None once the executor stops.
    writer: Mutex<Option<Writer>>,
    modules: Arc<Modules>,
    wanted: Mutex<Wanted>,
    /// Changes when a module has to be fetched.
    wants: watch::Sender<u64>,
    rewinds: Mutex<Rewinds>,
    published: Published,
    /// Slots queued and not yet handed to the publisher.
    backlog: Arc<AtomicUsize>,
    /// Changes when a process that is behind has nothing left to do, or a log has to be read again.
    drained: watch::Sender<u64>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Queue {
    runnable: VecDeque<Arc<Hosted>>,
    stopping: bool,
}

/// What an executor works with.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Where executed slots go.
    pub(crate) publisher: SyncSender<Publication>,
    /// Counts the slots that are queued, for the publisher.
    pub(crate) backlog: Arc<AtomicUsize>,
    /// Checkpoints.
    pub(crate) store: Arc<CheckpointStore>,
    /// Who writes them.
    pub(crate) writer: Writer,
    /// What was published before.
    pub(crate) published: Published,
    /// Compiled modules.
    pub(crate) modules: Arc<Modules>,
    /// How much may be in memory.
    pub(crate) room: Room,
    /// When checkpoints are due.
    pub(crate) interval: Interval,
    /// Counters.
    pub(crate) metrics: Arc<Metrics>,
}

/// The threads that execute.
#[derive(Debug)]
pub(crate) struct Executor {
    shared: Arc<Shared>,
}

impl Executor {
    /// Starts the threads of the pool.
    pub(crate) fn start((crew, threads): (&Crew, usize), parts: Parts) -> std::io::Result<Self> {
        let Parts { publisher, backlog, store, writer, published, modules, .. } = parts;
        let Parts { room, interval, metrics, .. } = parts;
        let shared = Arc::new(Shared {
            hosted: Mutex::default(),
            queue: Mutex::default(),
            ready: Condvar::new(),
            long: Long::new(threads),
            residents: Mutex::new(Residents::new(room)),
            interval,
            store,
            writer: Mutex::new(Some(writer)),
            modules,
            wanted: Mutex::default(),
            wants: watch::Sender::new(0),
            rewinds: Mutex::default(),
            published,
            backlog,
            drained: watch::Sender::new(0),
            metrics,
        });
        for _ in 0..threads {
            worker::start(&shared, crew, &publisher)?;
        }
        Ok(Self { shared })
    }

    /// Makes room for a process that stands after a position, ordered by a scheduler. `known` is
    /// what an earlier run published of it.
    pub(crate) fn host(
        &self,
        id: ProcessId,
        scheduler: UnitId,
        known: Option<Head>,
        position: Option<Position>,
    ) {
        lock(&self.shared.hosted).entry(id).or_insert_with(|| {
            self.shared.metrics.processes_hosted.increment();
            Hosted::new(id, scheduler, known, position)
        });
    }

    /// The module of a process behind the last slot executed; none if it has executed none here.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    pub(crate) fn module_of(&self, id: &ProcessId) -> Result<Option<ModuleId>, StoreError> {
        let Some(hosted) = self.find(id) else { return Ok(None) };
        if let Some(module) = *lock(&hosted.module) {
            return Ok(Some(module));
        }
        // It was not needed since the unit has started.
        let newest = self.shared.store.newest(id, Slot::new(u64::MAX))?;
        Ok(newest.and_then(|checkpoint| {
            checkpoint.module.or_else(|| Some(checkpoint.spawn().ok()?.module))
        }))
    }

    /// Wakes whenever [`Self::take_wanted`] may have something.
    pub(crate) fn wants(&self) -> watch::Receiver<u64> {
        self.shared.wants.subscribe()
    }

    /// The modules that processes wait for, each once, with a scheduler that has it.
    pub(crate) fn take_wanted(&self) -> Vec<(ModuleId, UnitId)> {
        lock(&self.shared.wanted).take_fresh()
    }

    /// Lets those go on who waited for a module, which is in the cache now; or halts them, with why
    /// it can never be. An upgrade to such a module fails.
    pub(crate) fn provide(&self, module: &ModuleId, came: Result<(), CompileError>) {
        let waiting = lock(&self.shared.wanted).come(module);
        for hosted in waiting {
            let upgrades = lock(&hosted.inbox).upgrade == Some(*module);
            if let Err(reason) = &came
                && !upgrades
            {
                self.halt(&hosted.id, reason);
            }
            let mut inbox = lock(&hosted.inbox);
            inbox.awaits_module = false;
            inbox.unfit = came.is_err().then_some(*module);
            self.wake(&hosted, &mut inbox);
        }
    }

    /// The logs that have to be read again, of those that a tail follows, since it last asked.
    pub(crate) fn rewinds(
        &self,
        seen: &mut u64,
        follows: impl Fn(&ProcessId) -> bool,
    ) -> Vec<(ProcessId, Rewind)> {
        let rewinds = lock(&self.shared.rewinds);
        let since = std::mem::replace(seen, rewinds.count);
        if since == rewinds.count {
            return Vec::new();
        }
        let fresh = rewinds.latest.iter().filter(|(_, (number, _))| *number >= since);
        fresh.filter(|(id, _)| follows(id)).map(|(id, (_, rewind))| (*id, *rewind)).collect()
    }

    /// The first slot of a process that is not executed.
    pub(crate) fn executed(&self, id: &ProcessId) -> Option<Slot> {
        self.find(id).map(|hosted| hosted.executed())
    }

    /// Lets processes leave memory that were not used since the last few sweeps.
    pub(crate) fn sweep(&self) {
        saving::sweep(&self.shared);
    }

    /// Halts a process that cannot be executed here; its log is not at fault.
    pub(crate) fn halt(&self, id: &ProcessId, reason: &dyn std::fmt::Display) {
        tracing::error!(process = %id, %reason, "the process is halted on this unit");
        if let Some(hosted) = self.find(id) {
            self.shared.halt(&mut lock(&hosted.inbox));
        }
    }

    /// Wakes whenever a process is no longer behind.
    pub(crate) fn drained(&self) -> watch::Receiver<u64> {
        self.shared.drained.subscribe()
    }

    /// Lets the threads end: after the slots they are executing, or in the midst of long ones.
    pub(crate) fn stop(&self) {
        lock(&self.shared.queue).stopping = true;
        self.shared.ready.notify_all();
        self.shared.long.stop();
        // What is queued is still written.
        drop(lock(&self.shared.writer).take());
    }

    fn find(&self, id: &ProcessId) -> Option<Arc<Hosted>> {
        lock(&self.shared.hosted).get(id).cloned()
    }

    fn wake(&self, hosted: &Arc<Hosted>, inbox: &mut Inbox) {
        self.shared.wake(hosted, inbox);
    }
}

impl Shared {
    /// Lets a process have a turn, unless it will have one, or cannot.
    fn wake(&self, hosted: &Arc<Hosted>, inbox: &mut Inbox) {
        if !inbox.awaits_module && !inbox.scheduled {
            inbox.scheduled = true;
            self.enqueue(Arc::clone(hosted));
        }
    }

    /// A compiled module whose binary is kept; none if the process has to wait until it comes from a
    /// scheduler.
    fn module(
        &self,
        hosted: &Arc<Hosted>,
        id: ModuleId,
        scheduler: UnitId,
    ) -> Option<Arc<CompiledModule>> {
        // Whoever is refused is refused by whoever fetches it.
        if let Some(Ok(module)) = self.modules.find(&id)
            && self.modules.has_binary(&id)
        {
            return Some(module);
        }
        let mut wanted = lock(&self.wanted);
        // It may have come since.
        if let Some(module) = self.modules.get(&id)
            && self.modules.has_binary(&id)
        {
            return Some(module);
        }
        lock(&hosted.inbox).awaits_module = true;
        if wanted.wait(id, hosted, scheduler) {
            self.wants.send_modify(|count| *count = count.wrapping_add(1));
        }
        None
    }

    fn writer(&self) -> Option<Writer> {
        lock(&self.writer).clone()
    }

    fn halt(&self, inbox: &mut Inbox) {
        if !inbox.halted {
            self.metrics.processes_halted.increment();
        }
        inbox.halted = true;
        self.forget_work(inbox);
        inbox.views.clear();
    }

    fn forget_work(&self, inbox: &mut Inbox) {
        self.backlog.fetch_sub(inbox.work.len(), Ordering::Relaxed);
        inbox.work.clear();
        inbox.bytes = 0;
    }

    /// Has a log read again.
    fn rewind(&self, process: ProcessId, rewind: Rewind) {
        {
            let mut rewinds = lock(&self.rewinds);
            let number = rewinds.count;
            rewinds.count = number.wrapping_add(1);
            rewinds.latest.insert(process, (number, rewind));
        }
        self.drained.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn enqueue(&self, hosted: Arc<Hosted>) {
        lock(&self.queue).runnable.push_back(hosted);
        self.ready.notify_one();
    }

    /// Waits for a process that can run; none once the executor stops.
    fn next(&self) -> Option<Arc<Hosted>> {
        let idle = |queue: &mut Queue| queue.runnable.is_empty() && !queue.stopping;
        let waited = self.ready.wait_while(lock(&self.queue), idle);
        let mut queue = waited.unwrap_or_else(PoisonError::into_inner);
        if queue.stopping { None } else { queue.runnable.pop_front() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
