//! The pages.

pub(super) mod forms;
mod graph;
mod holders;
pub(super) mod travel;

use std::collections::BTreeSet;

use axum::{
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::{Html, IntoResponse, Redirect, Response},
};
use futures::FutureExt;
use maud::Markup;
use protocol::{EntryId, Principal, ProcessId, Slot};
use serde::Deserialize;

use super::{
    Shared, api,
    query::{Asked, id},
};
use crate::explorer::{
    self, SEARCHED,
    facts::{LogFacts, MessageFacts, Names, Problem, ProcessFacts, SlotFacts},
    fault::Fault,
    filter::{Filter, Place},
    home::{self, Home},
    layout::{self, Frame, Live},
    message, outbox, problem, process,
    search::{self, Found, QUERY_MAX, Target},
    timers,
};

pub(super) use graph::graph;
pub(super) use holders::{account, module, unit, units};

/// Processes on the first page, taken from so many of the newest.
const HOME_PROCESSES: (usize, u32) = (15, 200);

/// Rows of a page of processes.
const PROCESSES: u32 = 50;

/// Rows of a page of a log.
const SLOTS: u32 = 50;

/// Pairs of processes on the page of what waits.
const PAIRS: u32 = 100;

/// Effects of a message on one page.
pub(super) const ITEMS: usize = 50;

/// Results of a search that are shown.
const RESULTS: usize = 100;

/// `/`
pub(super) async fn home(State(shared): State<Shared>) -> Response {
    let reader = &shared.reader;
    let (most, newest) = HOME_PROCESSES;
    let (units, mut processes) = tokio::join!(reader.units(), reader.processes(0, newest));
    processes.rows.sort_by_key(|row| std::cmp::Reverse(row.time));
    processes.rows.truncate(most);
    let recent = reader.recent(&processes.rows).await;
    let names = Names(processes.rows.iter().map(|row| (row.process, row.name.clone())).collect());
    let (network, pace) = (reader.network(), reader.pace(&units));
    let home = Home {
        network: &network,
        units: &units,
        pace: &pace,
        processes: &processes,
        recent: &recent,
        names: &names,
    };
    show(&shared, "Network", Live::All, &home::page(home))
}

/// A place in the list of processes.
#[derive(Debug, Deserialize)]
pub(super) struct ListPlace {
    #[serde(default)]
    offset: u64,
}

/// `/processes`
pub(super) async fn processes(
    State(shared): State<Shared>,
    Asked(place): Asked<ListPlace>,
) -> Response {
    let place = match place {
        Ok(place) => place,
        Err(problem) => return fail(&shared, &problem),
    };
    let list = shared.reader.processes(place.offset, PROCESSES).await;
    let live = if place.offset == 0 { Live::All } else { Live::No };
    show(&shared, "Processes", live, &process::list(&list, PROCESSES))
}

/// A place in a log.
#[derive(Debug, Default, Deserialize)]
pub(super) struct LogPlace {
    before: Option<u64>,
    from: Option<u64>,
    /// As people write it: the newest slot wanted.
    upto: Option<String>,
    method: Option<String>,
    sender: Option<String>,
    outcome: Option<String>,
}

impl LogPlace {
    /// Where, and which slots.
    fn read(&self) -> Result<(Place, Filter), Problem> {
        let Self { before, from, upto, method, sender, outcome } = self;
        let filter = Filter::parse(method.as_deref(), sender.as_deref(), outcome.as_deref())?;
        let upto = upto.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let upto = upto.map(|text| text.parse::<u64>().map(|slot| slot.saturating_add(1)));
        let upto = upto.transpose().map_err(|_| {
            let hint = "A slot is a number in decimal digits.";
            Problem::new(Fault::BadParameter, "This is no slot.", hint)
        })?;
        let place = match (from, upto.or(*before)) {
            (Some(from), _) => Place::From(Slot::new(*from)),
            (None, Some(before)) => Place::Before(Slot::new(before)),
            (None, None) => Place::Newest,
        };
        Ok((place, filter))
    }
}

/// `/process/{id}`
pub(super) async fn process(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(place): Asked<LogPlace>,
) -> Response {
    let read = async {
        let (place, filter) = place?.read()?;
        let process: ProcessId = id(&text)?;
        let facts = shared.reader.process(process).await?;
        let (log, waiting, timers, proven) = tokio::join!(
            shared.reader.log_page(process, place, filter, SLOTS),
            shared.reader.waiting(Some(process), outbox::OF_PROCESS_MAX),
            shared.reader.timers(process, timers::SHOWN),
            shared.reader.proven(process),
        );
        let log = log?;
        let mut mentioned = mentioned_in_log(&facts, &log.log);
        mentioned.extend(waiting.iter().flat_map(outbox::mentioned));
        let names = shared.reader.names(mentioned).await;
        Ok((facts, (log, waiting), timers, proven, names))
    };
    match read.await {
        Ok((facts, (log, waiting), timers, proven, names)) => {
            let own = facts.process.to_string();
            let live = if log.is_live() { Live::Of(&own) } else { Live::No };
            let title = if facts.described.spawn.name.is_empty() {
                "Process"
            } else {
                &facts.described.spawn.name
            };
            let page = process::page(&facts, (&log, &waiting), &timers, &proven, &names);
            show(&shared, title, live, &page)
        }
        Err(problem) => fail(&shared, &problem),
    }
}

/// A place in the effects of a message.
#[derive(Debug, Deserialize)]
pub(super) struct ItemPlace {
    #[serde(default)]
    items: usize,
}

