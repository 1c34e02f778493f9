//! Of two compute units one executes each process, and the other steps in when the first is gone:
//! nothing is lost, nothing is doubled, and the first goes on when it is back.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use antiphon_client::Client;
use protocol::{Assignment, Entry, ProcessId, UnitId, Value};
use serde_json::Value as Json;

use crate::{
    basics::{exchanged, pair},
    support::{Cluster, Lone, PATIENCE, directory, process, signal, text},
    units::{MESSAGES, check_places, reach, send_all},
};

/// Balls thrown in each game.
const ROUNDS: usize = 2_000;

#[test]
fn a_unit_steps_in_for_one_that_was_killed_and_back_when_it_is_started_again() {
    let again: std::cell::RefCell<Option<Lone>> = std::cell::RefCell::default();
    let number = |cluster: &Cluster, unit: &Json| {
        let units = cluster.units("compute");
        let at = units.iter().position(|other| other["unit"] == unit["unit"]);
        at.expect("it is one of the cluster's") + 1
    };
    let down = |_: &Cluster, unit: &Json| {
        let running = again.borrow().as_ref().map(|lone| lone.ready.clone());
        Cluster::kill(running.as_ref().unwrap_or(unit));
        // Reaps the one before.
        drop(again.take());
    };
    let up = |cluster: &Cluster, unit: &Json| {
        again.replace(Some(cluster.start_again("compute", number(cluster, unit))));
    };
    fails_over(down, up);
}

#[test]
fn a_unit_steps_in_for_one_that_stands_still_and_back_when_it_goes_on() {
    let send = |word: &str, unit: &Json| signal(word, unit["pid"].as_u64().unwrap());
    fails_over(|_, unit| send("-STOP", unit), |_, unit| send("-CONT", unit));
}

/// Takes the unit that executes a counter and one side of a game down twice while both are busy.
fn fails_over(down: impl Fn(&Cluster, &Json), up: impl Fn(&Cluster, &Json)) {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &[]);
    let (ping, pong) = pair(&cluster);
    runtime.block_on(async {
        let client = cluster.client().await;
        let first = first_of(&client, process(&ping)).await;
        let counter = counter_of(&cluster, &client, first).await;
        let computes = cluster.units("compute");
        let unit = computes.iter().find(|unit| text(&unit["unit"]) == first.to_string());
        let unit = unit.expect("it is one of the cluster's");
        let mut places = Vec::new();
        for failure in 1..=2 {
            start_game(&client, &ping, &pong).await;
            let busy = || down(&cluster, unit);
            places.extend(send_through(&client, counter, places.len(), busy).await);
            check_places(&client, counter, &places).await;
            let balls = (failure * ROUNDS) as i128;
            assert_eq!(exchanged(&client, &ping, &pong, balls).await, balls);
            let balls = cluster.calls(&ping, "ball") + cluster.calls(&pong, "ball");
            assert_eq!(balls, failure * ROUNDS, "each ball once");
            up(&cluster, unit);
            until_executed_by(&client, counter, first).await;
        }
        let total = view(&client, counter).await;
        assert_eq!(total.0, places.len());
    });
    cluster.stop();
}

/// Sends messages; takes the unit down when some are done, and keeps looking at the process.
async fn send_through(
    client: &Client,
    counter: ProcessId,
    before: usize,
    down: impl Fn(),
) -> Vec<(Entry, Assignment)> {
    let done = Arc::new(AtomicUsize::new(0));
    let sending = tokio::spawn(send_all(client.clone(), counter, Arc::clone(&done)));
    let stop = Arc::new(AtomicBool::new(false));
    let looking = {
        let (client, done, stop) = (client.clone(), Arc::clone(&done), Arc::clone(&stop));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let least = before + done.load(Ordering::Relaxed);
                let (total, _) = view(&client, counter).await;
                assert!(total >= least, "{total} is older than {least}, which was seen");
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        })
    };
    reach(&done, MESSAGES / 5).await;
    down();
    let places = sending.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    looking.await.unwrap();
    places
}

/// The count of a counter, and who told it.
async fn view(client: &Client, counter: ProcessId) -> (usize, UnitId) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match client.view(counter, "get", &Value::Map(vec![]), None).await {
            Ok(viewed) => match viewed.reply {
                Value::Integer(count) => return (usize::try_from(count).unwrap(), viewed.unit),
                other => panic!("not an integer: {other:?}"),
            },
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
    }
}

/// Waits until a unit answers for a process again.
async fn until_executed_by(client: &Client, counter: ProcessId, unit: UnitId) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while view(client, counter).await.1 != unit {
        assert!(tokio::time::Instant::now() < deadline, "{unit} does not go on");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The unit that ranks first for a process.
async fn first_of(client: &Client, process: ProcessId) -> UnitId {
    let described = client.describe(process).await.unwrap();
    let policy = described.source.policy();
    assert_eq!((policy.units.len(), policy.quorum), (2, 1));
    policy.ranked(&process)[0]
}

/// A counter that a unit executes.
async fn counter_of(cluster: &Cluster, client: &Client, unit: UnitId) -> ProcessId {
    for _ in 0..64 {
        let counter = process(&cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#));
        if first_of(client, counter).await == unit {
            return counter;
        }
    }
    panic!("all counters are the other unit's");
}

async fn start_game(client: &Client, ping: &str, pong: &str) {
    let game = Value::Map(vec![
        (Value::Text("peer".into()), Value::Text(pong.to_owned())),
        (Value::Text("rounds".into()), Value::Integer(ROUNDS as i128)),
    ]);
    client.send(process(ping), "start", &game, PATIENCE).await.unwrap();
}
