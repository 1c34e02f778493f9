//! The unit over real QUIC on the loopback interface.

mod absences;
mod fake;
mod handovers;
mod links;
mod log_streams;
mod retirement;
mod shards;
mod stale_stores;
mod statements;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use protocol::{
    AssignmentProof, Entry, EntryId, ModuleId, Provenance, Timestamp, UnitRecord,
    api::{Cursor, LogPage, Submission, SubmitEvent, SubmitFrame, TailFrame},
};
use transport::{Connection, Directory, Endpoint, Limits as Bounds, RecordSigner};

use super::*;
use crate::{
    Config, Running,
    fixture::{
        NETWORK, Teller, WASM, client, compute, key, message, message_body, process, scheduler,
        spawn, submission,
    },
};

/// A scheduler on a free port.
struct Server {
    running: Running,
    endpoint: Endpoint,
}

impl Server {
    fn start(data: &Path) -> Self {
        Self::start_with(data, |config| config)
    }

    fn start_with(data: &Path, change: impl FnOnce(Config) -> Config) -> Self {
        Self::start_as(&scheduler(), data, &Directory::new(NETWORK), change)
    }

    fn start_as(
        key: &protocol::SecretKey,
        data: &Path,
        directory: &Directory,
        change: impl FnOnce(Config) -> Config,
    ) -> Self {
        let address = "127.0.0.1:0".parse().unwrap();
        let endpoint = Endpoint::bind(key, NETWORK, address, Bounds::default()).unwrap();
        announce(directory, key, Role::Scheduler, &endpoint);
        let operator = crate::fixture::key(9).public().operator();
        let config = Config::new(key.clone(), NETWORK, data.to_owned(), operator);
        let running = crate::start(change(config), endpoint.clone(), directory.clone()).unwrap();
        Self { running, endpoint }
    }

    async fn stop(self) {
        self.running.shutdown().await;
        self.endpoint.close().await;
    }

    /// Connects as the holder of a key.
    async fn connect(&self, key: &protocol::SecretKey) -> Client {
        let endpoint = Endpoint::client(key, NETWORK, Bounds::default()).unwrap();
        let address = self.endpoint.local_address();
        let connection = endpoint.connect(self.endpoint.unit(), address).await.unwrap();
        Client { connection, _endpoint: endpoint }
    }
}

/// Lets a directory know where a unit is.
fn announce(directory: &Directory, key: &protocol::SecretKey, role: Role, at: &Endpoint) {
    let operator = crate::fixture::key(9);
    let vouch = UnitRecord::vouch(&operator, NETWORK, &key.public().unit(), role);
    let vouched = (operator.public().operator(), vouch);
    let signer = RecordSigner::new(key.clone(), NETWORK, role, vouched, &[at.local_address()]);
    directory.insert(signer.sign(now()), now()).unwrap();
}

struct Client {
    connection: Connection,
    _endpoint: Endpoint,
}

impl Client {
    async fn ask<T>(&self, request: &Request) -> Result<T, Refusal>
    where
        T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>,
    {
        let answer = self.connection.request(codec::encode(request)).await.unwrap();
        match codec::decode(&answer).unwrap() {
            Response::Done(body) => Ok(codec::decode(&body).unwrap()),
            Response::Refused(refusal) => Err(refusal),
        }
    }

    async fn put_module(&self) {
        let stored: Stored = self.ask(&Request::PutModule(WASM.to_vec())).await.unwrap();
        assert_eq!(stored.module, ModuleId::of(WASM));
    }

    /// Submits and waits for what becomes of each, by tag.
    async fn submit(&self, submissions: Vec<Submission>) -> Outcomes {
        self.send(SubmitFrame { submissions, basis: None }).await
    }

    /// Submits a frame and waits for what becomes of each entry, by tag.
    async fn send(&self, frame: SubmitFrame) -> Outcomes {
        let count = frame.submissions.len();
        let opening = codec::encode(&Opening::Submit);
        let (mut sender, mut receiver) = self.connection.open_stream(&opening).await.unwrap();
        sender.send(&codec::encode(&frame)).await.unwrap();
        sender.finish().await.unwrap();
        let mut outcomes = Outcomes::default();
        while let Some(frame) = receiver.recv().await.unwrap() {
            outcomes.add(codec::decode(&frame).unwrap());
        }
        let told = outcomes.assigned.len() + outcomes.refused.len() + outcomes.delivered.len();
        assert_eq!(told, count);
        outcomes
    }
}

