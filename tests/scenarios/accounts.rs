//! A scheduler that serves the accounts on its list and nobody else.

use crate::support::{Cluster, directory, run_in, text};

#[test]
fn a_scheduler_with_a_list_refuses_other_accounts() {
    let data = directory();
    let alice = run_in(data.path(), &["key", "new", "alice"]).done();
    let cluster = Cluster::up(data.path(), &["--allow", text(&alice["account"])]);
    let file = data.path().join("counter.wasm");
    std::fs::write(&file, example_modules::COUNTER).unwrap();
    let spawn = ["spawn", &file.to_string_lossy(), "--name", "counter", "--args", "5"];

    // The account `default`, which `up` made, is not on the list.
    cluster.run(&spawn).failed(3, "not-listed");
    let spawned = cluster.run(&[&spawn[..], &["--key", "alice"]].concat()).done();
    assert_eq!(spawned["slot"], 0, "{spawned}");

    cluster.run(&["send", "counter", "add", "1"]).failed(3, "not-listed");
    let sent = cluster.run(&["send", "counter", "add", "1", "--key", "alice"]).done();
    assert_eq!((&sent["slot"], &sent["reply"]), (&1.into(), &6.into()), "nothing else came in");
    let viewed = cluster.run(&["view", "counter", "get"]).done();
    assert_eq!(viewed["reply"], 6, "everyone may look");
    cluster.stop();
}
