//! Runs many processes over a few threads: one slot at a time for each process, in turns.
//!
//! # Invariants
//!
//! - A process is in the run queue at most once, and only while it has work: so no two threads ever
//!   execute one process, and an idle process costs nothing.
//! - After [`turn::QUANTUM`] slots, or [`turn::QUANTUM_GAS`], a process goes to the end of the queue.
//! - A process whose slots wait for long holds no more memory for them than is free for others.
//! - Nothing waits for a long message but its own process. One that uses up a slice of gas leaves
//!   its thread's place in the pool to a new thread, lowers its priority, and takes its turns among
//!   the long messages ([`long`]). Only where there are as many of those as there may be does it
//!   keep its place, until another one ends.
//! - An executor that stops ends every message at its next slice, without an outcome.

mod long;
mod turn;
mod worker;

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
};

use protocol::{
    Assignment, BatchHeader, Entry, MerkleTree, ProcessId, Refusal, RefusalCode, Reply, Signed,
    Slot,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use crate::{crew::Crew, metrics::Metrics, process::Process, publisher::Publication, store::Head};
use long::Long;

/// Views that may wait for one process.
const VIEWS_MAX: usize = 1_024;

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

/// A verified batch of a scheduler.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The signed header.
    pub(crate) header: Signed<BatchHeader>,
    /// The tree of its leaves.
    pub(crate) tree: MerkleTree,
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

#[derive(Debug, Default)]
struct Inbox {
    work: VecDeque<Work>,
    /// The memory that the work takes.
    bytes: usize,
    /// Whether work was turned away since there was none.
    behind: bool,
    views: VecDeque<ViewJob>,
    /// Whether a view came in since views were last looked at.
    fresh_views: bool,
    /// Whether the process is in the run queue or being executed.
    scheduled: bool,
    /// Whether the module has been loaded.
    loaded: bool,
    halted: bool,
}

#[derive(Debug)]
struct Hosted {
    id: ProcessId,
    inbox: Mutex<Inbox>,
    process: Mutex<Option<Process>>,
    known: Option<Head>,
}

#[derive(Debug)]
struct Shared {
    hosted: Mutex<HashMap<ProcessId, Arc<Hosted>>>,
    queue: Mutex<Queue>,
    ready: Condvar,
    long: Long,
    /// Slots queued and not yet handed to the publisher.
    backlog: Arc<AtomicUsize>,
    /// Changes when a process that is behind has nothing left to do.
    drained: watch::Sender<u64>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Queue {
    runnable: VecDeque<Arc<Hosted>>,
    stopping: bool,
}

/// The threads that execute.
#[derive(Debug)]
pub(crate) struct Executor {
    shared: Arc<Shared>,
}

impl Executor {
    /// Starts the threads of the pool. `backlog` counts the slots that are queued, for the publisher.
    pub(crate) fn start(
        (crew, threads): (&Crew, usize),
        publisher: &SyncSender<Publication>,
        backlog: &Arc<AtomicUsize>,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            hosted: Mutex::default(),
            queue: Mutex::default(),
            ready: Condvar::new(),
            long: Long::new(threads),
            backlog: Arc::clone(backlog),
            drained: watch::Sender::new(0),
            metrics,
        });
        for _ in 0..threads {
            worker::start(&shared, crew, publisher)?;
        }
        Ok(Self { shared })
    }

    /// Makes room for a process whose module is still being loaded. `known` is what an earlier run
    /// published of it.
    pub(crate) fn host(&self, id: ProcessId, known: Option<Head>) {
        let hosted = Hosted { id, inbox: Mutex::default(), process: Mutex::default(), known };
        lock(&self.shared.hosted).entry(id).or_insert_with(|| {
            self.shared.metrics.processes_hosted.increment();
            Arc::new(hosted)
        });
    }

    /// Lets a hosted process run.
    pub(crate) fn load(&self, id: &ProcessId, process: Process) {
        let Some(hosted) = self.find(id) else { return };
        *lock(&hosted.process) = Some(process);
        let mut inbox = lock(&hosted.inbox);
        inbox.loaded = true;
        self.wake(&hosted, &mut inbox);
    }

    /// Halts a process that cannot be executed here; its log is not at fault.
    pub(crate) fn halt(&self, id: &ProcessId, reason: &dyn std::fmt::Display) {
        tracing::error!(process = %id, %reason, "the process is halted on this unit");
        if let Some(hosted) = self.find(id) {
            self.shared.halt(&mut lock(&hosted.inbox));
        }
    }

    /// Whether a slot of so many bytes may be queued, where so many are free for all processes. A
    /// process that is turned away is behind until it has nothing left to do.
    pub(crate) fn admits(&self, id: &ProcessId, bytes: usize, free: usize) -> bool {
        let Some(hosted) = self.find(id) else { return true };
        let mut inbox = lock(&hosted.inbox);
        let admitted = inbox.work.is_empty() || inbox.bytes.saturating_add(bytes) <= free;
        inbox.behind |= !admitted;
        admitted
    }

    /// Whether a process was turned away and still has something to do.
    pub(crate) fn is_behind(&self, id: &ProcessId) -> bool {
        self.find(id).is_some_and(|hosted| lock(&hosted.inbox).behind)
    }

    /// Wakes whenever a process is no longer behind.
    pub(crate) fn drained(&self) -> watch::Receiver<u64> {
        self.shared.drained.subscribe()
    }

    /// Queues a slot of a hosted process.
    pub(crate) fn push(&self, work: Work) {
        let Some(hosted) = self.find(&work.assignment.process) else { return };
        let mut inbox = lock(&hosted.inbox);
        if !inbox.halted {
            self.shared.backlog.fetch_add(1, Ordering::Relaxed);
            inbox.bytes = inbox.bytes.saturating_add(work.bytes());
            inbox.work.push_back(work);
            self.wake(&hosted, &mut inbox);
        }
    }

    /// Queues a view of a hosted process.
    pub(crate) fn view(&self, id: &ProcessId, job: ViewJob) {
        let refusal = match self.find(id) {
            None => Refusal::new(RefusalCode::NotHosted, "this unit does not execute the process"),
            Some(hosted) => {
                let mut inbox = lock(&hosted.inbox);
                if inbox.views.len() >= VIEWS_MAX {
                    inbox.views.retain(|job| !job.answer.is_closed());
                }
                if inbox.halted {
                    Refusal::new(RefusalCode::NotHosted, "the process is halted on this unit")
                } else if inbox.views.len() >= VIEWS_MAX {
                    Refusal::new(RefusalCode::Busy, "too many views wait for the process")
                } else {
                    inbox.views.push_back(job);
                    inbox.fresh_views = true;
                    return self.wake(&hosted, &mut inbox);
                }
            }
        };
        // Whoever asked may be gone.
        let _ = job.answer.send(Err(refusal));
    }

    /// Lets the threads end: after the slots they are executing, or in the midst of long ones.
    pub(crate) fn stop(&self) {
        lock(&self.shared.queue).stopping = true;
        self.shared.ready.notify_all();
        self.shared.long.stop();
    }

    fn find(&self, id: &ProcessId) -> Option<Arc<Hosted>> {
        lock(&self.shared.hosted).get(id).cloned()
    }

    fn wake(&self, hosted: &Arc<Hosted>, inbox: &mut Inbox) {
        if inbox.loaded && !inbox.scheduled {
            inbox.scheduled = true;
            self.shared.enqueue(Arc::clone(hosted));
        }
    }
}

impl Work {
    /// The memory it takes.
    fn bytes(&self) -> usize {
        self.share.num_permits()
    }
}

impl Shared {
    fn halt(&self, inbox: &mut Inbox) {
        if !inbox.halted {
            self.metrics.processes_halted.increment();
        }
        inbox.halted = true;
        self.backlog.fetch_sub(inbox.work.len(), Ordering::Relaxed);
        inbox.work.clear();
        inbox.bytes = 0;
        inbox.views.clear();
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
