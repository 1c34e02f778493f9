//! Takes messages: signed by whoever sends them, or with the key that is held here for development.

use std::time::Duration;

use antiphon_client::{Client, ClientError, SendResult};
use axum::{
    Json,
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use data_encoding::BASE64;
use protocol::{
    Entry, EntryId, Message, ProcessId, Refusal, RefusalCode, Signed, Slot, Value, api::Executed,
    codec, json::args_from_json,
};
use serde::Deserialize;
use serde_json::Value as JsonValue;
use tokio::time::{Instant, timeout};

use super::{
    super::{
        Shared,
        body::{Kind, Received},
        query::{Asked, id},
    },
    Patience, WAIT, fail, read,
};
use crate::{
    explorer::{facts::Problem, fault::Fault, json},
    output::Sent,
};

/// How long a message may take to get its place in the log before its sender is told to come back.
const ASSIGN_TIME: Duration = Duration::from_secs(10);

/// How far a message has come.
#[derive(Debug)]
pub(in crate::gateway) enum Progress {
    /// Its reply is there.
    Replied(Box<SendResult>),
    /// It is executed, and its reply comes later.
    Executed(ProcessId, EntryId, Slot),
    /// It has its place in the log.
    Assigned(ProcessId, EntryId, Slot),
    /// It is under way.
    Sent(ProcessId, EntryId),
}

/// A signed message in JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignedBody {
    message: String,
}

/// A call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallBody {
    pub(super) method: String,
    #[serde(default)]
    pub(super) args: JsonValue,
}

/// `POST /api/v1/messages?wait=`
pub(super) async fn message(
    State(shared): State<Shared>,
    Asked(patience): Asked<Patience>,
    request: Request,
) -> Response {
    let submitted = async {
        let wait = patience?.get(WAIT)?;
        let received = shared.room.receive(request, &[Kind::Json, Kind::Cbor]).await?;
        let message = signed(&received)?;
        if message.unverified().network != shared.reader.network() {
            let detail = "the message is meant for another network";
            let refusal = Refusal::new(RefusalCode::WrongNetwork, detail);
            return Err(ClientError::from(refusal).into());
        }
        send(shared.reader.client(), message, wait).await
    };
    respond(submitted.await)
}

/// `POST /api/v1/process/{process}/calls?wait=`
pub(super) async fn call(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(patience): Asked<Patience>,
    request: Request,
) -> Response {
    let called = async {
        let (wait, process): (_, ProcessId) = (patience?.get(WAIT)?, id(&text)?);
        let received = shared.room.receive(request, &[Kind::Json]).await?;
        let call: CallBody = received.json()?;
        shared.must_sign()?;
        let client = shared.reader.client();
        let args = args(client, process, &call).await?;
        let message = client.prepare_message(process, &call.method, &args)?;
        send(client, message, wait).await
    };
    respond(called.await)
}

/// `/api/v1/message/{message}/reply?wait=`
pub(super) async fn reply(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(patience): Asked<Patience>,
) -> Response {
    let found = async {
        let (wait, entry): (_, EntryId) = (patience?.get(WAIT)?, id(&text)?);
        Box::pin(answered(&shared, entry, wait)).await
    };
    respond(found.await)
}

/// Reads arguments, guided by the process's schema where that helps.
pub(super) async fn args(
    client: &Client,
    process: ProcessId,
    call: &CallBody,
) -> Result<Value, Problem> {
    let schema = match client.schema(process).await {
        Ok(schema) => schema,
        Err(error) if error.code() == RefusalCode::UnknownModule.word() => None,
        Err(error) => return Err(error.into()),
    };
    let method = schema.as_ref().and_then(|schema| schema.method(&call.method));
    args_from_json(Some(&call.args), method).map_err(|error| {
        let hint = "The schema of the process tells what the method takes.";
        Problem::new(Fault::UnfitBody, format!("The arguments: {error}."), hint)
    })
}

