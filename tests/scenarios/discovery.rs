//! A second operator who knows one address and shares no file.

use crate::support::{Cluster, directory, run, text};

#[test]
fn a_second_operator_joins_by_one_address_and_a_client_by_another() {
    let (first, second) = (directory(), directory());
    let cluster = Cluster::up(first.path(), &["--computes", "1"]);
    let network = cluster.network().to_string();
    let address = cluster.address("scheduler");
    let joined = Cluster::up(
        second.path(),
        &["--computes", "1", "--bootstrap", &address, "--network", &network],
    );
    let operator = |cluster: &Cluster| {
        let unit = text(&cluster.units("compute")[0]["unit"]).to_owned();
        let status = cluster.run(&["status"]).done();
        let units = status["units"].as_array().unwrap().clone();
        let found = units.into_iter().find(|found| found["unit"] == unit.as_str()).unwrap();
        text(&found["operator"]).to_owned()
    };
    assert_ne!(operator(&cluster), operator(&joined), "each cluster has an operator of its own");

    // A process on the second operator's units, called by a client that knows one address of the
    // first operator and has a key of its own.
    let counter = joined.spawn(example_modules::COUNTER, r#"{"start":1}"#);
    let client = directory();
    let keys = client.path().to_string_lossy().into_owned();
    let remote = ["--bootstrap", &address, "--network", &network, "--data", &keys, "--json"];
    run(&["key", "new", "default", "--data", &keys, "--json"]).done();
    let sent = run(&[&["send", &counter, "add", "4"], remote.as_slice()].concat()).done();
    assert_eq!(sent["reply"], 5, "{sent}");

    // And one that the remote client spawns itself.
    let module = client.path().join("counter.wasm");
    std::fs::write(&module, example_modules::COUNTER).unwrap();
    let module = module.to_string_lossy().into_owned();
    let spawn = ["spawn", &module, "--args", r#"{"start":7}"#];
    let spawned = run(&[&spawn, remote.as_slice()].concat()).done();
    let viewed = run(&[&["view", text(&spawned["process"]), "get"], remote.as_slice()].concat());
    assert_eq!(viewed.done()["reply"], 7);

    // Actors of the two operators talk to each other.
    let (ping, pong) = (
        cluster.spawn(example_modules::PINGPONG, "{}"),
        joined.spawn(example_modules::PINGPONG, "{}"),
    );
    let args = format!(r#"{{"peer":"{pong}","rounds":20}}"#);
    cluster.run(&["send", &ping, "start", &args]).done();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let played = runtime.block_on(async {
        let client = cluster.client().await;
        crate::basics::exchanged(&client, &ping, &pong, 20).await
    });
    assert_eq!(played, 20);
    joined.stop();
    cluster.stop();
}
