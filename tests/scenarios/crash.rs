//! Units and whole clusters killed with SIGKILL: nothing acknowledged is lost, nothing is applied
//! twice.

use std::path::Path;

use antiphon_client::Client;
use protocol::{Entry, Message, Signed, Slot, Value};

use crate::{
    basics::{exchanged, pair},
    support::{Cluster, PATIENCE, directory, integer, process, run_in, text},
};

/// Messages sent around the crash.
const MESSAGES: usize = 400;

#[test]
fn a_cluster_killed_half_way_loses_nothing_and_doubles_nothing() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    let (ping, pong) = pair(&cluster);

    // Half of the messages are acknowledged before the crash; the game is under way.
    let (messages, acknowledged) = runtime.block_on(async {
        let client = cluster.client().await;
        let game = Value::Map(vec![
            (Value::Text("peer".into()), Value::Text(pong.clone())),
            (Value::Text("rounds".into()), Value::Integer(1_000)),
        ]);
        client.send(process(&ping), "start", &game, PATIENCE).await.unwrap();
        let messages: Vec<Signed<Message>> = (0..MESSAGES)
            .map(|_| client.prepare_message(process(&counter), "add", &integer("by", 1)).unwrap())
            .collect();
        let mut tickets = Vec::new();
        for message in &messages {
            tickets.push(client.submit(Entry::Message(message.clone())).await.unwrap());
        }
        let mut acknowledged = Vec::new();
        for ticket in tickets.iter_mut().take(MESSAGES / 2) {
            acknowledged.push(ticket.assigned().await.unwrap().assignment);
        }
        (messages, acknowledged)
    });
    cluster.kill_all();

    let cluster = Cluster::up(data.path(), &[]);
    runtime.block_on(async {
        let client = cluster.client().await;
        // Everything is sent again: what was assigned keeps its place, the rest gets one.
        let mut places = Vec::new();
        for message in &messages {
            let mut ticket = client.submit(Entry::Message(message.clone())).await.unwrap();
            places.push(ticket.assigned().await.unwrap().assignment);
            let reply = ticket.executed().await.unwrap().outcome.reply;
            assert!(matches!(reply, protocol::Reply::Value(_)), "{reply:?}");
        }
        assert_eq!(places.get(..acknowledged.len()), Some(acknowledged.as_slice()));
        let mut slots: Vec<Slot> = places.iter().map(|place| place.slot).collect();
        slots.sort_unstable();
        let dense: Vec<Slot> = (1..=MESSAGES as u64).map(Slot::new).collect();
        assert_eq!(slots, dense, "each message has one slot");
        let total = view_integer(&client, &counter, "get").await;
        assert_eq!(total, MESSAGES as i128);
        assert_eq!(exchanged(&client, &ping, &pong, 1_000).await, 1_000);
    });
    // No ball comes late: the log holds exactly the thousand deliveries and the start.
    assert_eq!(cluster.calls(&ping, "ball") + cluster.calls(&pong, "ball"), 1_000);
    cluster.stop();
}

#[test]
fn a_messenger_may_lose_its_database_while_messages_are_under_way() {
    let data = directory();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::up(data.path(), &[]);
    let (ping, pong) = pair(&cluster);
    let args = format!(r#"{{"peer":"{pong}","rounds":600}}"#);
    cluster.run(&["send", &ping, "start", &args]).done();
    cluster.kill_all();
    let removed = remove(data.path(), "messenger.redb");
    assert_eq!(removed, 1, "the messenger's database is where docs/storage.md says");

    let cluster = Cluster::up(data.path(), &[]);
    runtime.block_on(async {
        let client = cluster.client().await;
        assert_eq!(exchanged(&client, &ping, &pong, 600).await, 600);
    });
    cluster.stop();
}

#[test]
fn a_compute_unit_derives_the_same_receipts_again() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    for _ in 0..5 {
        cluster.run(&["send", &counter, "add", "1"]).done();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let leaves = |cluster: &Cluster| {
        runtime.block_on(async {
            let client = cluster.client().await;
            let page = client.outcomes(process(&counter), Slot::ZERO, 10).await.unwrap();
            page.executed.iter().map(|executed| executed.receipt.leaf.digest()).collect::<Vec<_>>()
        })
    };
    let before = leaves(&cluster);
    assert_eq!(before.len(), 6);
    cluster.kill_all();
    // Without its database the unit has nothing but the log.
    assert_eq!(remove(data.path(), "outcomes.redb"), 1);
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let sent = cluster.run(&["send", &counter, "add", "1"]).done();
    assert_eq!(sent["reply"], 6);
    assert_eq!(leaves(&cluster).get(..6), Some(before.as_slice()));
    // The module was compiled before.
    assert_eq!(modules(&cluster), [0, 1, 0]);
    cluster.stop();
}

/// How many modules the compute unit compiled and loaded, and how many files were damaged.
fn modules(cluster: &Cluster) -> [u64; 3] {
    let status = cluster.run(&["status"]).done();
    let units = status["units"].as_array().unwrap();
    let compute = units.iter().find(|unit| unit["kind"] == "compute").unwrap();
    ["modules_compiled", "modules_loaded", "module_files_damaged"]
        .map(|name| compute["counters"][name].as_u64().unwrap())
}

#[test]
fn what_is_sent_while_a_unit_is_down_arrives_when_it_is_back() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    Cluster::kill(&cluster.units("compute")[0]);
    let late = cluster.run(&["send", &counter, "add", "1", "--timeout", "1"]);
    late.failed(1, "no-answer-yet");
    assert!(text(&late.json["error"]["detail"]).contains("msg1"), "{late:?}");
    cluster.kill_all();

    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let sent = cluster.run(&["send", &counter, "add", "1"]).done();
    assert_eq!((&sent["slot"], &sent["reply"]), (&2.into(), &2.into()), "{sent}");
    cluster.stop();
}

