//! Tokens that go round in a ring of processes.

use std::collections::BTreeMap;

use antiphon_client::Client;
use protocol::{ProcessId, Value};
use serde::Serialize;

use super::{
    flow,
    ingest::{PATIENCE, spawn_all},
};
use crate::{
    error::NodeError,
    output::{UnitShape, note},
};

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RingOptions {
    pub(crate) nodes: u32,
    pub(crate) tokens: u32,
    /// How far each token goes.
    pub(crate) hops: u32,
}

/// What `bench ring` found out.
#[derive(Debug, Serialize)]
pub(crate) struct RingReport {
    pub(crate) scenario: &'static str,
    pub(crate) nodes: u32,
    pub(crate) tokens: u32,
    pub(crate) hops: u64,
    pub(crate) hops_per_second: u64,
    /// Microseconds of processor time a hop, by kind of unit, if the units are on this machine.
    pub(crate) cpu_us_per_hop: BTreeMap<String, u64>,
}

/// Measures a cluster. `units` are its programs, if they are on this machine.
pub(crate) async fn ring(
    client: &Client,
    units: &[UnitShape],
    options: RingOptions,
) -> Result<RingReport, NodeError> {
    let RingOptions { nodes, tokens, hops } = options;
    let heads = build(client, 1, nodes).await?;
    let before = flow::cpu(units);
    let began = flow::assigned(client).await?;
    for head in &heads {
        start(client, *head, tokens, hops).await?;
    }
    let wanted = u64::from(tokens).saturating_mul(hops.into()).saturating_add(1);
    let (passed, micros) = flow::until(client, (began, wanted)).await?;
    Ok(RingReport {
        scenario: "ring",
        nodes,
        tokens,
        hops: wanted - 1,
        hops_per_second: passed.saturating_mul(1_000_000) / micros,
        cpu_us_per_hop: flow::spent(&before, &flow::cpu(units), wanted),
    })
}

/// Builds so many rings of so many nodes; gives their heads.
pub(super) async fn build(
    client: &Client,
    rings: u32,
    nodes: u32,
) -> Result<Vec<ProcessId>, NodeError> {
    note(&format!("building {rings} rings of {nodes} nodes"));
    let args = Value::Map(vec![(Value::Text("next".to_owned()), Value::Null)]);
    let heads = spawn_all(client, rings, example_modules::TOKENRING, args).await?;
    for head in &heads {
        let others = number("nodes", nodes.saturating_sub(1).into());
        client.call(*head, "build", &Value::Map(vec![others]), PATIENCE).await?.reply()?;
    }
    Ok(heads)
}

/// Lets a head send tokens, each over so many hops.
pub(super) async fn start(
    client: &Client,
    head: ProcessId,
    tokens: u32,
    hops: u32,
) -> Result<(), NodeError> {
    client.send(head, "start", &self::tokens(tokens, hops), PATIENCE).await?.reply()?;
    Ok(())
}

/// The arguments that let a head send tokens, each over so many hops.
pub(super) fn tokens(tokens: u32, hops: u32) -> Value {
    let first = number("first", 0);
    Value::Map(vec![first, number("tokens", tokens.into()), number("hops", hops.into())])
}

pub(super) fn number(name: &str, value: i128) -> (Value, Value) {
    (Value::Text(name.to_owned()), Value::Integer(value))
}

impl RingReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} tokens in a ring of {}: {} hops a second\nprocessor time a hop: {:?} us",
            self.tokens, self.nodes, self.hops_per_second, self.cpu_us_per_hop
        )
    }
}
