use protocol::{
    Limits, ModuleId, Profile, Role, Slot, UnitRecord,
    api::{ModuleBytes, OutcomePage},
};
use tempfile::TempDir;
use transport::{Limits as Bounds, RecordSigner, RequestError};

use super::*;
use crate::{
    fixture::script,
    testing::{Log, NETWORK},
};

fn endpoint(key: &SecretKey, role: Role, directory: &Directory) -> Endpoint {
    let address = "127.0.0.1:0".parse().unwrap();
    let endpoint = Endpoint::bind(key, NETWORK, address, Bounds::default()).unwrap();
    let operator = SecretKey::from_seed(&[9; 32]);
    let vouch = UnitRecord::vouch(&operator, NETWORK, &key.public().unit(), role);
    let vouched = (operator.public().operator(), vouch);
    let signer =
        RecordSigner::new(key.clone(), NETWORK, role, vouched, &[endpoint.local_address()]);
    directory.insert(signer.sign(now()), now()).unwrap();
    endpoint
}

/// A scheduler of one log and one module.
struct Scheduler {
    tail: Bytes,
    wasm: Vec<u8>,
}

impl Handler for Scheduler {
    async fn request(&self, _peer: UnitId, body: Bytes) -> Bytes {
        Bytes::from(match codec::decode(&body).unwrap() {
            Request::GetModule(module) => {
                assert_eq!(module, ModuleId::of(&self.wasm));
                Response::done(&ModuleBytes { module: self.wasm.clone() })
            }
            _ => Response::refused(Refusal::new(RefusalCode::UnknownRequest, "a fake")),
        })
    }

    async fn stream(
        &self,
        _: UnitId,
        opening: Bytes,
        mut to: FrameSender,
        mut from: FrameReceiver,
    ) {
        if let Ok(Opening::Tail { .. }) = codec::decode(&opening) {
            to.send(&self.tail).await.unwrap();
            while let Ok(Some(_)) = from.recv().await {}
        }
    }
}

/// A compute unit, the scheduler it follows, and somebody who asks it.
struct World {
    log: Log,
    unit: Running,
    scheduler: (Endpoint, tokio::task::JoinHandle<()>),
    peers: Peers,
    _data: TempDir,
}

impl World {
    async fn start(wasm: &[u8]) -> Self {
        let (data, directory) = (tempfile::tempdir().unwrap(), Directory::new(NETWORK));
        let mut log = Log::new(wasm, Limits::DEFAULT);
        let spawn = protocol::Entry::Spawn(log.spawn.clone());
        let tail = Bytes::from(codec::encode(&log.frame(&[spawn])));
        let at = endpoint(&log.scheduler, Role::Scheduler, &directory);
        let handler = Arc::new(Scheduler { tail, wasm: wasm.to_vec() });
        let serving = tokio::spawn(serve(at.clone(), handler, CancellationToken::new()));
        let operator = SecretKey::from_seed(&[9; 32]).public().operator();
        let config =
            Config::new(log.compute.clone(), NETWORK, operator, data.path().join("compute"));
        let own = endpoint(&log.compute, Role::Compute, &directory);
        let unit = start(config, own, directory.clone()).await.unwrap();
        let asking = Endpoint::client(&log.client, NETWORK, Bounds::default()).unwrap();
        let peers = Peers::new(asking, directory);
        Self { log, unit, scheduler: (at, serving), peers, _data: data }
    }

    async fn ask<T>(&self, request: Request) -> Result<T, RequestError>
    where
        T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>,
    {
        self.peers.ask(self.log.compute.public().unit(), &request).await
    }

    /// Waits until slot 0 is executed.
    async fn executed(&self) {
        let request =
            || Request::Outcomes { process: self.log.process, from: Slot::ZERO, limit: 1 };
        while self.ask::<OutcomePage>(request()).await.unwrap().executed.is_empty() {
            tokio::task::yield_now().await;
        }
    }

    async fn lose_scheduler(&self) {
        self.scheduler.1.abort();
        self.scheduler.0.close().await;
    }
}

fn code(error: RequestError) -> RefusalCode {
    let RequestError::Refused(refusal) = error else { panic!("no refusal: {error}") };
    refusal.code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_module_of_an_executed_log_is_shown_when_its_scheduler_is_lost() {
    let wasm = script();
    let world = World::start(&wasm).await;
    world.executed().await;
    world.lose_scheduler().await;
    let shown: ModuleBytes = world.ask(Request::GetModule(ModuleId::of(&wasm))).await.unwrap();
    assert_eq!(shown.module, wasm);
    let strange = Request::GetModule(ModuleId::of(b"none"));
    let refused = world.ask::<ModuleBytes>(strange).await.unwrap_err();
    assert_eq!(code(refused), RefusalCode::UnknownModule);
    world.unit.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_modules_that_were_accepted_those_are_kept_that_a_log_names() {
    let (wasm, other) = (script(), crate::fixture::actor("", "i64.const 0"));
    let world = World::start(&wasm).await;
    for module in [wasm.clone(), other.clone()] {
        let accept = Request::Accept { module, profile: Profile::v1().id() };
        let _: protocol::Acceptance = world.ask(accept).await.unwrap();
    }
    world.executed().await;
    let shown: ModuleBytes = world.ask(Request::GetModule(ModuleId::of(&wasm))).await.unwrap();
    assert_eq!(shown.module, wasm);
    let refused = world.ask::<ModuleBytes>(Request::GetModule(ModuleId::of(&other))).await;
    assert_eq!(code(refused.unwrap_err()), RefusalCode::UnknownModule, "no log names it");
    world.unit.shutdown().await;
}
