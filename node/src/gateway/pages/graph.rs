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
        let bounds = Bounds { from, ..graph::WHOLE };
        let read = shared.reader.graph_and_origin(entry, bounds, WHOLE_WAIT);
        let (facts, origin) = Box::pin(read).await?;
        let mut concerned = graph::mentioned(&facts);
        concerned.extend(origin.as_ref().map(|origin| origin.process));
        let names = shared.reader.names(concerned.iter().copied()).await;
        Ok::<_, Problem>((facts, origin, names, concerned))
    };
    match read.await {
        Ok((facts, origin, names, concerned)) => {
            let concerned: Vec<String> = concerned.iter().map(ProcessId::to_string).collect();
            let live = Live::Of(&concerned.join(" "));
            let main = graph::page(&facts, origin.as_ref(), &names);
            show(&shared, "Causal graph", live, &main)
        }
        Err(problem) => fail(&shared, &problem),
    }
}
