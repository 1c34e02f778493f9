//! A unit of several shards is to its peers what a unit of one is.

use std::num::NonZeroU16;

use super::*;
use crate::shard::shard_of;

const SHARDS: NonZeroU16 = NonZeroU16::new(3).unwrap();

/// Processes that are spread over all shards.
const PROCESSES: u64 = 12;

fn sharded(config: Config) -> Config {
    Config { shards: Some(SHARDS), ..config }
}

/// Spawns all processes, one after the other.
async fn spawn_all(client: &Client, now: Timestamp) -> Vec<ProcessId> {
    client.put_module().await;
    // As many to each shard.
    let mut shards = (0..SHARDS.get()).cycle().peekable();
    let is_next =
        |nonce: &u64| shards.next_if_eq(&shard_of(&process(*nonce, now), SHARDS)).is_some();
    let count = usize::try_from(PROCESSES).unwrap();
    let nonces: Vec<u64> = (0..).filter(is_next).take(count).collect();
    for nonce in &nonces {
        let told = client.submit(vec![submission(*nonce, spawn(*nonce, now))]).await;
        assert_eq!(told.assigned.len(), 1);
    }
    nonces.into_iter().map(|nonce| process(nonce, now)).collect()
}

/// Messages to all processes in turn, with tags from 0.
fn rounds(processes: &[ProcessId], rounds: u64, now: Timestamp) -> Vec<Submission> {
    let count = PROCESSES * rounds;
    let targets = processes.iter().cycle().zip(0..count);
    targets.map(|(target, nonce)| submission(nonce, message(*target, nonce, now))).collect()
}

#[tokio::test]
async fn one_stream_keeps_its_order_within_each_log() {
    let data = tempfile::tempdir().unwrap();
    let disk = tempfile::tempdir().unwrap();
    let disks = vec![disk.path().to_owned()];
    let (server, now) =
        (Server::start_with(data.path(), |config| Config { disks, ..sharded(config) }), now());
    let client = server.connect(&client()).await;
    let processes = spawn_all(&client, now).await;
    let sent = client.submit(rounds(&processes, 100, now)).await;
    assert_eq!(sent.assigned.len(), 1_200);
    for (tag, proof) in &sent.assigned {
        assert_eq!(proof.assignment.slot.get(), 1 + tag / PROCESSES);
    }
    let entry: EntryId = sent.assigned[&700].assignment.entry;
    let found: LogRecord = client.ask(&Request::Find(entry)).await.unwrap();
    assert_eq!(found.assignment, sent.assigned[&700].assignment);
    let again = client.submit(rounds(&processes, 100, now)).await;
    assert_eq!(again.assigned, sent.assigned, "duplicates get the original assignments");
    assert!(disk.path().join("shard-1").is_dir());
    server.stop().await;
}

#[tokio::test]
async fn one_tail_carries_the_logs_of_all_shards() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start_with(data.path(), sharded), now());
    let client = server.connect(&client()).await;
    let processes = spawn_all(&client, now).await;
    client.submit(rounds(&processes, 20, now)).await;
    let unit = server.connect(&compute()).await;
    let cursor = |process: &ProcessId| Cursor { process: *process, slot: Slot::new(11) };
    let cursors = processes[..6].iter().map(cursor).collect();
    let opening = codec::encode(&Opening::Tail { cursors, present: None });
    let (_sender, mut receiver) = unit.connection.open_stream(&opening).await.unwrap();
    let from: BTreeMap<_, _> = processes[..6].iter().map(|process| (*process, 11)).collect();
    let more = async {
        let all = rounds(&processes, 40, now);
        client.submit(all[240..].to_vec()).await;
    };
    let follow = async {
        let mut seen = Seen::default();
        while seen.count() < 6 * 30 + 6 * 41 {
            seen.add(&receiver.recv().await.unwrap().unwrap(), &from);
        }
    };
    tokio::join!(follow, more);
    server.stop().await;
}

/// The processes as the unit lists them, page by page.
async fn list(client: &Client) -> Vec<ProcessId> {
    let mut listed = Vec::new();
    for offset in (0..PROCESSES).step_by(5) {
        let page: ProcessPage = client.ask(&Request::Processes { offset, limit: 5 }).await.unwrap();
        assert_eq!(page.total, PROCESSES);
        listed.extend(page.processes.into_iter().map(|entry| entry.process));
    }
    listed
}

#[tokio::test]
async fn the_order_of_birth_is_the_units_and_survives_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start_with(data.path(), sharded), now());
    let client = server.connect(&client()).await;
    let processes = spawn_all(&client, now).await;
    assert_eq!(list(&client).await, processes);
    server.stop().await;

    let server = Server::start(data.path());
    let client = server.connect(&crate::fixture::client()).await;
    let mut times = Vec::new();
    for process in list(&client).await {
        let request = Request::Log { process, from: Slot::ZERO, limit: 1 };
        let page: LogPage = client.ask(&request).await.unwrap();
        times.push(page.records[0].assignment.time);
    }
    assert!(times.is_sorted(), "{times:?}");
    server.stop().await;
}

#[tokio::test]
async fn who_was_introduced_to_one_shard_is_known_to_all() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start_with(data.path(), sharded), now());
    let client = server.connect(&client()).await;
    let processes = spawn_all(&client, now).await;
    let one = processes[0];
    let elsewhere = |process: &&ProcessId| shard_of(process, SHARDS) != shard_of(&one, SHARDS);
    let two = *processes.iter().find(elsewhere).unwrap();
    let teller = Teller::of_two(one, two);
    assert_eq!(client.submit(vec![teller.delivery(0, 0)]).await.assigned.len(), 1);
    server.stop().await;

    let server = Server::start(data.path());
    let client = server.connect(&crate::fixture::client()).await;
    let told = client.submit(vec![teller.delivery_without_introduction(0, 1)]).await;
    assert_eq!(told.assigned[&0].assignment.process, two, "{:?}", told.refused);
    server.stop().await;
}

#[tokio::test]
async fn another_number_of_shards_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with(data.path(), sharded);
    let config = Config::new(key(7), NETWORK, data.path().to_owned(), key(9).public().operator());
    let config = Config { shards: NonZeroU16::new(2), ..config };
    let second = crate::start(config, server.endpoint.clone(), Directory::new(NETWORK));
    let Err(error) = second else { panic!("processes would be looked for elsewhere") };
    assert!(matches!(error, crate::Error::Layout(_)), "{error}");
    server.stop().await;
}
