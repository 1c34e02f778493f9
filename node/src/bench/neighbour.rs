//! One sender floods a process: what another sender to another process notices.

use std::{sync::Arc, time::Duration};

use antiphon_client::{Client, ClientOptions, Units};
use protocol::{Entry, Message, SecretKey, Signed};
use serde::Serialize;
use tokio::{sync::oneshot, task::JoinSet};

use super::{
    ingest::{PATIENCE, alone, sign, spawn},
    machine::{micros, now},
    report::Latency,
};
use crate::error::NodeError;

/// How often the flood sends what is due by then.
const PACE: Duration = Duration::from_millis(2);

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FloodOptions {
    /// Messages a second of the flood.
    pub(crate) rate: u32,
    /// The longest time it lasts.
    pub(crate) seconds: u64,
}

/// What `bench flood` found out.
#[derive(Debug, Serialize)]
pub(crate) struct FloodReport {
    pub(crate) scenario: &'static str,
    /// Messages a second to one process, all of one account, without waiting for replies.
    pub(crate) flood_per_second: u32,
    /// How many of them were sent, and how many had a reply in the end.
    pub(crate) flood_sent: u64,
    pub(crate) flood_replied: u64,
    /// How long they were sent for.
    pub(crate) flood_ms: u64,
    /// From submitting a message of the other account to its reply, one after the other.
    pub(crate) before: Latency,
    /// The same during the flood.
    pub(crate) meanwhile: Latency,
}

/// Measures a cluster.
pub(crate) async fn neighbour(
    client: &Client,
    options: FloodOptions,
) -> Result<FloodReport, NodeError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(NodeError::system)?;
    let other = ClientOptions {
        network: client.network(),
        key: Some(SecretKey::from_seed(&seed)),
        units: Units::Directory(client.directory().clone()),
    };
    let other = Client::connect(other).await?;
    let flooded = Arc::new(spawn(client, 1).await?);
    let watched = Arc::new(spawn(client, 1).await?);
    // The first ones warm everything up.
    drop(alone(client, &watched).await?);
    let before = Latency::of(&alone(client, &watched).await?);
    let count = u64::from(options.rate).saturating_mul(options.seconds);
    let count = usize::try_from(count).map_err(NodeError::system)?;
    let messages = sign(&other, &flooded, count).await?;
    let (stop, stopped) = oneshot::channel::<()>();
    let rate = options.rate;
    let flooding = tokio::spawn(pour(other, messages, rate, stopped));
    let meanwhile = Latency::of(&alone(client, &watched).await?);
    // The flood may have ended by itself.
    let _ = stop.send(());
    let poured = flooding.await.map_err(NodeError::system)??;
    Ok(FloodReport {
        scenario: "flood",
        flood_per_second: options.rate,
        flood_sent: poured.sent,
        flood_replied: poured.replied,
        flood_ms: u64::try_from(poured.elapsed.as_millis()).unwrap_or(u64::MAX),
        before,
        meanwhile,
    })
}

/// What became of a flood.
struct Poured {
    sent: u64,
    replied: u64,
    elapsed: Duration,
}

/// Sends at a rate, whatever becomes of it, until told to stop.
async fn pour(
    client: Client,
    messages: Vec<Signed<Message>>,
    rate: u32,
    mut stopped: oneshot::Receiver<()>,
) -> Result<Poured, NodeError> {
    let started = now();
    let mut ticks = tokio::time::interval(PACE);
    let (mut sent, mut waiting) = (0_u64, JoinSet::new());
    let mut messages = messages.into_iter();
    'pouring: while stopped.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
        ticks.tick().await;
        let due = u64::from(rate).saturating_mul(micros(started.elapsed())) / 1_000_000;
        while sent < due {
            let Some(message) = messages.next() else { break 'pouring };
            let ticket = client.submit(Entry::Message(message)).await?;
            sent += 1;
            let client = client.clone();
            waiting.spawn(async move { client.finish(ticket, PATIENCE).await.is_ok() });
        }
    }
    let elapsed = started.elapsed();
    let mut replied = 0;
    while let Some(done) = waiting.join_next().await {
        replied += u64::from(done.map_err(NodeError::system)?);
    }
    Ok(Poured { sent, replied, elapsed })
}

impl FloodReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        format!(
            "a message alone: p50 {} us, p99 {} us\n\
             beside {} messages a second to another process: p50 {} us, p99 {} us",
            self.before.p50_us,
            self.before.p99_us,
            self.flood_per_second,
            self.meanwhile.p50_us,
            self.meanwhile.p99_us,
        )
    }
}
