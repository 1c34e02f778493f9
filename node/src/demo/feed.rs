//! Spawns the actors, feeds them through the public client, and asks them what they know.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use alerts::Alerts;
use antiphon::{ActorRef, Args, Call, cbor};
use antiphon_client::{Client, SpawnOptions, Ticket};
use bulletin::Bulletin;
use hdrhistogram::Histogram;
use protocol::{Entry, ProcessId, Value};
use serde::{Serialize, de::DeserializeOwned};
use station::{Event, Station};

use super::{DemoError, quakes::Totals};

/// Messages under way at once.
const WINDOW: usize = 64;
/// How long any single message may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first and the longest pause between two looks at whether all tells have arrived.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

/// The fourteen processes.
#[derive(Debug)]
pub(super) struct Actors {
    stations: BTreeMap<String, ActorRef<Station>>,
    alerts: ActorRef<Alerts>,
    bulletin: ActorRef<Bulletin>,
}

/// How fast the earthquakes went through.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    /// Messages sent and answered.
    pub(crate) messages: u64,
    /// From the first message to the last reply.
    pub(crate) elapsed_ms: u64,
    /// Replies in a second.
    pub(crate) messages_per_second: u64,
    /// Half of the replies came within this time.
    pub(crate) p50_us: u64,
    /// All but a hundredth of the replies came within this time.
    pub(crate) p99_us: u64,
}

/// Spawns all actors, those that are told first.
pub(super) async fn spawn(client: &Client, expected: &Totals) -> Result<Actors, DemoError> {
    let bulletin = spawn_one(client, example_modules::BULLETIN, "bulletin", &Args::new()).await?;
    let bulletin = ActorRef::<Bulletin>::new(bulletin);
    let args = antiphon::args! { bulletin: bulletin };
    let alerts = spawn_one(client, example_modules::ALERTS, "alerts", &args).await?;
    let alerts = ActorRef::<Alerts>::new(alerts);
    let mut stations = BTreeMap::new();
    for network in expected.stations.keys() {
        let args = antiphon::args! { network: network, alerts: alerts };
        let name = format!("station-{network}");
        let station = spawn_one(client, example_modules::STATION, &name, &args).await?;
        stations.insert(network.clone(), ActorRef::new(station));
    }
    Ok(Actors { stations, alerts, bulletin })
}

async fn spawn_one(
    client: &Client,
    module: &[u8],
    name: &str,
    args: &Args,
) -> Result<ProcessId, DemoError> {
    let mut options = SpawnOptions::new(module.to_vec());
    name.clone_into(&mut options.name);
    options.args = value(&args.encode())?;
    let spawned = client.spawn(options).await?;
    spawned.birth.reply()?;
    Ok(spawned.process)
}

/// Sends every event as one signed message to its station.
pub(super) async fn feed(
    client: &Client,
    actors: &Actors,
    events: &[Event],
    progress: &indicatif::ProgressBar,
) -> Result<Figures, DemoError> {
    progress.set_length(events.len() as u64);
    let mut latencies = crate::bench::histogram();
    let mut under_way: VecDeque<(Instant, Ticket)> = VecDeque::with_capacity(WINDOW);
    let started = now();
    for event in events {
        if under_way.len() == WINDOW {
            settle(client, under_way.pop_front(), &mut latencies, progress).await?;
        }
        let station = actors.stations.get(&event.network).expect("every network has a station");
        let call = station.report(event.clone());
        let args = value(&call.args())?;
        let message = client.prepare_message(call.target(), call.method(), &args)?;
        let sent = now();
        under_way.push_back((sent, client.submit(Entry::Message(message)).await?));
    }
    while !under_way.is_empty() {
        settle(client, under_way.pop_front(), &mut latencies, progress).await?;
    }
    progress.finish();
    let elapsed = started.elapsed();
    let per_second = events.len() as f64 / elapsed.as_secs_f64().max(f64::EPSILON);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate, rounded")]
    let messages_per_second = per_second.round() as u64;
    Ok(Figures {
        messages: events.len() as u64,
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        messages_per_second,
        p50_us: latencies.value_at_quantile(0.5),
        p99_us: latencies.value_at_quantile(0.99),
    })
}

async fn settle(
    client: &Client,
    oldest: Option<(Instant, Ticket)>,
    latencies: &mut Histogram<u64>,
    progress: &indicatif::ProgressBar,
) -> Result<(), DemoError> {
    let Some((sent, ticket)) = oldest else { return Ok(()) };
    client.finish(ticket, PATIENCE).await?.reply()?;
    latencies.saturating_record(u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX));
    progress.inc(1);
    Ok(())
}

/// Asks all actors what they know, once all tells have arrived or time is up.
pub(super) async fn collect(
    client: &Client,
    actors: &Actors,
    expected: &Totals,
) -> Result<Totals, DemoError> {
    let deadline = now() + PATIENCE;
    let mut pause = PAUSES.0;
    loop {
        let alerts: Vec<Event> = view(client, &actors.alerts.ranking(None)).await?;
        let bulletin: Vec<Event> = view(client, &actors.bulletin.items()).await?;
        let arrived =
            alerts.len() >= expected.alerts.len() && bulletin.len() >= expected.bulletin.len();
        if arrived || now() > deadline {
            let mut stations = BTreeMap::new();
            for (network, station) in &actors.stations {
                stations.insert(network.clone(), view(client, &station.summary()).await?);
            }
            return Ok(Totals { stations, alerts, bulletin });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

async fn view<R: DeserializeOwned>(client: &Client, call: &Call<R>) -> Result<R, DemoError> {
    let viewed = client.view(call.target(), call.method(), &value(&call.args())?, None).await?;
    let bytes = viewed.reply.encode().map_err(|error| DemoError::Answer(error.to_string()))?;
    cbor::from_slice(&bytes).map_err(|error| DemoError::Answer(error.to_string()))
}

fn value(bytes: &[u8]) -> Result<Value, DemoError> {
    Value::decode(bytes).map_err(|error| DemoError::Answer(error.to_string()))
}

#[expect(clippy::disallowed_methods, reason = "the demonstration measures")]
fn now() -> Instant {
    Instant::now()
}
