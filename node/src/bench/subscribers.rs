//! Many who follow one process over HTTP: what they take of a gateway's memory, whether each gets
//! every event, and how soon.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use antiphon_client::Client;
use futures::{StreamExt, TryStreamExt, stream};
use protocol::{Entry, ProcessId};
use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};

use super::{
    gateway::Gateway,
    ingest::{PATIENCE, sign, spawn},
    machine::{micros, now},
    report::{Latency, histogram},
};
use crate::{error::NodeError, files, output::note};

/// Subscribers that connect at a time.
const CONNECTING: usize = 32;

/// What the subscribers may take together, for each thousand of them.
const LIMIT_MIB_PER_THOUSAND: u32 = 50;

/// What is read of a stream at once.
const BUFFER: usize = 1_024;

/// What to measure.
#[derive(Debug, Clone)]
pub(crate) struct SubscribersOptions {
    pub(crate) subscribers: u32,
    pub(crate) events: u32,
    /// How a gateway finds the network.
    pub(crate) network: Vec<String>,
}

/// What `bench subscribers` found out.
#[derive(Debug, Serialize)]
pub(crate) struct SubscribersReport {
    pub(crate) scenario: &'static str,
    pub(crate) subscribers: u32,
    /// Outcomes played, and events received by all subscribers together.
    pub(crate) events: u32,
    pub(crate) received: u64,
    pub(crate) open_ms: u64,
    /// Proportional memory of the gateway with one subscriber, with all of them open, and when all
    /// events are through.
    pub(crate) memory_before_mib: f64,
    pub(crate) memory_open_mib: f64,
    pub(crate) memory_after_mib: f64,
    /// The most that the subscribers made of a difference, and what they may.
    pub(crate) memory_above_baseline_mib: f64,
    pub(crate) memory_limit_mib: f64,
    /// From submitting a message to its outcome at a subscriber.
    pub(crate) delivered: Latency,
    /// From submitting a message to the reply at whoever sent it.
    pub(crate) replied: Latency,
}

/// Who follows a process.
struct Subscriber(Lines<BufReader<TcpStream>>);

/// When the events of which slots came.
type Arrivals = Vec<(u64, Instant)>;

/// Measures a gateway of its own that serves a cluster.
pub(crate) async fn subscribers(
    client: &Client,
    options: SubscribersOptions,
) -> Result<SubscribersReport, NodeError> {
    let SubscribersOptions { subscribers, events, network } = options;
    let count = usize::try_from(subscribers).unwrap_or(usize::MAX);
    let wanted = usize::try_from(events).unwrap_or(usize::MAX);
    files::allow(count);
    let gateway = Gateway::start(count, &network).await?;
    let processes = Arc::new(spawn(client, 1).await?);
    let process = *processes.first().ok_or_else(|| NodeError::system("no process was born"))?;
    // What the first subscriber makes the gateway hold, it holds for all.
    let mut first = Subscriber::open(gateway.address, process, 0).await?;
    first.take(1).await?;
    let before = gateway.memory()?;
    note(&format!("opening {subscribers} streams"));
    let began = now();
    let opening = stream::iter(0..subscribers).map(Ok::<_, NodeError>);
    let opening = opening.map_ok(|_| Subscriber::open(gateway.address, process, 1));
    let open: Vec<Subscriber> = opening.try_buffer_unordered(CONNECTING).try_collect().await?;
    let open_ms = micros(began.elapsed()) / 1_000;
    let opened = gateway.memory()?;
    let mut following = JoinSet::new();
    for mut subscriber in open {
        following.spawn(async move { subscriber.take(wanted).await });
    }
    let mut sent = Vec::with_capacity(wanted);
    let mut replied = histogram();
    for message in sign(client, &processes, wanted).await? {
        let submitted = now();
        let ticket = client.submit(Entry::Message(message)).await?;
        client.finish(ticket, PATIENCE).await?.reply()?;
        replied.saturating_record(micros(submitted.elapsed()));
        sent.push(submitted);
    }
    let (mut delivered, mut received) = (histogram(), 0_u64);
    while let Some(arrivals) = following.join_next().await {
        let arrivals = arrivals.map_err(NodeError::system)??;
        // One message after the other: each has the slot behind the one before.
        for ((slot, came), (own, submitted)) in arrivals.into_iter().zip((1..).zip(&sent)) {
            if slot != own {
                return Err(NodeError::system(format!("slot {slot} came in the place of {own}")));
            }
            delivered.saturating_record(micros(came.saturating_duration_since(*submitted)));
            received += 1;
        }
    }
    let after = gateway.memory()?;
    gateway.stop().await;
    Ok(SubscribersReport {
        scenario: "subscribers",
        subscribers,
        events,
        received,
        open_ms,
        memory_before_mib: mib(before),
        memory_open_mib: mib(opened),
        memory_after_mib: mib(after),
        memory_above_baseline_mib: mib(opened.max(after).saturating_sub(before)),
        memory_limit_mib: f64::from(subscribers) * f64::from(LIMIT_MIB_PER_THOUSAND) / 1_000.0,
        delivered: Latency::of(&delivered),
        replied: Latency::of(&replied),
    })
}

