//! Several messengers share the work: what one leaves when it dies another delivers, and people see
//! what waits and why.

use serde_json::Value as Json;
use tokio::time::Instant;

use crate::{
    basics::{exchanged, pair},
    handover::spawn_on_first,
    support::{Cluster, PATIENCE, directory, signal, text},
};

/// Games that are played at once.
const GAMES: usize = 4;

/// Balls thrown in each game.
const ROUNDS: usize = 400;

#[test]
fn games_go_on_when_a_messenger_is_killed_and_when_it_is_back() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &["--messengers", "2"]);
    let messengers = cluster.units("messenger");
    let games: Vec<_> = (0..GAMES).map(|_| pair(&cluster)).collect();
    until(&cluster, "they share the work", |status| {
        messengers.iter().all(|unit| counter(status, unit, "messengers_sharing") == 2)
    });
    start(&cluster, &games);
    Cluster::kill(&messengers[0]);
    runtime.block_on(finish(&cluster, &games, ROUNDS));
    until(&cluster, "the other is alone", |status| {
        counter(status, &messengers[1], "messengers_sharing") == 1
    });

    let again = cluster.start_again("messenger", 1);
    until(&cluster, "they share the work again", |status| {
        messengers.iter().all(|unit| counter(status, unit, "messengers_sharing") == 2)
    });
    start(&cluster, &games);
    runtime.block_on(finish(&cluster, &games, 2 * ROUNDS));
    let status = cluster.run(&["status"]).done();
    let delivered = messengers.iter().map(|unit| counter(&status, unit, "items_delivered"));
    assert!(delivered.clone().all(|items| items > 0), "both: {delivered:?}");
    until_nothing_waits(&cluster);
    again.stop();
    cluster.stop();
}

#[test]
fn what_waits_for_a_scheduler_that_stands_still_is_listed_with_why() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &["--schedulers", "2", "--messengers", "2"]);
    let player = || spawn_on_first(&cluster, example_modules::PINGPONG, "{}");
    let (ping, pong) = (player(), player());
    let other = &cluster.units("scheduler")[1];
    cluster.run(&["move", &pong, text(&other["unit"])]).done();
    let pid = other["pid"].as_u64().unwrap();
    signal("-STOP", pid);
    start(&cluster, &[(ping.clone(), pong.clone())]);

    let deadline = Instant::now() + PATIENCE;
    let found = loop {
        let waiting = cluster.run(&["outbox", &ping, "--timeout", "5"]).done();
        let pairs = waiting["pairs"].as_array().expect("pairs are listed");
        let told = |pair: &&Json| pair["target"] == pong && pair["reason"] == "unreachable";
        let found = pairs.iter().find(told);
        if let Some(found) = found {
            break found.clone();
        }
        assert!(Instant::now() < deadline, "it is not told why: {waiting}");
    };
    assert_eq!(found["state"], "retrying", "{found}");
    assert_eq!((&found["waiting"], &found["number"]), (&1.into(), &0.into()), "{found}");
    assert!(found["retry_in"].is_u64(), "{found}");

    signal("-CONT", pid);
    runtime.block_on(finish(&cluster, &[(ping, pong)], ROUNDS));
    until_nothing_waits(&cluster);
    cluster.stop();
}

fn start(cluster: &Cluster, games: &[(String, String)]) {
    for (ping, pong) in games {
        let args = format!(r#"{{"peer":"{pong}","rounds":{ROUNDS}}}"#);
        cluster.run(&["send", ping, "start", &args]).done();
    }
}

/// Waits until so many balls are thrown in each game, and checks that it is not one more.
async fn finish(cluster: &Cluster, games: &[(String, String)], balls: usize) {
    let client = cluster.client().await;
    for (ping, pong) in games {
        let thrown = i128::try_from(balls).unwrap();
        assert_eq!(exchanged(&client, ping, pong, thrown).await, thrown);
        let calls = cluster.calls(ping, "ball") + cluster.calls(pong, "ball");
        assert_eq!(calls, balls, "each ball once");
    }
}

/// Waits until what units say of themselves is as wanted.
fn until(cluster: &Cluster, what: &str, wanted: impl Fn(&Json) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !wanted(&cluster.run(&["status"]).done()) {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
    }
}

fn until_nothing_waits(cluster: &Cluster) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let waiting = cluster.run(&["outbox"]).done();
        if waiting["total"] == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "it waits for ever: {waiting}");
    }
}

fn counter(status: &Json, unit: &Json, name: &str) -> u64 {
    let units = status["units"].as_array().expect("units are listed");
    let found = units.iter().find(|other| other["unit"] == unit["unit"]);
    found.and_then(|found| found["counters"][name].as_u64()).unwrap_or_default()
}
