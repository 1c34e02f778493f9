//! A messenger that is killed while a million items wait: how soon it delivers again as before.
//!
//! The items are emitted while no messenger runs; their messages go straight to the scheduler.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use antiphon_client::Client;
use protocol::{Entry, ProcessId, Role, api::Submission};
use serde::Serialize;
use tokio::time::sleep;
use transport::UnitAddress;

use super::{
    flood::{self, Expected, Stream},
    flow,
    machine::{micros, now},
    ring,
    subject::Line,
};
use crate::{
    cluster::{
        ChildOptions, ChildUnit, Cluster, DataDirectory, KeyName, Shape, UpOptions, random_key,
    },
    error::NodeError,
    output::{UnitShape, note},
    units::Decisions,
};

/// Rings of two nodes each: the head tells, the other is told.
const RINGS: u32 = 100;

/// Items that one message emits.
const ITEMS: u32 = 1_000;

/// Messages under way.
const WINDOW: usize = 64;

/// Deliveries before the rate is measured.
const WARM: u64 = 10_000;

/// How often the rate is looked at, over how long.
const SAMPLE: Duration = Duration::from_millis(100);
const SAMPLES: usize = 10;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// What `bench backlog` found out.
#[derive(Debug, Serialize)]
pub(crate) struct BacklogReport {
    pub(crate) scenario: &'static str,
    /// Whether the messenger lost its database as well.
    pub(crate) without_database: bool,
    /// Items that waited when it was killed.
    pub(crate) waiting: u64,
    pub(crate) memory_kib: Option<u64>,
    /// Deliveries a second before, over three seconds.
    pub(crate) rate_before: u64,
    /// From the kill to the end of the first second with 90 % of that.
    pub(crate) recovered_ms: u64,
}

/// Measures a cluster of its own.
pub(crate) async fn backlog(
    items: u32,
    without_database: bool,
) -> Result<BacklogReport, NodeError> {
    let directory = tempfile::tempdir().map_err(NodeError::system)?;
    let up = UpOptions {
        data: DataDirectory::new(directory.path().to_owned()),
        shape: Shape { messengers: 0, ..Shape::default() },
        isolated: true,
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        network: None,
        bootstrap: Vec::new(),
        mdns: false,
        decisions: Decisions::default(),
    };
    let cluster = Box::pin(Cluster::start(&up)).await?;
    let messenger = messenger(&up).await?;
    let client = cluster.client(Some(up.data.ensure_key(&KeyName::default_key())?)).await?;
    let heads = ring::build(&client, RINGS, 2).await?;
    messenger.kill().await?;
    let messages = items.div_ceil(ITEMS);
    note(&format!("{messages} messages emit {ITEMS} items each"));
    emit(&client, cluster.units(), &heads, messages).await?;
    let began = flow::assigned(&client).await?;
    let messenger = self::messenger(&up).await?;
    await_deliveries(&client, began + WARM).await?;
    let before = (now(), flow::assigned(&client).await?);
    sleep(Duration::from_secs(3)).await;
    let after = (now(), flow::assigned(&client).await?);
    let elapsed = micros(after.0.saturating_duration_since(before.0));
    let rate_before = after.1.saturating_sub(before.1).saturating_mul(1_000_000) / elapsed.max(1);
    let emitted = u64::from(messages) * u64::from(ITEMS);
    let waiting = emitted.saturating_sub(after.1.saturating_sub(began));
    let memory_kib = resident(messenger.shape().pid);
    note(&format!("{rate_before} deliveries a second, {waiting} items wait"));
    let killed = now();
    messenger.kill().await?;
    if without_database {
        let data = home(&up)?.data();
        std::fs::remove_dir_all(data).map_err(NodeError::system)?;
    }
    let messenger = self::messenger(&up).await?;
    let recovered_ms = recovery(&client, killed, rate_before).await?;
    drop(client);
    messenger.shutdown().await;
    cluster.shutdown().await;
    Ok(BacklogReport {
        scenario: "backlog",
        without_database,
        waiting,
        memory_kib,
        rate_before,
        recovered_ms,
    })
}