impl Subscriber {
    /// Follows a process from a slot on, as soon as the gateway says so.
    async fn open(address: SocketAddr, process: ProcessId, from: u64) -> Result<Self, NodeError> {
        let mut stream = TcpStream::connect(address).await.map_err(NodeError::system)?;
        let request = format!(
            "GET /api/v1/process/{process}/events?from={from} HTTP/1.1\r\nHost: {address}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.map_err(NodeError::system)?;
        let mut lines = BufReader::with_capacity(BUFFER, stream).lines();
        let status = timeout(PATIENCE, lines.next_line()).await.map_err(NodeError::system)?;
        let status = status.map_err(NodeError::system)?.unwrap_or_default();
        match status.starts_with("HTTP/1.1 200") {
            true => Ok(Self(lines)),
            false => Err(NodeError::system(format!("a subscriber is refused: {status}"))),
        }
    }

    /// Waits for so many events.
    async fn take(&mut self, count: usize) -> Result<Arrivals, NodeError> {
        let mut arrivals = Vec::with_capacity(count);
        while arrivals.len() < count {
            let line = timeout(PATIENCE, self.0.next_line()).await;
            let line = line.map_err(|_| NodeError::system("an event did not come"))?;
            let line = line.map_err(NodeError::system)?;
            let line = line.ok_or_else(|| NodeError::system("a stream was cut"))?;
            let slot = line.strip_prefix("id: ").and_then(|slot| slot.parse::<u64>().ok());
            if let Some(slot) = slot {
                arrivals.push((slot, now()));
            }
        }
        Ok(arrivals)
    }
}

/// MiB to a tenth.
fn mib(kib: u64) -> f64 {
    let tenths = u32::try_from(kib.saturating_mul(10) / 1_024).unwrap_or(u32::MAX);
    f64::from(tenths) / 10.0
}

impl SubscribersReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} streams opened in {} ms; {} events to each, {} received, none missing\n\
             gateway: {} MiB with one, {} MiB with all open, {} MiB after the last event\n\
             {} MiB above that with one; {} MiB at the most\n\
             an event is delivered after p50 {} us, p99 {} us\n\
             the sender has its reply after p50 {} us, p99 {} us",
            self.subscribers,
            self.open_ms,
            self.events,
            self.received,
            self.memory_before_mib,
            self.memory_open_mib,
            self.memory_after_mib,
            self.memory_above_baseline_mib,
            self.memory_limit_mib,
            self.delivered.p50_us,
            self.delivered.p99_us,
            self.replied.p50_us,
            self.replied.p99_us,
        )
    }
}
