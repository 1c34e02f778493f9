//! A client that checks every proof it gets.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::{
    Acceptance, AssignmentProof, ComputePolicy, Entry, Kind, Limits as ProcessLimits, Message,
    ModuleId, Outcome, Principal, Profile, Receipt, Signed, Spawn, V1,
    api::{Acknowledgement, Submission, SubmitEvent},
};
use transport::Limits;

use super::{
    world::{COMPUTES, SCHEDULERS},
    *,
};

pub(super) const CLIENT: u8 = 5;

/// Someone who spawns and sends.
pub(super) struct Client {
    endpoint: Endpoint,
    messenger: transport::Connection,
    sender: FrameSender,
    receiver: FrameReceiver,
    nonce: u64,
}

impl Client {
    pub(super) async fn connect(messenger: &Running) -> Self {
        let endpoint = Endpoint::client(&key(CLIENT), NETWORK, Limits::default()).unwrap();
        let (unit, address) = (messenger.endpoint.unit(), messenger.endpoint.local_address());
        let messenger = endpoint.connect(unit, address).await.unwrap();
        let (sender, mut receiver) =
            messenger.open_stream(&codec::encode(&Opening::Submit)).await.unwrap();
        receiver.set_limit(OUTCOME_FRAME_MAX);
        Self { endpoint, messenger, sender, receiver, nonce: 0 }
    }

    pub(super) async fn close(self) {
        drop((self.sender, self.receiver, self.messenger));
        self.endpoint.close().await;
    }

    pub(super) fn spawn(&mut self, quorum: u16) -> Entry {
        self.nonce += 1;
        let profile = Profile::current().id();
        let module = ModuleId::of(b"module");
        let units = COMPUTES.map(|seed| key(seed).public().unit()).to_vec();
        let spawn = Spawn {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: Principal::Account(key(CLIENT).public().account()),
            module,
            acceptance: Acceptance::sign(&key(COMPUTES[0]), NETWORK, &module, &profile),
            args: vec![0xa0],
            name: "test".to_owned(),
            tags: Vec::new(),
            nonce: self.nonce,
            expiry: Timestamp::new(2_000),
            scheduler: key(SCHEDULERS[0]).public().unit(),
            policy: ComputePolicy { units, quorum, version: 0, previous: None },
            profile,
            controller: Principal::Account(key(CLIENT).public().account()),
            limits: ProcessLimits::DEFAULT,
        };
        Entry::Spawn(Signed::sign(spawn, &key(CLIENT)))
    }

    pub(super) fn message(&mut self, target: ProcessId) -> Entry {
        self.nonce += 1;
        let message = Message {
            version: V1,
            kind: Kind,
            network: NETWORK,
            sender: Principal::Account(key(CLIENT).public().account()),
            target,
            method: "speak".to_owned(),
            args: vec![0xa0],
            nonce: self.nonce,
            expiry: Timestamp::new(2_000),
            tags: Vec::new(),
            reply_to: None,
            credit: None,
            trace_parent: None,
            evidence: None,
        };
        Entry::Message(Signed::sign(message, &key(CLIENT)))
    }

    pub(super) async fn submit(&mut self, entries: impl IntoIterator<Item = (u64, Entry)>) {
        let submission = |(tag, entry)| Submission::bare(tag, entry);
        let submissions = entries.into_iter().map(submission).collect();
        self.sender.send(&codec::encode(&SubmitFrame { submissions, basis: None })).await.unwrap();
    }

    pub(super) async fn event(&mut self) -> SubmitEvent {
        let frame = tokio::time::timeout(Duration::from_secs(30), self.receiver.recv()).await;
        let frame = frame.expect("an event comes").unwrap().expect("the stream goes on");
        codec::decode(&frame).expect("events are canonical")
    }

