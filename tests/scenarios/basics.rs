//! What a newcomer does first.

use crate::support::{Cluster, directory, process, text};

#[test]
fn spawn_send_view_and_log_work_end_to_end() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":5}"#);

    let sent = cluster.run(&["send", &counter, "add", r#"{"by":3}"#]).done();
    assert_eq!((&sent["slot"], &sent["reply"]), (&1.into(), &8.into()), "{sent}");
    assert!(sent["gas"].as_u64().unwrap() > 0);
    let lone = cluster.run(&["send", &counter, "add", "2"]).done();
    assert_eq!(lone["reply"], 10, "a lone value stands for the lone parameter");
    let viewed = cluster.run(&["view", &counter, "get"]).done();
    assert_eq!((&viewed["reply"], &viewed["slot"]), (&10.into(), &2.into()), "{viewed}");

    let log = cluster.run(&["log", &counter]);
    let lines = String::from_utf8(log.output.stdout).unwrap();
    let slots: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(slots.len(), 3, "{lines}");
    assert_eq!(slots[1]["message"], sent["message"]);
    assert_eq!((&slots[1]["method"], &slots[1]["args"]["by"]), (&"add".into(), &3.into()));
    assert_eq!(slots[1]["outcome"]["reply"], 8);
    let listed = cluster.run(&["ps"]).done();
    assert!(listed.to_string().contains(&counter), "{listed}");
    cluster.stop();
}

#[test]
fn two_actors_exchange_a_thousand_messages() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let (ping, pong) = pair(&cluster);
    let args = format!(r#"{{"peer":"{pong}","rounds":1000}}"#);
    cluster.run(&["send", &ping, "start", &args]).done();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.client().await;
        let total = exchanged(&client, &ping, &pong, 1_000).await;
        assert_eq!(total, 1_000);
    });
}

/// Spawns two actors that can play.
pub(crate) fn pair(cluster: &Cluster) -> (String, String) {
    let spawn = || cluster.spawn(example_modules::PINGPONG, "{}");
    (spawn(), spawn())
}

/// Waits until both players together have handled a number of balls, and returns how many they have.
pub(crate) async fn exchanged(
    client: &antiphon_client::Client,
    ping: &str,
    pong: &str,
    expected: i128,
) -> i128 {
    let deadline = tokio::time::Instant::now() + crate::support::PATIENCE;
    loop {
        let mut total = 0;
        for player in [ping, pong] {
            let empty = protocol::Value::Map(vec![]);
            let viewed = client.view(process(player), "count", &empty, None).await;
            if let Ok(protocol::Value::Integer(count)) = viewed.map(|viewed| viewed.reply) {
                total += count;
            }
        }
        if total >= expected || tokio::time::Instant::now() > deadline {
            return total;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[test]
fn a_stopped_cluster_goes_on_where_it_was() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":1}"#);
    cluster.run(&["send", &counter, "add", "1"]).done();
    let before: Vec<String> =
        cluster.units("scheduler").iter().map(|unit| text(&unit["address"]).to_owned()).collect();
    cluster.stop();

    let cluster = Cluster::up(data.path(), &[]);
    let after: Vec<String> =
        cluster.units("scheduler").iter().map(|unit| text(&unit["address"]).to_owned()).collect();
    assert_eq!(before, after, "unit ports are kept across restarts");
    let sent = cluster.run(&["send", &counter, "add", "1"]).done();
    assert_eq!((&sent["slot"], &sent["reply"]), (&2.into(), &3.into()));
    cluster.stop();
}
