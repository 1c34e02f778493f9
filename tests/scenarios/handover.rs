//! Processes that change their scheduler, their policy or their controller while everything goes on:
//! no slot is lost or doubled, and nobody has to be told.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use antiphon_client::{Client, ClientOptions, Units};
use protocol::{Assignment, Entry, ProcessId, Slot, Value};
use serde_json::Value as Json;

use crate::{
    basics::exchanged,
    support::{Cluster, PATIENCE, directory, integer, key, process, text},
    units::{MESSAGES, reach, send_all},
};

/// Balls thrown while the players move.
const ROUNDS: usize = 1_000;

/// A scheduler of a cluster, by number.
pub(crate) fn scheduler(cluster: &Cluster, number: usize) -> String {
    text(&cluster.units("scheduler")[number - 1]["unit"]).to_owned()
}

/// Spawns an actor on the first scheduler.
pub(crate) fn spawn_on_first(cluster: &Cluster, module: &[u8], args: &str) -> String {
    let directory = directory();
    let file = directory.path().join("actor.wasm");
    std::fs::write(&file, module).unwrap();
    let (file, first) = (file.to_string_lossy(), scheduler(cluster, 1));
    let spawned = cluster.run(&["spawn", &file, "--args", args, "--scheduler", &first]).done();
    text(&spawned["process"]).to_owned()
}

/// A client that needs no scheduler to find the others.
pub(crate) async fn client(cluster: &Cluster, data: &std::path::Path) -> Client {
    let network = cluster.network();
    let key = Some(key(&data.join("keys/default.key")));
    let units = Units::Bootstrap(vec![cluster.address("messenger").parse().unwrap()]);
    Client::connect(ClientOptions { network, key, units }).await.unwrap()
}

/// Checks that each message has the slot it was told and no other, with other slots between.
pub(crate) async fn each_once(client: &Client, counter: ProcessId, places: &[(Entry, Assignment)]) {
    let mut log = client.log(counter, Slot::ZERO);
    let mut records = Vec::new();
    loop {
        let page = log.page(1_000).await.unwrap();
        if page.records.is_empty() {
            break;
        }
        records.extend(page.records);
    }
    for (entry, place) in places {
        let at = usize::try_from(place.slot.get()).unwrap();
        assert_eq!(records[at].assignment, *place);
        let times = records.iter().filter(|record| record.assignment.entry == entry.id()).count();
        assert_eq!(times, 1, "{} stands in slot {}", entry.id(), place.slot);
    }
}

/// The count of a counter.
pub(crate) async fn total(client: &Client, counter: ProcessId) -> i128 {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match client.view(counter, "get", &Value::Map(vec![]), None).await {
            Ok(viewed) => match viewed.reply {
                Value::Integer(total) => return total,
                other => panic!("not an integer: {other:?}"),
            },
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
    }
}

