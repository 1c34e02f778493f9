//! Stores that are older than what was signed.

use std::fs;

use protocol::{SecretKey, api::ExecutedHead};

use super::{fake::Fake, *};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// A copy of a store, and what was signed after it was made.
struct Aged {
    copy: tempfile::TempDir,
    later: Vec<AssignmentProof>,
    now: Timestamp,
}

impl Aged {
    /// The copy has slots 0 to 2 of process 1; slots 3 to 5 were assigned later. Process 2 has no more.
    async fn make() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (server, now) = (Server::start(data.path()), now());
        let client = server.connect(&client()).await;
        client.put_module().await;
        client.submit(vec![submission(1, spawn(1, now)), submission(2, spawn(2, now))]).await;
        client.submit(messages(process(1, now), 2, now)).await;
        server.stop().await;
        let old = tempfile::tempdir().unwrap();
        copy(data.path(), old.path());
        let server = Server::start(data.path());
        let client = server.connect(&crate::fixture::client()).await;
        let later = client.submit(messages(process(1, now), 5, now).split_off(2)).await;
        server.stop().await;
        Self { copy: old, later: later.assigned.into_values().collect(), now }
    }

    fn heads(&self) -> Vec<ExecutedHead> {
        let last = self.later.last().unwrap().assignment;
        vec![ExecutedHead { process: last.process, slot: last.slot, chain: last.chain }]
    }

    fn start(&self, directory: &Directory) -> Server {
        Server::start_as(&scheduler(), self.copy.path(), directory, |config| config)
    }

    /// Submits to both processes.
    async fn try_both(&self, client: &Client, nonce: u64) -> Outcomes {
        let [one, two] = [process(1, self.now), process(2, self.now)];
        let to = |tag, target| submission(tag, message(target, nonce, self.now));
        client.submit(vec![to(1, one), to(2, two)]).await
    }
}

#[tokio::test]
async fn a_store_that_is_an_old_copy_is_not_written_to() {
    let aged = Aged::make().await;
    let directory = Directory::new(NETWORK);
    let fake = Fake::start(&compute(), &directory);
    fake.says.lock().unwrap().heads = aged.heads();
    fake.says.lock().unwrap().proofs.clone_from(&aged.later);
    let server = aged.start(&directory);
    let client = server.connect(&client()).await;
    let told = aged.try_both(&client, 100).await;
    assert_eq!(told.refused, BTreeMap::from([(1, RefusalCode::StaleStore)]));
    assert!(told.assigned.contains_key(&2), "other logs go on");
    let target = process(1, aged.now);
    let log = Request::Log { process: target, from: Slot::ZERO, limit: 10 };
    let page: LogPage = client.ask(&log).await.unwrap();
    assert_eq!(page.next, Slot::new(3), "it can be read");
    let status: UnitStatus = client.ask(&Request::Status).await.unwrap();
    assert!(status.counters.contains(&("stale_processes".to_owned(), 1)), "{status:?}");
    server.stop().await;
    fake.stop().await;
}

#[tokio::test]
async fn another_entry_in_a_slot_shows_an_old_copy_too() {
    let aged = Aged::make().await;
    let server = Server::start(aged.copy.path());
    let client = server.connect(&client()).await;
    // Nobody was there to tell: slots are given a second time.
    for nonce in 100..110 {
        assert_eq!(aged.try_both(&client, nonce).await.assigned.len(), 2);
    }
    server.stop().await;
    let directory = Directory::new(NETWORK);
    let fake = Fake::start(&compute(), &directory);
    fake.says.lock().unwrap().heads = aged.heads();
    fake.says.lock().unwrap().proofs.clone_from(&aged.later);
    let server = aged.start(&directory);
    let client = server.connect(&crate::fixture::client()).await;
    let told = aged.try_both(&client, 200).await;
    assert_eq!(told.refused, BTreeMap::from([(1, RefusalCode::StaleStore)]));
    server.stop().await;
    fake.stop().await;
}

/// The same assignment in a batch of somebody else's.
fn signed_by(proof: &AssignmentProof, key: &SecretKey) -> AssignmentProof {
    let mut header = proof.batch.unverified().clone();
    header.scheduler = key.public().unit();
    AssignmentProof { batch: Signed::sign(header, key), ..proof.clone() }
}

#[tokio::test]
async fn a_units_word_alone_stops_nothing() {
    let aged = Aged::make().await;
    let directory = Directory::new(NETWORK);
    let fake = Fake::start(&compute(), &directory);
    fake.says.lock().unwrap().heads = aged.heads();
    let forged = aged.later.iter().map(|proof| signed_by(proof, &key(11)));
    fake.says.lock().unwrap().proofs = forged.collect();
    let server = aged.start(&directory);
    let client = server.connect(&client()).await;
    assert_eq!(aged.try_both(&client, 100).await.assigned.len(), 2);
    server.stop().await;
    fake.stop().await;
}

#[tokio::test]
async fn the_cursors_of_a_tail_show_an_old_copy() {
    let aged = Aged::make().await;
    let directory = Directory::new(NETWORK);
    let server = aged.start(&directory);
    let client = server.connect(&client()).await;
    assert_eq!(client.submit(Vec::new()).await.refused.len(), 0, "nobody is waited for");
    let fake = Fake::start(&compute(), &directory);
    fake.says.lock().unwrap().proofs.clone_from(&aged.later);
    let unit = server.connect(&compute()).await;
    let cursors = vec![Cursor { process: process(1, aged.now), slot: Slot::new(6) }];
    let opening = codec::encode(&Opening::Tail { cursors, present: None });
    let _tail = unit.connection.open_stream(&opening).await.unwrap();
    let mut nonce = 100;
    loop {
        let told = aged.try_both(&client, nonce).await;
        if told.refused.get(&1) == Some(&RefusalCode::StaleStore) {
            break;
        }
        nonce += 1;
    }
    server.stop().await;
    fake.stop().await;
}
