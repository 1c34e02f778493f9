//! The page of a process after any slot.

use axum::{
    extract::{Path, State},
    response::Response,
};
use protocol::{ProcessId, Slot};
use serde::Deserialize;

use super::{fail, mentioned_in_slot, show};
use crate::{
    explorer::{
        facts::Problem,
        fault::Fault,
        filter::{Filter, Place},
        layout::Live,
        travel::{self, View},
    },
    gateway::{
        Shared,
        query::{Asked, id},
    },
};

/// A place in time: what is empty is not said.
#[derive(Debug, Default, Deserialize)]
pub(in crate::gateway) struct When {
    /// Where the slider stands.
    at: Option<String>,
    /// What was written, which counts more.
    slot: Option<String>,
}

impl When {
    /// The slot, if one is named.
    fn slot(&self) -> Result<Option<Slot>, Problem> {
        let named = [&self.slot, &self.at].into_iter().flatten().map(|text| text.trim());
        let Some(text) = named.into_iter().find(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(|slot| Some(Slot::new(slot))).map_err(|_| {
            let hint = "A slot is a number in decimal digits.";
            Problem::new(Fault::BadParameter, "This is no slot.", hint)
        })
    }
}

/// `/process/{id}/state`
pub(in crate::gateway) async fn state(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(when): Asked<When>,
) -> Response {
    let read = async {
        let wanted = when?.slot()?;
        let process: ProcessId = id(&text)?;
        let reader = &shared.reader;
        let facts = reader.process(process).await?;
        let end = reader.log_page(process, Place::Newest, Filter::default(), 1).await?.log;
        let none = || Problem::missing("The log has no such slot yet.");
        let last = end.rows.first().map(|row| row.assignment.slot).ok_or_else(none)?;
        let at = wanted.unwrap_or(last);
        if at > last {
            return Err(none());
        }
        let row = if at == last { end } else { reader.log_from(process, at, 1).await? };
        let row = row.rows.into_iter().next().ok_or_else(none)?;
        let place = (at, row.assignment.chain);
        let past = Box::pin(shared.travels.state(reader.client(), process, place)).await;
        let names = reader.names(mentioned_in_slot(&row)).await;
        Ok((facts, row, last, past, names))
    };
    match read.await {
        Ok((facts, row, last, past, names)) => {
            let title = format!("State after slot {}", row.assignment.slot);
            let view = View { facts: &facts, row: &row, last, past: &past };
            show(&shared, &title, Live::No, &travel::page(&view, &names))
        }
        Err(problem) => fail(&shared, &problem),
    }
}

#[cfg(test)]
mod tests;
