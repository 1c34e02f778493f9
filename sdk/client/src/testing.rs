//! Units that play a process's scheduler, compute unit and messenger, for tests of this crate.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use protocol::{
    Acceptance, Assignment, AssignmentProof, BatchHeader, ComputePolicy, Entry, EntryId, Epoch,
    Gas, Hash, Kind, Limits, MerkleTree, Message, ModuleId, NetworkId, Outcome, Principal,
    ProcessId, Profile, Provenance, Receipt, ReceiptBatch, ReceiptLeaf, Refusal, RefusalCode,
    Reply, Role, SecretKey, Signed, Slot, Source, Spawn, Timestamp, UnitId, UnitRecord, V1, Value,
    ViewAnswer,
    api::{Acknowledgement, Executed, ExecutedEntry, Request, Response, SubmitEvent, SubmitFrame},
    chain_hash, codec,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use transport::{Directory, Endpoint, FrameReceiver, FrameSender, Handler, RecordSigner, serve};

use crate::shell;

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);

/// The keys of all parties, and the process they serve.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) account: SecretKey,
    pub(crate) scheduler: SecretKey,
    pub(crate) compute: SecretKey,
    pub(crate) messenger: SecretKey,
    pub(crate) spawn: Spawn,
    pub(crate) process: ProcessId,
}

impl World {
    pub(crate) fn new() -> Self {
        let key = |byte| SecretKey::from_seed(&[byte; 32]);
        let (account, scheduler, compute, messenger) = (key(1), key(2), key(3), key(4));
        let sender = Principal::Account(account.public().account());
        let (module, profile) = (ModuleId::of(b"module"), Profile::v1().id());
        let spawn = Spawn {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender,
            module,
            acceptance: Acceptance::sign(&compute, NETWORK, &module, &profile),
            args: Value::Map(Vec::new()).encode().unwrap(),
            name: "test".to_owned(),
            tags: Vec::new(),
            nonce: 1,
            expiry: Timestamp::new(1),
            scheduler: scheduler.public().unit(),
            policy: ComputePolicy {
                units: vec![compute.public().unit()],
                quorum: 1,
                version: 0,
                previous: None,
            },
            profile,
            controller: sender,
            limits: Limits::DEFAULT,
        };
        let process = Entry::Spawn(Signed::sign(spawn.clone(), &account)).target();
        Self { account, scheduler, compute, messenger, spawn, process }
    }

    pub(crate) fn source(&self) -> Source {
        Source::of_spawn(&self.spawn)
    }

    pub(crate) fn message(&self, nonce: u64) -> Signed<Message> {
        let message = Message {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: self.spawn.sender,
            target: self.process,
            method: "add".to_owned(),
            args: Value::Map(Vec::new()).encode().unwrap(),
            nonce,
            expiry: Timestamp::new(1),
            tags: Vec::new(),
            reply_to: None,
            credit: None,
            trace_parent: None,
        };
        Signed::sign(message, &self.account)
    }

    /// The scheduler's assignment of an entry, in a batch of two.
    pub(crate) fn assign(&self, entry: EntryId, slot: u64) -> AssignmentProof {
        let (epoch, slot, time) = (Epoch::ZERO, Slot::new(slot), Timestamp::new(7));
        let chain = chain_hash(&Hash::ZERO, epoch, slot, time, &entry);
        let assignment = Assignment { process: self.process, epoch, slot, time, entry, chain };
        let tree = MerkleTree::new(vec![Hash::ZERO, assignment.leaf()]);
        let header = BatchHeader {
            version: V1,
            kind: Kind,
            network: NETWORK,
            scheduler: self.scheduler.public().unit(),
            number: 0,
            time,
            count: 2,
            root: tree.root(),
        };
        let batch = Signed::sign(header, &self.scheduler);
        AssignmentProof { assignment, path: tree.path(1).unwrap(), batch }
    }

    /// What the compute unit states of an assigned slot.
    pub(crate) fn execute(&self, assigned: &Assignment) -> Executed {
        let outcome = Outcome {
            version: V1,
            process: self.process,
            slot: assigned.slot,
            entry: assigned.entry,
            reply: Reply::Value(Value::Integer(3).encode().unwrap()),
            gas: Gas::new(5),
            logs: Vec::new(),
            events: Vec::new(),
            outbox: Vec::new(),
        };
        let leaf = ReceiptLeaf {
            process: self.process,
            slot: assigned.slot,
            chain: assigned.chain,
            profile: self.spawn.profile,
            outcome: outcome.digest(),
            gas: outcome.gas,
            previous: None,
            state_root: None,
        };
        let tree = MerkleTree::new(vec![leaf.leaf()]);
        let header = ReceiptBatch {
            version: V1,
            kind: Kind,
            network: NETWORK,
            unit: self.compute.public().unit(),
            count: 1,
            root: tree.root(),
            engine: "none".to_owned(),
        };
        let batch = Signed::sign(header, &self.compute);
        let receipt = Receipt { leaf, path: tree.path(0).unwrap(), batch };
        Executed { outcome, receipt }
    }

