//! Processes that tell each other: how many messages a second go from the log of one durably into
//! that of the other, through compute and messenger units.

use std::{collections::BTreeMap, path::Path};

use antiphon_client::Client;
use protocol::{ProcessId, Value};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{
    blocking, flow,
    ingest::{PATIENCE, spawn_all},
    machine::{micros, now},
    report::{Latency, histogram},
};
use crate::{error::NodeError, output::UnitShape, output::note};

/// Bytes of a delivery in a batch, with its proof of origin.
const DELIVERY_BYTES: usize = 1_000;

/// Commits that are measured for comparison.
const COMMITS: u64 = 500;

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HopsOptions {
    /// Pairs of players that throw one ball to and fro.
    pub(crate) pairs: u32,
    /// How long about.
    pub(crate) seconds: u64,
}

/// What `bench hops` found out.
#[derive(Debug, Serialize)]
pub(crate) struct HopsReport {
    pub(crate) scenario: &'static str,
    pub(crate) pairs: u32,
    pub(crate) hops: u64,
    pub(crate) elapsed_ms: u64,
    pub(crate) hops_per_second: u64,
    /// From one outcome of a pair to the next, as somebody sees them who watches; of one pair only.
    pub(crate) hop: Option<Latency>,
    /// One commit of the scheduler's store of as many deliveries as there are pairs, 256 at the most,
    /// one after the other, before and after.
    pub(crate) commit: Latency,
    /// Microseconds of processor time a hop, by kind of unit, if the units are on this machine.
    pub(crate) cpu_us_per_hop: BTreeMap<String, u64>,
}

/// Measures a cluster. `data` is its directory and `units` its programs, if they are on this machine.
pub(crate) async fn hops(
    client: &Client,
    data: Option<&Path>,
    units: &[UnitShape],
    options: HopsOptions,
) -> Result<HopsReport, NodeError> {
    let HopsOptions { pairs, seconds } = options;
    let mut commits = histogram();
    add_commits(data, pairs, &mut commits).await?;
    note(&format!("spawning {pairs} pairs"));
    let games = pairs_of(client, pairs).await?;
    // The first throws introduce the players to each other, and tell how many fit the time.
    play(client, &games, 10).await?;
    let (warm, took) = play(client, &games, 100).await?;
    let rounds = warm.saturating_mul(seconds * 1_000_000) / took.max(1) / u64::from(pairs).max(1);
    let rounds = rounds.max(100);
    note(&format!("{rounds} throws of each pair"));
    let before = flow::cpu(units);
    let hop = if pairs == 1 { Some(watched(client, &games, rounds)) } else { None };
    let (hops, micros, hop) = match hop {
        Some(watching) => {
            let (hops, micros, times) = watching.await?;
            (hops, micros, Some(times))
        }
        None => {
            let (hops, micros) = play(client, &games, rounds).await?;
            (hops, micros, None)
        }
    };
    let cpu_us_per_hop = flow::spent(&before, &flow::cpu(units), hops);
    add_commits(data, pairs, &mut commits).await?;
    Ok(HopsReport {
        scenario: "hops",
        pairs,
        hops,
        elapsed_ms: micros / 1_000,
        hops_per_second: hops.saturating_mul(1_000_000) / micros.max(1),
        hop,
        commit: Latency::of(&commits),
        cpu_us_per_hop,
    })
}

/// Spawns so many pairs of players.
pub(super) async fn pairs_of(
    client: &Client,
    pairs: u32,
) -> Result<Vec<(ProcessId, ProcessId)>, NodeError> {
    let module = example_modules::PINGPONG;
    let players =
        spawn_all(client, pairs.saturating_mul(2), module, Value::Map(Vec::new())).await?;
    let pair = |pair: &[ProcessId]| Some((*pair.first()?, *pair.last()?));
    Ok(players.chunks_exact(2).filter_map(pair).collect())
}

/// Lets every pair throw so often; gives how many throws there were in how many microseconds, between
/// the first and the last tenth of them.
pub(super) async fn play(
    client: &Client,
    games: &[(ProcessId, ProcessId)],
    rounds: u64,
) -> Result<(u64, u64), NodeError> {
    let began = flow::assigned(client).await?;
    let total = rounds.saturating_mul(u64::try_from(games.len()).unwrap_or(u64::MAX));
    let mut starting = JoinSet::new();
    for (one, other) in games.iter().copied() {
        let client = client.clone();
        starting.spawn(async move {
            let peer = (Value::Text("peer".to_owned()), Value::Text(other.to_string()));
            let rounds = (Value::Text("rounds".to_owned()), Value::Integer(rounds.into()));
            let args = Value::Map(vec![peer, rounds]);
            client.send(one, "start", &args, PATIENCE).await?.reply()?;
            Ok::<_, NodeError>(())
        });
    }
    let starters = tokio::spawn(async move {
        while let Some(started) = starting.join_next().await {
            started.map_err(NodeError::system)??;
        }
        Ok::<_, NodeError>(())
    });
    let wanted = total.saturating_add(u64::try_from(games.len()).unwrap_or(u64::MAX));
    let flow = flow::until(client, (began, wanted)).await?;
    starters.await.map_err(NodeError::system)??;
    Ok(flow)
}

/// Lets one pair throw so often, and looks on.
async fn watched(
    client: &Client,
    games: &[(ProcessId, ProcessId)],
    rounds: u64,
) -> Result<(u64, u64, Latency), NodeError> {
    let mut watch = client.watch()?;
    let began = now();
    let playing = play(client, games, rounds);
    let looking = async {
        let (mut times, mut last, mut seen) = (histogram(), None, 0);
        while seen < rounds
            && let Ok(Some(_)) = tokio::time::timeout(PATIENCE, watch.next()).await
        {
            let at = now();
            if let Some(before) = last.replace(at) {
                times.saturating_record(micros(at.saturating_duration_since(before)));
            }
            seen += 1;
        }
        times
    };
    let (played, times) = tokio::join!(playing, looking);
    played?;
    Ok((rounds, micros(began.elapsed()), Latency::of(&times)))
}

async fn add_commits(
    data: Option<&Path>,
    pairs: u32,
    times: &mut hdrhistogram::Histogram<u64>,
) -> Result<(), NodeError> {
    let directory = data.map_or_else(std::env::temp_dir, Path::to_owned);
    let directory = tempfile::tempdir_in(directory).map_err(NodeError::system)?;
    let rows = usize::try_from(pairs.min(256)).unwrap_or(1);
    let commits = blocking(move || {
        let segment = vec![7; DELIVERY_BYTES * rows];
        scheduler_unit::measure::commits(directory.path(), &segment, COMMITS)
    });
    for took in commits.await?.map_err(NodeError::system)? {
        times.saturating_record(micros(took));
    }
    Ok(())
}

impl HopsReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        let hop = self.hop.map(|hop| {
            let percent = hop.p50_us * 100 / self.commit.p50_us.max(1);
            let (p50, p99) = (hop.p50_us, hop.p99_us);
            format!("a hop: p50 {p50} us, {percent} % of a commit; p99 {p99} us\n")
        });
        format!(
            "{} pairs: {} hops a second\n{}one commit of as many: p50 {} us, p99 {} us\n\
             processor time a hop: {:?} us",
            self.pairs,
            self.hops_per_second,
            hop.unwrap_or_default(),
            self.commit.p50_us,
            self.commit.p99_us,
            self.cpu_us_per_hop,
        )
    }
}