#[derive(Debug, Default)]
struct Outcomes {
    assigned: BTreeMap<u64, AssignmentProof>,
    refused: BTreeMap<u64, RefusalCode>,
    delivered: BTreeSet<u64>,
}

impl Outcomes {
    fn add(&mut self, event: SubmitEvent) {
        match event {
            SubmitEvent::Assigned { batch, entries } => {
                for entry in entries {
                    let (assignment, path) = (entry.assignment, entry.path);
                    let proof = AssignmentProof { assignment, path, batch: batch.clone() };
                    let signer = proof.batch.unverified().scheduler;
                    proof.verify(NETWORK, &signer).unwrap();
                    assert!(self.assigned.insert(entry.tag, proof).is_none(), "told twice");
                }
            }
            SubmitEvent::Refused { tag, refusal } => {
                assert!(self.refused.insert(tag, refusal.code).is_none(), "told twice");
            }
            SubmitEvent::Final { entries, .. } => {
                for entry in entries {
                    let code = entry.refusal.code;
                    assert!(self.refused.insert(entry.tag, code).is_none(), "told twice");
                }
            }
            SubmitEvent::Executed { .. } => panic!("a scheduler executes nothing"),
            SubmitEvent::Delivered { tags } => {
                for tag in tags {
                    assert!(self.delivered.insert(tag), "told twice");
                }
            }
        }
    }
}

fn now() -> Timestamp {
    crate::clock::Clock::start(Timestamp::ZERO).now()
}

/// Messages to a process, with tags from 0.
fn messages(target: ProcessId, count: u64, now: Timestamp) -> Vec<Submission> {
    (0..count).map(|nonce| submission(nonce, message(target, nonce, now))).collect()
}

#[tokio::test]
async fn what_is_submitted_is_assigned_with_a_proof_and_can_be_read() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let target = process(1, now);
    let born = client.submit(vec![submission(7, spawn(1, now))]).await;
    assert_eq!(born.assigned[&7].assignment.slot, Slot::ZERO);
    let sent = client.submit(messages(target, 100, now)).await;
    let slots = sent.assigned.values().map(|proof| proof.assignment.slot.get());
    assert!(slots.eq(1..=100), "one stream is assigned in its order");

    let page: LogPage = client
        .ask(&Request::Log { process: target, from: Slot::new(40), limit: 10 })
        .await
        .unwrap();
    assert_eq!((page.records.len(), page.next), (10, Slot::new(101)));
    assert_eq!(page.records[0].assignment, sent.assigned[&39].assignment);
    let entry: EntryId = sent.assigned[&5].assignment.entry;
    let found: LogRecord = client.ask(&Request::Find(entry)).await.unwrap();
    assert_eq!(found.entry, message(target, 5, now));
    let proof: AssignmentProof =
        client.ask(&Request::Proof { process: target, slot: Slot::new(6) }).await.unwrap();
    assert_eq!(proof, sent.assigned[&5]);
    let nonce = Hash::from_bytes([1; 32]);
    let head: Signed<HeadStatement> =
        client.ask(&Request::Head { process: target, nonce }).await.unwrap();
    let head = head.verify(NETWORK).unwrap();
    assert_eq!((head.body().slot, head.body().nonce), (Slot::new(100), nonce));
    assert_eq!(head.body().chain, sent.assigned[&99].assignment.chain);
    server.stop().await;
}

#[tokio::test]
async fn processes_and_modules_can_be_read() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let spawns = (0..5).map(|nonce| submission(nonce, spawn(nonce, now)));
    client.submit(spawns.collect()).await;
    let page: ProcessPage = client.ask(&Request::Processes { offset: 1, limit: 2 }).await.unwrap();
    let found: Vec<_> = page.processes.iter().map(|entry| entry.process).collect();
    assert_eq!((found, page.total), (vec![process(1, now), process(2, now)], 5));
    let described: Provenance = client.ask(&Request::Describe(process(3, now))).await.unwrap();
    described.source(&process(3, now), NETWORK).unwrap();
    let module: ModuleBytes = client.ask(&Request::GetModule(ModuleId::of(WASM))).await.unwrap();
    assert_eq!(module.module, WASM);
    let status: UnitStatus = client.ask(&Request::Status).await.unwrap();
    assert!(status.counters.contains(&("processes".to_owned(), 5)), "{status:?}");
    server.stop().await;
}

