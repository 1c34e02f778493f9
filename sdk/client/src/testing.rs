//! Units that play a process's scheduler, compute unit and messenger, for tests of this crate.

use std::{
    collections::VecDeque,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use protocol::{
    Acceptance, Assignment, AssignmentProof, BatchHeader, Change, ComputePolicy, Control,
    ControlAction, Entry, EntryId, Epoch, Gas, Hash, HeadStatement, Kind, Limits, MerkleTree,
    Message, ModuleId, NetworkId, Outcome, Principal, ProcessId, Profile, Provenance, Receipt,
    ReceiptBatch, ReceiptLeaf, Refusal, RefusalCode, RefusalLeaf, RefusalProof, Reply, Role,
    SecretKey, Signed, Slot, Source, Spawn, Timestamp, UnitId, UnitRecord, V1, Value, ViewAnswer,
    api::{
        Acknowledgement, Adopted, Adoption, Executed, ExecutedEntry, FinalRefusal, LogRecord,
        Opening, Request, Response, SubmitEvent, SubmitFrame,
    },
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
    /// The scheduler that the process moves to.
    pub(crate) next: SecretKey,
    pub(crate) spawn: Spawn,
    pub(crate) process: ProcessId,
}

impl World {
    pub(crate) fn new() -> Self {
        let key = |byte| SecretKey::from_seed(&[byte; 32]);
        let (account, scheduler, compute, messenger) = (key(1), key(2), key(3), key(4));
        let next = key(5);
        let sender = Principal::Account(account.public().account());
        let (module, profile) = (ModuleId::of(b"module"), Profile::current().id());
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
        Self { account, scheduler, compute, messenger, next, spawn, process }
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
            evidence: None,
        };
        Signed::sign(message, &self.account)
    }

    /// Who the process is before it moves, and behind slot 9, with which it has.
    pub(crate) fn provenance(&self, moved: bool) -> Provenance {
        let action = ControlAction::Move(self.next.public().unit());
        let control = Control {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: self.spawn.sender,
            target: self.process,
            nonce: 1,
            expiry: Timestamp::new(1),
            action,
        };
        let control = Signed::sign(control, &self.account);
        let sealed = self.assign(Entry::Control(control.clone()).id(), 9);
        let change = Change { control, sealed, attested: None };
        let changes = if moved { vec![change] } else { Vec::new() };
        Provenance { spawn: codec::encode(&self.spawn), changes }
    }

    /// Who the process is behind a takeover that kept slots up to 4.
    pub(crate) fn taken_over(&self) -> Provenance {
        let sealed = self.assign(Entry::Message(self.message(4)).id(), 4);
        let Assignment { slot, chain, .. } = sealed.assignment;
        let scheduler = self.next.public().unit();
        let control = Control {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: self.spawn.sender,
            target: self.process,
            nonce: 2,
            expiry: Timestamp::new(1),
            action: ControlAction::Takeover { scheduler, slot, chain },
        };
        let control = Signed::sign(control, &self.account);
        let attested = Some(vec![self.execute(&sealed.assignment).receipt]);
        let changes = vec![Change { control, sealed, attested }];
        Provenance { spawn: codec::encode(&self.spawn), changes }
    }

    /// A scheduler's signature over a root of two leaves.
    fn batch(&self, scheduler: &SecretKey, tree: &MerkleTree) -> Signed<BatchHeader> {
        let header = BatchHeader {
            version: V1,
            kind: Kind,
            network: NETWORK,
            scheduler: scheduler.public().unit(),
            number: 0,
            time: Timestamp::new(7),
            count: 2,
            root: tree.root(),
        };
        Signed::sign(header, scheduler)
    }

    /// The scheduler's final refusal of an entry.
    pub(crate) fn refuse(&self, entry: EntryId, code: RefusalCode) -> RefusalProof {
        let floor = Timestamp::new(7);
        let refusal = RefusalLeaf { process: self.process, entry, code, floor };
        let tree = MerkleTree::new(vec![refusal.leaf(), Hash::ZERO]);
        let batch = self.batch(&self.scheduler, &tree);
        RefusalProof { refusal, path: tree.path(0).unwrap(), batch }
    }

    /// The scheduler's assignment of an entry, in a batch of two.
    pub(crate) fn assign(&self, entry: EntryId, slot: u64) -> AssignmentProof {
        self.assign_in(Epoch::ZERO, entry, slot)
    }

    /// The assignment of an entry by the scheduler of an epoch, in a batch of two.
    pub(crate) fn assign_in(&self, epoch: Epoch, entry: EntryId, slot: u64) -> AssignmentProof {
        let (slot, time) = (Slot::new(slot), Timestamp::new(7));
        let chain = chain_hash(&Hash::ZERO, epoch, slot, time, &entry);
        let assignment = Assignment { process: self.process, epoch, slot, time, entry, chain };
        let tree = MerkleTree::new(vec![Hash::ZERO, assignment.leaf()]);
        let scheduler = if epoch == Epoch::ZERO { &self.scheduler } else { &self.next };
        let batch = self.batch(scheduler, &tree);
        AssignmentProof { assignment, path: tree.path(1).unwrap(), batch }
    }

    /// What the compute unit states of an assigned slot.
    pub(crate) fn execute(&self, assigned: &Assignment) -> Executed {
        self.attest(self.outcome(assigned), assigned.chain, None)
    }

    /// What comes of an assigned slot.
    pub(crate) fn outcome(&self, assigned: &Assignment) -> Outcome {
        Outcome {
            version: V1,
            process: self.process,
            slot: assigned.slot,
            entry: assigned.entry,
            reply: Reply::Value(Value::Integer(3).encode().unwrap()),
            gas: Gas::new(5),
            logs: Vec::new(),
            events: Vec::new(),
            outbox: Vec::new(),
        }
    }

    /// The compute unit's receipt for an outcome, behind the slot with a leaf of this digest.
    pub(crate) fn attest(&self, outcome: Outcome, chain: Hash, previous: Option<Hash>) -> Executed {
        let leaf = ReceiptLeaf {
            process: self.process,
            slot: outcome.slot,
            chain,
            profile: self.spawn.profile,
            outcome: outcome.digest(),
            gas: outcome.gas,
            previous,
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
    /// Refuses for good, under the scheduler's signature.
    Finish,
    /// Gives every entry the outcome of another log.
    Lie,
    /// Answers that the reply comes in a later slot.
    Later,
}

/// What a fake messenger tells one subscriber; then it breaks off, unless it is the last.
pub(crate) type Script = Vec<SubmitEvent>;

/// What a messenger tells of executed slots, all in batches of their own.
pub(crate) fn told(executed: Executed) -> SubmitEvent {
    let Executed { outcome, receipt } = executed;
    let Receipt { leaf, path, batch } = receipt;
    let entries = vec![ExecutedEntry { tag: 0, outcome, leaf, path }];
    SubmitEvent::Executed { batch, entries }
}

/// What has become of the process's move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nobody has ordered it.
    #[default]
    Home,
    /// It is sealed, and the next scheduler does not know.
    Sealed,
    /// The next scheduler orders the process.
    Done,
    /// The next scheduler has taken the process over, and kept slots up to 4.
    TakenOver,
}

/// What a test tells the units, and what they tell it.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// What subscribers to come are told, and from which slots they asked.
    pub(crate) scripts: Mutex<VecDeque<Script>>,
    pub(crate) asked: Mutex<Vec<u64>>,
    /// Entries of the log that can be found.
    pub(crate) found: Mutex<Vec<LogRecord>>,
    /// What was submitted.
    pub(crate) submitted: Mutex<Vec<Entry>>,
}