#[test]
fn damaged_files_are_derived_again_or_named() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    for _ in 0..20 {
        cluster.run(&["send", &counter, "add", "1"]).done();
    }
    cluster.stop();
    let file =
        |unit: &str, name: &str| data.path().join("units").join(unit).join("data").join(name);
    let noise = |path: &Path| {
        let length = usize::try_from(std::fs::metadata(path).unwrap().len()).unwrap();
        std::fs::write(path, vec![0x5a; length]).unwrap();
    };
    // Whatever is derived: noise in the caches, and an index that is gone.
    noise(&file("compute-1", "outcomes.redb"));
    noise(&file("messenger-1", "messenger.redb"));
    for module in std::fs::read_dir(file("compute-1", "modules")).unwrap() {
        noise(&module.unwrap().path());
    }
    std::fs::remove_file(file("scheduler-1", "shard-0/index.redb")).unwrap();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    assert_eq!(cluster.run(&["send", &counter, "add", "1"]).done()["reply"], 21);
    assert_eq!(cluster.calls(&counter, "add"), 21);
    assert_eq!(modules(&cluster), [1, 0, 1]);
    cluster.stop();
    // What cannot be derived is named, and so is a log that was lost while the index was not.
    for name in ["shard-0/index.redb", "modules.redb", "shard-0/log/00000000000000000000.redb"] {
        let path = file("scheduler-1", name);
        let good = std::fs::read(&path).unwrap();
        noise(&path);
        does_not_start(data.path(), &path.to_string_lossy());
        std::fs::write(&path, good).unwrap();
    }
    let (log, good) = (file("scheduler-1", "shard-0/log"), file("scheduler-1", "shard-0/log.good"));
    std::fs::rename(&log, &good).unwrap();
    does_not_start(data.path(), "log has 0 batches");
    std::fs::remove_dir_all(&log).unwrap();
    std::fs::rename(&good, &log).unwrap();
    let cluster = Cluster::up(data.path(), &["--computes", "1"]);
    assert_eq!(cluster.run(&["send", &counter, "add", "1"]).done()["reply"], 22);
    cluster.stop();
}

/// Checks that a cluster does not start, for a reason that contains these words.
#[track_caller]
fn does_not_start(data: &Path, words: &str) {
    let started = run_in(data, &["up", "--isolated", "--computes", "1"]);
    started.failed(1, "unit-failed");
    let detail = text(&started.json["error"]["detail"]);
    assert!(detail.contains(words), "{detail}");
}

async fn view_integer(client: &Client, id: &str, method: &str) -> i128 {
    let viewed = client.view(process(id), method, &Value::Map(vec![]), None).await.unwrap();
    match viewed.reply {
        Value::Integer(integer) => integer,
        other => panic!("not an integer: {other:?}"),
    }
}

/// Removes every file of this name below a directory and counts them.
fn remove(directory: &Path, name: &str) -> usize {
    let mut removed = 0;
    for found in std::fs::read_dir(directory).unwrap().flatten() {
        if found.path().is_dir() {
            removed += remove(&found.path(), name);
        } else if found.file_name() == name {
            std::fs::remove_file(found.path()).unwrap();
            removed += 1;
        }
    }
    removed
}
