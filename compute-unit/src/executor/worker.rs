//! One thread that executes: a member of the pool until a message takes it longer than a slice.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc::SyncSender,
};

use super::{Shared, turn};
use crate::{
    crew::Crew,
    engine::THREAD_STACK_BYTES,
    instance::{Pause, Stopped},
    publisher::Publication,
};

/// How much lower the priority of a thread becomes that executes a long message: the operating
/// system gives it a tenth of what it gives others that want the processor.
#[cfg(target_os = "linux")]
const LONG_NICE: i32 = 10;

/// What a thread that executes knows.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) publisher: SyncSender<Publication>,
    crew: Crew,
    /// Whether the thread has left the pool for a long message.
    long: AtomicBool,
}

/// Starts a thread of the pool.
pub(super) fn start(
    shared: &Arc<Shared>,
    crew: &Crew,
    publisher: &SyncSender<Publication>,
) -> std::io::Result<()> {
    let worker = Arc::new(Worker {
        shared: Arc::clone(shared),
        publisher: publisher.clone(),
        crew: crew.clone(),
        long: AtomicBool::new(false),
    });
    crew.spawn("execute", THREAD_STACK_BYTES, move || work(&worker))
}

/// Gives processes their turns until the executor stops, or until one took long: the thread has
/// lowered its priority then, which it could not raise again.
fn work(worker: &Arc<Worker>) {
    while !worker.is_long()
        && let Some(hosted) = worker.shared.next()
    {
        turn::run(worker, hosted);
    }
    if worker.is_long() {
        worker.shared.long.end_turn();
        worker.shared.long.leave();
    }
}

impl Worker {
    fn is_long(&self) -> bool {
        self.long.load(Ordering::Relaxed)
    }

    /// Leaves the pool to another thread, if there may be one more.
    fn leave_pool(&self) -> Result<bool, Stopped> {
        if !self.shared.long.join()? {
            return Ok(false);
        }
        if let Err(error) = start(&self.shared, &self.crew, &self.publisher) {
            tracing::warn!(%error, "no thread for others beside a long message");
            self.shared.long.leave();
            return Ok(false);
        }
        self.long.store(true, Ordering::Relaxed);
        Ok(true)
    }
}

impl Pause for Worker {
    fn pause(&self) -> Result<(), Stopped> {
        if self.is_long() {
            self.shared.long.pass_turn()
        } else if self.leave_pool()? {
            step_back();
            self.shared.long.take_turn()
        } else {
            // Others wait until a long message ends: there are as many as there may be.
            Ok(())
        }
    }
}

/// Lets all others go before this thread, as long as it lives.
#[cfg(target_os = "linux")]
fn step_back() {
    // Linux has a priority for each thread. One that cannot be lowered takes nothing but time.
    let _ = rustix::process::nice(LONG_NICE);
}

/// Elsewhere the operating system shares the processors evenly.
#[cfg(not(target_os = "linux"))]
const fn step_back() {}