    pub(crate) fn answer(&self, request: &protocol::ViewRequest) -> Signed<ViewAnswer> {
        let answer = ViewAnswer {
            version: V1,
            kind: Kind,
            network: NETWORK,
            unit: self.compute.public().unit(),
            request: request.digest(),
            process: request.process,
            slot: Slot::new(4),
            chain: Hash::ZERO,
            reply: Reply::Value(Value::Integer(8).encode().unwrap()),
        };
        Signed::sign(answer, &self.compute)
    }
}

/// What a fake messenger does with the entries of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Reads one frame and breaks off.
    Break,
    /// Answers with the outcome first, then with the assignment.
    Answer,
    /// Says it is busy once, then answers.
    BusyOnce,
    /// Refuses for good.
    Refuse,
    /// Gives every entry the outcome of another log.
    Lie,
}

/// Real endpoints of the three units on loopback.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) directory: Directory,
    pub(crate) tags: Arc<Mutex<Vec<u64>>>,
    _units: Vec<AbortOnDropHandle<()>>,
}

impl Cluster {
    /// Starts the units; the n-th submit stream behaves as the n-th behaviour, later ones as the
    /// last.
    pub(crate) fn start(world: &World, behaviours: &[Behaviour]) -> Self {
        let directory = Directory::new(NETWORK);
        let tags = Arc::default();
        let fake = Fake {
            world: world.clone(),
            behaviours: Mutex::new(behaviours.to_vec()),
            tags: Arc::clone(&tags),
        };
        let fake = Arc::new(fake);
        let units = [
            (&world.scheduler, Role::Scheduler),
            (&world.compute, Role::Compute),
            (&world.messenger, Role::Messenger),
        ];
        let units = units.map(|(key, role)| {
            let address = (Ipv4Addr::LOCALHOST, 0).into();
            let endpoint =
                Endpoint::bind(key, NETWORK, address, transport::Limits::default()).unwrap();
            directory.insert(record(key, role, &endpoint), shell::now()).unwrap();
            let served = serve(endpoint, Arc::clone(&fake), CancellationToken::new());
            AbortOnDropHandle::new(tokio::spawn(served))
        });
        Self { directory, tags, _units: units.into() }
    }
}

pub(crate) fn record(key: &SecretKey, role: Role, endpoint: &Endpoint) -> Signed<UnitRecord> {
    let vouch = UnitRecord::vouch(key, NETWORK, &key.public().unit(), role);
    let operator = (key.public().operator(), vouch);
    let addresses = [endpoint.local_address()];
    RecordSigner::new(key.clone(), NETWORK, role, operator, &addresses).sign(shell::now())
}

#[derive(Debug)]
struct Fake {
    world: World,
    behaviours: Mutex<Vec<Behaviour>>,
    tags: Arc<Mutex<Vec<u64>>>,
}

impl Handler for Fake {
    async fn request(&self, _: UnitId, body: Bytes) -> Bytes {
        let answer = match codec::decode(&body).unwrap() {
            Request::Describe(process) if process == self.world.process => {
                let spawn = codec::encode(&self.world.spawn);
                Response::done(&Provenance { spawn, changes: Vec::new() })
            }
            Request::View(request) => Response::done(&self.world.answer(&request)),
            _ => Response::refused(Refusal::new(RefusalCode::UnknownProcess, "not here")),
        };
        answer.into()
    }

    async fn stream(
        &self,
        _: UnitId,
        _: Bytes,
        mut sender: FrameSender,
        mut receiver: FrameReceiver,
    ) {
        let behaviour = {
            let mut behaviours = self.behaviours.lock().unwrap();
            if behaviours.len() > 1 { behaviours.remove(0) } else { behaviours[0] }
        };
        let mut busy = behaviour == Behaviour::BusyOnce;
        while let Ok(Some(frame)) = receiver.recv().await {
            let frame: SubmitFrame = codec::decode(&frame).unwrap();
            for submission in frame.submissions {
                self.tags.lock().unwrap().push(submission.tag);
                if behaviour == Behaviour::Break {
                    return;
                }
                let events = self.events(behaviour, busy, submission.tag, &submission.entry);
                busy = false;
                for event in events {
                    sender.send(&codec::encode(&event)).await.unwrap();
                }
            }
        }
    }
}

impl Fake {
    fn events(
        &self,
        behaviour: Behaviour,
        busy: bool,
        tag: u64,
        entry: &Entry,
    ) -> Vec<SubmitEvent> {
        let refuse = |code| vec![SubmitEvent::Refused { tag, refusal: Refusal::new(code, "no") }];
        if busy {
            return refuse(RefusalCode::Busy);
        }
        if behaviour == Behaviour::Refuse {
            return refuse(RefusalCode::Expired);
        }
        let proof = self.world.assign(entry.id(), tag);
        let mut executed = self.world.execute(&proof.assignment);
        if behaviour == Behaviour::Lie {
            let other = Assignment { chain: Hash::ZERO, ..proof.assignment };
            executed = self.world.execute(&other);
        }
        let Executed { outcome, receipt } = executed;
        let Receipt { leaf, path, batch } = receipt;
        let entries = vec![ExecutedEntry { tag, outcome, leaf, path }];
        let executed = SubmitEvent::Executed { batch, entries };
        let AssignmentProof { assignment, path, batch } = proof;
        let entries = vec![Acknowledgement { tag, assignment, path }];
        vec![executed, SubmitEvent::Assigned { batch, entries }]
    }
}
