//! Schedulers and compute units that keep to the protocol, written for tests: the schedulers assign
//! and verify deliveries, the compute units execute what a script says.

mod script;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    net::Ipv4Addr,
    path::Path,
    sync::Mutex,
};

use protocol::{
    Assignment, AssignmentPlace, AssignmentProof, BatchHeader, Branches, Change, Control,
    ControlAction, Delivery, Entry, EntryId, Gas, Hash, ItemBody, Kind, MerkleTree, NetworkId,
    OperatorId, Outcome, PairNumber, PairStatement, Principal, Profile, Provenance, PublicKey,
    Receipt, ReceiptBatch, ReceiptLeaf, RefusalLeaf, SecretKey, Signed, SignedTree, Source, Timer,
    UnitRecord, V1, Verdict,
    api::{
        Acknowledgement, Adopted, AgendaKey, AgendaPage, Cursor, FinalRefusal, FollowFrame,
        FollowSlot, LogPage, LogRecord, NextNumber, OutcomePage, Submission, SubmitEvent,
    },
    chain_hash,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use transport::Limits;

use super::{client::CLIENT, *};

pub(super) const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

pub(super) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

pub(super) const SCHEDULERS: [u8; 2] = [1, 9];
pub(super) const COMPUTES: [u8; 2] = [2, 3];
pub(super) const MESSENGER: u8 = 4;
pub(super) const OPERATOR: u8 = 6;

/// A frame of each compute unit, and the slots in it.
struct Frame {
    bytes: Bytes,
    frame: FollowFrame,
}

#[derive(Default)]
pub(super) struct State {
    last: BTreeMap<ProcessId, Assignment>,
    logs: BTreeMap<ProcessId, Vec<AssignmentProof>>,
    assigned: HashMap<EntryId, AssignmentProof>,
    spawns: BTreeMap<ProcessId, Vec<u8>>,
    /// What changed who orders and executes a process, and whether its scheduler knows.
    changes: BTreeMap<ProcessId, Vec<Change>>,
    pub(super) unaware: BTreeSet<ProcessId>,
    /// Processes whose scheduler has found its store to be an older copy.
    pub(super) stale: BTreeSet<ProcessId>,
    introduced: BTreeSet<ProcessId>,
    pairs: BTreeMap<(ProcessId, ProcessId), u64>,
    numbers: BTreeMap<(ProcessId, ProcessId), (u64, Option<Slot>)>,
    frames: [Vec<Frame>; 2],
    batches: u64,
    /// Whom the process tells when it executes an entry.
    pub(super) script: HashMap<EntryId, Vec<ProcessId>>,
    /// What else it emits then, and to whom.
    pub(super) bodies: HashMap<EntryId, Vec<(ProcessId, ItemBody)>>,
    /// Whether nobody replies to asks.
    pub(super) mute: bool,
    /// Milliseconds by which the schedulers' clocks are behind.
    pub(super) behind: u64,
    /// What is waited for: when, and of asks the number of their pair.
    pub(super) open: BTreeMap<AgendaKey, (Timer, ProcessId, PairNumber)>,
    /// Slots that set a recurring timer.
    recurring: BTreeSet<(ProcessId, Slot)>,
    entries: HashMap<EntryId, Entry>,
    /// Numbers refused for good, by the entries that they would have been.
    refused: HashMap<EntryId, ((ProcessId, ProcessId, PairNumber), RefusalCode)>,
    /// Targets that some answer introduced.
    met: BTreeSet<ProcessId>,
    /// Skips, timers and answers accepted, in order.
    pub(super) skipped: Vec<(ProcessId, ProcessId, u64)>,
    pub(super) timers: Vec<Timer>,
    pub(super) answers: Vec<PairStatement>,
    /// How often an answer had to be submitted again with an introduction.
    pub(super) introductions: u32,
    /// Refusals of the deliveries to come.
    pub(super) refusals: VecDeque<RefusalCode>,
    /// Final refusals of the deliveries to come, and of certain entries.
    pub(super) finals: VecDeque<RefusalCode>,
    pub(super) doomed: HashMap<EntryId, RefusalCode>,
    /// How many of the submit frames to come are lost: assigned, but the stream breaks before an
    /// answer, or not even that.
    pub(super) lost_answers: u32,
    pub(super) lost_frames: u32,
    /// Deliveries accepted, in order.
    pub(super) accepted: Vec<(ProcessId, ProcessId, u64)>,
    deliveries: HashMap<EntryId, (ProcessId, ProcessId, u64)>,
    /// Submissions seen, and the most in one frame.
    pub(super) submissions: usize,
    pub(super) largest_frame: usize,
    /// Whether a compute unit tells nobody what it executed.
    pub(super) silent: [bool; 2],
    /// Whether the second compute unit states more gas than there was.
    pub(super) lying: bool,
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

pub(super) fn endpoint(seed: u8) -> Endpoint {
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
        for (index, seed) in SCHEDULERS.into_iter().enumerate() {
            let scheduler = Arc::new(FakeScheduler(Arc::clone(&world), index));
            world.serve(seed, Role::Scheduler, scheduler);
        }
        for (index, seed) in COMPUTES.into_iter().enumerate() {
            let compute = Arc::new(FakeCompute(Arc::clone(&world), index));
            world.serve(seed, Role::Compute, compute);
        }
        world
    }

    fn serve<H: Handler>(&self, seed: u8, role: Role, handler: Arc<H>) {
        let endpoint = endpoint(seed);
        self.announce(role, OPERATOR, &endpoint, seed);
        let shutdown = self.shutdown.clone();
        tokio::spawn(transport::serve(endpoint.clone(), handler, shutdown));
        self.endpoints.lock().unwrap().push(endpoint);
    }

    pub(super) fn announce(&self, role: Role, operator: u8, endpoint: &Endpoint, seed: u8) {
        let unit = endpoint.unit();
        let now = wall_clock();
        let known = self.directory.record(&unit);
        let record = UnitRecord {
            version: V1,
            kind: Kind,
            network: NETWORK,
            unit,
            role,
            operator: OperatorId::from_bytes(*key(operator).public().as_bytes()),
            vouch: UnitRecord::vouch(&key(operator), NETWORK, &unit, role),
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
        self.messenger_of(MESSENGER, OPERATOR, data).await
    }

    /// A messenger with a key of its own, of some operator.
    pub(super) async fn messenger_of(&self, seed: u8, operator: u8, data: &Path) -> Running {
        let endpoint = endpoint(seed);
        self.announce(Role::Messenger, operator, &endpoint, seed);
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
    fn submit(&mut self, at: usize, submissions: Vec<Submission>) -> Vec<SubmitEvent> {
        self.submissions += submissions.len();
        self.largest_frame = self.largest_frame.max(submissions.len());
        let mut events = Vec::new();
        let (mut fresh, mut ended) = (Vec::new(), Vec::new());
        for Submission { tag, entry, origin, introduction, .. } in submissions {
            if let Err(code) = self.orders(at, &entry) {
                events.push(refused(tag, code));
                continue;
            }
            if let Some(proof) = self.assigned.get(&entry.id()) {
                events.push(assigned(proof.batch.clone(), vec![(tag, proof.clone())]));
                continue;
            }
            let admitted = match &entry {
                Entry::Delivery(delivery) | Entry::Skip(delivery) => {
                    self.admit(delivery, origin.as_deref())
                }
                Entry::Timer(timer) => self.admit_timer(timer, origin.as_deref()),
                Entry::Answer(answer) => {
                    self.admit_answer(answer.statement.clone(), introduction.as_deref())
                }
                _ => Ok(self.doomed.get(&entry.id()).copied()),
            };
            match admitted {
                Ok(None) => fresh.push((tag, self.assign(&entry))),
                Ok(Some(code)) => {
                    let (process, id) = (entry.target(), entry.id());
                    let floor = Timestamp::new(3_000);
                    if let Entry::Delivery(delivery) = &entry {
                        let number = delivery.item.pair.unwrap().number;
                        self.refused.insert(id, ((delivery.source, process, number), code));
                    }
                    ended.push((tag, RefusalLeaf { process, entry: id, code, floor }));
                }
                Err(code) => events.push(refused(tag, code)),
            }
        }
        let refused_for_good = ended.iter().map(|(_, refusal): &(_, RefusalLeaf)| refusal.leaf());
        let leaves = fresh.iter().map(|(_, assignment)| assignment.leaf()).chain(refused_for_good);
        let tree = MerkleTree::new(leaves.collect());
        let batch = self.sign_batch(at, &tree, fresh.len() + ended.len());
        let mut acknowledged = Vec::new();
        let mut executed = Vec::new();
        let ends_at = u32::try_from(fresh.len()).unwrap();
        for ((tag, assignment), index) in fresh.into_iter().zip(0..) {
            let path = tree.path(index).unwrap();
            let proof = AssignmentProof { assignment, path, batch: batch.clone() };
            self.assigned.insert(assignment.entry, proof.clone());
            let log = self.logs.entry(assignment.process).or_default();
            log.push(proof.clone());
            executed.push(proof.clone());
            acknowledged.push((tag, proof));
        }
        if !ended.is_empty() {
            let entries = ended.into_iter().zip(ends_at..).map(|((tag, refusal), index)| {
                let (path, detail) = (tree.path(index).unwrap(), "as the script says".to_owned());
                FinalRefusal { tag, refusal, path, detail }
            });
            events.push(SubmitEvent::Final { batch: batch.clone(), entries: entries.collect() });
        }
        if !acknowledged.is_empty() {
            events.push(assigned(batch, acknowledged));
            self.execute(executed);
        }
        events
    }

    /// Whether a scheduler orders the log of an entry.
    fn orders(&self, at: usize, entry: &Entry) -> Result<(), RefusalCode> {
        let process = entry.target();
        let unit = key(SCHEDULERS[at]).public().unit();
        if matches!(entry, Entry::Spawn(_)) {
            return Ok(());
        }
        if let Some(spawn) = script::birth(entry) {
            let named = spawn.scheduler == unit;
            return if named { Ok(()) } else { Err(RefusalCode::WrongScheduler) };
        }
        let known = self.spawns.contains_key(&process).then(|| self.source(process));
        let known = known.filter(|source| source.schedulers().contains(&unit));
        match known {
            Some(source) if source.scheduler() != unit => Err(RefusalCode::Moved),
            Some(_) if self.stale.contains(&process) => Err(RefusalCode::StaleStore),
            Some(_) if !self.unaware.contains(&process) => Ok(()),
            // Who had it before knows that it was given away.
            Some(source) if source.changes() > 1 => Err(RefusalCode::Moved),
            _ => Err(RefusalCode::UnknownProcess),
        }
    }

    fn sign_batch(&mut self, at: usize, tree: &MerkleTree, count: usize) -> Signed<BatchHeader> {
        self.batches += 1;
        let header = BatchHeader {
            version: V1,
            kind: Kind,
            network: NETWORK,
            scheduler: key(SCHEDULERS[at]).public().unit(),
            number: self.batches,
            time: Timestamp::new(1_000),
            count: u32::try_from(count).unwrap(),
            root: tree.root(),
        };
        Signed::sign(header, &key(SCHEDULERS[at]))
    }

    /// Who a process is now.
    pub(super) fn provenance(&self, process: ProcessId) -> Provenance {
        let changes = self.changes.get(&process).cloned().unwrap_or_default();
        Provenance { spawn: self.spawns[&process].clone(), changes }
    }

    pub(super) fn source(&self, process: ProcessId) -> Source {
        self.provenance(process).source(&process, NETWORK).unwrap()
    }

    fn signed_control(&self, process: ProcessId, action: ControlAction) -> Signed<Control> {
        let sender = Principal::Account(key(CLIENT).public().account());
        let (nonce, expiry) = (self.batches, Timestamp::new(2_000));
        let (version, kind, network, target) = (V1, Kind, NETWORK, process);
        let control = Control { version, kind, network, sender, target, nonce, expiry, action };
        Signed::sign(control, &key(CLIENT))
    }

    /// Orders a control as the present scheduler does, which ends the epoch.
    pub(super) fn control(&mut self, process: ProcessId, action: ControlAction) {
        let scheduler = self.source(process).scheduler();
        let is_it = |seed: &u8| key(*seed).public().unit() == scheduler;
        let at = SCHEDULERS.iter().position(is_it).unwrap();
        let control = self.signed_control(process, action);
        self.submit(at, vec![Submission::bare(0, Entry::Control(control.clone()))]);
        let sealed = self.logs[&process].last().unwrap().clone();
        let change = Change { control, sealed, attested: None };
        self.changes.entry(process).or_default().push(change);
    }

    pub(super) fn move_to(&mut self, process: ProcessId, to: usize) {
        self.control(process, ControlAction::Move(key(SCHEDULERS[to]).public().unit()));
    }

    /// Lets the second scheduler go on behind a slot, with what came later void.
    pub(super) fn take_over(&mut self, process: ProcessId, slot: Slot) {
        let log = self.logs.get_mut(&process).unwrap();
        for void in log.split_off(usize::try_from(slot.get()).unwrap() + 1) {
            self.assigned.remove(&void.assignment.entry);
            let told = self.deliveries.remove(&void.assignment.entry);
            if let Some(told @ (source, target, number)) = told {
                self.accepted.retain(|other| *other != told);
                let next = self.pairs.get_mut(&(source, target)).unwrap();
                *next = number.min(*next);
            }
        }
        let sealed = log.last().unwrap().clone();
        self.last.insert(process, sealed.assignment);
        let mut attested = Vec::new();
        for frame in &mut self.frames[0] {
            let slots = (0..).zip(&frame.frame.slots);
            let is_it = |executed: &FollowSlot| {
                executed.leaf.process == process && executed.leaf.slot == slot
            };
            let of_slot = slots.filter(|(_, executed)| is_it(executed)).map(|(index, _)| index);
            attested.extend(of_slot.take(1).map(|index| receipt(&frame.frame, index)));
        }
        let is_void = |s: &FollowSlot| s.leaf.process == process && s.leaf.slot > slot;
        // They keep their places, for those who read on behind them.
        for frame in self.frames.iter_mut().flatten() {
            if frame.frame.slots.iter().any(is_void) {
                frame.frame.slots.clear();
            }
        }
        let scheduler = key(SCHEDULERS[1]).public().unit();
        let chain = sealed.assignment.chain;
        let action = ControlAction::Takeover { scheduler, slot, chain };
        let control = self.signed_control(process, action);
        let change = Change { control: control.clone(), sealed, attested: Some(attested) };
        self.changes.entry(process).or_default().push(change);
        self.submit(1, vec![Submission::bare(0, Entry::Control(control))]);
    }

    fn assign(&mut self, entry: &Entry) -> Assignment {
        if let Entry::Spawn(spawn) = entry {
            self.spawns.insert(entry.target(), spawn.body_bytes().to_vec());
        }
        if let Some(spawn) = script::birth(entry) {
            self.spawns.insert(entry.target(), codec::encode(&spawn));
        }
        self.entries.insert(entry.id(), entry.clone());
        let process = entry.target();
        let last = self.last.get(&process);
        let (slot, previous) =
            last.map_or((Slot::ZERO, Hash::ZERO), |last| (last.slot.next().unwrap(), last.chain));
        let (epoch, time, id) = (self.source(process).epoch(), Timestamp::new(1_000), entry.id());
        let chain = chain_hash(&previous, epoch, slot, time, &id);
        let assignment = Assignment { process, epoch, slot, time, entry: id, chain };
        self.last.insert(process, assignment);
        assignment
    }

    /// What a target's scheduler checks of a delivery, from the delivery alone; tells why it is
    /// refused for good.
    fn admit(
        &mut self,
        delivery: &Delivery,
        origin: Option<&protocol::OriginProof>,
    ) -> Result<Option<RefusalCode>, RefusalCode> {
        if let Some(code) = self.refusals.pop_front() {
            return Err(code);
        }
        let (source, target) = (delivery.source, delivery.item.target);
        let origin = origin.ok_or(RefusalCode::BadOrigin)?;
        let known = self.introduced.contains(&source).then(|| self.source(source));
        match origin.verify(NETWORK, delivery.into(), known.as_ref(), false, PublicKey::verifies) {
            Ok(()) => {}
            Err(protocol::OriginProofError::Unknown) => {
                return Err(RefusalCode::IntroductionNeeded);
            }
            Err(protocol::OriginProofError::Policy) => return Err(RefusalCode::WrongPolicy),
            Err(error) => panic!("a proof does not hold: {error}"),
        }
        let skip = match &delivery.item.body {
            ItemBody::Skip(number) => Some(*number),
            _ => None,
        };
        let number = skip.unwrap_or_else(|| delivery.item.pair.unwrap().number).get();
        let next = self.pairs.entry((source, target)).or_default();
        match number.cmp(next) {
            std::cmp::Ordering::Less => Err(RefusalCode::PairConflict),
            std::cmp::Ordering::Greater => Err(RefusalCode::OutOfOrder),
            std::cmp::Ordering::Equal => {
                *next += 1;
                self.introduced.insert(source);
                if skip.is_some() {
                    self.skipped.push((source, target, number));
                    return Ok(None);
                }
                if let Some(code) = self.finals.pop_front() {
                    return Ok(Some(code));
                }
                self.accepted.push((source, target, number));
                self.deliveries.insert(delivery.delivery_id(), (source, target, number));
                Ok(None)
            }
        }
    }

    /// Executes slots, all in one receipt batch of each compute unit.
    fn execute(&mut self, proofs: Vec<AssignmentProof>) {
        let (outcomes, closed): (Vec<_>, Vec<_>) =
            proofs.iter().map(|proof| self.outcome(&proof.assignment)).unzip();
        for (seed, frames) in COMPUTES.into_iter().zip(&mut self.frames) {
            let mut outcomes = outcomes.clone();
            if self.lying && seed == COMPUTES[1] {
                outcomes.iter_mut().for_each(|outcome| outcome.gas = Gas::new(8));
            }
            let leaf = |outcome: &Outcome, proof: &AssignmentProof| ReceiptLeaf {
                process: outcome.process,
                slot: outcome.slot,
                chain: proof.assignment.chain,
                profile: Profile::current().id(),
                outcome: outcome.digest(),
                gas: outcome.gas,
                previous: None,
                state_root: None,
            };
            let leaves: Vec<_> = outcomes.iter().zip(&proofs).map(|(o, p)| leaf(o, p)).collect();
            let tree = MerkleTree::new(leaves.iter().map(ReceiptLeaf::leaf).collect());
            let batch = ReceiptBatch {
                version: V1,
                kind: Kind,
                network: NETWORK,
                unit: key(seed).public().unit(),
                count: u32::try_from(leaves.len()).unwrap(),
                root: tree.root(),
                engine: "script".to_owned(),
            };
            let mut assignments = Vec::new();
            let slots = outcomes.iter().zip(&proofs).zip(leaves).zip(&closed);
            let slots = slots.map(|(((outcome, proof), leaf), closed)| FollowSlot {
                outcome: outcome.clone(),
                leaf,
                path: None,
                assignment: None,
                closed: (!closed.is_empty()).then(|| closed.clone()),
                place: (!outcome.outbox.is_empty()).then(|| place(&mut assignments, proof)),
            });
            let slots = slots.collect();
            let assignments = Some(assignments).filter(|assignments| !assignments.is_empty());
            let frame = FollowFrame { slots, batch: Signed::sign(batch, &key(seed)), assignments };
            frames.push(Frame { bytes: codec::encode(&frame).into(), frame });
        }
    }

    /// The first frame of the first compute unit.
    pub(super) fn first_frame(&self) -> Bytes {
        self.frames[0][0].bytes.clone()
    }

    /// The numbers accepted of a pair, in order.
    pub(super) fn heard(&self, source: ProcessId, target: ProcessId) -> Vec<u64> {
        let of_pair =
            |(from, to, _): &&(ProcessId, ProcessId, u64)| (*from, *to) == (source, target);
        self.accepted.iter().filter(of_pair).map(|(.., number)| *number).collect()
    }
}

/// Submissions with whole proofs in the place of links.
fn unlinked(SubmitFrame { submissions, basis }: SubmitFrame) -> Vec<Submission> {
    let basis = basis.map(|basis| basis.open().expect("trees have the roots of their batches"));
    let unlink = |submission: Submission| match (&submission.entry, &submission.link) {
        (Entry::Delivery(item) | Entry::Skip(item), Some(link)) => {
            let proof = basis.as_ref().unwrap().proof(link, item.into()).map(Box::new);
            Submission { origin: proof, link: None, ..submission }
        }
        _ => submission,
    };
    submissions.into_iter().map(unlink).collect()
}

/// Where a proof's assignment stands, in a tree of its own.
fn place(
    assignments: &mut Vec<SignedTree<BatchHeader>>,
    proof: &AssignmentProof,
) -> AssignmentPlace {
    let AssignmentProof { assignment, path, batch } = proof;
    let mut branches = Branches::default();
    assert!(branches.add(assignment.leaf(), path));
    assignments.push(SignedTree { batch: batch.clone(), tree: branches.prune().unwrap() });
    let batch = u32::try_from(assignments.len()).unwrap() - 1;
    let (epoch, time) = (assignment.epoch, assignment.time);
    AssignmentPlace { batch, index: path.index, epoch, time }
}

/// The receipt of a slot of a frame.
fn receipt(frame: &FollowFrame, index: u32) -> Receipt {
    let leaf = frame.slots[usize::try_from(index).unwrap()].leaf.clone();
    Receipt { leaf, path: frame.tree().path(index).unwrap(), batch: frame.batch.clone() }
}

fn assigned(batch: Signed<BatchHeader>, entries: Vec<(u64, AssignmentProof)>) -> SubmitEvent {
    let acknowledge = |(tag, proof): (u64, AssignmentProof)| Acknowledgement {
        tag,
        assignment: proof.assignment,
        path: proof.path,
    };
    SubmitEvent::Assigned { batch, entries: entries.into_iter().map(acknowledge).collect() }
}

fn refused(tag: u64, code: RefusalCode) -> SubmitEvent {
    SubmitEvent::Refused { tag, refusal: Refusal::new(code, "as the script says") }
}

struct FakeScheduler(Arc<World>, usize);

impl Handler for FakeScheduler {
    async fn request(&self, _: UnitId, body: Bytes) -> Bytes {
        let unit = key(SCHEDULERS[self.1]).public().unit();
        let mut state = self.0.state.lock().unwrap();
        let had = |state: &State, process: &ProcessId| {
            state.spawns.contains_key(process)
                && !(state.unaware.contains(process) && state.source(*process).scheduler() == unit)
                && state.source(*process).schedulers().contains(&unit)
        };
        let unknown = || Response::refused(Refusal::new(RefusalCode::UnknownProcess, ""));
        let answer = match codec::decode::<Request>(&body).unwrap() {
            Request::Describe(process) => {
                if had(&state, &process) {
                    Response::done(&state.provenance(process))
                } else {
                    unknown()
                }
            }
            Request::Adopt(adoption) => {
                let control = adoption.control.unverified();
                let moves = matches!(&control.action, ControlAction::Move(to) if *to == unit);
                assert!(moves, "only who is named is asked to adopt");
                state.unaware.remove(&control.target);
                let next = state.last[&control.target].slot.next().unwrap();
                Response::done(&Adopted { next, done: true })
            }
            Request::Pair { source, target } if had(&state, &target) => {
                let number = state.pairs.get(&(source, target)).copied().unwrap_or_default();
                Response::done(&NextNumber { number: PairNumber::new(number) })
            }
            Request::Pair { .. } => unknown(),
            Request::Proof { process, slot } => {
                let at = usize::try_from(slot.get()).unwrap();
                let proof = state.logs.get(&process).and_then(|log| log.get(at));
                proof.map_or_else(unknown, Response::done)
            }
            Request::Statement { source, target, number, entry } => {
                match state.verdict((source, target, number), &entry) {
                    Some(verdict) => Response::done(&script::statement(
                        SCHEDULERS[self.1],
                        (source, target, number),
                        verdict,
                    )),
                    None => Response::refused(Refusal::new(RefusalCode::NotFound, "")),
                }
            }
            Request::Log { process, from, limit: 1 } => {
                let at = usize::try_from(from.get()).unwrap();
                let proof = state.logs.get(&process).and_then(|log| log.get(at));
                proof.map_or_else(unknown, |proof| {
                    let entry = state.entries[&proof.assignment.entry].clone();
                    let records = vec![LogRecord { assignment: proof.assignment, entry }];
                    Response::done(&LogPage { records, next: from.next().unwrap() })
                })
            }
            other => panic!("a messenger does not ask a scheduler {other:?}"),
        };
        answer.into()
    }

    async fn stream(
        &self,
        _: UnitId,
        opening: Bytes,
        mut to: FrameSender,
        mut from: FrameReceiver,
    ) {
        assert_eq!(codec::decode(&opening), Ok(Opening::Submit));
        while let Ok(Some(frame)) = from.recv().await {
            let frame: SubmitFrame = codec::decode(&frame).expect("frames are canonical");
            let events = self.0.change(|state| {
                if state.lost_frames > 0 {
                    state.lost_frames -= 1;
                    return None;
                }
                let events = state.submit(self.1, unlinked(frame));
                if state.lost_answers > 0 {
                    state.lost_answers -= 1;
                    return None;
                }
                Some(events)
            });
            let Some(events) = events else { return };
            let frames: Vec<Bytes> = events.iter().map(|e| codec::encode(e).into()).collect();
            if to.send_all(frames).await.is_err() {
                return;
            }
        }
    }
}

struct FakeCompute(Arc<World>, usize);

impl Handler for FakeCompute {
    async fn request(&self, _: UnitId, body: Bytes) -> Bytes {
        let state = self.0.state.lock().unwrap();
        let (process, from, limit) = match codec::decode(&body) {
            Ok(Request::Outcomes { process, from, limit }) => (process, from, limit),
            Ok(Request::Agenda { after, limit }) => {
                return Response::done(&state.agenda(after, limit)).into();
            }
            _ => panic!("a messenger asks compute units for outcomes and agendas only"),
        };
        let frames = state.frames[self.1].iter();
        let slots =
            frames.flat_map(|frame| (0..).zip(&frame.frame.slots).map(move |slot| (frame, slot)));
        let wanted =
            slots.filter(|(_, (_, slot))| slot.leaf.process == process && slot.leaf.slot >= from);
        let executed = wanted.map(|(frame, (index, slot))| Executed {
            outcome: slot.outcome.clone(),
            receipt: receipt(&frame.frame, index),
        });
        let executed: Vec<_> = executed.take(usize::try_from(limit).unwrap()).collect();
        let next = executed.last().map_or(from, |last| last.outcome.slot.next().unwrap());
        Response::done(&OutcomePage { executed, next }).into()
    }

    async fn stream(&self, _: UnitId, opening: Bytes, mut to: FrameSender, _: FrameReceiver) {
        let Ok(Opening::Follow { cursors }) = codec::decode(&opening) else {
            panic!("a messenger follows");
        };
        self.0.change(|state| state.cursors = cursors.clone());
        let known: BTreeMap<_, _> = cursors.iter().map(|c| (c.process, c.slot)).collect();
        let needed = |slot: &FollowSlot| {
            known.get(&slot.leaf.process).is_none_or(|cursor| slot.leaf.slot >= *cursor)
        };
        let mut changed = self.0.changed.subscribe();
        let mut at = 0;
        loop {
            let frames: Vec<Bytes> = {
                let state = self.0.state.lock().unwrap();
                let silent = state.silent[self.1];
                let all = &state.frames[self.1];
                let from = if silent { all.len() } else { at };
                let new = all[from..].iter().filter(|frame| frame.frame.slots.iter().any(needed));
                at = if silent { at } else { all.len() };
                new.map(|frame| frame.bytes.clone()).collect()
            };
            if to.send_all(frames).await.is_err() || changed.changed().await.is_err() {
                return;
            }
        }
    }
}
