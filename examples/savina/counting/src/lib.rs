//! Savina's counting actor: one actor tells another to count, very often, and asks for the count.

use std::time::Duration;

use antiphon::prelude::*;

/// How many messages are told in one slot: an outbox has 1,024 items at the most.
const BATCH: u64 = 500;
/// How long a batch may take.
const PATIENCE: Duration = secs(600);

/// Counts, or has another one count.
#[actor]
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Counting {
    count: u64,
}

#[actor]
impl Counting {
    /// Has counted nothing.
    #[init]
    pub fn new() -> Self {
        Self::default()
    }

    /// How often this one was told to count.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Counts.
    pub fn increment(&mut self) {
        self.count += 1;
    }

    /// Tells another one to count so often; replies its count, which is the same.
    pub async fn run(_this: State<Self>, cx: Context, messages: u64) -> Result<u64, Error> {
        let counter = cx.spawn::<Self>(&cx.own_module(), args! {}).actor();
        let mut told = 0;
        while told < messages {
            let batch = BATCH.min(messages - told);
            (0..batch).for_each(|_| counter.increment().tell(&cx));
            told += batch;
            // What comes behind a batch is answered when all of it has been counted.
            let count = counter.count().deadline(PATIENCE).ask(&cx).await?;
            require!(count == told, "{count} were counted of {told}");
        }
        Ok(told)
    }
}

#[cfg(test)]
mod tests;
