//! Many clients, many processes: how many messages a second become durable, are executed and are
//! replied to, measured through the public client against real units.
//!
//! Every message is signed before the clock starts. A short warm-up tells how many messages the
//! time given can take; the pool of signed messages is bounded all the same, and the run ends with
//! it.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use antiphon_client::{Client, SpawnOptions};
use hdrhistogram::Histogram;
use protocol::{Entry, Message, ProcessId, Signed, Value};
use tokio::{sync::Semaphore, task::JoinSet};

use super::{
    blocking,
    machine::{Machine, micros, now},
    report::{Latency, Report, histogram},
};
use crate::{error::NodeError, output::note};

/// Messages of the warm-up.
const WARM_UP: usize = 4_000;

/// The most messages signed beforehand; each takes about half a KiB.
const SIGNED_MAX: usize = 400_000;

/// How many messages are sent one after the other.
const ALONE: usize = 1_000;

/// Processes spawned at once.
const SPAWNS: usize = 64;

/// How long any message may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IngestOptions {
    pub(crate) seconds: u64,
    pub(crate) processes: u32,
    pub(crate) clients: u32,
}

/// One load: how many messages in which time, and how long each took.
struct Load {
    messages: u64,
    elapsed: Duration,
    durable: Histogram<u64>,
    replied: Histogram<u64>,
}

/// Measures a cluster; `data` is its directory, if it is on this machine.
pub(crate) async fn ingest(
    client: &Client,
    data: Option<&Path>,
    options: IngestOptions,
) -> Result<Report, NodeError> {
    let directory = data.map_or_else(std::env::temp_dir, Path::to_owned);
    let machine = blocking(move || Machine::measure(&directory)).await??;
    note(&format!("spawning {} counters", options.processes));
    let processes = Arc::new(spawn(client, options.processes).await?);
    let warm_up = sign(client, &processes, WARM_UP).await?;
    let warm = load(client, warm_up, options.clients, Duration::from_secs(60)).await?;
    let rate = per_second(warm.messages, warm.elapsed);
    let wanted = rate.saturating_mul(options.seconds).saturating_mul(2);
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).clamp(WARM_UP, SIGNED_MAX);
    note(&format!("about {rate} messages a second; signing {wanted} beforehand"));
    let messages = sign(client, &processes, wanted).await?;
    let before = data.map(size).unwrap_or_default();
    let load =
        load(client, messages, options.clients, Duration::from_secs(options.seconds)).await?;
    let grown = data.map(|data| size(data).saturating_sub(before));
    let alone = alone(client, &processes).await?;
    Ok(Report {
        scenario: "ingest",
        processes: options.processes,
        clients: options.clients,
        messages: load.messages,
        elapsed_ms: u64::try_from(load.elapsed.as_millis()).unwrap_or(u64::MAX),
        messages_per_second: per_second(load.messages, load.elapsed),
        durable: Latency::of(&load.durable),
        replied: Latency::of(&load.replied),
        alone: Latency::of(&alone),
        disk_bytes_per_message: grown.map(|bytes| bytes / load.messages.max(1)),
        machine,
    })
}

/// Spawns so many counters.
pub(super) async fn spawn(client: &Client, count: u32) -> Result<Vec<ProcessId>, NodeError> {
    let start = (Value::Text("start".to_owned()), Value::Integer(0));
    spawn_all(client, count, example_modules::COUNTER, Value::Map(vec![start])).await
}

/// Spawns so many processes of a module; all are born.
pub(super) async fn spawn_all(
    client: &Client,
    count: u32,
    module: &'static [u8],
    args: Value,
) -> Result<Vec<ProcessId>, NodeError> {
    let room = Arc::new(Semaphore::new(SPAWNS));
    let mut spawning = JoinSet::new();
    for number in 0..count {
        let (client, room, args) = (client.clone(), Arc::clone(&room), args.clone());
        spawning.spawn(async move {
            let _room = room.acquire_owned().await;
            let options = SpawnOptions {
                name: format!("bench-{number}"),
                args,
                ..SpawnOptions::new(module.to_vec())
            };
            let spawned = client.spawn(options).await?;
            spawned.birth.reply()?;
            Ok::<_, NodeError>(spawned.process)
        });
    }
    let mut processes = Vec::new();
    while let Some(spawned) = spawning.join_next().await {
        processes.push(spawned.map_err(NodeError::system)??);
    }
    Ok(processes)
}