#[tokio::test]
async fn questions_without_answer_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let client = server.connect(&client()).await;
    let process = ProcessId::from_bytes([1; 32]);
    let nonce = Hash::ZERO;
    let cases = [
        (Request::Head { process, nonce }, RefusalCode::UnknownProcess),
        (Request::Log { process, from: Slot::ZERO, limit: 1 }, RefusalCode::UnknownProcess),
        (Request::Proof { process, slot: Slot::ZERO }, RefusalCode::UnknownProcess),
        (Request::Describe(process), RefusalCode::UnknownProcess),
        (Request::Pair { source: process, target: process }, RefusalCode::UnknownProcess),
        (Request::Find(process.spawn_entry()), RefusalCode::NotFound),
        (Request::GetModule(ModuleId::of(b"none")), RefusalCode::UnknownModule),
        (Request::Await { process, slot: Slot::ZERO }, RefusalCode::UnknownRequest),
        (Request::PutModule(vec![0; (16 << 20) + 1]), RefusalCode::TooLarge),
    ];
    for (request, code) in cases {
        let refusal = client.ask::<Records>(&request).await.unwrap_err();
        assert_eq!(refusal.code, code);
    }
    let answer = client.connection.request(b"garbage".as_slice()).await.unwrap();
    let Ok(Response::Refused(refusal)) = codec::decode(&answer) else { panic!() };
    assert_eq!(refusal.code, RefusalCode::Malformed);
    server.stop().await;
}

#[tokio::test]
async fn duplicates_get_the_original_assignment_across_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let target = process(1, now);
    let mut all = vec![submission(1_000, spawn(1, now))];
    all.extend(messages(target, 20, now));
    let teller = Teller::new(target, 3);
    all.extend((0..3).map(|index| teller.delivery(2_000 + u64::from(index), index)));
    let first = client.submit(all.clone()).await;
    assert!(first.refused.is_empty(), "{:?}", first.refused);
    let again = client.submit(all.clone()).await;
    assert_eq!(again.assigned, first.assigned);
    server.stop().await;

    let server = Server::start(data.path());
    let client = server.connect(&crate::fixture::client()).await;
    let restarted = client.submit(all).await;
    assert_eq!(restarted.assigned, first.assigned);
    let next: NextNumber = client.ask(&Request::Pair { source: teller.id, target }).await.unwrap();
    assert_eq!(next.number.get(), 3);
    let more = client.submit(vec![submission(0, message(target, 99, now))]).await;
    assert_eq!(more.assigned[&0].assignment.slot, Slot::new(24));
    server.stop().await;
}

#[tokio::test]
async fn another_item_under_a_taken_number_is_a_conflict() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let target = process(1, now);
    client.submit(vec![submission(0, spawn(1, now))]).await;
    let (teller, longer) = (Teller::new(target, 1), Teller::new(target, 2));
    assert_eq!(client.submit(vec![teller.delivery(0, 0)]).await.assigned.len(), 1);
    // The same item of another outcome of the same slot is the same entry.
    assert_eq!(client.submit(vec![longer.delivery(0, 0)]).await.assigned.len(), 1);
    let out_of_order = client.submit(vec![Teller::new(target, 3).delivery(0, 2)]).await;
    assert_eq!(out_of_order.refused[&0], RefusalCode::OutOfOrder);
    let renumbered = Teller::renumbered(target);
    let conflict = client.submit(vec![renumbered.delivery(0, 1)]).await;
    assert_eq!(conflict.refused[&0], RefusalCode::PairConflict);
    server.stop().await;
}

