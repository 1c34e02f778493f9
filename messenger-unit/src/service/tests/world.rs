//! A scheduler and compute units that keep to the protocol, written for tests: the scheduler assigns
//! and verifies deliveries, the compute units execute what a script says.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    net::Ipv4Addr,
    path::Path,
    sync::Mutex,
};

use protocol::{
    Acceptance, Assignment, AssignmentProof, BatchHeader, ComputePolicy, Delivery, Entry, EntryId,
    Epoch, Gas, Hash, ItemBody, Kind, Limits as ProcessLimits, MerkleTree, Message, ModuleId,
    NetworkId, OperatorId, OutboxItem, Outcome, PairNumber, PairPosition, Principal, Profile,
    Provenance, PublicKey, ReceiptBatch, ReceiptLeaf, Reply, SecretKey, Signed, Spawn, UnitRecord,
    V1, chain_hash,
    api::{
        Acknowledgement, Cursor, FollowFrame, FollowSlot, NextNumber, OutcomePage, Submission,
        SubmitEvent,
    },
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use transport::Limits;

use super::*;

pub(super) const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

pub(super) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

const SCHEDULER: u8 = 1;
const COMPUTES: [u8; 2] = [2, 3];
const MESSENGER: u8 = 4;
const CLIENT: u8 = 5;
const OPERATOR: u8 = 6;

/// One slot of a log.
#[derive(Clone)]
struct Record {
    entry: Entry,
    proof: AssignmentProof,
}

/// A frame of each compute unit, and the slots in it.
struct Frame {
    bytes: Bytes,
    frame: FollowFrame,
}

#[derive(Default)]
pub(super) struct State {
    logs: BTreeMap<ProcessId, Vec<Record>>,
    assigned: HashMap<EntryId, AssignmentProof>,
    spawns: BTreeMap<ProcessId, Vec<u8>>,
    introduced: BTreeSet<ProcessId>,
    pairs: BTreeMap<(ProcessId, ProcessId), u64>,
    numbers: BTreeMap<(ProcessId, ProcessId), (u64, Option<Slot>)>,
    frames: [Vec<Frame>; 2],
    batches: u64,
    /// Whom the process tells when it executes an entry.
    pub(super) script: HashMap<EntryId, Vec<ProcessId>>,
    /// Refusals of the deliveries to come.
    pub(super) refusals: VecDeque<RefusalCode>,
    /// How many of the submit frames to come are lost: assigned, but the stream breaks before an
    /// answer, or not even that.
    pub(super) lost_answers: u32,
    pub(super) lost_frames: u32,
    /// Deliveries accepted, in order.
    pub(super) accepted: Vec<(ProcessId, ProcessId, u64)>,
    /// Submissions seen, and the most in one frame.
    pub(super) submissions: usize,
    pub(super) largest_frame: usize,
    /// Whether the second compute unit tells nobody what it executed.
    pub(super) silent: bool,
    /// The cursors of the last follower.
    pub(super) cursors: Vec<Cursor>,
}

/// The units that are not under test.
pub(super) struct World {
    pub(super) state: Mutex<State>,
    changed: watch::Sender<u64>,
    pub(super) directory: Directory,
    shutdown: CancellationToken,
    endpoints: Mutex<Vec<Endpoint>>,
}

fn endpoint(seed: u8) -> Endpoint {
    let anywhere = (Ipv4Addr::LOCALHOST, 0).into();
    Endpoint::bind(&key(seed), NETWORK, anywhere, Limits::default()).unwrap()
}

impl World {
    pub(super) fn start() -> Arc<Self> {
        let world = Arc::new(Self {
            state: Mutex::default(),
            changed: watch::Sender::new(0),
            directory: Directory::new(NETWORK),
            shutdown: CancellationToken::new(),
            endpoints: Mutex::default(),
        });
        let scheduler = Arc::new(FakeScheduler(Arc::clone(&world)));
        world.serve(SCHEDULER, Role::Scheduler, scheduler);
        for (index, seed) in COMPUTES.into_iter().enumerate() {
            let compute = Arc::new(FakeCompute(Arc::clone(&world), index));
            world.serve(seed, Role::Compute, compute);
        }
        world
    }

    fn serve<H: Handler>(&self, seed: u8, role: Role, handler: Arc<H>) {
        let endpoint = endpoint(seed);
        self.announce(seed, role, &endpoint);
        let shutdown = self.shutdown.clone();
        tokio::spawn(transport::serve(endpoint.clone(), handler, shutdown));
        self.endpoints.lock().unwrap().push(endpoint);
    }

    fn announce(&self, seed: u8, role: Role, endpoint: &Endpoint) {
        let unit = endpoint.unit();
        let now = wall_clock();
        let known = self.directory.record(&unit);
        let record = UnitRecord {
            version: V1,
            kind: Kind,
            network: NETWORK,
            unit,
            role,
            operator: OperatorId::from_bytes(*key(OPERATOR).public().as_bytes()),
            vouch: UnitRecord::vouch(&key(OPERATOR), NETWORK, &unit, role),
            addresses: vec![endpoint.local_address().to_string()],
            sequence: known.map_or(1, |known| known.unverified().sequence + 1),
            expires: now.saturating_add(600_000),
        };
        self.directory.insert(Signed::sign(record, &key(seed)), now).unwrap();
    }

    pub(super) async fn stop(&self) {
        self.shutdown.cancel();
        let endpoints = std::mem::take(&mut *self.endpoints.lock().unwrap());
        for endpoint in endpoints {
            endpoint.close().await;
        }
    }

    pub(super) async fn messenger(&self, data: &Path) -> Running {
        let endpoint = endpoint(MESSENGER);
        self.announce(MESSENGER, Role::Messenger, &endpoint);
        let config = Config::new(NETWORK, data.to_owned());
        start(config, endpoint, self.directory.clone()).await.unwrap()
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state.lock().unwrap());
        self.changed.send_modify(|count| *count += 1);
        changed
    }

    /// Waits until the state is as wanted.
    pub(super) async fn until(&self, what: &str, wanted: impl Fn(&State) -> bool) {
        let mut changed = self.changed.subscribe();
        let waiting = async {
            while !wanted(&self.state.lock().unwrap()) {
                changed.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(Duration::from_secs(30), waiting).await.is_err() {
            panic!("waited in vain until {what}");
        }
    }
}

impl State {
    fn submit(&mut self, submissions: Vec<Submission>) -> Vec<SubmitEvent> {
        self.submissions += submissions.len();
        self.largest_frame = self.largest_frame.max(submissions.len());
        let mut events = Vec::new();
        let mut fresh = Vec::new();
        for Submission { tag, entry, origin } in submissions {
            if let Some(proof) = self.assigned.get(&entry.id()) {
                events.push(assigned(proof.batch.clone(), vec![(tag, proof.clone())]));
                continue;
            }
            let admitted = match &entry {
                Entry::Delivery(delivery) => self.admit(delivery, origin.as_deref()),
                _ => Ok(()),
            };
            let known = matches!(entry, Entry::Spawn(_)) || self.logs.contains_key(&entry.target());
            match admitted {
                Ok(()) if known => fresh.push((tag, self.assign(entry))),
                Ok(()) => events.push(refused(tag, RefusalCode::UnknownProcess)),
                Err(code) => events.push(refused(tag, code)),
            }
        }
        let leaves = fresh.iter().map(|(_, (_, assignment))| assignment.leaf()).collect();
        let tree = MerkleTree::new(leaves);
        let batch = self.sign_batch(&tree, fresh.len());
        let mut acknowledged = Vec::new();
        let mut executed = Vec::new();
        for ((tag, (entry, assignment)), index) in fresh.into_iter().zip(0..) {
            let path = tree.path(index).unwrap();
            let proof = AssignmentProof { assignment, path, batch: batch.clone() };
            self.assigned.insert(assignment.entry, proof.clone());
            let log = self.logs.entry(assignment.process).or_default();
            log.push(Record { entry, proof: proof.clone() });
            executed.push(proof.clone());
            acknowledged.push((tag, proof));
        }
        if !acknowledged.is_empty() {
            events.push(assigned(batch, acknowledged));
            self.execute(executed);
        }
        events
    }

    fn sign_batch(&mut self, tree: &MerkleTree, count: usize) -> Signed<BatchHeader> {
        self.batches += 1;
        let header = BatchHeader {
            version: V1,
            kind: Kind,
            network: NETWORK,
            scheduler: key(SCHEDULER).public().unit(),
            number: self.batches,
            time: Timestamp::new(1_000),
            count: u32::try_from(count).unwrap(),
            root: tree.root(),
        };
        Signed::sign(header, &key(SCHEDULER))
    }

    /// Assigns an entry in memory; its log grows when the batch is signed, so the chain of several
    /// slots of one batch goes through `pending`.
    fn assign(&mut self, entry: Entry) -> (Entry, Assignment) {
        if let Entry::Spawn(spawn) = &entry {
            self.spawns.insert(entry.target(), spawn.body_bytes().to_vec());
        }
        let process = entry.target();
        let pending = self.pending(process);
        let (slot, previous) = pending.map_or((Slot::ZERO, Hash::ZERO), |last| {
            (last.slot.next().unwrap(), last.chain)
        });
        let (epoch, time, id) = (Epoch::ZERO, Timestamp::new(1_000), entry.id());
        let chain = chain_hash(&previous, epoch, slot, time, &id);
        let assignment = Assignment { process, epoch, slot, time, entry: id, chain };
        self.last.insert(process, assignment);
        (entry, assignment)
    }
}