#[test]
fn a_process_moves_under_load_and_clients_and_tells_follow_by_themselves() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &["--schedulers", "2"]);
    let counter = spawn_on_first(&cluster, example_modules::COUNTER, r#"{"start":0}"#);
    let (ping, pong) = (
        spawn_on_first(&cluster, example_modules::PINGPONG, "{}"),
        spawn_on_first(&cluster, example_modules::PINGPONG, "{}"),
    );
    let schedulers = [scheduler(&cluster, 1), scheduler(&cluster, 2)];
    runtime.block_on(async {
        let client = client(&cluster, data.path()).await;
        let game = format!(r#"{{"peer":"{pong}","rounds":{ROUNDS}}}"#);
        cluster.run(&["send", &ping, "start", &game]).done();
        let done = Arc::new(AtomicUsize::new(0));
        let sending = tokio::spawn(send_all(client.clone(), process(&counter), Arc::clone(&done)));
        // There and back again, and a third time.
        for turn in 1..=3 {
            reach(&done, turn * MESSAGES / 5).await;
            let [from, to] = [&schedulers[(turn + 1) % 2], &schedulers[turn % 2]];
            for moving in [&counter, &ping] {
                let moved = cluster.run(&["move", moving, to]).done();
                assert_eq!(
                    (text(&moved["from"]), text(&moved["to"])),
                    (from.as_str(), to.as_str())
                );
                assert_eq!(moved["epoch"], turn as u64, "{moved}");
            }
        }
        let places = sending.await.unwrap();
        each_once(&client, process(&counter), &places).await;
        assert_eq!(total(&client, process(&counter)).await, MESSAGES as i128);
        assert_eq!(exchanged(&client, &ping, &pong, ROUNDS as i128).await, ROUNDS as i128);
    });
    assert_eq!(cluster.calls(&counter, "add"), MESSAGES);
    assert_eq!(cluster.calls(&counter, "move"), 3);
    assert_eq!(cluster.calls(&ping, "ball") + cluster.calls(&pong, "ball"), ROUNDS);
    let verified = cluster.run(&["verify", &counter]).done();
    assert_eq!((&verified["ok"], &verified["epochs"]), (&true.into(), &4.into()), "{verified}");
    let listed = cluster.run(&["ps"]).done();
    let rows = listed["processes"].as_array().unwrap();
    let shown: Vec<&Json> = rows.iter().filter(|row| row["process"] == counter).collect();
    assert_eq!(shown.len(), 1, "{listed}");
    assert_eq!(shown[0]["scheduler"], schedulers[1], "{listed}");
    cluster.stop();
}

#[test]
fn a_move_that_was_cut_short_by_a_killed_scheduler_is_brought_to_its_end() {
    for killed in [1, 2] {
        let data = directory();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let cluster = Cluster::up(data.path(), &["--schedulers", "2"]);
        let counter = spawn_on_first(&cluster, example_modules::COUNTER, r#"{"start":0}"#);
        let to = scheduler(&cluster, 2);
        runtime.block_on(async {
            let client = client(&cluster, data.path()).await;
            let done = Arc::new(AtomicUsize::new(0));
            let sending =
                tokio::spawn(send_all(client.clone(), process(&counter), Arc::clone(&done)));
            reach(&done, MESSAGES / 4).await;
            let unit = cluster.units("scheduler")[killed - 1].clone();
            let moving = {
                let (counter, to, data) = (counter.clone(), to.clone(), data.path().to_owned());
                let args = move || crate::support::run_in(&data, &["move", &counter, &to]);
                tokio::task::spawn_blocking(args)
            };
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            Cluster::kill(&unit);
            // However far it came.
            drop(moving.await.unwrap());
            let _again = cluster.start_again("scheduler", killed);
            let moved = cluster.run(&["move", &counter, &to]).done();
            assert_eq!((&moved["to"], &moved["epoch"]), (&to.as_str().into(), &1.into()));
            assert_eq!(cluster.run(&["move", &counter, &to]).done(), moved, "once more is no harm");
            let places = sending.await.unwrap();
            each_once(&client, process(&counter), &places).await;
            assert_eq!(total(&client, process(&counter)).await, MESSAGES as i128);
            assert_eq!(done.load(Ordering::Relaxed), MESSAGES);
        });
        assert_eq!(cluster.calls(&counter, "add"), MESSAGES);
        assert_eq!(cluster.calls(&counter, "move"), 1);
    }
}

#[test]
fn after_a_policy_change_other_units_execute_and_the_retired_ones_count_for_nothing() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &["--computes", "3"]);
    let (ping, pong) = crate::basics::pair(&cluster);
    let units: Vec<String> =
        cluster.units("compute").iter().map(|unit| text(&unit["unit"]).to_owned()).collect();
    runtime.block_on(async {
        let client = client(&cluster, data.path()).await;
        let outsider = cluster.client().await;
        outsider.describe(process(&ping)).await.unwrap();
        let described = client.describe(process(&ping)).await.unwrap();
        let old = described.source.policy().units.clone();
        let new = units.iter().find(|unit| !old.iter().any(|old| old.to_string() == **unit));
        let new = new.expect("a policy has two of three").as_str();
        let game = format!(r#"{{"peer":"{pong}","rounds":{ROUNDS}}}"#);
        cluster.run(&["send", &ping, "start", &game]).done();
        let changed = cluster.run(&["policy", &ping, "--unit", new]).done();
        assert_eq!(changed["epoch"], 1, "{changed}");
        // The retired units may say what they like: the game goes on with receipts of the new one.
        assert_eq!(exchanged(&client, &ping, &pong, ROUNDS as i128).await, ROUNDS as i128);
        let described = client.describe_again(process(&ping)).await.unwrap();
        assert_eq!(described.source.policy().version, 1);
        let page = client.outcomes(process(&ping), Slot::ZERO, 10).await.unwrap();
        let stated = page.executed.iter().all(|one| one.receipt.unit().to_string() == new);
        assert!(stated && !page.executed.is_empty(), "the new unit executed the old slots, too");
        let late = Slot::new(ROUNDS as u64 / 4);
        let page = outsider.outcomes(process(&ping), late, 1).await.unwrap();
        assert!(!page.executed.is_empty(), "who knows the old policy only finds the new unit");
        for unit in old {
            let asked = client.outcomes_of(unit, process(&ping), Slot::ZERO, 1).await;
            assert!(
                asked.as_ref().map_or(true, |page| page.executed.is_empty()),
                "the word of a retired unit is taken: {asked:?}"
            );
        }
    });
    assert_eq!(cluster.calls(&ping, "ball") + cluster.calls(&pong, "ball"), ROUNDS);
    cluster.stop();
}

#[test]
fn a_process_that_has_moved_is_upgraded_where_it_is_ordered_now() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--schedulers", "2"]);
    let counter = spawn_on_first(&cluster, example_modules::COUNTER, r#"{"start":2}"#);
    cluster.run(&["move", &counter, &scheduler(&cluster, 2)]).done();
    let file = data.path().join("counter2.wasm");
    std::fs::write(&file, example_modules::COUNTER2).unwrap();
    // The scheduler before has never seen the module, and is no longer asked to.
    cluster.run(&["upgrade", &counter, &file.to_string_lossy()]).done();
    assert_eq!(cluster.run(&["view", &counter, "resets"]).done()["reply"], 0);
    assert_eq!(cluster.run(&["send", &counter, "add", "1"]).done()["reply"], 3);
    assert_eq!(cluster.run(&["verify", &counter]).done()["ok"], true);
    cluster.stop();
}

#[test]
fn another_controller_is_obeyed_and_the_one_before_is_not() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--schedulers", "2"]);
    let counter = spawn_on_first(&cluster, example_modules::COUNTER, r#"{"start":0}"#);
    cluster.run(&["key", "new", "bob"]).done();
    cluster.run(&["stop", &counter, "--key", "bob"]).failed(3, "not-controller");
    cluster.run(&["controller", &counter, "bob"]).done();
    cluster.run(&["stop", &counter]).failed(3, "not-controller");
    let to = scheduler(&cluster, 2);
    let moved = cluster.run(&["move", &counter, &to, "--key", "bob"]).done();
    assert_eq!(moved["epoch"], 2, "{moved}");
    cluster.run(&["controller", &counter, "--renounce", "--key", "bob"]).done();
    cluster.run(&["stop", &counter, "--key", "bob"]).failed(3, "not-controller");
    assert_eq!(cluster.run(&["send", &counter, "add", "1"]).done()["reply"], 1);
    cluster.stop();
}

#[test]
fn a_stopped_process_takes_no_messages_and_stays_readable() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    cluster.run(&["send", &counter, "add", "2"]).done();
    let stopped = cluster.run(&["stop", &counter]).done();
    assert_eq!((&stopped["slot"], &stopped["epoch"]), (&2.into(), &0.into()), "{stopped}");
    cluster.run(&["send", &counter, "add", "1"]).failed(3, "stopped");
    assert_eq!(cluster.run(&["view", &counter, "get"]).done()["reply"], 2);
    assert_eq!(cluster.run(&["verify", &counter]).done()["slots"], 3);
    cluster.stop();
}