/// `/message/{id}`
pub(super) async fn message(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    Asked(place): Asked<ItemPlace>,
) -> Response {
    let read = async {
        let (from, entry): (_, EntryId) = (place?.items, id(&text)?);
        let further = shared.reader.graph(entry, explorer::graph::SMALL, graph::SMALL_WAIT);
        let (facts, further) = tokio::try_join!(
            Box::pin(shared.reader.message(entry, from, ITEMS)),
            Box::pin(further.map(Ok)),
        )?;
        let mut concerned = mentioned_in_message(&facts);
        concerned.extend(explorer::graph::mentioned(&further));
        let assignment = &facts.record.assignment;
        let units = facts.described.source.policy().ranked(&assignment.process);
        let (names, stated) = tokio::join!(
            shared.reader.names(concerned.iter().copied()),
            shared.reader.receipts(assignment, units),
        );
        Ok((facts, further, stated, names, concerned))
    };
    match read.await {
        Ok((facts, further, stated, names, concerned)) => {
            let concerned: Vec<String> = concerned.iter().map(ProcessId::to_string).collect();
            let concerned = concerned.join(" ");
            let name = names.get(&facts.record.assignment.process).unwrap_or("process");
            let title = format!("{name}, slot {}", facts.record.assignment.slot);
            let main = message::page(&facts, &further, &stated, &names);
            show(&shared, &title, Live::Of(&concerned), &main)
        }
        Err(problem) => fail(&shared, &problem),
    }
}

/// `/outbox`
pub(super) async fn outbox(State(shared): State<Shared>) -> Response {
    match shared.reader.waiting(None, PAIRS).await {
        Ok(facts) => {
            let names = shared.reader.names(outbox::mentioned(&facts)).await;
            show(&shared, "Outbox", Live::All, &outbox::page(&facts, &names))
        }
        Err(problem) => fail(&shared, &problem),
    }
}

/// What is looked for.
#[derive(Debug, Deserialize)]
pub(super) struct SearchFor {
    #[serde(default)]
    q: String,
}

/// `/search`
pub(super) async fn search(
    State(shared): State<Shared>,
    Asked(wanted): Asked<SearchFor>,
) -> Response {
    let query = match &wanted {
        Ok(wanted) => wanted.q.trim(),
        Err(problem) => return fail(&shared, problem),
    };
    if query.is_empty() {
        return Redirect::to("/").into_response();
    }
    if query.chars().count() > QUERY_MAX {
        let hint = "The longest thing to look for is a name of 128 characters.";
        return fail(&shared, &Problem::new(Fault::BadParameter, "The text is too long.", hint));
    }
    if let Some(target) = Target::parse(query) {
        return Redirect::to(&target.path()).into_response();
    }
    let reader = &shared.reader;
    let (processes, units) = tokio::join!(reader.processes(0, SEARCHED), reader.units());
    let names = reader.module_names(&processes.rows).await;
    let found = Found::pick(query, processes.rows, units, &names);
    if let Some(path) = found.only() {
        return Redirect::to(&path).into_response();
    }
    let status = if found.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let main = search::page(query, &found, RESULTS);
    let network = shared.reader.network();
    let frame = Frame { network: &network, title: "Search", query, live: Live::No };
    (status, Html(layout::page(frame, &main).into_string())).into_response()
}

/// Any other address.
pub(super) async fn nowhere(State(shared): State<Shared>, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") {
        return api::nowhere();
    }
    fail(
        &shared,
        &Problem::new(
            Fault::NoSuchPage,
            "There is no page at this address.",
            "Check the address, or search for an identifier or a name.",
        ),
    )
}

pub(super) fn show(shared: &Shared, title: &str, live: Live<'_>, main: &Markup) -> Response {
    let network = shared.reader.network();
    let frame = Frame { network: &network, title, query: "", live };
    Html(layout::page(frame, main).into_string()).into_response()
}

fn fail(shared: &Shared, problem: &Problem) -> Response {
    let status = status(problem);
    let main = problem::page(problem);
    (status, show(shared, "Problem", Live::No, &main)).into_response()
}

fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The processes whose names a log shows.
fn mentioned_in_log(facts: &ProcessFacts, log: &LogFacts) -> BTreeSet<ProcessId> {
    let mut all: BTreeSet<ProcessId> = log.rows.iter().flat_map(mentioned_in_slot).collect();
    all.extend(process_of(&facts.described.spawn.sender));
    all.extend(process_of(&facts.described.spawn.controller));
    all
}

fn mentioned_in_slot(row: &SlotFacts) -> Vec<ProcessId> {
    let outbox = row.progress.executed().map(|executed| executed.outcome.outbox.as_slice());
    let targets = outbox.unwrap_or_default().iter().take(8).map(|item| item.target);
    targets.chain(process_of(&row.call.from)).collect()
}

/// The processes whose outcomes can change a message's page.
fn mentioned_in_message(facts: &MessageFacts) -> BTreeSet<ProcessId> {
    let mut all: BTreeSet<ProcessId> =
        facts.caused.iter().map(|caused| caused.item.target).collect();
    all.insert(facts.record.assignment.process);
    all.extend(process_of(&facts.call.from));
    all
}

const fn process_of(principal: &Principal) -> Option<ProcessId> {
    match principal {
        Principal::Process(process) => Some(*process),
        Principal::Anonymous | Principal::Account(_) => None,
    }
}
