//! One process that asks many children and joins what they reply.

use antiphon_client::Client;
use protocol::{ModuleId, Role, Value};
use serde::Serialize;

use super::{
    ingest::{PATIENCE, spawn_all},
    machine::{micros, now},
    report::{Latency, histogram},
    ring::number,
};
use crate::{error::NodeError, output::note};

/// What `bench forkjoin` found out.
#[derive(Debug, Serialize)]
pub(crate) struct ForkJoinReport {
    pub(crate) scenario: &'static str,
    pub(crate) children: u32,
    /// From the message that spawns them to the reply that all are born.
    pub(crate) births_ms: u64,
    /// From a message to its reply, with an ask to each child and its answer in between.
    pub(crate) joined: Latency,
}

/// Measures a cluster: so many children, asked so often.
pub(crate) async fn fork_join(
    client: &Client,
    children: u32,
    times: u32,
) -> Result<ForkJoinReport, NodeError> {
    let none = || Value::Map(Vec::new());
    // A worker of the client's own stores the module where those of the supervisor are born.
    let worker = Value::Map(vec![number("number", 0)]);
    let workers = spawn_all(client, 1, example_modules::WORKER, worker).await?;
    let supervisors = spawn_all(client, 1, example_modules::SUPERVISOR, none()).await?;
    let (Some(supervisor), Some(worker)) = (supervisors.first(), workers.first()) else {
        return Err(NodeError::system("nothing was spawned"));
    };
    let unit = client.describe(*worker).await?.source.policy().units.first().copied();
    let unit = unit.or_else(|| client.directory().units(Role::Compute).first().copied());
    let unit = unit.ok_or_else(|| NodeError::system("there is no compute unit"))?;
    let acceptance = client.accept(unit, example_modules::WORKER).await?;
    let text = |name: &str, value: String| (Value::Text(name.to_owned()), Value::Text(value));
    let module = Value::Map(vec![
        text("module", ModuleId::of(example_modules::WORKER).to_string()),
        text("unit", acceptance.unit.to_string()),
        (
            Value::Text("signature".to_owned()),
            Value::Bytes(acceptance.signature.as_bytes().to_vec()),
        ),
    ]);
    note(&format!("spawning {children} children"));
    let began = now();
    let hired =
        vec![(Value::Text("module".to_owned()), module), number("workers", children.into())];
    client.call(*supervisor, "hire", &Value::Map(hired), PATIENCE).await?.reply()?;
    let births_ms = micros(began.elapsed()) / 1_000;
    let mut joined = histogram();
    let args = Value::Map(vec![number("len", 10)]);
    for _ in 0..times {
        let asked = now();
        client.call(*supervisor, "sum_by_kept", &args, PATIENCE).await?.reply()?;
        joined.saturating_record(micros(asked.elapsed()));
    }
    Ok(ForkJoinReport { scenario: "forkjoin", children, births_ms, joined: Latency::of(&joined) })
}

impl ForkJoinReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        let Self { children, births_ms, joined, .. } = self;
        format!(
            "{children} children born in {births_ms} ms\none ask to each, all answered: p50 {} us, \
             max {} us, {} times",
            joined.p50_us, joined.max_us, joined.samples
        )
    }
}
