//! The unit over real QUIC on the loopback interface, between schedulers that say what they are told
//! to.

mod evidence;
mod fake;
mod modules;

use std::path::Path;

use protocol::{
    AssignmentProof, Limits, Role, Slot, UnitRecord,
    api::{Cursor, Executed, ExecutedHead, HeadPage, OutcomePage, TailFrame},
};
use tempfile::TempDir;
use transport::{Connection, Limits as Bounds, RecordSigner};

use super::*;
use crate::{
    fixture::actor,
    testing::{Log, NETWORK},
};
use fake::Fake;

/// A compute unit on a free port, and who asks it.
struct Unit {
    running: Running,
    connection: Connection,
    _client: Endpoint,
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn listen(key: &SecretKey) -> Endpoint {
    Endpoint::bind(key, NETWORK, "127.0.0.1:0".parse().unwrap(), Bounds::default()).unwrap()
}

/// Lets a directory know where a unit is.
fn announce(directory: &Directory, key: &SecretKey, role: Role, at: &Endpoint) {
    let operator = self::key(9);
    let vouch = UnitRecord::vouch(&operator, NETWORK, &key.public().unit(), role);
    let vouched = (operator.public().operator(), vouch);
    let signer = RecordSigner::new(key.clone(), NETWORK, role, vouched, &[at.local_address()]);
    directory.insert(signer.sign(now()), now()).unwrap();
}

impl Unit {
    async fn start(key: &SecretKey, data: &Path, directory: &Directory) -> Self {
        let endpoint = listen(key);
        announce(directory, key, Role::Compute, &endpoint);
        let operator = self::key(9).public().operator();
        let mut config = Config::new(key.clone(), NETWORK, operator, data.to_owned());
        config.interval.slots = 1;
        let running = start(config, endpoint.clone(), directory.clone()).await.unwrap();
        let client = Endpoint::client(&self::key(1), NETWORK, Bounds::default()).unwrap();
        let connection = client.connect(endpoint.unit(), endpoint.local_address()).await.unwrap();
        Self { running, connection, _client: client }
    }

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

    /// The outcomes of a process from a slot on, once there are so many: they may be published behind
    /// the report.
    async fn outcomes(&self, process: ProcessId, from: u64, count: usize) -> Vec<Executed> {
        let request = Request::Outcomes { process, from: Slot::new(from), limit: 100 };
        loop {
            let page: OutcomePage = self.ask(&request).await.unwrap();
            if page.executed.len() >= count {
                return page.executed;
            }
        }
    }

    /// A log as the unit shows it, up to its end.
    async fn log(&self, process: ProcessId, from: u64) -> Vec<TailFrame> {
        let opening = codec::encode(&Opening::Log { process, from: Slot::new(from) });
        let (_sender, mut receiver) = self.connection.open_stream(&opening).await.unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = receiver.recv().await.unwrap() {
            frames.push(codec::decode(&frame).unwrap());
        }
        frames
    }
}

/// A unit that has executed slots 0 to 3 of a log.
struct World {
    unit: Unit,
    scheduler: Fake,
    directory: Directory,
    log: Log,
    wasm: Vec<u8>,
    frames: Vec<TailFrame>,
    data: TempDir,
}

impl World {
    async fn new() -> Self {
        let wasm =
            actor(r#"(data (i32.const 512) "\82\82\00\41\f6\80")"#, "i64.const 2199023255558");
        let mut log = Log::new(&wasm, Limits::DEFAULT);
        let directory = Directory::new(NETWORK);
        let mut scheduler = Fake::start(&log.scheduler, &directory, &wasm);
        let spawn = protocol::Entry::Spawn(log.spawn.clone());
        let frames = vec![log.frame(&[spawn]), messages(&mut log, 3)];
        scheduler.send(&frames);
        let data = tempfile::tempdir().unwrap();
        let unit = Unit::start(&log.compute, data.path(), &directory).await;
        scheduler.executed(log.process, 4).await;
        Self { unit, scheduler, directory, log, wasm, frames, data }
    }

    async fn stop(self) {
        self.unit.running.shutdown().await;
        self.scheduler.stop().await;
    }
}

fn messages(log: &mut Log, count: usize) -> TailFrame {
    let entries: Vec<_> = (0..count).map(|_| log.message("m", &[0xa0])).collect();
    log.frame(&entries)
}

/// The slots of frames, each with its chain hash.
fn slots(frames: &[TailFrame]) -> Vec<(u64, protocol::Hash)> {
    let assignments = frames.iter().flat_map(|frame| &frame.records).map(|r| r.assignment);
    assignments.map(|assignment| (assignment.slot.get(), assignment.chain)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_shown_as_it_was_given_from_any_slot() {
    let world = World::new().await;
    let (process, given) = (world.log.process, slots(&world.frames));
    for from in 0..=4 {
        let shown = world.unit.log(process, from).await;
        assert_eq!(slots(&shown), given[usize::try_from(from).unwrap()..]);
        for frame in shown {
            let digest = frame.batch.digest();
            let unit = frame.batch.unverified().scheduler;
            assert_eq!(unit, world.log.scheduler.public().unit());
            frame.batch.verify_by(NETWORK, &digest, protocol::PublicKey::verifies).unwrap();
        }
    }
    let another = ProcessId::from_bytes([7; 32]);
    assert_eq!(world.unit.log(another, 0).await, []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_slots_given_are_proven_and_others_are_not() {
    let world = World::new().await;
    let process = world.log.process;
    let proof = async |process, slot| {
        let slot = Slot::new(slot);
        world.unit.ask::<AssignmentProof>(&Request::Proof { process, slot }).await
    };
    for (slot, chain) in slots(&world.frames) {
        let proof = proof(process, slot).await.unwrap();
        assert_eq!((proof.assignment.slot.get(), proof.assignment.chain), (slot, chain));
        proof.verify(NETWORK, &world.log.scheduler.public().unit()).unwrap();
    }
    let refused = proof(process, 4).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::NotFound);
    let refused = proof(ProcessId::from_bytes([7; 32]), 0).await.unwrap_err();
    assert_eq!(refused.code, RefusalCode::NotFound);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_hears_how_far_its_logs_are_executed_and_whoever_asks_does_too() {
    let mut world = World::new().await;
    let process = world.log.process;
    let more = messages(&mut world.log, 2);
    world.scheduler.send(std::slice::from_ref(&more));
    world.scheduler.executed(process, 6).await;
    // What is executed is on disk once the unit has ended.
    world.unit.running.shutdown().await;
    let compute = world.log.compute.clone();
    let unit = Unit::start(&compute, world.data.path(), &world.directory).await;
    let heads = async |scheduler, after| {
        let request = Request::Heads { scheduler, after, limit: 10 };
        unit.ask::<HeadPage>(&request).await.unwrap()
    };
    let scheduler = world.log.scheduler.public().unit();
    let (slot, chain) = world.log.head();
    let head = ExecutedHead { process, slot, chain };
    let all = HeadPage { heads: vec![head], more: false };
    let none = HeadPage { heads: vec![], more: false };
    assert_eq!(heads(scheduler, None).await, all);
    assert_eq!(heads(scheduler, Some(process)).await, none, "there are none behind it");
    assert_eq!(heads(key(7).public().unit(), None).await, none, "it has ordered nothing");
    // The scheduler hears it again on the new stream.
    world.scheduler.executed(process, 6).await;
    unit.running.shutdown().await;
    world.scheduler.stop().await;
}
