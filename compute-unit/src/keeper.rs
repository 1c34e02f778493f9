//! Writes published frames to disk, off every path: whatever has gathered, in one commit.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::{feed::Feed, metrics::Metrics, store::Store};

/// The pace of commits: outcomes can be derived again, so what a crash loses costs time, not truth.
const PACE: Duration = Duration::from_millis(500);
/// Past this many bytes in memory, commits follow each other at once.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// Bytes of frames in one commit.
const COMMIT_BYTES_MAX: usize = 32 << 20;

/// The running keeper.
#[derive(Debug)]
pub(crate) struct Keeper {
    stop: SyncSender<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Keeper {
    /// Starts to keep what the feed publishes.
    pub(crate) fn start(
        store: Arc<Store>,
        feed: Arc<Feed>,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("outcome-keeper".to_owned())
            .spawn(move || run(&store, &feed, &metrics, &stopped))?;
        Ok(Self { stop, thread: Mutex::new(Some(thread)) })
    }

    /// Writes what is left and ends.
    pub(crate) fn finish(&self) {
        // A full channel means that the stop is already under way.
        let _ = self.stop.try_send(());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the outcome keeper panicked");
        }
    }
}

fn run(store: &Store, feed: &Feed, metrics: &Metrics, stopped: &Receiver<()>) {
    loop {
        let pause = if feed.bytes() > WAITING_BYTES_MAX { Duration::ZERO } else { PACE };
        let stopping = stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
        loop {
            let frames = feed.unstored(COMMIT_BYTES_MAX);
            let Some(last) = frames.last() else { break };
            if let Err(error) = store.append(&frames) {
                metrics.outcome_commits_failed.increment();
                tracing::warn!(%error, "outcomes stay in memory until the disk takes them");
                break;
            }
            metrics.outcome_commits.increment();
            feed.mark_stored(last.number + 1);
        }
        if stopping {
            return;
        }
    }
}
