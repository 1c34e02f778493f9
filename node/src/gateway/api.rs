//! The API under `/api/v1`: one table of operations, of which both the routes and the description
//! that programs read are made, so that neither has anything that the other lacks.

mod ask;
mod operation;
mod operations;
mod read;
mod submit;

use std::time::Duration;

use axum::{
    Json, Router,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    middleware,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Shared,
    guard::{self, Turns},
    query::bounded,
};
use crate::explorer::{facts::Problem, fault::Fault, json};

pub(super) use ask::answer as asked;
pub(super) use operation::{Operation, Parameter, Takes};
pub(super) use operations::operations;
pub(super) use submit::{Progress, send};

/// The longest that a request may wait for something to happen.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(60);

/// For how long it waits unless told.
const WAIT: Duration = Duration::from_secs(10);

/// How long to wait for something, in milliseconds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patience {
    wait: Option<u64>,
}

impl Patience {
    fn get(&self, usual: Duration) -> Result<Duration, Problem> {
        let most = u64::try_from(WAIT_MAX.as_millis()).unwrap_or(u64::MAX);
        let wait = self.wait.map(|wait| bounded("wait", wait, 0, most)).transpose()?;
        Ok(wait.map_or(usual, Duration::from_millis))
    }
}

/// All operations. Those that wait take turns of their own, so that they hold up nothing else.
pub(super) fn routes(short: &Turns, long: &Turns) -> Router<Shared> {
    let of = |waits: bool, turns: &Turns| {
        let mut router = Router::new();
        for operation in operations().into_iter().filter(|operation| operation.waits == waits) {
            router = router.route(operation.path, operation.handler);
        }
        router.route_layer(middleware::from_fn_with_state(turns.clone(), guard::turn))
    };
    of(false, short).merge(of(true, long))
}

/// Any method that an address does not take.
pub(super) async fn wrong_method() -> Response {
    let detail = "The address does not take this method.";
    fail(&Problem::new(Fault::WrongMethod, detail, "See Allow, or the description of the API."))
}

/// Any other address of the API.
pub(super) fn nowhere() -> Response {
    let detail = "There is nothing at this address.";
    fail(&Problem::new(Fault::NoSuchPage, detail, "See /api for all that there is."))
}

async fn answer(read: impl Future<Output = Result<Value, Problem>>) -> Response {
    match read.await {
        Ok(json) => Json(json).into_response(),
        Err(problem) => fail(&problem),
    }
}

/// A problem as an answer.
pub(super) fn fail(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(json::problem(problem))).into_response();
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
