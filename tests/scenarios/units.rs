//! Single units killed with SIGKILL and started again by hand while work is under way, and clusters
//! with more than one unit of a kind: nothing is lost, nothing is doubled, clients recover by
//! themselves.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use antiphon_client::Client;
use protocol::{Assignment, Entry, ProcessId, Reply, Slot, Value};

use crate::{
    basics::{exchanged, pair},
    support::{Cluster, PATIENCE, directory, integer, process, text},
};

/// Messages sent around the crashes.
pub(crate) const MESSAGES: usize = 600;
/// Messages under way at once.
const WINDOW: usize = 16;
/// Balls thrown around the crashes.
const ROUNDS: usize = 1_000;

#[test]
fn a_scheduler_killed_and_started_again_loses_nothing_and_doubles_nothing() {
    survives("scheduler");
}

#[test]
fn a_messenger_killed_and_started_again_loses_nothing_and_doubles_nothing() {
    survives("messenger");
}

#[test]
fn a_compute_unit_killed_and_started_again_loses_nothing_and_doubles_nothing() {
    survives("compute");
}

/// Kills the only unit of a kind three times while messages and a game are under way.
fn survives(kind: &str) {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let counter = process(&cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#));
    let (ping, pong) = pair(&cluster);
    runtime.block_on(async {
        let client = cluster.client().await;
        start_game(&client, &ping, &pong).await;
        let done = Arc::new(AtomicUsize::new(0));
        let sending = tokio::spawn(send_all(client.clone(), counter, Arc::clone(&done)));
        let mut unit = cluster.units(kind).remove(0);
        let mut again = None;
        for crash in 1..=3 {
            reach(&done, crash * MESSAGES / 5).await;
            Cluster::kill(&unit);
            // Reaps the one before.
            drop(again.take());
            let started = cluster.start_again(kind, 1);
            unit = started.ready.clone();
            again = Some(started);
        }
        let places = sending.await.unwrap();
        check_places(&client, counter, &places).await;
        let total = client.view(counter, "get", &Value::Map(vec![]), None).await.unwrap();
        assert_eq!(total.reply, Value::Integer(MESSAGES as i128));
        assert_eq!(exchanged(&client, &ping, &pong, ROUNDS as i128).await, ROUNDS as i128);
        again.expect("it was started").stop();
        // Afterwards, because a game that never ends would show as one that ended.
        let _again = cluster.start_again(kind, 1);
        assert_eq!(cluster.calls(&ping, "ball") + cluster.calls(&pong, "ball"), ROUNDS);
    });
    cluster.stop();
}

async fn start_game(client: &Client, ping: &str, pong: &str) {
    let game = Value::Map(vec![
        (Value::Text("peer".into()), Value::Text(pong.to_owned())),
        (Value::Text("rounds".into()), Value::Integer(ROUNDS as i128)),
    ]);
    client.send(process(ping), "start", &game, PATIENCE).await.unwrap();
}

/// Waits until so many messages are done.
pub(crate) async fn reach(done: &AtomicUsize, count: usize) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while done.load(Ordering::Relaxed) < count {
        assert!(tokio::time::Instant::now() < deadline, "{done:?} of {count} messages are done");
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

/// Sends all messages, a window at a time, and returns the place of each.
pub(crate) async fn send_all(
    client: Client,
    counter: ProcessId,
    done: Arc<AtomicUsize>,
) -> Vec<(Entry, Assignment)> {
    let mut places = Vec::with_capacity(MESSAGES);
    let mut under_way = std::collections::VecDeque::new();
    for number in 0..MESSAGES + WINDOW {
        if number < MESSAGES {
            let message = client.prepare_message(counter, "add", &integer("by", 1)).unwrap();
            let entry = Entry::Message(message);
            let ticket = client.submit(entry.clone()).await.unwrap();
            under_way.push_back((entry, ticket));
        }
        if number >= WINDOW {
            let (entry, ticket) = under_way.pop_front().unwrap();
            let sent = client.finish(ticket, PATIENCE).await.unwrap();
            assert!(matches!(sent.outcome.reply, Reply::Value(_)), "{:?}", sent.outcome.reply);
            places.push((entry, sent.assignment.assignment));
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
    places
}

/// Checks that each message has the slot it was told, and no other.
pub(crate) async fn check_places(
    client: &Client,
    counter: ProcessId,
    places: &[(Entry, Assignment)],
) {
    let mut log = client.log(counter, Slot::ZERO);
    let mut records = Vec::new();
    while records.len() <= places.len() {
        let page = log.page(1_000).await.unwrap();
        assert!(!page.records.is_empty(), "the log has {} slots", records.len());
        records.extend(page.records);
    }
    assert_eq!(records.len(), places.len() + 1, "the spawn and each message once");
    for (entry, place) in places {
        let at = usize::try_from(place.slot.get()).unwrap();
        assert_eq!(records[at].assignment, *place);
        assert_eq!(records[at].entry.id(), entry.id());
    }
}

#[test]
fn two_messengers_deliver_each_ball_once_also_when_one_of_them_dies() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &["--messengers", "2"]);
    assert_eq!(cluster.units("messenger").len(), 2);
    let (ping, pong) = pair(&cluster);
    runtime.block_on(async {
        let client = cluster.client().await;
        start_game(&client, &ping, &pong).await;
        assert!(exchanged(&client, &ping, &pong, 100).await >= 100);
        Cluster::kill(&cluster.units("messenger")[0]);
        assert_eq!(exchanged(&client, &ping, &pong, ROUNDS as i128).await, ROUNDS as i128);
        // The client finds the messenger that is left.
        let counter = process(&cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#));
        for _ in 0..3 {
            let sent = client.send(counter, "add", &integer("by", 1), PATIENCE).await;
            sent.unwrap().reply().unwrap();
        }
    });
    assert_eq!(cluster.calls(&ping, "ball") + cluster.calls(&pong, "ball"), ROUNDS);
    cluster.stop();
}

#[test]
fn two_actors_on_two_schedulers_exchange_a_thousand_messages() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &["--schedulers", "2"]);
    let schedulers = cluster.units("scheduler");
    assert_eq!(schedulers.len(), 2);
    let file = data.path().join("pingpong.wasm");
    std::fs::write(&file, example_modules::PINGPONG).unwrap();
    let players: Vec<String> = schedulers
        .iter()
        .map(|scheduler| {
            let args = ["spawn", &file.to_string_lossy(), "--scheduler", text(&scheduler["unit"])];
            text(&cluster.run(&args).done()["process"]).to_owned()
        })
        .collect();
    runtime.block_on(async {
        let client = cluster.client().await;
        for (player, scheduler) in players.iter().zip(&schedulers) {
            let described = client.describe(process(player)).await.unwrap();
            assert_eq!(described.source.scheduler().to_string(), text(&scheduler["unit"]));
        }
        let [ping, pong] = players.as_slice() else { panic!("two players") };
        start_game(&client, ping, pong).await;
        assert_eq!(exchanged(&client, ping, pong, ROUNDS as i128).await, ROUNDS as i128);
        assert_eq!(cluster.calls(ping, "ball") + cluster.calls(pong, "ball"), ROUNDS);
    });
    cluster.stop();
}
