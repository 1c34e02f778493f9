//! Async methods that have not ended: polled when what they wait for arrives.
//!
//! # Invariants
//!
//! - When a slot ends no task is ready: each waits for an answer, a timer or another task.
//! - Tasks run in the order in which they were woken, and each is queued at most once.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt, mem,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Wake, Waker},
};

use protocol::abi::GuestEffect;

use crate::{Error, Level, call::CallId, expansion::Answer, world::World};

/// An async method at work.
pub type Task = Pin<Box<dyn Future<Output = Result<Answer, Error>>>>;

/// Counts the tasks of an instance.
pub(crate) type TaskId = u64;

/// The tasks that were woken, in order.
type Ready = Arc<Mutex<VecDeque<TaskId>>>;

/// Puts a task into the queue. A waker must be `Send`, hence the mutex; an instance has one thread.
struct Bell {
    task: TaskId,
    queued: AtomicBool,
    ready: Ready,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.task);
        }
    }
}

/// A method that waits.
struct Waiting {
    task: Task,
    /// The call it will answer; none for a tell or a timer.
    call: Option<CallId>,
    bell: Arc<Bell>,
}

/// Async methods that have not ended.
#[derive(Default)]
pub(crate) struct Tasks {
    waiting: BTreeMap<TaskId, Waiting>,
    ready: Ready,
    next: TaskId,
}

impl Tasks {
    /// Runs a method until it ends or waits.
    pub(crate) fn start(
        &mut self,
        world: &World,
        task: Task,
        call: Option<CallId>,
    ) -> Result<Answer, Error> {
        let id = self.next;
        self.next += 1;
        let bell =
            Bell { task: id, queued: AtomicBool::new(false), ready: Arc::clone(&self.ready) };
        let waiting = Waiting { task, call, bell: Arc::new(bell) };
        match self.poll(world, id, waiting) {
            Poll::Ready(answer) => answer,
            Poll::Pending if call.is_some() => Ok(Answer::Later),
            Poll::Pending => Ok(Answer::Nothing),
        }
    }

    /// Runs what was woken until nothing is ready. Methods that end answer their calls.
    pub(crate) fn run(&mut self, world: &World) {
        while let Some(id) = self.pop() {
            // A task may have been woken and lost in one slot.
            let Some(waiting) = self.waiting.remove(&id) else { continue };
            waiting.bell.queued.store(false, Ordering::Relaxed);
            let call = waiting.call;
            if let Poll::Ready(answer) = self.poll(world, id, waiting) {
                end(world, call, answer);
            }
        }
    }

    /// Drops the tasks that wait for tokens for which nothing will arrive.
    pub(crate) fn lose(&mut self, world: &World, tokens: &[u64]) {
        for token in tokens {
            if let Some(task) = world.lose(*token) {
                drop(self.waiting.remove(&task));
            }
        }
    }

    /// Drops all tasks: another state takes the place of the one that they know.
    pub(crate) fn clear(&mut self) {
        drop(mem::take(&mut self.waiting));
    }

    fn poll(
        &mut self,
        world: &World,
        id: TaskId,
        mut waiting: Waiting,
    ) -> Poll<Result<Answer, Error>> {
        let waker = Waker::from(Arc::clone(&waiting.bell));
        world.set_running(Some(id));
        let polled = waiting.task.as_mut().poll(&mut std::task::Context::from_waker(&waker));
        match polled {
            Poll::Pending => {
                self.waiting.insert(id, waiting);
            }
            // Locks that the future held are released while its effects still count for the slot.
            Poll::Ready(_) => drop(waiting),
        }
        world.set_running(None);
        polled
    }

    fn pop(&self) -> Option<TaskId> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Answers the call of a method that ended after its first slot.
fn end(world: &World, call: Option<CallId>, answer: Result<Answer, Error>) {
    match call {
        Some(call) => call.answer(world, answer),
        None => {
            if let Err(error) = answer {
                let text = format!("a method that nobody waits for failed: {error}");
                world.push(GuestEffect::Log { level: Level::Warn.number(), text });
            }
        }
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}