/// Real endpoints of the three units on loopback.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) directory: Directory,
    pub(crate) tags: Arc<Mutex<Vec<u64>>>,
    pub(crate) stage: Arc<Mutex<Stage>>,
    pub(crate) notes: Arc<Notes>,
    _units: Vec<AbortOnDropHandle<()>>,
}

impl Cluster {
    /// Starts the units; the n-th submit stream behaves as the n-th behaviour, later ones as the
    /// last.
    pub(crate) fn start(world: &World, behaviours: &[Behaviour]) -> Self {
        let directory = Directory::new(NETWORK);
        let (tags, stage): (Arc<Mutex<Vec<u64>>>, Arc<Mutex<Stage>>) = Default::default();
        let behaviours = Arc::new(Mutex::new(behaviours.to_vec()));
        let notes = Arc::<Notes>::default();
        let units = [
            (&world.scheduler, Role::Scheduler),
            (&world.next, Role::Scheduler),
            (&world.compute, Role::Compute),
            (&world.messenger, Role::Messenger),
        ];
        let units = units.map(|(key, role)| {
            let address = (Ipv4Addr::LOCALHOST, 0).into();
            let endpoint =
                Endpoint::bind(key, NETWORK, address, transport::Limits::default()).unwrap();
            directory.insert(record(key, role, &endpoint), shell::now()).unwrap();
            let fake = Arc::new(Fake {
                world: world.clone(),
                unit: key.public().unit(),
                behaviours: Arc::clone(&behaviours),
                tags: Arc::clone(&tags),
                stage: Arc::clone(&stage),
                notes: Arc::clone(&notes),
            });
            let served = serve(endpoint, fake, CancellationToken::new());
            AbortOnDropHandle::new(tokio::spawn(served))
        });
        let _units = units.into();
        Self { directory, tags, stage, notes, _units }
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
    unit: UnitId,
    behaviours: Arc<Mutex<Vec<Behaviour>>>,
    tags: Arc<Mutex<Vec<u64>>>,
    stage: Arc<Mutex<Stage>>,
    notes: Arc<Notes>,
}

impl Handler for Fake {
    async fn request(&self, _: UnitId, body: Bytes) -> Bytes {
        let mut stage = self.stage.lock().unwrap();
        let answer = match codec::decode(&body).unwrap() {
            Request::Adopt(adoption) if self.unit == self.world.next.public().unit() => {
                assert_eq!(adoption, Box::new(self.adoption()), "what the provenance shows");
                *stage = Stage::Done;
                Response::done(&Adopted { next: Slot::new(10), done: true })
            }
            Request::Describe(process) if process == self.world.process && self.knows(*stage) => {
                Response::done(&match *stage {
                    Stage::TakenOver => self.world.taken_over(),
                    stage => self.world.provenance(stage != Stage::Home),
                })
            }
            Request::Find(entry) => {
                let found = self.notes.found.lock().unwrap();
                let record = found.iter().find(|record| record.assignment.entry == entry);
                let missing = || Response::refused(Refusal::new(RefusalCode::NotFound, "not here"));
                record.map_or_else(missing, Response::done)
            }
            Request::Head { process, nonce } if self.knows(*stage) => {
                Response::done(&self.head(process, nonce))
            }
            Request::View(request) => Response::done(&self.world.answer(&request)),
            _ => Response::refused(Refusal::new(RefusalCode::UnknownProcess, "not here")),
        };
        answer.into()
    }

