//! What a message causes across processes, found again from what logs and receipts say.

use antiphon_client::{Client, SpawnOptions};
use protocol::{ComputePolicy, Role};
use serde_json::Value as Json;

use crate::{
    basics::{exchanged, pair},
    support::{Cluster, PATIENCE, Ran, directory, integer, text},
};

/// The objects that a command printed, one a line.
fn lines(ran: &Ran) -> Vec<Json> {
    assert_eq!(ran.code, 0, "{ran:?}");
    let printed = std::str::from_utf8(&ran.output.stdout).unwrap();
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Opens an account that both of two compute units execute and must agree on.
async fn account(client: &Client, balance: i128) -> String {
    let units = client.directory().units(Role::Compute);
    let policy = Some(ComputePolicy { units, quorum: 2, version: 0, previous: None });
    let options = SpawnOptions {
        args: integer("balance", balance),
        policy,
        timeout: PATIENCE,
        ..SpawnOptions::new(example_modules::BANK.to_vec())
    };
    client.spawn(options).await.unwrap().process.to_string()
}

#[test]
fn an_ask_and_its_reply_are_one_tree_whose_every_step_is_shown_by_two_units() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let [payer, payee] = runtime.block_on(async {
        let client = cluster.client().await;
        [account(&client, 10).await, account(&client, 0).await]
    });
    let args = format!(r#"{{"to":"{payee}","amount":4}}"#);
    let sent = cluster.run(&["send", &payer, "transfer", &args]).done();
    assert_eq!(sent["reply"], 6, "{sent}");

    let traced = lines(&cluster.run(&["trace", text(&sent["message"])]));
    let steps: Vec<(Option<u64>, &str, &str)> = traced
        .iter()
        .map(|node| (node["parent"].as_u64(), text(&node["kind"]), text(&node["state"])))
        .collect();
    let expected = [
        (None, "message", "executed"),
        (Some(0), "ask", "executed"),
        (Some(1), "reply", "executed"),
        // The reply to the client, which nobody delivers.
        (Some(2), "reply", "kept"),
    ];
    assert_eq!(steps, expected, "{traced:?}");
    assert_eq!(traced[1]["process"], *payee);
    assert_eq!((&traced[1]["reply"], &traced[1]["args"]["amount"]), (&4.into(), &4.into()));
    for node in &traced[..3] {
        assert_eq!(node["proof"]["level"], "executed by 2", "{node}");
        assert_eq!(node["proof"]["quorum"], 2);
        assert!(node["gas"].as_u64().unwrap() > 0);
        assert_eq!(node["times"]["assigned_signed"], true);
        assert_eq!(node["times"]["executed"], Json::Null);
    }
    assert!(traced[0]["times"]["expires"].as_u64() > traced[0]["times"]["assigned"].as_u64());
    assert_eq!(traced[0]["times"]["executed_before"], traced[1]["times"]["assigned"]);

    let reply = text(&traced[2]["message"]).to_owned();
    let from_root = lines(&cluster.run(&["trace", &reply, "--root"]));
    assert_eq!(from_root, traced, "from the last effect back to the first cause");
    let place = format!("{payer}:{}", sent["slot"]);
    assert_eq!(lines(&cluster.run(&["trace", &place])), traced);
    cluster.run(&["trace", "msg1nonsense"]).failed(2, "usage");
    cluster.stop();
}

#[test]
fn a_long_conversation_is_cut_where_the_bounds_say_and_the_rest_is_counted() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let (ping, pong) = pair(&cluster);
    let args = format!(r#"{{"peer":"{pong}","rounds":40}}"#);
    let sent = cluster.run(&["send", &ping, "start", &args]).done();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.client().await;
        assert_eq!(exchanged(&client, &ping, &pong, 40).await, 40);
    });
    let message = text(&sent["message"]);
    let all = lines(&cluster.run(&["trace", message, "--depth", "100"]));
    assert_eq!(all.len(), 41, "{all:?}");
    assert!(all.iter().all(|node| node["state"] == "executed"), "{all:?}");
    let players: Vec<&str> = all.iter().map(|node| text(&node["process"])).collect();
    assert_eq!(players[1..3], [pong.as_str(), ping.as_str()]);

    for bound in [["--depth", "5"], ["--limit", "6"]] {
        let cut = lines(&cluster.run(&["trace", message, bound[0], bound[1]]));
        assert_eq!(cut.len(), 6);
        let folded: Vec<&Json> = cut.iter().map(|node| &node["folded"]).collect();
        assert_eq!(folded[4..], [&Json::from(0), &Json::from(1)], "{bound:?}");
    }

    // What nobody executed is said to be so.
    cluster.units("compute").iter().for_each(Cluster::kill);
    let blind = lines(&cluster.run(&["trace", message]));
    assert_eq!((blind.len(), &blind[0]["state"]), (1, &"unknown".into()), "{blind:?}");
    assert_eq!(blind[0]["proof"]["level"], "assigned");
}
