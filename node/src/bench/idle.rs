//! Many processes of which few are awake: what an idle one takes of a compute unit's memory, and
//! how long it takes to answer when it is written to.

use std::{sync::Arc, time::Duration};

use antiphon_client::Client;
use protocol::{Entry, ProcessId};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{
    ingest::{PATIENCE, sign, spawn},
    machine::{micros, now},
    report::{Latency, histogram},
};
use crate::{error::NodeError, output::note};

/// Idle processes that are written to at the end, one after the other.
const WOKEN: usize = 200;

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdleOptions {
    pub(crate) processes: u32,
    pub(crate) live: u32,
    pub(crate) seconds: u64,
}

/// What `bench idle` found out.
#[derive(Debug, Serialize)]
pub(crate) struct IdleReport {
    pub(crate) scenario: &'static str,
    pub(crate) processes: u32,
    pub(crate) live: u32,
    pub(crate) idle_seconds: u64,
    /// Spawns answered a second.
    pub(crate) spawns_per_second: u64,
    /// Messages answered a second by the live processes.
    pub(crate) live_messages_per_second: u64,
    /// Proportional memory of all compute units before the first spawn, after the last message,
    /// and after the pause.
    pub(crate) pss_before_kib: u64,
    pub(crate) pss_busy_kib: u64,
    pub(crate) pss_idle_kib: u64,
    /// The difference made by the idle processes.
    pub(crate) pss_of_idle_kib: u64,
    /// From submitting a message for an idle process to its reply, one after the other.
    pub(crate) woken: Latency,
}

/// Measures the compute units with these process ids.
pub(crate) async fn idle(
    client: &Client,
    pids: &[u32],
    options: IdleOptions,
) -> Result<IdleReport, NodeError> {
    // The module is compiled and its first process born before memory is looked at.
    spawn(client, 1).await?;
    let before = pss(pids)?;
    note(&format!("spawning {} counters", options.processes));
    let began = now();
    let processes = spawn(client, options.processes).await?;
    let spawns = f64::from(options.processes) / began.elapsed().as_secs_f64();
    let live: Vec<ProcessId> =
        processes.iter().copied().take(usize::try_from(options.live).unwrap_or(0)).collect();
    let rate = if live.is_empty() { 0 } else { busy(client, live).await? };
    let busy = pss(pids)?;
    note(&format!("waiting for {} s", options.seconds));
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    let idle = pss(pids)?;
    let step = processes.len() / WOKEN.min(processes.len()).max(1);
    let woken: Vec<ProcessId> = processes.into_iter().step_by(step.max(1)).take(WOKEN).collect();
    let mut times = histogram();
    let count = woken.len();
    for message in sign(client, &Arc::new(woken), count).await? {
        let submitted = now();
        let ticket = client.submit(Entry::Message(message)).await?;
        client.finish(ticket, PATIENCE).await?.reply()?;
        times.saturating_record(micros(submitted.elapsed()));
    }
    Ok(IdleReport {
        scenario: "idle",
        processes: options.processes,
        live: options.live,
        idle_seconds: options.seconds,
        spawns_per_second: rounded(spawns),
        live_messages_per_second: rate,
        pss_before_kib: before,
        pss_busy_kib: busy,
        pss_idle_kib: idle,
        pss_of_idle_kib: idle.saturating_sub(before),
        woken: Latency::of(&times),
    })
}

/// Sends each process ten messages, many at once; how many were answered a second.
async fn busy(client: &Client, live: Vec<ProcessId>) -> Result<u64, NodeError> {
    const ROUNDS: usize = 10;
    const SENDERS: usize = 64;
    let count = live.len() * ROUNDS;
    let messages = Arc::new(std::sync::Mutex::new(sign(client, &Arc::new(live), count).await?));
    let began = now();
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (client, messages) = (client.clone(), Arc::clone(&messages));
        senders.spawn(async move {
            loop {
                let next = messages.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
                let Some(message) = next else { return Ok::<_, NodeError>(()) };
                let ticket = client.submit(Entry::Message(message)).await?;
                client.finish(ticket, PATIENCE).await?.reply()?;
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.map_err(NodeError::system)??;
    }
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    Ok(rounded(f64::from(count) / began.elapsed().as_secs_f64()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is positive and small"
)]
const fn rounded(rate: f64) -> u64 {
    rate as u64
}

/// The proportional set size of programs together: `/proc/PID/smaps_rollup`, Linux only.
pub(super) fn pss(pids: &[u32]) -> Result<u64, NodeError> {
    let one = |pid: &u32| {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = std::fs::read_to_string(&path).map_err(NodeError::system)?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kib.ok_or_else(|| NodeError::system(format!("{path} does not tell the memory")))
    };
    pids.iter().map(one).sum()
}

impl IdleReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} processes spawned, {} a second; {} of them live: {} messages a second\n\
             compute units: {} KiB before, {} KiB busy, {} KiB after {} s of rest\n\
             idle processes take {} KiB\n\
             an idle process answers after p50 {} us, p99 {} us",
            self.processes,
            self.spawns_per_second,
            self.live,
            self.live_messages_per_second,
            self.pss_before_kib,
            self.pss_busy_kib,
            self.pss_idle_kib,
            self.idle_seconds,
            self.pss_of_idle_kib,
            self.woken.p50_us,
            self.woken.p99_us,
        )
    }
}