    /// Waits until so many entries are assigned and executed; every proof is checked.
    pub(super) async fn done(&mut self, count: usize) -> Vec<(u64, Outcome)> {
        let (mut assigned, mut executed) = (BTreeSet::new(), BTreeMap::new());
        while assigned.len() < count || executed.len() < count {
            match self.event().await {
                SubmitEvent::Assigned { batch, entries } => {
                    for Acknowledgement { tag, assignment, path } in entries {
                        let proof = AssignmentProof { assignment, path, batch: batch.clone() };
                        let scheduler = proof.batch.unverified().scheduler;
                        proof.verify(NETWORK, &scheduler).unwrap();
                        assert!(assigned.insert(tag), "{tag} was assigned already");
                    }
                }
                SubmitEvent::Executed { batch, entries } => {
                    for entry in entries {
                        let (leaf, path, batch) = (entry.leaf, entry.path, batch.clone());
                        assert_eq!(leaf.outcome, entry.outcome.digest());
                        Receipt { leaf, path, batch }.verify(NETWORK).unwrap();
                        let twice = executed.insert(entry.tag, entry.outcome);
                        assert!(twice.is_none(), "{} was executed already", entry.tag);
                    }
                }
                refused => panic!("refused: {refused:?}"),
            }
        }
        executed.into_iter().collect()
    }

    /// Spawns a process.
    pub(super) async fn born(&mut self, quorum: u16) -> ProcessId {
        let spawn = self.spawn(quorum);
        let process = spawn.target();
        self.submit([(self.nonce, spawn)]).await;
        self.done(1).await;
        process
    }

    pub(super) async fn ask(&self, request: &Request) -> Response {
        let answer = self.messenger.request(codec::encode(request)).await.unwrap();
        codec::decode(&answer).unwrap()
    }

    pub(super) async fn watch(&self) -> (FrameSender, FrameReceiver) {
        self.messenger.open_stream(&codec::encode(&Opening::Watch)).await.unwrap()
    }

    pub(super) async fn finish(mut self) -> Vec<SubmitEvent> {
        self.sender.finish().await.unwrap();
        let mut events = Vec::new();
        while let Some(frame) = self.receiver.recv().await.unwrap() {
            events.push(codec::decode(&frame).unwrap());
        }
        self.endpoint.close().await;
        events
    }
}

/// The outcomes of one process as they come, each with a proof that holds.
pub(super) struct Follower {
    _sender: FrameSender,
    receiver: FrameReceiver,
    waiting: VecDeque<Outcome>,
    /// How many slots shared a frame at the most.
    pub(super) largest_frame: usize,
}

impl Client {
    pub(super) async fn subscribe(&self, process: ProcessId, from: u64) -> Follower {
        let opening = Opening::Subscribe { process, from: Slot::new(from) };
        let opened = self.messenger.open_stream(&codec::encode(&opening)).await;
        let (sender, mut receiver) = opened.unwrap();
        receiver.set_limit(OUTCOME_FRAME_MAX);
        Follower { _sender: sender, receiver, waiting: VecDeque::new(), largest_frame: 0 }
    }
}

impl Follower {
    /// The next event, which is not looked at.
    pub(super) async fn event(&mut self) -> Option<SubmitEvent> {
        let frame = tokio::time::timeout(Duration::from_secs(30), self.receiver.recv()).await;
        let frame = frame.expect("an event comes").unwrap()?;
        Some(codec::decode(&frame).expect("events are canonical"))
    }

    pub(super) async fn next(&mut self) -> Outcome {
        while self.waiting.is_empty() {
            let Some(SubmitEvent::Executed { batch, entries }) = self.event().await else {
                panic!("not an outcome");
            };
            self.largest_frame = self.largest_frame.max(entries.len());
            for entry in entries {
                let (leaf, path, batch) = (entry.leaf, entry.path, batch.clone());
                assert_eq!((entry.tag, leaf.outcome), (0, entry.outcome.digest()));
                Receipt { leaf, path, batch }.verify(NETWORK).unwrap();
                self.waiting.push_back(entry.outcome);
            }
        }
        self.waiting.pop_front().unwrap()
    }

    /// The slots that come until one has.
    pub(super) async fn slots(&mut self, last: u64) -> Vec<u64> {
        let mut slots = Vec::new();
        while slots.last() != Some(&last) {
            slots.push(self.next().await.slot.get());
        }
        slots
    }
}
