//! The client that the tutorial shows, word for word.

use antiphon::{Effect, ProcessId, secs};
use antiphon_client::{CallError, Client};
use counter::Counter;

/// Adds three to a counter, and tells what it shows then.
pub(crate) async fn count(client: &Client, counter: ProcessId) -> Result<u64, CallError> {
    let counter = client.actor::<Counter>(counter);
    let sum = match counter.add(3).deadline(secs(5)).await {
        // It is certain that nothing was added: say it once more.
        Err(error) if error.effect() == Effect::No => counter.add(3).await?,
        // What the counter answers, or an error that may mean that it has counted.
        answer => answer?,
    };
    let shown = counter.get().view().await?;
    assert!(shown >= sum);
    Ok(shown)
}
