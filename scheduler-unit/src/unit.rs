//! What the requests and streams of a running unit share.

use std::sync::Arc;

use protocol::{NetworkId, Refusal, SecretKey, UnitId};
use tokio::sync::{Semaphore, watch};
use transport::Directory;

use crate::{
    adoption::Adoptions,
    clock::Clock,
    metrics::Metrics,
    shard::Shards,
    store::StoreError,
    verify::{Pool, Verifier, refuse_storage},
};

/// Requests and catch-up reads that may use the disk at once.
const READERS: usize = 64;

/// Memory for submissions that are not decided yet, over all streams, in KiB.
pub(crate) const MEMORY: u32 = 64 << 10;

/// A running unit.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) key: SecretKey,
    pub(crate) id: UnitId,
    pub(crate) network: NetworkId,
    pub(crate) shards: Arc<Shards>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) pool: Pool,
    pub(crate) clock: Arc<Clock>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) directory: Directory,
    pub(crate) adoptions: Adoptions,
    /// Whether submissions are looked at.
    pub(crate) gate: watch::Receiver<bool>,
    /// In KiB.
    pub(crate) memory: Arc<Semaphore>,
    /// As much again for what the proofs of their frames share.
    pub(crate) bases: Arc<Semaphore>,
    pub(crate) readers: Arc<Semaphore>,
}

impl Unit {
    /// Room for submissions and what they share, and for readers.
    pub(crate) fn semaphores() -> ([Arc<Semaphore>; 2], Arc<Semaphore>) {
        let memory = usize::try_from(MEMORY).unwrap_or(usize::MAX);
        let memory = || Arc::new(Semaphore::new(memory));
        ([memory(), memory()], Arc::new(Semaphore::new(READERS)))
    }

    /// Runs something that reads the disk, away from the threads that serve the network.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        // Never closed, so the only outcome is a permit.
        let permit = Arc::clone(&self.readers).acquire_owned().await;
        let unit = Arc::clone(self);
        let worked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&unit)
        });
        let lost = |error: tokio::task::JoinError| StoreError::Failed(error.to_string());
        worked.await.map_err(lost).map_err(refuse_storage)?
    }
}
