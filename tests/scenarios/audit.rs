//! Results that anyone can check: whole processes replayed, states found at any slot, proofs of
//! parts of them.

use std::path::Path;

use antiphon_client::Client;
use protocol::{Hash, ProcessId, Slot, Value};
use serde_json::Value as Json;

use crate::{
    basics::{exchanged, pair},
    support::{Cluster, PATIENCE, directory, integer, process, text},
};

/// Messages to the counter: enough for a receipt with a state root.
const MESSAGES: u64 = 300;

/// Balls thrown in the game.
const ROUNDS: usize = 400;

/// Slots of the counter at which states are compared.
const SLOTS: [u64; 6] = [0, 1, 63, 255, 256, MESSAGES];

#[test]
fn whoever_replays_a_process_comes_to_what_its_units_came_to() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--checkpoint-slots", "40"]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":5}"#);
    let (ping, pong) = pair(&cluster);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rooted = runtime.block_on(async {
        let client = cluster.client().await;
        play(&client, &ping, &pong).await;
        count(&client, process(&counter), MESSAGES).await;
        let page = client.outcomes(process(&counter), Slot::new(255), 1).await.unwrap();
        page.executed[0].receipt.leaf.state_root.expect("every 256th receipt has a root")
    });

    for one in [&counter, &ping, &pong] {
        let verified = cluster.run(&["verify", one]).done();
        assert_eq!(verified["ok"], true, "{verified}");
        assert_eq!(verified["first_difference"], Json::Null);
        assert_eq!(verified["executed"], verified["slots"], "{verified}");
        let state = cluster.run(&["state", one]).done();
        assert_eq!(state["state_root"], verified["state_root"], "{state}");
    }
    let verified = cluster.run(&["verify", &counter]).done();
    assert_eq!(verified["slots"], MESSAGES + 1);

    let states = SLOTS.map(|slot| state_at(&cluster, &counter, slot, &[]));
    let replayed = SLOTS.map(|slot| state_at(&cluster, &counter, slot, &["--no-checkpoint"]));
    for (state, replayed) in states.iter().zip(&replayed) {
        assert_eq!(known(state), known(replayed));
        assert_eq!(replayed["level"], "replayed here");
    }
    assert_eq!(states[5]["level"], "executed by one", "a checkpoint spares work: {}", states[5]);
    assert_eq!(text(&states[3]["state_root"]), rooted.to_string(), "as the unit's receipt says");

    check_proofs(&cluster, data.path(), (&ping, &pong));
    let missing = cluster.run(&["state", &counter, "--at", "301"]);
    missing.failed(2, "usage");

    check_fallback(&cluster, &counter);
    cluster.stop();
    for number in [1, 2] {
        let state = format!("units/compute-{number}/data/state.redb");
        std::fs::remove_file(data.path().join(state)).unwrap();
    }
    let cluster = Cluster::up(data.path(), &[]);
    let again = SLOTS.map(|slot| state_at(&cluster, &counter, slot, &[]));
    for (state, before) in again.iter().zip(&states) {
        assert_eq!(known(state), known(before), "without the units' checkpoints");
    }
    cluster.stop();
}

/// Plays a game to its end.
async fn play(client: &Client, ping: &str, pong: &str) {
    let args = Value::Map(vec![
        (Value::Text("peer".into()), Value::Text(pong.to_owned())),
        (Value::Text("rounds".into()), Value::Integer(ROUNDS as i128)),
    ]);
    client.send(process(ping), "start", &args, PATIENCE).await.unwrap();
    assert_eq!(exchanged(client, ping, pong, ROUNDS as i128).await, ROUNDS as i128);
}

/// Counts on, one message after the other.
pub(crate) async fn count(client: &Client, counter: ProcessId, messages: u64) {
    for _ in 0..messages {
        client.send(counter, "add", &integer("by", 1), PATIENCE).await.unwrap();
    }
}

fn state_at(cluster: &Cluster, process: &str, slot: u64, options: &[&str]) -> Json {
    let slot = slot.to_string();
    cluster.run(&[&["state", process, "--at", &slot], options].concat()).done()
}

/// What of a state does not depend on how it was found.
fn known(state: &Json) -> Json {
    let mut known = state.clone();
    let fields = known.as_object_mut().expect("a state is an object");
    fields.retain(|name, _| name != "level" && name != "checkpoint");
    known
}

/// Dumps a memory, proves a page of it and a pair, and checks both.
fn check_proofs(cluster: &Cluster, data: &Path, (ping, pong): (&str, &str)) {
    let file = |name: &str| data.join(name).to_string_lossy().into_owned();
    let (dump, page, pair) = (file("memory"), file("page.proof"), file("pair.proof"));
    let state = cluster.run(&["state", ping, "--dump", &dump, "--page", "16", "--prove", &page]);
    let state = state.done();
    let memory = std::fs::read(&dump).unwrap();
    assert_eq!(blake3::hash(&memory).to_string(), text(&state["memory_root"]));
    assert_eq!(state["memory_bytes"], memory.len());

    let proven = cluster.run(&["proof", &page]).done();
    assert_eq!((&proven["kind"], &proven["holds"]), (&"page".into(), &true.into()), "{proven}");
    assert_eq!(proven["state_root"], state["state_root"]);
    let bytes = &memory[16 * 4_096..17 * 4_096];
    assert_eq!(text(&proven["page_hash"]), Hash::of_blob(bytes).to_string());

    cluster.run(&["state", ping, "--pair", pong, "--prove", &pair]).done();
    let proven = cluster.run(&["proof", &pair]).done();
    assert_eq!((&proven["kind"], &proven["holds"]), (&"key".into(), &true.into()), "{proven}");
    // Half of the balls, in little-endian bytes, and the slot of the last.
    let thrown = format!("{:016x}", (ROUNDS as u64 / 2).swap_bytes());
    assert_eq!(&text(&proven["value"])[..16], thrown, "{proven}");

    // Behind the state, in what leads to it: else it would be a proof about another state.
    for (proof, from_end) in [(&page, 100), (&pair, 10)] {
        let mut bytes = std::fs::read(proof).unwrap();
        let altered = bytes.len() - from_end;
        bytes[altered] ^= 1;
        std::fs::write(proof, bytes).unwrap();
        let refuted = cluster.run(&["proof", proof]);
        assert_eq!((refuted.code, &refuted.json["holds"]), (5, &false.into()), "{refuted:?}");
    }
}

/// The outcome of a slot, with and without a unit that has it.
fn check_fallback(cluster: &Cluster, counter: &str) {
    let line = cluster.run(&["log", counter, "--at", "200"]).done();
    assert_eq!((&line["slot"], &line["outcome"]["reply"]), (&200.into(), &205.into()), "{line}");
    assert!(line.get("level").is_none(), "{line}");
    cluster.units("compute").iter().for_each(Cluster::kill);
    let again = cluster.run(&["log", counter, "--at", "200"]).done();
    assert_eq!(again["level"], "replayed here", "{again}");
    assert_eq!(again["outcome"], line["outcome"]);
}
