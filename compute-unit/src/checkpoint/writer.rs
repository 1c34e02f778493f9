//! Writes checkpoints on a thread of its own: whatever has gathered, in one commit.

use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
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
    waiting: Arc<Waiting>,
}

/// What the writer has not written yet.
#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    jobs: Mutex<usize>,
    written: Condvar,
    /// Whether the disk did not take the last checkpoint.
    failing: AtomicBool,
}

impl Waiting {
    fn jobs(&self) -> MutexGuard<'_, usize> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        *self.jobs() += 1;
    }

    fn remove(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        *self.jobs() -= 1;
        self.written.notify_all();
    }
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
        let waiting = Arc::new(Waiting::default());
        let counted = Arc::clone(&waiting);
        crew.spawn("checkpoint-writer", STACK_BYTES, move || {
            run(&store, &receiver, &counted, &metrics);
        })?;
        Ok(Self { sender, waiting })
    }

    /// Whether a checkpoint would be taken now. None is while the disk fails, until
    /// [`Self::try_again`].
    pub(crate) fn has_room(&self) -> bool {
        if self.waiting.failing.load(Ordering::Relaxed) {
            return false;
        }
        self.waiting.bytes.load(Ordering::Relaxed) < WAITING_BYTES_MAX
    }

    /// Lets the disk show whether it works again.
    pub(crate) fn try_again(&self) {
        self.waiting.failing.store(false, Ordering::Relaxed);
    }

    /// Has a checkpoint written, or says that it is not for want of room.
    pub(crate) fn write(&self, job: Job) {
        let bytes = bytes(&job.saved);
        self.waiting.add(bytes);
        let refused = match self.sender.try_send((job, bytes)) {
            Ok(()) => return,
            Err(TrySendError::Full((job, _)) | TrySendError::Disconnected((job, _))) => job,
        };
        self.waiting.remove(bytes);
        (refused.done)(false);
    }

    /// Waits until what was to be written is, or cannot be.
    pub(crate) fn catch_up(&self) {
        let busy = |jobs: &mut usize| *jobs > 0;
        drop(self.waiting.written.wait_while(self.waiting.jobs(), busy));
    }
}

fn run(
    store: &CheckpointStore,
    receiver: &Receiver<(Job, usize)>,
    waiting: &Waiting,
    metrics: &Metrics,
) {
    let mut failing = false;
    while let Ok(first) = receiver.recv() {
        let more = receiver.try_iter().take(BATCH_MAX.saturating_sub(1));
        let jobs: Vec<(Job, usize)> = std::iter::once(first).chain(more).collect();
        let (saved, done): (Vec<Saved>, Vec<(Done, usize)>) =
            jobs.into_iter().map(|(job, bytes)| (job.saved, (job.done, bytes))).unzip();
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
        let fails = |written: &Result<(), StoreError>| {
            matches!(written, Err(StoreError::Database(_) | StoreError::Closed))
        };
        waiting.failing.store(written.iter().any(fails), Ordering::Relaxed);
        for ((done, bytes), written) in done.into_iter().zip(written) {
            done(written.is_ok());
            waiting.remove(bytes);
        }
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
        SavedState::Dead { .. } => OVERHEAD,
    }
}
