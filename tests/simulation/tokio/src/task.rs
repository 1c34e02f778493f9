//! Tasks.

mod join_set;

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::simulation;

pub use ::tokio::task::yield_now;
pub use join_set::JoinSet;

/// Why a task gave nothing.
#[derive(Debug)]
pub struct JoinError(());

impl JoinError {
    /// Whether it panicked: never, for a panic ends the simulation.
    pub const fn is_panic(&self) -> bool {
        false
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task was cancelled")
    }
}

impl std::error::Error for JoinError {}

#[derive(Debug)]
struct Outcome<T> {
    result: Option<Result<T, JoinError>>,
    waiting: Option<Waker>,
}

type Shared<T> = Arc<Mutex<Outcome<T>>>;

/// Somebody's interest in a task.
#[derive(Debug)]
pub struct JoinHandle<T> {
    id: u64,
    outcome: Shared<T>,
}

impl<T> JoinHandle<T> {
    /// Ends the task.
    pub fn abort(&self) {
        simulation::abort(self.id);
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                outcome.waiting = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Tells what came of a task, be it that it was ended.
struct Teller<T>(Shared<T>);

impl<T> Teller<T> {
    fn tell(&self, result: Result<T, JoinError>) {
        let waiting = {
            let mut outcome = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if outcome.result.is_none() {
                outcome.result = Some(result);
            }
            outcome.waiting.take()
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl<T> Drop for Teller<T> {
    fn drop(&mut self) {
        // Of no effect once a result was told and not taken; nobody waits once it was taken.
        self.tell(Err(JoinError(())));
    }
}

/// Lets a future run by itself.
pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let outcome = Arc::new(Mutex::new(Outcome { result: None, waiting: None }));
    let teller = Teller(Arc::clone(&outcome));
    let id = simulation::start(Box::pin(async move {
        let result = work.await;
        teller.tell(Ok(result));
    }));
    JoinHandle { id, outcome }
}

/// Runs something that would block a thread, in a turn of its own.
pub fn spawn_blocking<F, T>(work: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    spawn(async move { work() })
}
