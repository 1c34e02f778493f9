//! A value that is watched. Whoever waits is woken in the order in which it began to wait.

use std::{
    fmt,
    future::poll_fn,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
    task::{Context, Poll, Waker},
};

/// What is known of both ends.
#[derive(Debug, Default)]
struct Ends {
    version: u64,
    senders: usize,
    receivers: usize,
    waiting: Vec<Waker>,
    /// Those who wait for all receivers to be gone.
    closing: Vec<Waker>,
}

#[derive(Debug)]
struct Shared<T> {
    value: RwLock<T>,
    ends: Mutex<Ends>,
}

impl<T> Shared<T> {
    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, T> {
        self.value.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let waiting = std::mem::take(&mut self.ends().waiting);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// The other end is gone.
pub mod error {
    use super::fmt;

    /// All receivers are gone.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SendError<T>(pub T);

    /// All senders are gone.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RecvError(pub(super) ());

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("channel closed")
        }
    }

    impl std::error::Error for RecvError {}
}

/// A look at the value.
pub struct Ref<'a, T>(RwLockReadGuard<'a, T>);

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Changes the value.
#[derive(Debug)]
pub struct Sender<T>(Arc<Shared<T>>);

/// Watches the value.
#[derive(Debug)]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// Both ends of a new watch.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(value);
    let receiver = sender.subscribe();
    (sender, receiver)
}

impl<T> Sender<T> {
    /// A value that nobody watches yet.
    pub fn new(value: T) -> Self {
        let ends = Mutex::new(Ends { senders: 1, ..Ends::default() });
        Self(Arc::new(Shared { value: RwLock::new(value), ends }))
    }

    /// Watches it from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        let mut ends = self.0.ends();
        ends.receivers += 1;
        Receiver { shared: Arc::clone(&self.0), seen: ends.version }
    }

    /// Looks at it.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref(self.0.read())
    }

    /// Replaces it, unless nobody watches.
    ///
    /// # Errors
    ///
    /// If nobody does.
    pub fn send(&self, value: T) -> Result<(), error::SendError<T>> {
        if self.receiver_count() == 0 {
            return Err(error::SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Replaces it.
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|known| std::mem::swap(known, &mut value));
        value
    }

    /// Changes it.
    pub fn send_modify(&self, change: impl FnOnce(&mut T)) {
        self.send_if_modified(|value| {
            change(value);
            true
        });
    }

    /// Changes it, perhaps.
    pub fn send_if_modified(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        let changed = {
            let mut value = self.0.value.write().unwrap_or_else(PoisonError::into_inner);
            let changed = change(&mut value);
            if changed {
                self.0.ends().version += 1;
            }
            changed
        };
        if changed {
            self.0.wake();
        }
        changed
    }

    /// How many watch it.
    pub fn receiver_count(&self) -> usize {
        self.0.ends().receivers
    }

    /// Whether nobody does.
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until nobody watches it.
    pub async fn closed(&self) {
        poll_fn(|cx| {
            let mut ends = self.0.ends();
            if ends.receivers == 0 {
                return Poll::Ready(());
            }
            ends.closing.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.ends().senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.ends().senders -= 1;
        self.0.wake();
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Receiver<T> {
    /// Looks at the value.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref(self.shared.read())
    }

    /// Looks at the value, which is no news from then on.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let value = self.shared.read();
        self.seen = self.shared.ends().version;
        Ref(value)
    }

    /// Whether there is news.
    ///
    /// # Errors
    ///
    /// If there can be none any more.
    pub fn has_changed(&self) -> Result<bool, error::RecvError> {
        let ends = self.shared.ends();
        if ends.senders == 0 { Err(error::RecvError(())) } else { Ok(ends.version != self.seen) }
    }

    /// Waits for news.
    ///
    /// # Errors
    ///
    /// If there can be none any more.
    pub async fn changed(&mut self) -> Result<(), error::RecvError> {
        poll_fn(|cx| self.poll_changed(cx)).await
    }

    fn poll_changed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), error::RecvError>> {
        let mut ends = self.shared.ends();
        if ends.version != self.seen {
            self.seen = ends.version;
            return Poll::Ready(Ok(()));
        }
        if ends.senders == 0 {
            return Poll::Ready(Err(error::RecvError(())));
        }
        if !ends.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            ends.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Waits until the value is as wanted.
    ///
    /// # Errors
    ///
    /// If it can become so no more.
    pub async fn wait_for(
        &mut self,
        mut wanted: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, error::RecvError> {
        loop {
            self.seen = self.shared.ends().version;
            if wanted(&self.shared.read()) {
                return Ok(Ref(self.shared.read()));
            }
            self.changed().await?;
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.ends().receivers += 1;
        Self { shared: Arc::clone(&self.shared), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let closing = {
            let mut ends = self.shared.ends();
            ends.receivers -= 1;
            if ends.receivers == 0 { std::mem::take(&mut ends.closing) } else { Vec::new() }
        };
        closing.into_iter().for_each(Waker::wake);
    }
}
