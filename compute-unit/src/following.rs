//! Serves followers: from the frame they need first, out of memory where possible, without gaps.

use std::sync::Arc;

use bytes::Bytes;
use protocol::{
    api::{Cursor, OUTCOME_FRAME_MAX},
    codec,
};
use transport::FrameSender;

use crate::{
    database::StoreError,
    feed::{Feed, Found},
    store::Store,
};

/// Frames sent in one go.
const COALESCED_MAX: u64 = 64;

/// Why a follower is let go.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    /// The follower is gone, or the link broke.
    #[error(transparent)]
    Transport(#[from] transport::Error),
    /// The disk does not give a frame.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The unit is stopping.
    #[error("the unit is stopping")]
    Stopping,
}

/// Sends every frame a follower lacks, then every new one, until the follower goes.
pub(crate) async fn follow(
    store: Arc<Store>,
    feed: Arc<Feed>,
    cursors: Vec<Cursor>,
    mut sender: FrameSender,
) -> Result<(), FollowError> {
    sender.set_limit(OUTCOME_FRAME_MAX);
    let mut latest = feed.subscribe();
    let mut number = start(&store, &feed, cursors).await?;
    loop {
        latest.borrow_and_update();
        let mut ready = Vec::new();
        for wanted in number..number.saturating_add(COALESCED_MAX) {
            match feed.find(wanted) {
                Found::Here(frame) => ready.push(frame.bytes.clone()),
                Found::Stored if ready.is_empty() => ready.push(read(&store, wanted).await?),
                Found::Stored | Found::Future => break,
            }
        }
        if ready.is_empty() {
            latest.changed().await.map_err(|_| FollowError::Stopping)?;
            continue;
        }
        number += ready.len() as u64;
        sender.send_all(ready).await?;
    }
}

/// The frame to start from: one on disk or in memory that holds the oldest slot wanted.
async fn start(
    store: &Arc<Store>,
    feed: &Arc<Feed>,
    cursors: Vec<Cursor>,
) -> Result<u64, FollowError> {
    let (store, feed) = (Arc::clone(store), Arc::clone(feed));
    let started = tokio::task::spawn_blocking(move || {
        // Asked first: whatever is stored meanwhile is still in memory or found on disk below.
        let unstored = feed.unstored(usize::MAX).first().map(|frame| frame.number);
        let next = store.next_frame()?;
        let oldest = unstored.map_or(next, |unstored| unstored.min(next));
        Ok::<_, StoreError>(store.first_needed(&cursors)?.map_or(oldest, |n| n.min(oldest)))
    });
    started.await.map_err(|_| FollowError::Stopping)?.map_err(FollowError::from)
}

async fn read(store: &Arc<Store>, number: u64) -> Result<Bytes, FollowError> {
    let store = Arc::clone(store);
    let read = tokio::task::spawn_blocking(move || {
        // Decoded so that damage shows here and not at whoever follows.
        let frame = store.decoded(number)?.ok_or(StoreError::Damaged(number))?;
        Ok::<_, StoreError>(codec::encode(&frame))
    });
    let bytes = read.await.map_err(|_| FollowError::Stopping)??;
    Ok(Bytes::from(bytes))
}