#[test]
fn what_is_refused_for_good_can_be_shown_to_others() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    let sent = cluster.run(&["send", &counter, "add", "1"]).done();
    cluster.run(&["stop", &counter]).done();
    let refused = runtime.block_on(async {
        let client = client(&cluster, data.path()).await;
        let message = client.prepare_message(process(&counter), "add", &integer("by", 1)).unwrap();
        let ticket = client.submit(Entry::Message(message)).await.unwrap();
        let entry = ticket.entry();
        let error = client.finish(ticket, PATIENCE).await.unwrap_err();
        let antiphon_client::ClientError::Refused { proof: Some(_), .. } = error else {
            panic!("refused without proof: {error}");
        };
        entry
    });
    let slot = format!("{counter}:1");
    for (what, kind) in [
        (text(&sent["message"]), "assignment"),
        (slot.as_str(), "assignment"),
        (refused.to_string().as_str(), "refusal"),
    ] {
        let file = data.path().join("shown.proof");
        let file = file.to_string_lossy();
        let written = cluster.run(&["proof", what, "--out", &file]).done();
        assert_eq!(written["kind"], kind, "{written}");
        let checked = cluster.run(&["proof", &file]).done();
        assert_eq!((&checked["kind"], &checked["holds"]), (&kind.into(), &true.into()));
    }
    cluster.stop();
}