/// The signed message in a body.
fn signed(received: &Received) -> Result<Signed<Message>, Problem> {
    let bytes = match received.kind {
        Kind::Cbor | Kind::Form => received.bytes.clone(),
        Kind::Json => {
            let body: SignedBody = received.json()?;
            BASE64.decode(body.message.as_bytes()).map_err(|error| {
                let hint = "With padding, by the usual alphabet.";
                Problem::new(Fault::UnfitBody, format!("`message` is no base64: {error}."), hint)
            })?
        }
    };
    codec::decode(&bytes).map_err(|error| {
        let detail = format!("not a signed message: {error}");
        ClientError::from(Refusal::new(RefusalCode::Malformed, detail)).into()
    })
}

/// Submits a message, and waits as long as its sender likes.
pub(in crate::gateway) async fn send(
    client: &Client,
    message: Signed<Message>,
    wait: Duration,
) -> Result<Progress, Problem> {
    let deadline = Instant::now() + wait;
    let unsent = || {
        let detail = "no messenger could be reached, the message was not sent".to_owned();
        Problem::from(ClientError::Unreachable { detail })
    };
    let process = message.unverified().target;
    let submitted = timeout(ASSIGN_TIME, client.submit(Entry::Message(message))).await;
    let mut ticket = submitted.map_err(|_| unsent())??;
    let message = ticket.entry();
    let assignment = match timeout(ASSIGN_TIME, ticket.assigned()).await {
        Ok(assignment) => assignment?,
        Err(_) if ticket.was_sent() => return Ok(Progress::Sent(process, message)),
        Err(_) => return Err(unsent()),
    };
    let slot = assignment.assignment.slot;
    let left = || deadline.saturating_duration_since(Instant::now());
    let Ok(executed) = timeout(left(), ticket.executed()).await else {
        return Ok(Progress::Assigned(process, message, slot));
    };
    let Executed { outcome, receipt } = executed?;
    let sent = SendResult { message, assignment, outcome, receipt, late: None };
    last(client, sent, left()).await
}

/// Waits for the final reply to a message that was executed.
async fn last(client: &Client, sent: SendResult, wait: Duration) -> Result<Progress, Problem> {
    let (process, message, slot) = (sent.outcome.process, sent.message, sent.slot());
    match client.final_reply(sent, wait).await {
        Ok(result) => Ok(Progress::Replied(Box::new(result))),
        Err(ClientError::NoAnswerYet { .. }) => Ok(Progress::Executed(process, message, slot)),
        Err(error) => Err(error.into()),
    }
}

/// How far a message is that somebody has sent before.
async fn answered(shared: &Shared, entry: EntryId, wait: Duration) -> Result<Progress, Problem> {
    let deadline = Instant::now() + wait;
    let client = shared.reader.client();
    let assignment = shared.reader.find(entry).await?.assignment;
    let (process, slot) = (assignment.process, assignment.slot);
    let Executed { outcome, receipt } = match read::executed(shared, process, slot, wait).await {
        Ok(executed) if executed.outcome.entry == entry => executed,
        Ok(_) => return Err(Problem::missing("A takeover has made the message void.")),
        Err(problem) if problem.is_absence() => {
            return Ok(Progress::Assigned(process, entry, slot));
        }
        Err(problem) => return Err(problem),
    };
    let assignment = client.proof(&assignment).await?;
    let sent = SendResult { message: entry, assignment, outcome, receipt, late: None };
    last(client, sent, deadline.saturating_duration_since(Instant::now())).await
}

fn respond(progress: Result<Progress, Problem>) -> Response {
    let (process, message, slot, state) = match progress {
        Ok(Progress::Replied(result)) => {
            let process = result.outcome.process;
            return Json(json::replied(process, &Sent::with_reply(&result))).into_response();
        }
        Ok(Progress::Executed(process, message, slot)) => {
            (process, message, Some(slot), "executed")
        }
        Ok(Progress::Assigned(process, message, slot)) => {
            (process, message, Some(slot), "assigned")
        }
        Ok(Progress::Sent(process, message)) => (process, message, None, "sent"),
        Err(problem) => return fail(&problem),
    };
    let body = json::under_way(process, message, slot, state);
    (StatusCode::ACCEPTED, Json(body)).into_response()
}
