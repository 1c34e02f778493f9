//! Tasks that end with whoever holds them.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::{JoinError, JoinHandle, spawn};

/// Tasks of one kind, joined as they end.
#[derive(Debug)]
pub struct JoinSet<T> {
    tasks: Vec<JoinHandle<T>>,
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> JoinSet<T> {
    /// No tasks.
    pub const fn new() -> Self {
        Self { tasks: Vec::new() }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Ends all of them.
    pub fn abort_all(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }

    /// The result of the next one that ends; nothing if there are none.
    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The result of one that has ended.
    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        match self.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => None,
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        if self.tasks.is_empty() {
            return Poll::Ready(None);
        }
        for (at, task) in self.tasks.iter_mut().enumerate() {
            if let Poll::Ready(result) = Pin::new(task).poll(cx) {
                drop(self.tasks.remove(at));
                return Poll::Ready(Some(result));
            }
        }
        Poll::Pending
    }
}

impl<T: Send + 'static> JoinSet<T> {
    /// Adds a task.
    pub fn spawn<F>(&mut self, work: F)
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.tasks.push(spawn(work));
    }
}

impl<T, F> FromIterator<F> for JoinSet<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Self {
        let mut set = Self::new();
        futures.into_iter().for_each(|future| set.spawn(future));
        set
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.abort_all();
    }
}
