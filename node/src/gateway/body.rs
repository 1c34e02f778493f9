//! Reads bodies: of the right kind, in time, and never more of them at once than there is room for.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, header::CONTENT_TYPE},
};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::explorer::{facts::Problem, fault::Fault};

/// The most bytes of one body: those of the largest message in base64, and some more.
pub(super) const BODY_MAX: usize = 6 << 20;

/// The most bytes of all bodies that are being read or worked on.
const ROOM: usize = 64 << 20;

/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Room for the bodies of all requests.
#[derive(Debug, Clone)]
pub(super) struct Room {
    bytes: Arc<Semaphore>,
    time: Duration,
}

/// A kind of body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `application/json`
    Json,
    /// `application/cbor`
    Cbor,
    /// `application/x-www-form-urlencoded`
    Form,
}

/// A body, whole. It keeps its place in the room until it is dropped.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) kind: Kind,
    pub(super) bytes: Vec<u8>,
    _room: Vec<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { bytes: Arc::new(Semaphore::new(ROOM)), time: BODY_TIME }
    }

    /// Reads the body of a request, if it is of one of these kinds.
    pub(super) async fn receive(
        &self,
        request: Request,
        kinds: &[Kind],
    ) -> Result<Received, Problem> {
        let kind = kind_of(request.headers()).filter(|kind| kinds.contains(kind));
        let kind = kind.ok_or_else(|| {
            let words: Vec<_> = kinds.iter().map(|kind| kind.word()).collect();
            let detail = format!("The body must be {}.", words.join(" or "));
            Problem::new(Fault::WrongContentType, detail, "Say so in Content-Type.")
        })?;
        // What is announced as too long need not come first.
        if announced(request.headers()).is_some_and(|length| length > BODY_MAX) {
            return Err(too_long());
        }
        let read = timeout(self.time, self.read(request.into_body())).await;
        let (bytes, room) = read.unwrap_or_else(|_| {
            let hint = "Send it at once, on a connection that is fast enough.";
            Err(Problem::new(Fault::SlowRequest, "The body did not come in time.", hint))
        })?;
        Ok(Received { kind, bytes, _room: room })
    }

    async fn read(&self, body: Body) -> Result<(Vec<u8>, Vec<OwnedSemaphorePermit>), Problem> {
        let mut chunks = body.into_data_stream();
        let (mut bytes, mut room) = (Vec::new(), Vec::new());
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| {
                let detail = format!("The body breaks off: {error}.");
                Problem::new(Fault::UnreadableBody, detail, "Send all of it.")
            })?;
            if bytes.len().saturating_add(chunk.len()) > BODY_MAX {
                return Err(too_long());
            }
            room.push(self.take(chunk.len())?);
            bytes.extend_from_slice(&chunk);
        }
        Ok((bytes, room))
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = u32::try_from(bytes).ok();
        let permit =
            permit.and_then(|bytes| Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok());
        permit.ok_or_else(|| {
            let detail = "Too many bodies are being worked on.";
            Problem::new(Fault::Overloaded, detail, "Try again in a moment.")
        })
    }
}

impl Kind {
    /// The media type.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Cbor => "application/cbor",
            Self::Form => "application/x-www-form-urlencoded",
        }
    }
}

impl Received {
    /// The body as a `T` in JSON.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.bytes).map_err(|error| {
            let hint = "The description of the API tells what the body must be.";
            let fault = match error.classify() {
                serde_json::error::Category::Data => Fault::UnfitBody,
                _ => Fault::UnreadableBody,
            };
            Problem::new(fault, format!("The body: {error}."), hint)
        })
    }
}

/// The kind that a request says its body is of, parameters of the media type aside.
fn kind_of(headers: &HeaderMap) -> Option<Kind> {
    let said = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let said = said.split(';').next().unwrap_or_default().trim();
    [Kind::Json, Kind::Cbor, Kind::Form]
        .into_iter()
        .find(|kind| said.eq_ignore_ascii_case(kind.word()))
}

fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(axum::http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_long() -> Problem {
    let detail = format!("The body has more than {BODY_MAX} bytes.");
    Problem::new(Fault::TooLong, detail, "No message that a process takes is so long.")
}

#[cfg(test)]
mod tests;
