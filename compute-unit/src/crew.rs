//! The threads of a unit: named, counted, and missed when one ends by a panic.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

/// Threads that end together.
#[derive(Debug, Clone)]
pub(crate) struct Crew {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    working: Mutex<usize>,
    left: Condvar,
    failed: watch::Sender<Option<String>>,
}

impl Default for Crew {
    fn default() -> Self {
        let (working, left) = (Mutex::new(0), Condvar::new());
        Self { shared: Arc::new(Shared { working, left, failed: watch::Sender::new(None) }) }
    }
}

impl Crew {
    /// Starts a thread.
    pub(crate) fn spawn(
        &self,
        name: &str,
        stack_bytes: usize,
        work: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<()> {
        let place = Place::take(Arc::clone(&self.shared), name.to_owned());
        let builder = std::thread::Builder::new().name(name.to_owned()).stack_size(stack_bytes);
        builder.spawn(move || {
            let _place = place;
            work();
        })?;
        Ok(())
    }

    /// Waits until all threads have ended; whether they have in this time.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        let working = self.shared.working.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.left.wait_timeout_while(working, patience, |working| *working > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }

    /// Tells whoever watches that the work of the threads is of no use any more.
    pub(crate) fn fail(&self, reason: String) {
        self.shared.failed.send_replace(Some(reason));
    }

    /// Completes when a thread has panicked or its work has failed, and tells why.
    pub(crate) async fn failed(&self) -> String {
        let mut failed = self.shared.failed.subscribe();
        let reason = failed.wait_for(Option::is_some).await.map(|reason| reason.clone());
        // The sender lives as long as the crew.
        reason.ok().flatten().unwrap_or_default()
    }
}

/// A thread's place in its crew.
struct Place {
    shared: Arc<Shared>,
    name: String,
}

impl Place {
    fn take(shared: Arc<Shared>, name: String) -> Self {
        *shared.working.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self { shared, name }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let reason = format!("the thread {} panicked", self.name);
            self.shared.failed.send_replace(Some(reason));
        }
        *self.shared.working.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.shared.left.notify_all();
    }
}

#[cfg(test)]
mod tests;
