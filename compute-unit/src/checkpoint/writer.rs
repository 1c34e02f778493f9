//! Writes checkpoints on a thread of its own: whatever has gathered, in one commit.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
};

use super::store::CheckpointStore;
use crate::{
    crew::Crew,
    database::StoreError,
    metrics::Metrics,
    process::{Saved, SavedState},
};

/// Checkpoints that may wait.
const QUEUE_MAX: usize = 256;
/// Bytes of pages that may wait; a single checkpoint may be larger.
const WAITING_BYTES_MAX: usize = 256 << 20;
/// Checkpoints in one commit.
const BATCH_MAX: usize = 64;
/// Bytes of stack; the database needs no more.
const STACK_BYTES: usize = 2 << 20;

/// Told whether the checkpoint is stored.
type Done = Box<dyn FnOnce(bool) + Send>;

/// A checkpoint to write.
pub(crate) struct Job {
    /// What to write.
    pub(crate) saved: Saved,
    /// Whom to tell.
    pub(crate) done: Done,
}

/// The running writer. It ends when this and all clones are gone.
#[derive(Clone)]
pub(crate) struct Writer {
    sender: SyncSender<(Job, usize)>,
    waiting: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts to write.
    pub(crate) fn start(
        crew: &Crew,
        store: Arc<CheckpointStore>,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&waiting);
        crew.spawn("checkpoint-writer", STACK_BYTES, move || {
            run(&store, &receiver, &counted, &metrics);
        })?;
        Ok(Self { sender, waiting })
    }

    /// Whether a checkpoint would be taken now.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < WAITING_BYTES_MAX
    }

    /// Has a checkpoint written, or says that it is not for want of room.
    pub(crate) fn write(&self, job: Job) {
        let bytes = bytes(&job.saved);
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let refused = match self.sender.try_send((job, bytes)) {
            Ok(()) => return,
            Err(TrySendError::Full((job, _)) | TrySendError::Disconnected((job, _))) => job,
        };
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        (refused.done)(false);
    }
}

fn run(
    store: &CheckpointStore,
    receiver: &Receiver<(Job, usize)>,
    waiting: &AtomicUsize,
    metrics: &Metrics,
) {
    let mut failing = false;
    while let Ok(first) = receiver.recv() {
        let more = receiver.try_iter().take(BATCH_MAX.saturating_sub(1));
        let jobs: Vec<(Job, usize)> = std::iter::once(first).chain(more).collect();
        let freed: usize = jobs.iter().map(|(_, bytes)| bytes).sum();
        let (saved, done): (Vec<Saved>, Vec<Done>) =
            jobs.into_iter().map(|(job, _)| (job.saved, job.done)).unzip();
        let written = write(store, &saved);
        for written in &written {
            match written {
                Ok(()) => metrics.checkpoints_written.increment(),
                Err(error) => {
                    metrics.checkpoints_failed.increment();
                    // Once at first; the counter tells the rest.
                    if !failing {
                        tracing::warn!(%error, "a checkpoint cannot be written");
                    }
                }
            }
            failing = written.is_err();
        }
        drop(saved);
        waiting.fetch_sub(freed, Ordering::Relaxed);
        done.into_iter().zip(written).for_each(|(done, written)| done(written.is_ok()));
    }
}

/// Writes all in one commit, or each by itself if one of them cannot be.
fn write(store: &CheckpointStore, saved: &[Saved]) -> Vec<Result<(), StoreError>> {
    match store.append(saved) {
        Err(StoreError::Checkpoint(_)) if saved.len() > 1 => {
            saved.iter().map(|one| store.append(std::slice::from_ref(one))).collect()
        }
        Ok(()) => saved.iter().map(|_| Ok(())).collect(),
        Err(error) => {
            let told = std::iter::once(Err(error));
            told.chain(std::iter::repeat_with(|| Err(StoreError::Closed)))
                .take(saved.len())
                .collect()
        }
    }
}

/// About how much memory a checkpoint takes while it waits.
fn bytes(saved: &Saved) -> usize {
    const OVERHEAD: usize = 4_096;
    match &saved.state {
        SavedState::Live { snapshot, .. } => snapshot
            .pages
            .iter()
            .map(|(_, page)| page.len())
            .sum::<usize>()
            .saturating_add(OVERHEAD),
        SavedState::Dead(_) => OVERHEAD,
    }
}
