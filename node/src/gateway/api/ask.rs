//! Views: asking a process without changing it.

use antiphon_client::{Client, ClientError, ViewResult};
use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use protocol::{ProcessId, Slot, Value as Args};
use serde::Deserialize;
use serde_json::Value;

use super::{
    super::{Shared, body::Kind, query::id},
    fail,
    submit::{CallBody, args},
};
use crate::{explorer::facts::Problem, output::Viewed};

/// A view.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewBody {
    method: String,
    #[serde(default)]
    args: Value,
    at_least: Option<u64>,
}

/// `POST /api/v1/process/{process}/view`
pub(super) async fn view(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    request: Request,
) -> Response {
    let viewed = async {
        let process: ProcessId = id(&text)?;
        let received = shared.room.receive(request, &[Kind::Json]).await?;
        let ViewBody { method, args: given, at_least } = received.json()?;
        let client = shared.reader.client();
        let call = CallBody { method, args: given };
        let args = args(client, process, &call).await?;
        let at_least = at_least.map(Slot::new);
        let view = answer(client, process, (&call.method, &args), at_least).await?;
        Ok::<_, Problem>(Viewed::of(&view))
    };
    match viewed.await {
        Ok(viewed) => Json(viewed).into_response(),
        Err(problem) => fail(&problem),
    }
}

/// Asks a process, on a state that is as new as a slot, or as everything acknowledged before.
pub(in crate::gateway) async fn answer(
    client: &Client,
    process: ProcessId,
    (method, args): (&str, &Args),
    at_least: Option<Slot>,
) -> Result<ViewResult, Problem> {
    let at_least = match (at_least, client.head(process).await) {
        (Some(slot), Ok(head)) if slot > head.slot => {
            return Err(Problem::missing("The log has no such slot yet."));
        }
        (Some(slot), _) => Some(slot),
        (None, Ok(head)) => Some(head.slot),
        // Whoever executes answers even where whoever orders is down.
        (None, Err(ClientError::Unreachable { .. })) => None,
        (None, Err(error)) => return Err(error.into()),
    };
    Ok(client.view(process, method, args, at_least).await?)
}
