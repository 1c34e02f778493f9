//! Runs many processes over a few threads: one slot at a time for each process, in turns.
//!
//! # Invariants
//!
//! - A process is in the run queue at most once, and only while it has work: so no two threads ever
//!   execute one process, and an idle process costs nothing.
//! - After [`QUANTUM`] slots a process goes to the end of the queue.
//! - As many threads work as there are cores. Only where a process has waited for
//!   [`OVERCOMMIT_AFTER`], because long messages hold them all, does a further thread start, and
//!   the operating system shares the cores.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::SyncSender,
    },
    thread::JoinHandle,
    time::Duration,
};

use protocol::{
    Assignment, AssignmentProof, BatchHeader, Entry, MerkleTree, ProcessId, Refusal, RefusalCode,
    Reply, Signed, Slot,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{
    engine::THREAD_STACK_BYTES,
    instance::HostFault,
    metrics::Metrics,
    process::{Executed, Process},
    publisher::Publication,
    store::Head,
};

/// Slots a process may execute before others get their turn.
const QUANTUM: usize = 64;
/// How long a process may wait while as many threads work as there are cores.
const OVERCOMMIT_AFTER: Duration = Duration::from_millis(2);
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
    cores: usize,
    /// Slots queued and not yet handed to the publisher.
    backlog: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Default)]
struct Queue {
    runnable: VecDeque<Arc<Hosted>>,
    /// Threads that execute.
    working: usize,
    /// Whether a thread waits for [`OVERCOMMIT_AFTER`].
    sentry: bool,
    stopping: bool,
}

/// The threads that execute.
#[derive(Debug)]
pub(crate) struct Executor {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Executor {
    /// Starts the threads. `backlog` counts the slots that are queued, for the publisher.
    pub(crate) fn start(
        threads: usize,
        publisher: &SyncSender<Publication>,
        backlog: &Arc<AtomicUsize>,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            hosted: Mutex::default(),
            queue: Mutex::default(),
            ready: Condvar::new(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            backlog: Arc::clone(backlog),
            metrics,
        });
        let spawn = |number| {
            let (shared, publisher) = (Arc::clone(&shared), publisher.clone());
            std::thread::Builder::new()
                .name(format!("execute-{number}"))
                .stack_size(THREAD_STACK_BYTES)
                .spawn(move || run(&shared, &publisher))
        };
        let threads = (0..threads).map(spawn).collect::<Result<_, _>>()?;
        Ok(Self { shared, threads: Mutex::new(threads) })
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

