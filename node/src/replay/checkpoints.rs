//! Checkpoints that units of a policy offer, fetched with all that they lead to.
//!
//! Everything is checked against its address; that the whole has the stated root shows when it is
//! restored. A unit's word is still a word: whoever wants none replays from slot 0.

use std::collections::{BTreeSet, HashMap};

use antiphon_client::ClientError;
use futures::{StreamExt, TryStreamExt, future::join_all, stream};
use protocol::{
    Checkpoint, CheckpointError, CheckpointState, Hash, HostTableIndex, MemoryIndex, Signed, Slot,
    StateStatement, UnitId, api::BLOBS_MAX,
};

use super::Subject;

/// Pages and nodes asked for at once.
const BATCH: usize = BLOBS_MAX;

/// Chunks of a host table asked for at once: each has up to 1 MiB.
const CHUNKS: usize = 16;

/// Questions under way at once.
const UNDER_WAY: usize = 4;

/// A checkpoint with its unit's word.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) unit: UnitId,
    pub(super) statement: Signed<StateStatement>,
    pub(super) checkpoint: Checkpoint,
}

/// Why a checkpoint is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// The unit does not give it, or not what it promised.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It breaks a rule.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

/// The newest checkpoint of each unit of the policy that has one, after a slot at the latest; the
/// oldest first.
pub(super) async fn offered(subject: &Subject, at: Slot) -> Vec<Candidate> {
    let asked = subject.units().into_iter().map(|unit| by(subject, unit, at));
    let mut offered: Vec<Candidate> = join_all(asked).await.into_iter().flatten().collect();
    offered.sort_by_key(|candidate| candidate.checkpoint.position.slot);
    offered
}

/// The newest checkpoint of a unit, after a slot at the latest.
pub(super) async fn by(subject: &Subject, unit: UnitId, at: Slot) -> Option<Candidate> {
    match subject.client.checkpoint_of(unit, subject.process, at).await {
        Ok((statement, checkpoint)) => Some(Candidate { unit, statement, checkpoint }),
        Err(error) => {
            tracing::debug!(%unit, %error, "no checkpoint");
            None
        }
    }
}

/// Everything that a checkpoint leads to, by address.
pub(super) async fn fetch(
    subject: &Subject,
    candidate: &Candidate,
) -> Result<HashMap<Hash, Vec<u8>>, Unusable> {
    let mut blobs = HashMap::new();
    let (memory, host_table) = match &candidate.checkpoint.state {
        CheckpointState::Live { memory, host_table, .. } => (Some(memory), Some(host_table)),
        CheckpointState::Dead(_, host_table) => (None, host_table.as_ref()),
    };
    if let Some(HostTableIndex::Chunks(chunks)) = host_table {
        take(subject, candidate.unit, chunks.iter().copied(), CHUNKS, &mut blobs).await?;
    }
    let Some(memory) = memory else { return Ok(blobs) };
    memory.check()?;
    if memory.pages > subject.described.spawn.limits.memory_pages {
        return Err(CheckpointError::Shape("the memory is larger than the process may have").into());
    }
    let pages = nodes(subject, candidate.unit, memory, &mut blobs).await?;
    take(subject, candidate.unit, pages, BATCH, &mut blobs).await?;
    Ok(blobs)
}

/// Fetches the nodes of a memory, level by level; gives the addresses of its pages.
async fn nodes(
    subject: &Subject,
    unit: UnitId,
    memory: &MemoryIndex,
    blobs: &mut HashMap<Hash, Vec<u8>>,
) -> Result<Vec<Hash>, Unusable> {
    let mut level = memory.root.clone();
    for _ in 0..memory.height {
        let addresses = level.iter().map(|entry| entry.address);
        take(subject, unit, addresses, BATCH, blobs).await?;
        let mut below = Vec::new();
        for entry in &level {
            let bytes = blobs.get(&entry.address);
            let bytes = bytes.ok_or(CheckpointError::Missing(entry.address))?;
            below.extend_from_slice(entry.node(bytes)?.entries());
        }
        level = below;
    }
    Ok(level.iter().map(|entry| entry.address).collect())
}

/// Fetches blobs, each once; none of pages of zeros.
async fn take(
    subject: &Subject,
    unit: UnitId,
    addresses: impl IntoIterator<Item = Hash>,
    batch: usize,
    blobs: &mut HashMap<Hash, Vec<u8>>,
) -> Result<(), ClientError> {
    let missing = addresses.into_iter().filter(|address| *address != Hash::ZERO);
    let missing: BTreeSet<Hash> = missing.filter(|address| !blobs.contains_key(address)).collect();
    let missing: Vec<Hash> = missing.into_iter().collect();
    let batches: Vec<Vec<Hash>> = missing.chunks(batch).map(<[Hash]>::to_vec).collect();
    let mut answers = stream::iter(batches)
        .map(|addresses| async move {
            let blobs = subject.client.blobs_of(unit, subject.process, addresses.clone()).await?;
            Ok::<_, ClientError>(addresses.into_iter().zip(blobs))
        })
        .buffered(UNDER_WAY);
    while let Some(answer) = answers.try_next().await? {
        blobs.extend(answer);
    }
    Ok(())
}
