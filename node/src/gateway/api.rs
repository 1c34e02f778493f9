//! The same as the pages show, as JSON for scripts.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use protocol::{EntryId, ProcessId, Slot};
use serde::Deserialize;

use super::{
    Shared,
    pages::{ITEMS, ItemPlace, ListPlace, status},
    query::{Asked, id},
};
use crate::explorer::{facts::Problem, json};

/// Rows of one answer, unless fewer are asked for.
const ROWS: u32 = 100;

/// The most rows of one answer.
const ROWS_MAX: u32 = 500;

/// `/api/units`
pub(super) async fn units(State(shared): State<Shared>) -> Response {
    Json(json::units(&shared.reader.units().await)).into_response()
}

/// `/api/processes?offset=&limit=`
pub(super) async fn processes(
    State(shared): State<Shared>,
    Asked(place): Asked<ListPlace>,
) -> Response {
    answer(async {
        let ListPlace { offset, limit } = place?;
        Ok(json::processes(&shared.reader.processes(offset, rows(limit)).await))
    })
    .await
}

/// A piece of a log.
#[derive(Debug, Deserialize)]
pub(super) struct LogPiece {
    #[serde(default)]
    from: u64,
    limit: Option<u32>,
}

/// `/api/process/{id}/log?from=&limit=`
pub(super) async fn log(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(piece): Asked<LogPiece>,
) -> Response {
    answer(async {
        let LogPiece { from, limit } = piece?;
        let process: ProcessId = id(&text)?;
        let log = shared.reader.log_from(process, Slot::new(from), rows(limit)).await?;
        Ok(json::log(&log))
    })
    .await
}

/// `/api/message/{id}?items=`
pub(super) async fn message(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(place): Asked<ItemPlace>,
) -> Response {
    answer(async {
        let (from, entry): (_, EntryId) = (place?.items, id(&text)?);
        Ok(json::message(&Box::pin(shared.reader.message(entry, from, ITEMS)).await?))
    })
    .await
}

/// What is asked of the outbox.
#[derive(Debug, Deserialize)]
pub(super) struct OutboxPiece {
    process: Option<String>,
    limit: Option<u32>,
}

/// `/api/outbox?process=&limit=`
pub(super) async fn outbox(
    State(shared): State<Shared>,
    Asked(piece): Asked<OutboxPiece>,
) -> Response {
    answer(async {
        let OutboxPiece { process, limit } = piece?;
        let source = process.as_deref().map(id).transpose()?;
        Ok(json::waiting(&shared.reader.waiting(source, rows(limit)).await?))
    })
    .await
}

fn rows(limit: Option<u32>) -> u32 {
    limit.unwrap_or(ROWS).min(ROWS_MAX)
}

async fn answer(read: impl Future<Output = Result<serde_json::Value, Problem>>) -> Response {
    match read.await {
        Ok(json) => Json(json).into_response(),
        Err(problem) => fail(&problem),
    }
}

pub(super) fn fail(problem: &Problem) -> Response {
    (status(problem), Json(json::problem(problem))).into_response()
}
