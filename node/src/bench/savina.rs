//! The Savina benchmarks that other measurements do not cover, each once.

use antiphon_client::Client;
use protocol::{Value, json::to_json};
use serde::Serialize;

use super::{
    flow,
    ingest::{PATIENCE, spawn_all},
    machine::{micros, now},
    ring::number,
};
use crate::{error::NodeError, output::note};

/// A benchmark: its name, its module, the arguments of its first process, and those of `run`.
type Benchmark = (&'static str, &'static [u8], Arguments, Arguments);
type Arguments = &'static [(&'static str, i128)];

/// The parameters are those of the suite, scaled to some seconds on a small machine.
const BENCHMARKS: [Benchmark; 11] = [
    ("counting", example_modules::COUNTING, &[], &[("messages", 20_000)]),
    ("chameneos", example_modules::CHAMENEOS, &[], &[("creatures", 100), ("meetings", 2_000)]),
    ("big", example_modules::BIG, &[], &[("actors", 120), ("pings", 30)]),
    (
        "dictionary",
        example_modules::DICTIONARY,
        &[],
        &[("workers", 20), ("steps", 200), ("writes", 10)],
    ),
    ("philosophers", example_modules::PHILOSOPHERS, &[], &[("philosophers", 20), ("rounds", 100)]),
    ("barber", example_modules::BARBER, &[], &[("customers", 300), ("chairs", 200)]),
    (
        "buffer",
        example_modules::BUFFER,
        &[],
        &[("producers", 40), ("consumers", 40), ("items", 50), ("room", 50)],
    ),
    ("radix", example_modules::RADIX, &[("all", 0)], &[("values", 500), ("bits", 16), ("seed", 1)]),
    ("trapezoid", example_modules::TRAPEZOID, &[], &[("workers", 100), ("pieces", 100_000)]),
    (
        "sieve",
        example_modules::SIEVE,
        &[("room", 0), ("actors", 0)],
        &[("limit", 20_000), ("room", 500)],
    ),
    ("queens", example_modules::QUEENS, &[], &[("size", 12), ("workers", 20), ("placed", 2)]),
];

/// What `bench savina` found out.
#[derive(Debug, Serialize)]
pub(crate) struct SavinaReport {
    pub(crate) scenario: &'static str,
    pub(crate) benchmarks: Vec<Played>,
}

/// One benchmark, whose result it has found right itself.
#[derive(Debug, Serialize)]
pub(crate) struct Played {
    pub(crate) name: &'static str,
    pub(crate) result: serde_json::Value,
    /// From the message that starts it to the reply, births included.
    pub(crate) elapsed_ms: u64,
    /// What was ordered in that time: messages, births, timers and answers.
    pub(crate) entries: u64,
    pub(crate) entries_per_second: u64,
}

/// The names of the benchmarks.
pub(crate) fn savina_names() -> impl Iterator<Item = &'static str> {
    BENCHMARKS.into_iter().map(|(name, ..)| name)
}

/// Plays a benchmark, or all of them, on a cluster.
pub(crate) async fn savina(client: &Client, name: Option<&str>) -> Result<SavinaReport, NodeError> {
    let mut benchmarks = Vec::new();
    for benchmark in BENCHMARKS.iter().filter(|(own, ..)| name.is_none_or(|name| name == *own)) {
        benchmarks.push(play(client, benchmark).await?);
    }
    Ok(SavinaReport { scenario: "savina", benchmarks })
}

async fn play(
    client: &Client,
    (name, module, init, args): &Benchmark,
) -> Result<Played, NodeError> {
    note(&format!("playing {name}"));
    let map = |arguments: Arguments| {
        Value::Map(arguments.iter().map(|(name, value)| number(name, *value)).collect())
    };
    let first = spawn_all(client, 1, module, map(init)).await?;
    let first = first.first().ok_or_else(|| NodeError::system("nothing was spawned"))?;
    let before = flow::assigned(client).await?;
    let began = now();
    let reply = client.call(*first, "run", &map(args), 10 * PATIENCE).await?.reply()?;
    let elapsed = micros(began.elapsed()).max(1);
    let entries = flow::assigned(client).await?.saturating_sub(before);
    Ok(Played {
        name,
        result: to_json(&reply),
        elapsed_ms: elapsed / 1_000,
        entries,
        entries_per_second: entries.saturating_mul(1_000_000) / elapsed,
    })
}

impl SavinaReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        let line = |played: &Played| {
            let Played { name, result, elapsed_ms, entries, entries_per_second } = played;
            format!(
                "{name:12} {result:>10} in {elapsed_ms:>6} ms: {entries:>6} entries, \
                 {entries_per_second:>6} a second"
            )
        };
        self.benchmarks.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
