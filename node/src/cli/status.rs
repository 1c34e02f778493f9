//! `status`: the units, and what they do.

use antiphon_client::UnitReport;
use clap::Args;
use protocol::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

use super::{
    options::Globals,
    session::{Access, Session},
};
use crate::{
    clock,
    error::NodeError,
    output::{ActorError, StatusShape, ago, count, printable, table},
};

/// What of a unit's counters is shown at a glance, by role: the counter, and what it counts.
const GLANCE: [(&str, &[(&str, &str)]); 3] = [
    ("scheduler", &[("processes", "process"), ("assigned", "message")]),
    ("messenger", &[("outcomes_returned", "reply"), ("items_delivered", "delivery")]),
    ("compute", &[("processes_hosted", "process"), ("slots_executed", "slot")]),
];

/// Show the units and what they do.
#[derive(Debug, Args)]
pub(crate) struct StatusOptions {
    /// Print all counters of every unit, and in full why a unit is down
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Debug, Serialize)]
struct Status {
    network: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<String>,
    units: Vec<StatusShape>,
}

impl StatusOptions {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let session = Session::open(globals, Access::Read).await?;
        let reports = session.client.status().await;
        let here = globals.bootstrap.is_empty();
        let status = Status {
            network: session.client.network().to_string(),
            gateway: session.data.cluster().filter(|_| here).map(|cluster| cluster.gateway),
            units: reports.into_iter().map(shape).collect(),
        };
        session.output.print(&status, || {
            let mut text = status.glance(clock::now());
            if self.verbose {
                status.units.iter().for_each(|unit| text.push_str(&details(unit)));
            }
            text
        })
    }
}

fn shape(report: UnitReport) -> StatusShape {
    let UnitReport { record, status } = report;
    let (status, error) = match status {
        Ok(status) => (Some(status), None),
        Err(error) => {
            let (code, detail) = (error.code().to_owned(), error.to_string());
            (None, Some(ActorError { code, detail }))
        }
    };
    let counters = status.iter().flat_map(|status| status.counters.iter().cloned());
    StatusShape {
        kind: record.role.word().to_owned(),
        unit: record.unit,
        address: record.addresses.first().cloned().unwrap_or_default(),
        operator: record.operator.to_string(),
        up: status.is_some(),
        counters: counters.map(|(name, count)| (name, Json::from(count))).collect(),
        software: status.as_ref().map(|status| status.software.clone()),
        started: status.as_ref().map(|status| status.started.get()),
        error,
    }
}

impl Status {
    /// The network, how many units are up, and a line for each.
    fn glance(&self, now: Timestamp) -> String {
        let up = self.units.iter().filter(|unit| unit.up).count();
        let mut text = format!("network   {}\n", self.network);
        if let Some(gateway) = &self.gateway {
            text.push_str(&format!("explorer  {gateway}\n"));
        }
        text.push_str(&format!("units     {up} of {} up\n\n", self.units.len()));
        let heading = ["unit", "state", "work", "address"].map(str::to_owned).to_vec();
        let rows = self.units.iter().map(|unit| {
            let state = match unit.started {
                Some(started) => format!("up {}", ago(now, started)),
                None => "down".to_owned(),
            };
            let address = format!("{}@{}", unit.unit, printable(&unit.address));
            vec![unit.kind.clone(), state, work(unit), address]
        });
        text.push_str(&table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>()));
        text
    }
}

/// What a unit has done, or why that is not known.
fn work(unit: &StatusShape) -> String {
    if let Some(error) = &unit.error {
        return error.code.clone();
    }
    let shown = GLANCE.iter().find(|(kind, _)| *kind == unit.kind).map_or(&[][..], |(_, all)| all);
    let counts = shown
        .iter()
        .filter_map(|(counter, what)| Some(count(unit.counters.get(*counter)?.as_u64()?, what)));
    counts.collect::<Vec<_>>().join(", ")
}

/// Everything a unit says of itself.
fn details(unit: &StatusShape) -> String {
    let mut text = format!("\n\n{} {}", unit.kind, unit.unit);
    text.push_str(&format!("\n  {:<28} {}", "operator", unit.operator));
    if let Some(software) = &unit.software {
        text.push_str(&format!("\n  {:<28} {}", "software", printable(software)));
    }
    if let Some(ActorError { code, detail }) = &unit.error {
        text.push_str(&format!("\n  {code}: {}", printable(detail)));
    }
    for (name, count) in &unit.counters {
        text.push_str(&format!("\n  {:<28} {count}", printable(name)));
    }
    text
}

#[cfg(test)]
mod tests;