#[tokio::test]
async fn forged_entries_are_refused_among_good_ones() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let target = process(1, now);
    let expiry = now.saturating_add(60_000);
    let resigned = Entry::Message(Signed::sign(message_body(target, 1, expiry), &key(8)));
    let expired = Timestamp::new(now.get() - 60_000);
    let expired = message_body(target, 2, expired);
    let expired = Entry::Message(Signed::sign(expired, &crate::fixture::client()));
    let told = client
        .submit(vec![
            submission(0, spawn(1, now)),
            submission(1, resigned),
            submission(2, message(target, 1, now)),
            submission(3, expired),
        ])
        .await;
    assert_eq!(told.assigned.keys().copied().collect::<Vec<_>>(), [0, 2]);
    let refused = [(1, RefusalCode::WrongSigner), (3, RefusalCode::Expired)];
    assert_eq!(told.refused, BTreeMap::from(refused));
    server.stop().await;
}

#[tokio::test]
async fn a_garbage_frame_is_refused_after_what_came_before_it() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let opening = codec::encode(&Opening::Submit);
    let (mut sender, mut receiver) = client.connection.open_stream(&opening).await.unwrap();
    let good = SubmitFrame { submissions: vec![submission(5, spawn(1, now))], basis: None };
    sender.send(&codec::encode(&good)).await.unwrap();
    sender.send(b"garbage").await.unwrap();
    let mut outcomes = Outcomes::default();
    while let Some(frame) = receiver.recv().await.unwrap() {
        outcomes.add(codec::decode(&frame).unwrap());
    }
    assert_eq!(outcomes.refused, BTreeMap::from([(0, RefusalCode::Malformed)]));
    assert!(outcomes.assigned.contains_key(&5));
    // The connection and its other streams are none the worse.
    client.submit(messages(process(1, now), 3, now)).await;
    server.stop().await;
}

/// A tail from the start, by a unit that believes all others to be up.
fn tail_of_all() -> Opening {
    Opening::Tail { cursors: Vec::new(), present: None }
}

/// What a tail has told, checked for gaps and repetitions.
#[derive(Debug, Default)]
struct Seen(BTreeMap<ProcessId, Vec<protocol::Assignment>>);

impl Seen {
    fn add(&mut self, frame: &[u8], from: &BTreeMap<ProcessId, u64>) {
        let frame: TailFrame = codec::decode(frame).unwrap();
        frame.batch.clone().verify(NETWORK).unwrap();
        let root = protocol::merkle_root(frame.leaves.clone());
        assert_eq!(root, frame.batch.unverified().root);
        for record in frame.records {
            let assignment = record.assignment;
            let leaf = frame.leaves[usize::try_from(record.index).unwrap()];
            assert_eq!(leaf, assignment.leaf());
            let seen = self.0.entry(assignment.process).or_default();
            let first = from.get(&assignment.process).copied().unwrap_or(0);
            let expected = first + u64::try_from(seen.len()).unwrap();
            assert_eq!(assignment.slot, Slot::new(expected), "a gap or a repetition");
            seen.push(assignment);
        }
    }

    fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

#[tokio::test]
async fn a_tail_catches_up_and_follows_without_gap() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let (one, two) = (process(1, now), process(2, now));
    client.submit(vec![submission(1, spawn(1, now)), submission(2, spawn(2, now))]).await;
    client.submit(messages(one, 50, now)).await;
    client.submit(messages(two, 50, now)).await;

    let unit = server.connect(&compute()).await;
    let cursors = vec![Cursor { process: one, slot: Slot::new(30) }];
    let opening = codec::encode(&Opening::Tail { cursors, present: None });
    let (sender, mut receiver) = unit.connection.open_stream(&opening).await.unwrap();
    sender.finish().await.unwrap();
    let from = BTreeMap::from([(one, 30)]);
    let mut seen = Seen::default();
    let follow = async {
        while seen.count() < 21 + 51 + 100 + 1 {
            seen.add(&receiver.recv().await.unwrap().unwrap(), &from);
        }
    };
    let more = async {
        let all = messages(one, 150, now).split_off(50);
        for chunk in all.chunks(7) {
            client.submit(chunk.to_vec()).await;
        }
        client.submit(vec![submission(3, spawn(3, now))]).await;
    };
    tokio::join!(follow, more);
    assert!(seen.0.contains_key(&process(3, now)), "a process born later is followed");
    server.stop().await;
}

