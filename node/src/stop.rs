//! When to stop: a signal, or the end of standard input for units whose parent holds its other end.

use std::io::{self, Read};

use tokio::sync::oneshot;

use crate::error::NodeError;

/// Resolves on Ctrl-C or SIGTERM, from the moment this was made.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Listens from now on. Must be called within a Tokio runtime.
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self, NodeError> {
        use tokio::signal::unix::{SignalKind, signal};

        let interrupt = signal(SignalKind::interrupt()).map_err(NodeError::system)?;
        let terminate = signal(SignalKind::terminate()).map_err(NodeError::system)?;
        Ok(Self { interrupt, terminate })
    }

    /// Listens from now on. Must be called within a Tokio runtime.
    #[cfg(not(unix))]
    pub(crate) fn listen() -> Result<Self, NodeError> {
        Ok(Self {})
    }

    /// Waits for either signal. Safe to cancel.
    #[cfg(unix)]
    pub(crate) async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Waits for Ctrl-C.
    #[cfg(not(unix))]
    pub(crate) async fn any(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }

    /// Waits until asked to by SIGTERM, or until the parent is gone. A terminal's Ctrl-C reaches
    /// parent and child alike; the parent decides.
    pub(crate) async fn parent_gone(&mut self) {
        let gone = stdin_closed();
        #[cfg(unix)]
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = gone => {}
        }
        #[cfg(not(unix))]
        let _ = gone.await;
    }
}

/// Resolves when standard input ends. Its thread ends with the process.
fn stdin_closed() -> oneshot::Receiver<()> {
    let (closed, watched) = oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        let mut stdin = io::stdin().lock();
        while stdin.read(&mut buffer).is_ok_and(|count| count > 0) {}
        let _ = closed.send(());
    });
    watched
}