/// Signs messages on all cores, round robin over the processes.
pub(super) async fn sign(
    client: &Client,
    processes: &Arc<Vec<ProcessId>>,
    count: usize,
) -> Result<Vec<Signed<Message>>, NodeError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut signing = JoinSet::new();
    for core in 0..cores {
        let (client, processes) = (client.clone(), Arc::clone(processes));
        let share = count / cores + usize::from(core < count % cores);
        signing.spawn_blocking(move || {
            let by = Value::Map(vec![(Value::Text("by".to_owned()), Value::Integer(1))]);
            let targets = processes.iter().cycle().skip(core).take(share);
            let signed = targets.map(|process| client.prepare_message(*process, "add", &by));
            signed.collect::<Result<Vec<_>, _>>()
        });
    }
    let mut messages = Vec::with_capacity(count);
    while let Some(signed) = signing.join_next().await {
        messages.extend(signed.map_err(NodeError::system)??);
    }
    Ok(messages)
}

/// Every client sends its next message as soon as it has the reply to the one before.
async fn load(
    client: &Client,
    messages: Vec<Signed<Message>>,
    clients: u32,
    limit: Duration,
) -> Result<Load, NodeError> {
    let next = Arc::new(AtomicUsize::new(0));
    let messages = Arc::new(messages);
    let started = now();
    let deadline = started + limit;
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let (client, next, messages) = (client.clone(), Arc::clone(&next), Arc::clone(&messages));
        running.spawn(async move {
            let (mut durable, mut replied) = (histogram(), histogram());
            while now() < deadline {
                let Some(message) = messages.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    break;
                };
                let submitted = now();
                let mut ticket = client.submit(Entry::Message(message.clone())).await?;
                let both = async {
                    ticket.assigned().await?;
                    durable.saturating_record(micros(submitted.elapsed()));
                    let executed = ticket.executed().await?;
                    replied.saturating_record(micros(submitted.elapsed()));
                    Ok::<_, NodeError>(executed)
                };
                let executed = tokio::time::timeout(PATIENCE, both).await;
                let executed =
                    executed.map_err(|_| NodeError::system("a message took too long"))??;
                if let protocol::Reply::Failure(failure) = executed.outcome.reply {
                    return Err(NodeError::System(failure.detail));
                }
            }
            Ok((durable, replied))
        });
    }
    let (mut durable, mut replied) = (histogram(), histogram());
    while let Some(done) = running.join_next().await {
        let (one, other) = done.map_err(NodeError::system)??;
        durable.add(&one).map_err(NodeError::system)?;
        replied.add(&other).map_err(NodeError::system)?;
    }
    Ok(Load { messages: replied.len(), elapsed: started.elapsed(), durable, replied })
}

/// One message after the other.
pub(super) async fn alone(
    client: &Client,
    processes: &Arc<Vec<ProcessId>>,
) -> Result<Histogram<u64>, NodeError> {
    let mut times = histogram();
    for message in sign(client, processes, ALONE).await? {
        let submitted = now();
        let ticket = client.submit(Entry::Message(message)).await?;
        client.finish(ticket, PATIENCE).await?.reply()?;
        times.saturating_record(micros(submitted.elapsed()));
    }
    Ok(times)
}

fn per_second(count: u64, elapsed: Duration) -> u64 {
    count.saturating_mul(1_000_000) / micros(elapsed).max(1)
}

/// Bytes of all files under a directory, as far as they can be read.
fn size(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
