//! The causal graph of a message: its page, and how long pages wait for it.

use std::time::Duration;

use axum::{
    extract::{Path, State},
    response::Response,
};
use protocol::{EntryId, ProcessId};
use serde::Deserialize;

use super::{fail, show};
use crate::{
    explorer::{facts::Problem, graph, layout::Live},
    gateway::{
        Shared,
        query::{Asked, id},
    },
    trace::Bounds,
};

/// How long a graph may take to be read for its own page.
const WHOLE_WAIT: Duration = Duration::from_secs(4);

/// How long it may take for its message's page, which is fast.
pub(super) const SMALL_WAIT: Duration = Duration::from_millis(700);

/// A place in the effects of a message.
#[derive(Debug, Deserialize)]
pub(in crate::gateway) struct GraphPlace {
    #[serde(default)]
    from: u32,
}

/// `/message/{id}/graph`
pub(in crate::gateway) async fn graph(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(place): Asked<GraphPlace>,
) -> Response {
    let read = async {
        let (from, entry): (_, EntryId) = (place?.from, id(&text)?);
        shared.reader.there_is(entry).await?;
        let bounds = Bounds { from, ..graph::WHOLE };
        let facts = Box::pin(shared.reader.graph(entry, bounds, WHOLE_WAIT)).await;
        let concerned = graph::mentioned(&facts);
        let names = shared.reader.names(concerned.iter().copied()).await;
        Ok::<_, Problem>((facts, names, concerned))
    };
    match read.await {
        Ok((facts, names, concerned)) => {
            let concerned: Vec<String> = concerned.iter().map(ProcessId::to_string).collect();
            let live = Live::Of(&concerned.join(" "));
            show(&shared, "Causal graph", live, &graph::page(&facts, &names))
        }
        Err(problem) => fail(&shared, &problem),
    }
}
