//! Following a process: every slot once and in order, also when the messenger is killed meanwhile;
//! and a message that is shown to a process which its signer never wrote to.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
};

use protocol::{Entry, EntryId, Message, Signed, Slot};
use serde_json::Value as Json;

use crate::support::{ANTIPHON, Cluster, PATIENCE, directory, process, text};

/// Messages sent before and after a crash.
const MESSAGES: u64 = 20;

fn send(cluster: &Cluster, counter: &str) {
    for _ in 0..MESSAGES {
        cluster.run(&["send", counter, "add", "1"]).done();
    }
}

/// A log that is followed up to a slot.
fn follow(
    data: &std::path::Path,
    counter: &str,
    to: u64,
) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut log = Command::new(ANTIPHON)
        .args(["log", counter, "-f", "--json", "--to", &to.to_string(), "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(log.stdout.take().unwrap()).lines();
    (log, lines)
}

fn read(lines: &mut impl Iterator<Item = std::io::Result<String>>, count: u64) -> Vec<Json> {
    let line = |line: std::io::Result<String>| serde_json::from_str(&line.unwrap()).unwrap();
    lines.take(usize::try_from(count).unwrap()).map(line).collect()
}

fn all(from: u64, last: u64) -> Vec<u64> {
    (from..=last).collect()
}

fn slots(lines: &[Json]) -> Vec<u64> {
    lines.iter().map(|line| line["slot"].as_u64().unwrap()).collect()
}

#[test]
fn a_followed_log_has_no_gap_and_nothing_twice_when_the_messenger_is_killed() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    let (mut log, mut lines) = follow(data.path(), &counter, 2 * MESSAGES);
    send(&cluster, &counter);
    let before = read(&mut lines, 1 + MESSAGES);
    assert_eq!(slots(&before), all(0, MESSAGES));
    let replies: Vec<_> = before.iter().map(|line| line["outcome"]["reply"].as_u64()).collect();
    assert_eq!(replies.last(), Some(&Some(MESSAGES)));
    Cluster::kill(&cluster.units("messenger")[0]);
    let _again = cluster.start_again("messenger", 1);
    send(&cluster, &counter);
    let after = read(&mut lines, MESSAGES);
    assert_eq!(slots(&after), all(MESSAGES + 1, 2 * MESSAGES));
    assert!(after.iter().all(|line| line["method"] == "add"), "{after:?}");
    assert!(lines.next().is_none(), "it ends behind the last slot wanted");
    assert!(log.wait().unwrap().success());
}

/// The ids of so many events of a process.
fn events(cluster: &Cluster, counter: &str, last: Option<u64>, count: usize) -> Vec<u64> {
    let address = text(&cluster.ready["gateway"]).strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let last = last.map(|last| format!("Last-Event-ID: {last}\r\n")).unwrap_or_default();
    let path = format!("/api/v1/process/{counter}/events");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n{last}\r\n").unwrap();
    let lines = BufReader::new(stream).lines().map(|line| line.unwrap());
    let ids = lines.filter_map(|line| line.strip_prefix("id: ")?.parse().ok());
    ids.take(count).collect()
}

#[test]
fn events_of_a_process_are_resumed_behind_the_last_one_seen() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    send(&cluster, &counter);
    assert_eq!(events(&cluster, &counter, None, 8), all(0, 7));
    assert_eq!(events(&cluster, &counter, Some(7), 13), all(8, MESSAGES));
    cluster.stop();
}

#[test]
fn a_message_is_shown_to_another_process_in_the_name_of_who_shows_it() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let one = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    let other = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    let sent = cluster.run(&["send", &one, "add", "1"]).done();
    let message: EntryId = text(&sent["message"]).parse().unwrap();
    let bob = cluster.run(&["key", "new", "bob"]).done();
    // A counter takes none, so what comes of it does not matter here.
    cluster.run(&["assign", &message.to_string(), &other, "--key", "bob"]);
    let logged = cluster.run(&["log", &other, "--from", "1"]).done();
    assert_eq!((&logged["method"], &logged["from"]), (&"assigned".into(), &bob["account"]));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = cluster.client().await;
        let page = client.log(process(&other), Slot::new(1)).page(1).await.unwrap();
        let Entry::Message(shown) = &page.records[0].entry else { panic!("not a message") };
        let evidence = shown.unverified().evidence.as_ref().unwrap();
        let evidence: Signed<Message> = protocol::codec::decode(evidence).unwrap();
        assert_eq!(Entry::Message(evidence).id(), message);
    });
    let unknown = EntryId::from_bytes([9; 32]).to_string();
    cluster.run(&["assign", &unknown, &other]).failed(3, "not-found");
    cluster.stop();
}