    /// Queues a slot of a hosted process.
    pub(crate) fn push(&self, work: Work) {
        let Some(hosted) = self.find(&work.assignment.process) else { return };
        let mut inbox = lock(&hosted.inbox);
        if !inbox.halted {
            self.shared.backlog.fetch_add(1, Ordering::Relaxed);
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

    /// Ends the threads after the slots they are executing.
    pub(crate) fn finish(&self) {
        lock(&self.shared.queue).stopping = true;
        self.shared.ready.notify_all();
        for thread in std::mem::take(&mut *lock(&self.threads)) {
            if thread.join().is_err() {
                tracing::error!("an execution thread panicked");
            }
        }
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

impl Shared {
    fn enqueue(&self, hosted: Arc<Hosted>) {
        let mut queue = lock(&self.queue);
        queue.runnable.push_back(hosted);
        if queue.wants_thread(self.cores) {
            self.ready.notify_one();
        }
    }

    /// Waits for a process that can run; none once the executor stops.
    fn next(&self) -> Option<Arc<Hosted>> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.stopping {
                return None;
            }
            if queue.runnable.is_empty() || (queue.working >= self.cores && queue.sentry) {
                queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if queue.working >= self.cores {
                queue.sentry = true;
                let waited = self.ready.wait_timeout(queue, OVERCOMMIT_AFTER);
                let (woken, patience) = waited.unwrap_or_else(PoisonError::into_inner);
                queue = woken;
                queue.sentry = false;
                if !patience.timed_out() || queue.stopping {
                    continue;
                }
            }
            if let Some(hosted) = queue.runnable.pop_front() {
                queue.working += 1;
                if queue.wants_thread(self.cores) {
                    self.ready.notify_one();
                }
                return Some(hosted);
            }
        }
    }
}

impl Queue {
    /// Whether a waiting thread has something to do.
    fn wants_thread(&self, cores: usize) -> bool {
        !self.runnable.is_empty() && (self.working < cores || !self.sentry)
    }
}

fn run(shared: &Shared, publisher: &SyncSender<Publication>) {
    while let Some(hosted) = shared.next() {
        let turn = turn(shared, publisher, &hosted);
        let mut inbox = lock(&hosted.inbox);
        if turn == Turn::Halted {
            shared.metrics.processes_halted.increment();
            inbox.halted = true;
            shared.backlog.fetch_sub(inbox.work.len(), Ordering::Relaxed);
            inbox.work.clear();
            inbox.views.clear();
        }
        let idle = inbox.work.is_empty() && !inbox.fresh_views;
        if turn == Turn::Halted || idle {
            inbox.scheduled = false;
        } else {
            shared.enqueue(Arc::clone(&hosted));
        }
        drop(inbox);
        lock(&shared.queue).working -= 1;
    }
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The quantum is used up, or everything is done.
    Over,
    /// The process cannot go on here.
    Halted,
}

fn turn(shared: &Shared, publisher: &SyncSender<Publication>, hosted: &Hosted) -> Turn {
    let mut process = lock(&hosted.process);
    let Some(process) = process.as_mut() else { return Turn::Over };
    for _ in 0..QUANTUM {
        if let Err(fault) = answer_views(shared, hosted, process) {
            return give_up(hosted, fault);
        }
        let Some(work) = lock(&hosted.inbox).work.pop_front() else { return Turn::Over };
        let executed = process.execute(&work.assignment, &work.entry);
        shared.backlog.fetch_sub(1, Ordering::Relaxed);
        let executed = match executed {
            Ok(executed) => executed,
            Err(fault) => return give_up(hosted, fault),
        };
        count(&shared.metrics, &executed);
        if !publish(publisher, hosted, &work, executed) {
            return Turn::Halted;
        }
        drop(work.share);
    }
    Turn::Over
}

/// Publishes a slot unless an earlier run did. False if it contradicts that run.
fn publish(
    publisher: &SyncSender<Publication>,
    hosted: &Hosted,
    work: &Work,
    executed: Executed,
) -> bool {
    if let Some(known) = hosted.known.filter(|known| work.assignment.slot < known.next) {
        let last = work.assignment.slot.next() == Some(known.next);
        if last && executed.leaf.digest() != known.leaf {
            tracing::error!(
                process = %hosted.id,
                slot = %work.assignment.slot,
                "ALARM: replay contradicts what this unit signed before; the process is halted here"
            );
            return false;
        }
        return true;
    }
    let assignment = (!executed.outcome.outbox.is_empty()).then(|| AssignmentProof {
        assignment: work.assignment,
        path: work.batch.tree.path(work.index).expect("the tail checked the index"),
        batch: work.batch.header.clone(),
    });
    // The publisher only ends after the executor.
    let _ = publisher.send(Publication { executed, assignment });
    true
}

fn count(metrics: &Metrics, executed: &Executed) {
    metrics.slots_executed.increment();
    metrics.gas_used.add(executed.outcome.gas.get());
    if let Reply::Failure(failure) = &executed.outcome.reply
        && failure.kind != protocol::FailureKind::Actor
    {
        metrics.slots_failed.increment();
    }
}

/// Answers all views whose slot has been executed.
fn answer_views(shared: &Shared, hosted: &Hosted, process: &mut Process) -> Result<(), HostFault> {
    let Some(slot) = process.last() else { return Ok(()) };
    let mut inbox = lock(&hosted.inbox);
    inbox.fresh_views = false;
    if inbox.views.is_empty() {
        return Ok(());
    }
    let (now, later) = std::mem::take(&mut inbox.views)
        .into_iter()
        .filter(|job| !job.answer.is_closed())
        .partition(|job: &ViewJob| job.at_least.is_none_or(|at_least| at_least <= slot));
    inbox.views = later;
    drop(inbox);
    let now: VecDeque<ViewJob> = now;
    for job in now {
        let reply = process.view(&job.method, &job.args)?;
        shared.metrics.views_answered.increment();
        let viewed = Viewed { reply, slot, chain: *process.chain() };
        // Whoever asked may be gone.
        let _ = job.answer.send(Ok(viewed));
    }
    Ok(())
}

/// Halts a process that this unit cannot go on executing; its log is not at fault.
fn give_up(hosted: &Hosted, fault: HostFault) -> Turn {
    tracing::error!(process = %hosted.id, %fault, "the process is halted on this unit");
    Turn::Halted
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
