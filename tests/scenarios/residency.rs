//! Few processes in memory, many at work: they leave and come back, also over kill -9.

use protocol::{Entry, ProcessId};
use serde_json::Value as Json;

use crate::{
    basics::{exchanged, pair},
    support::{Cluster, Lone, PATIENCE, directory, integer, process, text},
};

const COUNTERS: usize = 12;
/// Messages to each counter in a round.
const EACH: u64 = 40;
/// Balls of the game that goes on meanwhile.
const BALLS: usize = 600;

/// Sends so many messages to every counter, all at once, and waits for the last replies.
async fn round(cluster: &Cluster, counters: &[ProcessId], kill: Option<&Json>) -> Option<Lone> {
    let client = cluster.client().await;
    let mut tickets = Vec::new();
    for _ in 0..EACH {
        for counter in counters {
            let message = client.prepare_message(*counter, "add", &integer("by", 1)).unwrap();
            tickets.push(client.submit(Entry::Message(message)).await.unwrap());
        }
    }
    let half = tickets.len() / 2;
    let mut again = None;
    for (number, mut ticket) in tickets.into_iter().enumerate() {
        if number == half
            && let Some(unit) = kill
        {
            Cluster::kill(unit);
            again = Some(cluster.start_again("compute", 1));
        }
        let replied = tokio::time::timeout(PATIENCE, async {
            ticket.assigned().await.unwrap();
            ticket.executed().await.unwrap()
        });
        replied.await.expect("a reply in time");
    }
    again
}

#[test]
fn processes_leave_memory_and_come_back_whatever_is_killed() {
    let data = directory();
    let options = ["--computes", "1", "--checkpoint-slots", "20", "--resident", "4"];
    let cluster = Cluster::up(data.path(), &options);
    let names: Vec<String> =
        (0..COUNTERS).map(|_| cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#)).collect();
    let counters: Vec<ProcessId> = names.iter().map(|name| process(name)).collect();
    let (ping, pong) = pair(&cluster);
    let args = format!(r#"{{"peer":"{pong}","rounds":{BALLS}}}"#);
    cluster.run(&["send", &ping, "start", &args]).done();
    let compute = cluster.units("compute")[0].clone();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let counter = |name: &str| counters_of(&cluster)[name].as_u64().unwrap();
    let again = runtime.block_on(async {
        round(&cluster, &counters, None).await;
        assert!(counter("checkpoints_written") > 0 && counter("processes_evicted") > 0);
        let again = round(&cluster, &counters, Some(&compute)).await;
        round(&cluster, &counters, None).await;
        let client = cluster.client().await;
        assert_eq!(exchanged(&client, &ping, &pong, BALLS as i128).await, BALLS as i128);
        again
    });
    for name in names.iter().chain([&ping, &pong]) {
        let verified = cluster.run(&["verify", name]).done();
        assert_eq!(verified["ok"], true, "{verified}");
    }
    for name in &names {
        assert_eq!(cluster.run(&["view", name, "get"]).done()["reply"], 3 * EACH);
    }
    let state = cluster.run(&["state", &names[0]]).done();
    let replayed = cluster.run(&["state", &names[0], "--no-checkpoint"]).done();
    assert_eq!(state["state_root"], replayed["state_root"]);
    // The unit that was started again went on from checkpoints.
    assert!(counter("processes_restored") > 0);
    assert_eq!((counter("checkpoints_damaged"), counter("processes_halted")), (0, 0));
    if let Some(again) = again {
        again.stop();
    }
    cluster.stop();
}

/// The counters of the compute unit.
fn counters_of(cluster: &Cluster) -> Json {
    let status = cluster.run(&["status"]).done();
    let units = status["units"].as_array().unwrap();
    let compute = units.iter().find(|unit| text(&unit["kind"]) == "compute").unwrap();
    compute["counters"].clone()
}
