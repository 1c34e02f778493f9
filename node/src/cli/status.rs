//! `status`: the units, and what they do.

use antiphon_client::UnitReport;
use serde::Serialize;
use serde_json::Value as Json;

use super::{
    options::Globals,
    session::{Access, Session},
};
use crate::{
    error::NodeError,
    output::{ActorError, StatusShape, table},
};

#[derive(Debug, Serialize)]
struct Status {
    network: String,
    units: Vec<StatusShape>,
}

pub(crate) async fn run(globals: &Globals) -> Result<(), NodeError> {
    let session = Session::open(globals, Access::Read).await?;
    let reports = session.client.status().await;
    let units: Vec<StatusShape> = reports.into_iter().map(shape).collect();
    let status = Status { network: session.client.network().to_string(), units };
    session.output.print(&status, || text(&status))
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

fn text(status: &Status) -> String {
    let heading = ["unit", "address", "state"].map(str::to_owned).to_vec();
    let rows = status.units.iter().map(|unit| {
        let state = match &unit.error {
            None => "up".to_owned(),
            Some(error) => format!("{}: {}", error.code, error.detail),
        };
        vec![format!("{:<9} {}", unit.kind, unit.unit), unit.address.clone(), state]
    });
    let rows: Vec<_> = std::iter::once(heading).chain(rows).collect();
    let mut text = format!("network {}\n\n{}", status.network, table(&rows));
    for unit in &status.units {
        text.push_str(&format!("\n\n{} {}", unit.kind, unit.unit));
        for (name, count) in &unit.counters {
            text.push_str(&format!("\n  {name:<28} {count}"));
        }
    }
    text
}