    async fn stream(
        &self,
        _: UnitId,
        opening: Bytes,
        mut sender: FrameSender,
        mut receiver: FrameReceiver,
    ) {
        if let Ok(Opening::Subscribe { process, from }) = codec::decode(&opening) {
            assert_eq!(process, self.world.process);
            return self.tell(from, sender).await;
        }
        let behaviour = {
            let mut behaviours = self.behaviours.lock().unwrap();
            if behaviours.len() > 1 { behaviours.remove(0) } else { behaviours[0] }
        };
        let mut busy = behaviour == Behaviour::BusyOnce;
        while let Ok(Some(frame)) = receiver.recv().await {
            let frame: SubmitFrame = codec::decode(&frame).unwrap();
            for submission in frame.submissions {
                self.tags.lock().unwrap().push(submission.tag);
                self.notes.submitted.lock().unwrap().push(submission.entry.clone());
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
    /// Tells a subscriber what its script says.
    async fn tell(&self, from: Slot, mut sender: FrameSender) {
        self.notes.asked.lock().unwrap().push(from.get());
        let (script, last) = {
            let mut scripts = self.notes.scripts.lock().unwrap();
            (scripts.pop_front().unwrap_or_default(), scripts.is_empty())
        };
        for event in script {
            sender.send(&codec::encode(&event)).await.unwrap();
        }
        if last {
            sender.stopped().await;
        } else {
            // What was sent arrives before the end of the stream does.
            let _ = sender.finish().await;
        }
    }

    /// Whether the unit has the process's log.
    fn knows(&self, stage: Stage) -> bool {
        let knows = [Stage::Done, Stage::TakenOver];
        self.unit != self.world.next.public().unit() || knows.contains(&stage)
    }

    fn adoption(&self) -> Adoption {
        let control = self.world.provenance(true).changes[0].control.clone();
        let from = [&self.world.scheduler, &self.world.compute].map(|key| key.public().unit());
        Adoption { control, attested: Vec::new(), from: from.to_vec() }
    }

    fn head(&self, process: ProcessId, nonce: Hash) -> Signed<HeadStatement> {
        let old = self.unit == self.world.scheduler.public().unit();
        let (epoch, slot) = if old { (0, 9) } else { (1, 12) };
        let key = if old { &self.world.scheduler } else { &self.world.next };
        let head = HeadStatement {
            version: V1,
            kind: Kind,
            network: NETWORK,
            scheduler: self.unit,
            process,
            epoch: Epoch::new(epoch),
            slot: Slot::new(slot),
            chain: Hash::ZERO,
            time: Timestamp::new(7),
            nonce,
        };
        Signed::sign(head, key)
    }

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
        if behaviour == Behaviour::Finish {
            let RefusalProof { refusal, path, batch } =
                self.world.refuse(entry.id(), RefusalCode::Expired);
            let entries = vec![FinalRefusal { tag, refusal, path, detail: "too late".to_owned() }];
            return vec![SubmitEvent::Final { batch, entries }];
        }
        let proof = match *self.stage.lock().unwrap() {
            Stage::Home => self.world.assign(entry.id(), tag),
            Stage::Sealed | Stage::Done | Stage::TakenOver => {
                self.world.assign_in(Epoch::new(1), entry.id(), 10 + tag)
            }
        };
        let mut executed = self.world.execute(&proof.assignment);
        if behaviour == Behaviour::Lie {
            let other = Assignment { chain: Hash::ZERO, ..proof.assignment };
            executed = self.world.execute(&other);
        }
        if behaviour == Behaviour::Later {
            let outcome = Outcome { reply: Reply::Later, ..executed.outcome };
            executed = self.world.attest(outcome, proof.assignment.chain, None);
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
