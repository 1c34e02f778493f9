//! Long messages and short ones on the same compute unit: how much longer the short ones take.

use antiphon_client::{Client, SpawnOptions};
use protocol::{Entry, Limits, Value};
use serde::Serialize;
use std::sync::Arc;

use super::{
    ingest::{alone, spawn},
    report::Latency,
};
use crate::error::NodeError;

/// An actor that uses all the gas of a message; `spin.wat` is its text.
pub(super) const SPIN: &[u8] = include_bytes!("spin.wasm");

/// What `bench long` found out.
#[derive(Debug, Serialize)]
pub(crate) struct LongReport {
    pub(crate) scenario: &'static str,
    /// Messages of 10 billion gas at a time, each of a process of its own.
    pub(crate) long_messages: u32,
    /// From submitting a short message to its reply, one after the other.
    pub(crate) before: Latency,
    /// The same while the long messages are executed.
    pub(crate) meanwhile: Latency,
    /// How many of the long messages had an outcome when the last short one was answered.
    pub(crate) long_finished: usize,
}

/// Measures a cluster.
pub(crate) async fn long(client: &Client, long_messages: u32) -> Result<LongReport, NodeError> {
    let counters = Arc::new(spawn(client, 1).await?);
    // The first ones warm everything up.
    drop(alone(client, &counters).await?);
    let before = Latency::of(&alone(client, &counters).await?);
    let mut tickets = Vec::new();
    for _ in 0..long_messages {
        let limits = Limits { gas: Limits::MAX.gas, ..Limits::DEFAULT };
        let options = SpawnOptions { limits, ..SpawnOptions::new(SPIN.to_vec()) };
        let spawned = client.spawn(options).await?;
        spawned.birth.reply()?;
        let message = client.prepare_message(spawned.process, "spin", &Value::Map(vec![]))?;
        let mut ticket = client.submit(Entry::Message(message)).await?;
        ticket.assigned().await?;
        tickets.push(ticket);
    }
    let meanwhile = Latency::of(&alone(client, &counters).await?);
    let mut long_finished = 0;
    for mut ticket in tickets {
        let executed = tokio::time::timeout(std::time::Duration::ZERO, ticket.executed()).await;
        long_finished += usize::from(executed.is_ok());
    }
    Ok(LongReport { scenario: "long", long_messages, before, meanwhile, long_finished })
}

impl LongReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        format!(
            "a short message alone: p50 {} us, p99 {} us\n\
             beside {} messages of 10 billion gas: p50 {} us, p99 {} us",
            self.before.p50_us,
            self.before.p99_us,
            self.long_messages,
            self.meanwhile.p50_us,
            self.meanwhile.p99_us,
        )
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_bytes_are_those_of_the_text() {
        assert_eq!(super::SPIN, wat::parse_str(include_str!("spin.wat")).unwrap());
    }
}
