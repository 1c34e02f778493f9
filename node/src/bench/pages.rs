//! The pages of the explorer over a network with many messages: how long a gateway takes over each.

use std::net::SocketAddr;

use antiphon_client::Client;
use protocol::{ModuleId, Principal, ProcessId, Role, Slot};
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    flow,
    gateway::Gateway,
    hops::{pairs_of, play},
    ingest::PATIENCE,
    machine::{micros, now},
    report::{Latency, histogram},
};
use crate::{error::NodeError, output::note};

/// Pairs of players that fill the logs.
const PAIRS: u32 = 500;

/// What a page may take.
const LIMIT_US: u64 = 50_000;

/// What to measure.
#[derive(Debug, Clone)]
pub(crate) struct PagesOptions {
    /// Messages in all logs together, about.
    pub(crate) messages: u32,
    /// How often each page is asked for.
    pub(crate) times: u32,
    /// How a gateway finds the network.
    pub(crate) network: Vec<String>,
}

/// What `bench pages` found out.
#[derive(Debug, Serialize)]
pub(crate) struct PagesReport {
    pub(crate) scenario: &'static str,
    pub(crate) messages: u64,
    /// Those of the process whose pages are asked for.
    pub(crate) slots: u64,
    pub(crate) limit_us: u64,
    pub(crate) pages: Vec<PageReport>,
}

/// One page, asked for one time after the other.
#[derive(Debug, Serialize)]
pub(crate) struct PageReport {
    pub(crate) page: &'static str,
    pub(crate) bytes: usize,
    /// The first time.
    pub(crate) first_us: u64,
    /// From the request to the last byte, over loopback.
    pub(crate) time: Latency,
}

/// Measures a gateway of its own that serves a cluster, which is filled before.
pub(crate) async fn pages(
    client: &Client,
    options: PagesOptions,
) -> Result<PagesReport, NodeError> {
    let PagesOptions { messages, times, network } = options;
    note(&format!("filling the logs of {PAIRS} pairs with {messages} messages"));
    let games = pairs_of(client, PAIRS).await?;
    play(client, &games, 10).await?;
    play(client, &games, (messages / PAIRS).max(1).into()).await?;
    let (process, peer) = *games.first().ok_or_else(|| NodeError::system("nobody plays"))?;
    let slots = client.head(process).await?.slot.get();
    let gateway = Gateway::start(1, &network).await?;
    let mut pages = Vec::new();
    for (page, path) in paths(client, (process, peer), slots).await? {
        pages.push(measured(gateway.address, page, &path, times).await?);
    }
    gateway.stop().await;
    let messages = flow::assigned(client).await?;
    Ok(PagesReport { scenario: "pages", messages, slots, limit_us: LIMIT_US, pages })
}

/// The pages, and where they are.
async fn paths(
    client: &Client,
    (process, peer): (ProcessId, ProcessId),
    slots: u64,
) -> Result<Vec<(&'static str, String)>, NodeError> {
    let message = async |slot: u64| {
        let page = client.log(process, Slot::new(slot)).page(1).await?;
        let record = page.records.into_iter().next();
        let record = record.ok_or_else(|| NodeError::system("the log has no such slot"))?;
        Ok::<_, NodeError>(record.assignment.entry)
    };
    let (early, late) = (message(2).await?, message(slots.saturating_sub(2)).await?);
    let Principal::Account(account) = client.principal() else {
        return Err(NodeError::system("pages are measured with a key"));
    };
    let module = ModuleId::of(example_modules::PINGPONG);
    let unit = |role| client.directory().units(role).into_iter().next();
    let compute = unit(Role::Compute).ok_or_else(|| NodeError::system("no unit executes"))?;
    let middle = slots / 2;
    Ok(vec![
        ("network", "/".to_owned()),
        ("processes", "/processes".to_owned()),
        ("processes, last page", format!("/processes?offset={}", PAIRS * 2 - 50)),
        ("process", format!("/process/{process}")),
        ("process, in the middle of its log", format!("/process/{peer}?before={middle}")),
        ("process, errors only", format!("/process/{process}?outcome=error")),
        ("message", format!("/message/{late}")),
        ("message with a long chain of effects", format!("/message/{early}")),
        ("graph", format!("/message/{late}/graph")),
        ("graph of a long chain", format!("/message/{early}/graph")),
        ("state after the last slot", format!("/process/{process}/state?at={slots}")),
        ("state in the middle of the log", format!("/process/{process}/state?at={middle}")),
        ("form", format!("/process/{process}/call?method=start")),
        ("module", format!("/module/{module}")),
        ("account", format!("/account/{account}")),
        ("units", "/units".to_owned()),
        ("unit", format!("/unit/{compute}")),
        ("outbox", "/outbox".to_owned()),
        ("search", "/search?q=bench".to_owned()),
    ])
}

async fn measured(
    address: SocketAddr,
    page: &'static str,
    path: &str,
    times: u32,
) -> Result<PageReport, NodeError> {
    let (mut bytes, mut first_us, mut all) = (0, None, histogram());
    for _ in 0..times {
        let began = now();
        bytes = timeout(PATIENCE, get(address, path)).await.map_err(NodeError::system)??;
        let took = micros(began.elapsed());
        first_us.get_or_insert(took);
        all.saturating_record(took);
    }
    Ok(PageReport { page, bytes, first_us: first_us.unwrap_or_default(), time: Latency::of(&all) })
}

/// Asks for a page; how long it is.
async fn get(address: SocketAddr, path: &str) -> Result<usize, NodeError> {
    let mut stream = TcpStream::connect(address).await.map_err(NodeError::system)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(NodeError::system)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(NodeError::system)?;
    match answer.starts_with(b"HTTP/1.1 200") {
        true => Ok(answer.len()),
        false => {
            let status = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
            let status = String::from_utf8_lossy(status);
            Err(NodeError::system(format!("{path} is answered with {status}")))
        }
    }
}

impl PagesReport {
    /// The figures for people.
    pub(crate) fn text(&self) -> String {
        let (messages, slots) = (self.messages, self.slots);
        let head = format!("{messages} messages, {slots} of them in the log of the process\n");
        let lines = self.pages.iter().map(|page| {
            let Latency { p50_us, p99_us, .. } = page.time;
            let (name, first, bytes) = (page.page, page.first_us, page.bytes);
            format!("{name:<38} p50 {p50_us:>7} us  p99 {p99_us:>7} us  first {first:>7} us  {bytes:>7} bytes\n")
        });
        let limit = format!("to reach: {} us", self.limit_us);
        std::iter::once(head).chain(lines).chain([limit]).collect()
    }
}
