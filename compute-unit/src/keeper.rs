//! Writes what was given and what was published of it to disk, off every path: whatever has
//! gathered, in one commit.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::Duration,
};

use crate::{crew::Crew, feed::Feed, given::Given, metrics::Metrics, store::Store};

/// The pace of commits: outcomes can be derived again, so what a crash loses costs time, not truth.
const PACE: Duration = Duration::from_millis(500);
/// Past this many bytes in memory, commits follow each other at once.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// Bytes of frames in one commit.
const COMMIT_BYTES_MAX: usize = 32 << 20;
/// Of this many failures in a row, one is told.
const COMPLAIN_EVERY: u32 = 120;
/// Bytes of stack; the database needs no more.
const STACK_BYTES: usize = 2 << 20;

/// The running keeper.
#[derive(Debug)]
pub(crate) struct Keeper {
    stop: SyncSender<()>,
}

impl Keeper {
    /// Starts to keep what is noted and what the feed publishes.
    pub(crate) fn start(
        crew: &Crew,
        store: Arc<Store>,
        (given, feed): (Arc<Given>, Arc<Feed>),
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = sync_channel(1);
        let work = move || run(&store, (&given, &feed), &metrics, &stopped);
        crew.spawn("outcome-keeper", STACK_BYTES, work)?;
        Ok(Self { stop })
    }

    /// Lets the keeper write what is left and end.
    pub(crate) fn stop(&self) {
        // A full channel means that the stop is already under way.
        let _ = self.stop.try_send(());
    }
}

fn run(store: &Store, (given, feed): (&Given, &Feed), metrics: &Metrics, stopped: &Receiver<()>) {
    let mut failures = 0_u32;
    loop {
        let urgent = feed.unstored_bytes() > WAITING_BYTES_MAX && failures == 0;
        let pause = if urgent { Duration::ZERO } else { PACE };
        let stopping = stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
        loop {
            let frames = feed.unstored(COMMIT_BYTES_MAX);
            // Looked at later: whatever is published was noted before it was executed.
            let noted = given.unstored();
            if frames.is_empty() && noted.is_empty() {
                break;
            }
            if let Err(error) = store.append(&noted, &frames) {
                metrics.outcome_commits_failed.increment();
                // Once at first, then now and then.
                if failures.is_multiple_of(COMPLAIN_EVERY) {
                    tracing::warn!(%error, "outcomes stay in memory until the disk takes them");
                }
                failures = failures.saturating_add(1);
                break;
            }
            if failures > 0 {
                tracing::warn!(failures, "the disk takes outcomes again");
                failures = 0;
            }
            metrics.outcome_commits.increment();
            if let Some(last) = noted.last() {
                given.mark_stored(last.number.saturating_add(1));
            }
            if let Some(last) = frames.last() {
                feed.mark_stored(last.number + 1);
            }
            // What has come meanwhile waits for the next commit, so that commits do not chase each
            // other: each writes the pages of all processes at hand.
            if !stopping && feed.unstored_bytes() <= COMMIT_BYTES_MAX {
                break;
            }
        }
        if stopping {
            return;
        }
    }
}
