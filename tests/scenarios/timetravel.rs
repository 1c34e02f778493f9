//! What a process was, what changed it, and what it would have been with another module.

use example_modules::{COUNTER, COUNTER2, PINGPONG};
use serde_json::{Value as Json, json};

use crate::support::{Cluster, Ran, directory, text};

/// The objects that a command printed, one a line.
fn lines(ran: &Ran) -> Vec<Json> {
    assert_eq!(ran.code, 0, "{ran:?}");
    let printed = std::str::from_utf8(&ran.output.stdout).unwrap();
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Replays a process with another module; the slots that differ, and the summary.
fn replay(cluster: &Cluster, process: &str, module: &[u8], options: &[&str]) -> (Vec<Json>, Json) {
    let directory = directory();
    let file = directory.path().join("other.wasm");
    std::fs::write(&file, module).unwrap();
    let command = ["replay", process, "--with", &file.to_string_lossy()];
    let mut lines = lines(&cluster.run(&[&command, options].concat()));
    let summary = lines.pop().unwrap()["summary"].clone();
    (lines, summary)
}

/// A counter that began with 5 and was given 1 to 4 in the slots 1 to 4.
fn counter(cluster: &Cluster) -> String {
    let counter = cluster.spawn(COUNTER, r#"{"start":5}"#);
    for by in ["1", "2", "3", "4"] {
        cluster.run(&["send", &counter, "add", by]).done();
    }
    counter
}

#[test]
fn a_difference_between_two_slots_names_what_changed_and_what_changed_it() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--checkpoint-slots", "2"]);
    let counter = counter(&cluster);
    let diff = cluster.run(&["diff", &counter, "1", "3"]).done();
    assert_eq!(diff["decoded"], "saved", "{diff}");
    let changes = diff["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{diff}");
    assert_eq!((&changes[0]["before"], &changes[0]["after"]), (&6.into(), &11.into()), "{diff}");
    let entries = diff["entries"].as_array().unwrap();
    let slots: Vec<&Json> = entries.iter().map(|entry| &entry["slot"]).collect();
    assert_eq!(slots, [&json!(2), &json!(3)]);
    assert_eq!(entries[1]["outcome"]["reply"], 11);
    assert!(diff["memory"]["changed_bytes"].as_u64().unwrap() > 0);

    // The same states as found without any unit's checkpoint.
    let replayed = cluster.run(&["diff", &counter, "1", "3", "--no-checkpoint"]).done();
    assert_eq!(replayed, diff);
    for (end, slot) in [("from", "1"), ("to", "3")] {
        let state = cluster.run(&["state", &counter, "--at", slot]).done();
        assert_eq!(diff[end]["state_root"], state["state_root"], "{end}");
    }
    cluster.run(&["diff", &counter, "3", "3"]).failed(2, "usage");
    cluster.run(&["diff", &counter, "3", "9"]).failed(2, "usage");
    cluster.stop();
}

#[test]
fn a_log_is_replayed_with_another_module_from_the_spawn_or_from_any_slot_on() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--checkpoint-slots", "2"]);
    let counter = counter(&cluster);
    let (differing, summary) = replay(&cluster, &counter, COUNTER, &[]);
    assert!(differing.is_empty(), "{differing:?}");
    assert_eq!((&summary["slots"], &summary["differing"]), (&5.into(), &0.into()));
    assert_eq!((&summary["decoded"], &summary["changes"]), (&"saved".into(), &json!([])));

    // Another type knows neither the arguments nor the methods.
    let (differing, summary) = replay(&cluster, &counter, PINGPONG, &["--ignore-gas"]);
    assert_eq!(summary["first"], differing[0]["slot"], "{summary}");
    let errors = summary["errors"].as_array().unwrap();
    assert!(errors[0] == 0 && errors[1].as_u64().unwrap() >= 4, "{summary}");
    let last = differing.last().unwrap();
    assert_eq!(last["was"]["outcome"]["reply"], 15, "{last}");
    assert!(last["would"]["outcome"]["error"]["code"].is_string(), "{last}");
    assert_ne!(last["was"]["state_root"], last["would"]["state_root"]);

    // The second version takes the state of the first: with its migration, in the slots as they are.
    let (differing, summary) = replay(&cluster, &counter, COUNTER2, &["--from", "3"]);
    assert!(summary["upgrade"]["gas"].as_u64().unwrap() > 0, "{summary}");
    assert_eq!(summary["upgrade"].get("error"), None, "{summary}");
    assert_eq!((&summary["slots"], &summary["first"]), (&2.into(), &3.into()), "{summary}");
    assert!(differing.iter().all(|one| one["differs"] == json!(["gas"])), "{differing:?}");
    let (differing, summary) =
        replay(&cluster, &counter, COUNTER2, &["--from", "3", "--to", "3", "--ignore-gas"]);
    assert_eq!((differing.len(), &summary["slots"]), (0, &1.into()));
    assert!(!summary["changes"].as_array().unwrap().is_empty(), "a new field: {summary}");

    // What supposes so changes nothing, and what the upgrade really does is what was supposed.
    assert_eq!(cluster.run(&["verify", &counter]).done()["ok"], true);
    let (_, refused) = replay(&cluster, &counter, PINGPONG, &["--from", "2"]);
    assert!(refused["upgrade"]["error"]["code"].is_string(), "{refused}");
    assert_eq!(refused["slots"], 0);
    let nonsense = data.path().join("nonsense.wasm");
    std::fs::write(&nonsense, b"\0asm").unwrap();
    cluster.run(&["replay", &counter, "--with", text(&json!(nonsense))]).failed(2, "usage");
    cluster.stop();
}