#[tokio::test]
async fn a_tail_is_about_the_units_processes_only() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let other = crate::fixture::spawn_by(5, now, &key(5));
    client.submit(vec![submission(1, spawn(1, now)), submission(2, other.clone())]).await;
    for (key, expected) in [(compute(), process(1, now)), (key(5), other.target())] {
        let unit = server.connect(&key).await;
        let opening = codec::encode(&tail_of_all());
        let (_sender, mut receiver) = unit.connection.open_stream(&opening).await.unwrap();
        let mut seen = Seen::default();
        seen.add(&receiver.recv().await.unwrap().unwrap(), &BTreeMap::new());
        assert_eq!(seen.0.keys().copied().collect::<Vec<_>>(), [expected]);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_tail_is_also_about_processes_for_which_its_unit_steps_in() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let shared = crate::fixture::spawn_shared(6, now, &compute(), &key(5));
    let target = shared.target();
    client.submit(vec![submission(1, spawn(1, now)), submission(2, shared.clone())]).await;
    client.submit(messages(target, 9, now)).await;
    let Entry::Spawn(body) = &shared else { unreachable!() };
    let ranked = body.unverified().policy.ranked(&target);
    let is_second = |key: &protocol::SecretKey| key.public().unit() == ranked[1];
    let second = [compute(), key(5)].into_iter().find(is_second).unwrap();
    let unit = server.connect(&second).await;
    let known = Cursor { process: target, slot: Slot::new(4) };
    let present = Some(protocol::UnitSet::default());
    let opening = codec::encode(&Opening::Tail { cursors: vec![known], present });
    let (_sender, mut receiver) = unit.connection.open_stream(&opening).await.unwrap();
    let mut seen = Seen::default();
    while seen.0.get(&target).is_none_or(|slots| slots.len() < 6) {
        seen.add(&receiver.recv().await.unwrap().unwrap(), &BTreeMap::from([(target, 4)]));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_at_once_keep_each_log_dense() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    let spawns = (0..4).map(|nonce| submission(nonce, spawn(nonce, now)));
    client.submit(spawns.collect()).await;
    let streams = (0..4).map(|nonce| client.submit(messages(process(nonce, now), 300, now)));
    let [one, two, three, four] = streams.collect::<Vec<_>>().try_into().ok().unwrap();
    let (one, two, three, four) = tokio::join!(one, two, three, four);
    for outcomes in [one, two, three, four] {
        let slots = outcomes.assigned.values().map(|proof| proof.assignment.slot.get());
        assert!(slots.eq(1..=300));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_tail_reads_from_disk_what_was_before_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    client.submit(vec![submission(1, spawn(1, now))]).await;
    client.submit(messages(process(1, now), 10, now)).await;
    server.stop().await;

    let server = Server::start(data.path());
    let unit = server.connect(&compute()).await;
    let opening = codec::encode(&tail_of_all());
    let (_sender, mut receiver) = unit.connection.open_stream(&opening).await.unwrap();
    let mut seen = Seen::default();
    while seen.count() < 11 {
        seen.add(&receiver.recv().await.unwrap().unwrap(), &BTreeMap::new());
    }
    server.stop().await;
}

#[tokio::test]
async fn a_stream_may_send_more_than_may_be_in_flight() {
    let data = tempfile::tempdir().unwrap();
    let (server, now) = (Server::start(data.path()), now());
    let client = server.connect(&client()).await;
    client.put_module().await;
    client.submit(vec![submission(1, spawn(1, now))]).await;
    let told = client.submit(messages(process(1, now), 5_000, now)).await;
    assert_eq!(told.assigned.len(), 5_000);
    server.stop().await;
}

#[tokio::test]
async fn a_second_unit_on_the_same_data_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let config = Config::new(key(7), NETWORK, data.path().to_owned(), key(9).public().operator());
    let second = crate::start(config, server.endpoint.clone(), Directory::new(NETWORK));
    let Err(error) = second else { panic!("two units on one log") };
    assert!(matches!(error, crate::Error::Store(crate::StoreError::InUse(_))), "{error}");
    server.stop().await;
}