/// Lets the heads emit everything; each of them is executed by one compute unit or more.
async fn emit(
    client: &Client,
    units: &[UnitShape],
    heads: &[ProcessId],
    messages: u32,
) -> Result<(), NodeError> {
    let scheduler = units.iter().find(|unit| unit.kind == Role::Scheduler.to_string());
    let scheduler = scheduler.ok_or_else(|| NodeError::system("no scheduler runs"))?;
    let address = scheduler.address.parse().map_err(NodeError::system)?;
    let from = Expected { network: client.network(), scheduler: scheduler.unit };
    let at = UnitAddress { unit: scheduler.unit, address };
    let before = executed(client).await?;
    let args = ring::tokens(ITEMS, 1);
    let submissions: Result<Vec<Submission>, NodeError> = (0..messages)
        .zip(heads.iter().cycle())
        .map(|(_, head)| {
            let message = client.prepare_message(*head, "start", &args)?;
            Ok(Submission::bare(0, Entry::Message(message)))
        })
        .collect();
    let line = Line::to(at, client.network(), &random_key()?).await?;
    flood::submit(line, Stream::encode(submissions?, 1), WINDOW, from).await?;
    let begun = now();
    while executed(client).await? < before + u64::from(messages) {
        if begun.elapsed() > PATIENCE {
            return Err(NodeError::system("the compute units do not catch up"));
        }
        sleep(SAMPLE).await;
    }
    Ok(())
}

/// How many slots the compute units have executed.
async fn executed(client: &Client) -> Result<u64, NodeError> {
    let mut total = 0_u64;
    for unit in client.directory().units(Role::Compute) {
        let status = client.status_of(unit, PATIENCE).await?;
        let executed = status.counters.iter().find(|(name, _)| name == "slots_executed");
        total = total.saturating_add(executed.map_or(0, |(_, count)| *count));
    }
    Ok(total)
}

/// Waits until so many entries are assigned.
async fn await_deliveries(client: &Client, wanted: u64) -> Result<(), NodeError> {
    let begun = now();
    while flow::assigned(client).await? < wanted {
        if begun.elapsed() > PATIENCE {
            return Err(NodeError::system("the messenger does not begin"));
        }
        sleep(SAMPLE).await;
    }
    Ok(())
}

/// Waits for the first second with 90 % of a rate; gives the milliseconds from the kill to its end.
async fn recovery(client: &Client, killed: Instant, rate: u64) -> Result<u64, NodeError> {
    let mut counts = Vec::new();
    loop {
        let count = (now(), flow::assigned(client).await?);
        counts.push(count);
        if let Some((at, was)) = counts.len().checked_sub(SAMPLES + 1).and_then(|i| counts.get(i)) {
            let elapsed = micros(count.0.saturating_duration_since(*at));
            let reached = count.1.saturating_sub(*was).saturating_mul(1_000_000) / elapsed.max(1);
            if reached >= rate / 10 * 9 {
                return Ok(micros(killed.elapsed()) / 1_000);
            }
        }
        if killed.elapsed() > PATIENCE {
            return Err(NodeError::system("the messenger does not recover"));
        }
        sleep(SAMPLE).await;
    }
}

fn home(up: &UpOptions) -> Result<crate::cluster::UnitHome, NodeError> {
    let network = up.data.join(None)?;
    up.data.unit(Role::Messenger, "messenger-1", (network, up.ip))
}

/// Starts the messenger, a program of its own.
async fn messenger(up: &UpOptions) -> Result<ChildUnit, NodeError> {
    let home = home(up)?;
    home.publish(crate::clock::now())?;
    let options = ChildOptions {
        data: up.data.path(),
        bootstrap: &[],
        mdns: false,
        decisions: &up.decisions,
    };
    let mut child = ChildUnit::launch(&home, options)?;
    child.ready().await?;
    Ok(child)
}

/// KiB of memory that a program has, Linux only.
fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

impl BacklogReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} items waited, {} deliveries a second; killed{}: 90 % of that after {} ms",
            self.waiting,
            self.rate_before,
            if self.without_database { ", its database deleted" } else { "" },
            self.recovered_ms
        )
    }
}
