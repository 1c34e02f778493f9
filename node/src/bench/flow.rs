//! What goes through a cluster: entries that its schedulers assign, and the processor time of its units.

use std::{collections::BTreeMap, time::Duration};

use antiphon_client::Client;
use protocol::Role;
use tokio::time::sleep;

use super::{
    ingest::PATIENCE,
    machine::{micros, now},
    subject::cpu_of,
};
use crate::{error::NodeError, output::UnitShape};

/// How often the schedulers' counters are read.
const SAMPLE: Duration = Duration::from_millis(50);

/// Waits until so many entries are assigned beyond a count; gives how many there were in how many
/// microseconds between the first tenth and the last.
pub(super) async fn until(
    client: &Client,
    (began, wanted): (u64, u64),
) -> Result<(u64, u64), NodeError> {
    let (mut first, mut last) = (None, (now(), 0));
    let mut grown = now();
    let mut before = 0;
    loop {
        let seen = assigned(client).await?.saturating_sub(began);
        let at = now();
        if first.is_none() && seen >= wanted / 10 {
            first = Some((at, seen));
        }
        if seen <= wanted / 10 * 9 || last.1 < wanted / 10 * 9 {
            last = (at, seen);
        }
        if seen >= wanted {
            break;
        }
        if seen > before {
            (grown, before) = (at, seen);
        }
        if grown.elapsed() > PATIENCE {
            return Err(NodeError::System(format!("only {seen} of {wanted} entries came")));
        }
        sleep(SAMPLE).await;
    }
    let ((since, from), (until, to)) = (first.unwrap_or(last), last);
    let elapsed = micros(until.saturating_duration_since(since));
    Ok((to.saturating_sub(from), elapsed.max(1)))
}

/// How many entries the schedulers have assigned so far.
pub(super) async fn assigned(client: &Client) -> Result<u64, NodeError> {
    let mut total = 0_u64;
    for unit in client.directory().units(Role::Scheduler) {
        let status = client.status_of(unit, PATIENCE).await?;
        let assigned = status.counters.iter().find(|(name, _)| name == "assigned");
        total = total.saturating_add(assigned.map_or(0, |(_, count)| *count));
    }
    Ok(total)
}

/// The processor time that units have taken so far, by kind.
pub(super) fn cpu(units: &[UnitShape]) -> BTreeMap<String, Duration> {
    let mut spent = BTreeMap::new();
    for unit in units {
        if let Ok(cpu) = cpu_of(&unit.pid.to_string()) {
            *spent.entry(unit.kind.clone()).or_insert(Duration::ZERO) += cpu;
        }
    }
    spent
}

/// Microseconds of processor time for each of so many, by kind of unit.
pub(super) fn spent(
    before: &BTreeMap<String, Duration>,
    after: &BTreeMap<String, Duration>,
    hops: u64,
) -> BTreeMap<String, u64> {
    let since = |kind: &String, cpu: Duration| {
        let before = before.get(kind).copied().unwrap_or_default();
        micros(cpu.saturating_sub(before)) / hops.max(1)
    };
    after.iter().map(|(kind, cpu)| (kind.clone(), since(kind, *cpu))).collect()
}
