//! What can be read: units, processes, logs, outcomes, states, messages, what waits.

use std::time::Duration;

use antiphon_client::{ClientError, Observed};
use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use protocol::{EntryId, ProcessId, RefusalCode, Slot, UnitId, api::Executed};
use serde::Deserialize;
use tokio::time::timeout;

use super::{
    super::{
        Shared,
        pages::ITEMS,
        query::{Asked, bounded, id},
    },
    Patience, answer,
};
use crate::{
    clock,
    explorer::{facts::Problem, json},
};

/// Rows of one answer, unless fewer are asked for.
pub(super) const ROWS: u32 = 100;

/// The most rows of one answer.
pub(super) const ROWS_MAX: u32 = 500;

/// `/api/v1/network`
pub(super) async fn network(State(shared): State<Shared>) -> Response {
    let client = shared.reader.client();
    let account = shared.signs().then(|| client.principal());
    Json(json::network(client.network(), account, clock::now())).into_response()
}

/// `/api/v1/units`
pub(super) async fn units(State(shared): State<Shared>) -> Response {
    Json(json::units(&shared.reader.units().await)).into_response()
}

/// `/api/v1/unit/{unit}`
pub(super) async fn unit(State(shared): State<Shared>, Path(text): Path<String>) -> Response {
    answer(async {
        let unit: UnitId = id(&text)?;
        Ok(json::unit(&shared.reader.unit(unit).await?))
    })
    .await
}

/// A piece of a list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListPiece {
    #[serde(default)]
    offset: u64,
    limit: Option<u32>,
}

/// `/api/v1/processes?offset=&limit=`
pub(super) async fn processes(
    State(shared): State<Shared>,
    Asked(piece): Asked<ListPiece>,
) -> Response {
    answer(async {
        let ListPiece { offset, limit } = piece?;
        Ok(json::processes(&shared.reader.processes(offset, rows(limit)?).await))
    })
    .await
}

/// `/api/v1/process/{process}`
pub(super) async fn process(State(shared): State<Shared>, Path(text): Path<String>) -> Response {
    answer(async {
        let process: ProcessId = id(&text)?;
        let described = shared.reader.client().describe(process).await?;
        let head = shared.reader.client().head(process).await?;
        Ok(json::process(process, &described, &head))
    })
    .await
}

/// `/api/v1/process/{process}/schema`
pub(super) async fn schema(State(shared): State<Shared>, Path(text): Path<String>) -> Response {
    answer(async {
        let process: ProcessId = id(&text)?;
        let schema = shared.reader.client().schema(process).await?;
        let schema = schema.ok_or_else(|| Problem::missing("The module has no schema."))?;
        Ok(json::schema(&schema))
    })
    .await
}

/// A piece of a log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogPiece {
    #[serde(default)]
    from: u64,
    limit: Option<u32>,
}

/// `/api/v1/process/{process}/log?from=&limit=`
pub(super) async fn log(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(piece): Asked<LogPiece>,
) -> Response {
    answer(async {
        let LogPiece { from, limit } = piece?;
        let (process, limit): (ProcessId, _) = (id(&text)?, rows(limit)?);
        let log = shared.reader.log_from(process, Slot::new(from), limit).await?;
        Ok(json::log(&log))
    })
    .await
}

/// `/api/v1/process/{process}/outcomes?from=&limit=`
pub(super) async fn outcomes(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(piece): Asked<LogPiece>,
) -> Response {
    answer(async {
        let LogPiece { from, limit } = piece?;
        let (process, limit): (ProcessId, _) = (id(&text)?, rows(limit)?);
        let page = shared.reader.client().outcomes(process, Slot::new(from), limit).await?;
        Ok(json::outcomes(&page.executed, page.next))
    })
    .await
}

/// `/api/v1/process/{process}/outcome/{slot}?wait=`
pub(super) async fn outcome(
    State(shared): State<Shared>,
    Path((text, slot)): Path<(String, String)>,
    Asked(patience): Asked<Patience>,
) -> Response {
    answer(async {
        let wait = patience?.get(Duration::ZERO)?;
        let (process, slot): (ProcessId, u64) = (id(&text)?, id(&slot)?);
        let Executed { outcome, receipt } =
            executed(&shared, process, Slot::new(slot), wait).await?;
        Ok(json::followed(&outcome, receipt.unit()))
    })
    .await
}

/// The outcome of a slot, if it is there in time.
pub(super) async fn executed(
    shared: &Shared,
    process: ProcessId,
    slot: Slot,
    wait: Duration,
) -> Result<Executed, Problem> {
    let client = shared.reader.client();
    let page = client.outcomes(process, slot, 1).await;
    let missing = || Problem::missing("The slot is not executed yet.");
    let failed = match page {
        Ok(page) => match page.executed.into_iter().next() {
            Some(executed) if executed.outcome.slot == slot => return Ok(executed),
            _ => missing(),
        },
        Err(error) if error.code() == RefusalCode::NotFound.word() => missing(),
        Err(error) => error.into(),
    };
    if wait.is_zero() || !failed.is_absence() {
        return Err(failed);
    }
    let following = async {
        let mut subscription = client.subscribe(process, slot).await?;
        Ok::<_, ClientError>(subscription.next().await)
    };
    match timeout(wait, following).await {
        Ok(Ok(Observed { outcome, receipt })) if outcome.slot == slot => {
            Ok(Executed { outcome, receipt })
        }
        Ok(Err(error)) => Err(error.into()),
        Ok(Ok(_)) | Err(_) => Err(failed),
    }
}

/// After which slot a state is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatePlace {
    slot: Option<u64>,
}

/// `/api/v1/process/{process}/state?slot=`
pub(super) async fn state(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(place): Asked<StatePlace>,
) -> Response {
    answer(async {
        let (process, slot): (ProcessId, _) = (id(&text)?, place?.slot.map(Slot::new));
        Ok(json::state(&shared.reader.state(process, slot).await?))
    })
    .await
}

/// A place in the effects of a message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ItemPlace {
    #[serde(default)]
    items: usize,
}

/// `/api/v1/message/{message}?items=`
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
#[serde(deny_unknown_fields)]
pub(super) struct OutboxPiece {
    process: Option<String>,
    limit: Option<u32>,
}

/// `/api/v1/outbox?process=&limit=`
pub(super) async fn outbox(
    State(shared): State<Shared>,
    Asked(piece): Asked<OutboxPiece>,
) -> Response {
    answer(async {
        let OutboxPiece { process, limit } = piece?;
        let source = process.as_deref().map(id).transpose()?;
        Ok(json::waiting(&shared.reader.waiting(source, rows(limit)?).await?))
    })
    .await
}

fn rows(limit: Option<u32>) -> Result<u32, Problem> {
    limit.map_or(Ok(ROWS), |limit| bounded("limit", limit, 1, ROWS_MAX))
}
