//! A small world for tests: keys, spawns, messages, and processes elsewhere that tell.

pub(crate) mod speaker;

use std::sync::Arc;

use protocol::{
    Acceptance, Assignment, AssignmentProof, BatchHeader, ComputePolicy, Control, ControlAction,
    Delivery, Entry, Epoch, Gas, Hash, ItemBody, Kind, Limits, MerkleTree, Message, ModuleId,
    NetworkId, OriginBasis, OriginProof, OutboxItem, Outcome, PairNumber, PairPosition, Principal,
    ProcessId, Profile, Provenance, Receipt, ReceiptBatch, ReceiptLeaf, Reply, SecretKey, Signed,
    Slot, Spawn, Timestamp, V1,
    api::{Submission, SubmitFrame},
    chain_hash, codec,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{
    order::EXPIRY_WINDOW,
    running::{Opened, Stores, open},
    store::{Disk, StoreError, testing::FaultDisk},
    verify::{Event, Lane, Ready, Said, Verifier},
};

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);
pub(crate) const WASM: &[u8] = b"\0asm\x01\0\0\0";
pub(crate) const NOW: Timestamp = Timestamp::new(1_700_000_000_000);

pub(crate) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

pub(crate) fn scheduler() -> SecretKey {
    key(1)
}

pub(crate) fn compute() -> SecretKey {
    key(2)
}

pub(crate) fn client() -> SecretKey {
    key(3)
}

/// The scheduler of [`Teller`]s.
pub(crate) fn other_scheduler() -> SecretKey {
    key(4)
}

pub(crate) fn spawn_body(nonce: u64, now: Timestamp) -> Spawn {
    let (module, profile) = (ModuleId::of(WASM), Profile::current().id());
    Spawn {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: Principal::Account(client().public().account()),
        module,
        acceptance: Acceptance::sign(&compute(), NETWORK, &module, &profile),
        args: vec![0xa0],
        name: "test".to_owned(),
        tags: Vec::new(),
        nonce,
        expiry: now.saturating_add(60_000),
        scheduler: scheduler().public().unit(),
        policy: ComputePolicy {
            units: vec![compute().public().unit()],
            quorum: 1,
            version: 0,
            previous: None,
        },
        profile,
        controller: Principal::Account(client().public().account()),
        limits: Limits { message_bytes: 1_000, ..Limits::DEFAULT },
    }
}

pub(crate) fn spawn(nonce: u64, now: Timestamp) -> Entry {
    Entry::Spawn(Signed::sign(spawn_body(nonce, now), &client()))
}

/// A spawn that only this compute unit executes.
pub(crate) fn spawn_by(nonce: u64, now: Timestamp, unit: &SecretKey) -> Entry {
    let mut body = spawn_body(nonce, now);
    body.policy.units = vec![unit.public().unit()];
    body.acceptance = Acceptance::sign(unit, NETWORK, &body.module, &body.profile);
    Entry::Spawn(Signed::sign(body, &client()))
}

/// A spawn that one of two compute units executes.
pub(crate) fn spawn_shared(nonce: u64, now: Timestamp, one: &SecretKey, two: &SecretKey) -> Entry {
    let mut body = spawn_body(nonce, now);
    body.policy.units = vec![one.public().unit(), two.public().unit()];
    body.acceptance = Acceptance::sign(one, NETWORK, &body.module, &body.profile);
    Entry::Spawn(Signed::sign(body, &client()))
}

pub(crate) fn process(nonce: u64, now: Timestamp) -> ProcessId {
    spawn(nonce, now).target()
}

pub(crate) fn message_body(target: ProcessId, nonce: u64, expiry: Timestamp) -> Message {
    Message {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: Principal::Account(client().public().account()),
        target,
        method: "add".to_owned(),
        args: vec![0xa0],
        nonce,
        expiry,
        tags: Vec::new(),
        reply_to: None,
        credit: None,
        trace_parent: None,
        evidence: None,
    }
}

pub(crate) fn message(target: ProcessId, nonce: u64, now: Timestamp) -> Entry {
    let expiry = now.saturating_add(60_000);
    Entry::Message(Signed::sign(message_body(target, nonce, expiry), &client()))
}

/// An order of the controller.
pub(crate) fn control(target: ProcessId, nonce: u64, action: ControlAction) -> Entry {
    control_by(&client(), target, nonce, action)
}

/// An order that somebody signs.
pub(crate) fn control_by(
    key: &SecretKey,
    target: ProcessId,
    nonce: u64,
    action: ControlAction,
) -> Entry {
    let body = Control {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: Principal::Account(key.public().account()),
        target,
        nonce,
        expiry: NOW.saturating_add(60_000),
        action,
    };
    Entry::Control(Signed::sign(body, key))
}

pub(crate) fn submission(tag: u64, entry: Entry) -> Submission {
    Submission::bare(tag, entry)
}

/// A process of another scheduler that emitted some tells in its slot 0.
pub(crate) struct Teller {
    pub(crate) id: ProcessId,
    pub(crate) provenance: Provenance,
    outcome: Outcome,
    assignment: AssignmentProof,
    receipt: Receipt,
}

impl Teller {
    /// Tells one target so many times.
    pub(crate) fn new(target: ProcessId, tells: u32) -> Self {
        let outbox = (0..tells).map(|index| tell(target, index, u64::from(index))).collect();
        Self::emitting(77, outbox)
    }

    /// One of many, which tells each of its targets so many times, in turn.
    pub(crate) fn of_many(nonce: u64, targets: &[ProcessId], tells: u32) -> Self {
        let rounds = (0..tells).flat_map(|number| targets.iter().map(move |to| (number, *to)));
        let outbox = (0..).zip(rounds).map(|(index, (number, to))| tell(to, index, number.into()));
        Self::emitting(nonce, outbox.collect())
    }

    /// Whom it tells, once for each tell.
    pub(crate) fn targets(&self) -> impl Iterator<Item = ProcessId> {
        self.outcome.outbox.iter().map(|item| item.target)
    }

    /// The position of the tell to a target with this number, if there is one.
    pub(crate) fn position(&self, target: ProcessId, number: PairNumber) -> Option<u32> {
        let number = |item: &&OutboxItem| item.pair.map(|pair| pair.number) == Some(number);
        let mut items = self.outcome.outbox.iter().filter(|item| item.target == target);
        items.find(number).map(|item| item.index)
    }

    /// Gives the first number to two tells.
    pub(crate) fn renumbered(target: ProcessId) -> Self {
        Self::emitting(77, vec![tell(target, 0, 0), tell(target, 1, 0)])
    }

    /// Tells one target, and then another.
    pub(crate) fn of_two(one: ProcessId, two: ProcessId) -> Self {
        Self::emitting(77, vec![tell(one, 0, 0), tell(two, 1, 0)])
    }

    /// Tells one target once, and then passes over its next number.
    pub(crate) fn giving_up(target: ProcessId) -> Self {
        let body = ItemBody::Skip(PairNumber::new(1));
        let skip = OutboxItem { pair: None, body, ..tell(target, 1, 1) };
        Self::emitting(77, vec![tell(target, 0, 0), skip])
    }

    fn emitting(nonce: u64, outbox: Vec<OutboxItem>) -> Self {
        let body = spawn_body(nonce, NOW);
        let body = Spawn { scheduler: other_scheduler().public().unit(), ..body };
        let spawn = Signed::sign(body, &client());
        let id = Entry::Spawn(spawn.clone()).target();
        let outcome = Outcome {
            version: V1,
            process: id,
            slot: Slot::ZERO,
            entry: id.spawn_entry(),
            reply: Reply::Value(vec![0xf6]),
            gas: Gas::new(1),
            logs: Vec::new(),
            events: Vec::new(),
            outbox,
        };
        let assignment = assign(id, &other_scheduler());
        let receipt = receipt(&outcome, assignment.assignment.chain, &compute());
        let provenance = Provenance { spawn: spawn.body_bytes().to_vec(), changes: Vec::new() };
        Self { id, provenance, outcome, assignment, receipt }
    }

    /// The delivery of a tell, with its whole proof.
    pub(crate) fn delivery(&self, tag: u64, index: u32) -> Submission {
        let item = self.outcome.outbox[usize::try_from(index).unwrap()].clone();
        let origin = OriginProof {
            item: self.outcome.item_path(index).unwrap(),
            receipts: vec![self.receipt.clone()],
            assignment: self.assignment.clone(),
            introduction: Some(self.provenance.clone()),
            emitted: None,
        };
        let entry = Entry::Delivery(Delivery { source: self.id, slot: Slot::ZERO, item });
        Submission { origin: Some(Box::new(origin)), ..Submission::bare(tag, entry) }
    }

    /// An item as a skip, with its whole proof.
    pub(crate) fn skip(&self, tag: u64, index: u32) -> Submission {
        let delivery = self.delivery(tag, index);
        let Entry::Delivery(skip) = delivery.entry else { unreachable!("it is a delivery") };
        Submission { entry: Entry::Skip(skip), ..delivery }
    }

    /// The same without saying who the source is.
    pub(crate) fn delivery_without_introduction(&self, tag: u64, index: u32) -> Submission {
        let mut submission = self.delivery(tag, index);
        submission.origin.as_mut().unwrap().introduction = None;
        submission
    }
}

/// The same submissions with links in the place of their proofs.
pub(crate) fn linked(submissions: Vec<Submission>) -> SubmitFrame {
    let proofs: Vec<OriginProof> =
        submissions.iter().map(|submission| *submission.origin.clone().unwrap()).collect();
    let (basis, links) = OriginBasis::of(&proofs).unwrap();
    let link =
        |(submission, link)| Submission { origin: None, link: Some(Box::new(link)), ..submission };
    let submissions = submissions.into_iter().zip(links).map(link).collect();
    SubmitFrame { submissions, basis: Some(basis) }
}

fn tell(target: ProcessId, index: u32, number: u64) -> OutboxItem {
    let pair = PairPosition { number: PairNumber::new(number), previous: None };
    let body = ItemBody::Tell { method: "hear".to_owned(), args: vec![0xa0] };
    OutboxItem { index, target, pair: Some(pair), body, hint: None }
}

fn assign(process: ProcessId, key: &SecretKey) -> AssignmentProof {
    let (epoch, slot, entry) = (Epoch::ZERO, Slot::ZERO, process.spawn_entry());
    let chain = chain_hash(&Hash::ZERO, epoch, slot, NOW, &entry);
    let assignment = Assignment { process, epoch, slot, time: NOW, entry, chain };
    let tree = MerkleTree::new(vec![assignment.leaf()]);
    let header = BatchHeader {
        version: V1,
        kind: Kind,
        network: NETWORK,
        scheduler: key.public().unit(),
        number: 0,
        time: NOW,
        count: 1,
        root: tree.root(),
    };
    let batch = Signed::sign(header, key);
    AssignmentProof { assignment, path: tree.path(0).unwrap(), batch }
}

/// A unit's receipt of an outcome.
pub(crate) fn receipt(outcome: &Outcome, chain: Hash, key: &SecretKey) -> Receipt {
    let leaf = ReceiptLeaf {
        process: outcome.process,
        slot: outcome.slot,
        chain,
        profile: Profile::current().id(),
        outcome: outcome.digest(),
        gas: outcome.gas,
        previous: None,
        state_root: None,
    };
    let tree = MerkleTree::new(vec![leaf.leaf()]);
    let body = ReceiptBatch {
        version: V1,
        kind: Kind,
        network: NETWORK,
        unit: key.public().unit(),
        count: 1,
        root: tree.root(),
        engine: String::new(),
    };
    Receipt { leaf, path: tree.path(0).unwrap(), batch: Signed::sign(body, key) }
}

/// A disk in memory, as the trait the stores want.
pub(crate) fn as_disk(disk: &Arc<FaultDisk>) -> Arc<dyn Disk> {
    Arc::clone(disk) as Arc<dyn Disk>
}

/// Opens the stores of a unit of one shard.
pub(crate) fn reopen(disk: &Arc<FaultDisk>) -> Result<Opened, StoreError> {
    reopen_as(disk, &scheduler())
}

/// Opens the stores of a unit of one shard with a key of its own.
pub(crate) fn reopen_as(disk: &Arc<FaultDisk>, key: &SecretKey) -> Result<Opened, StoreError> {
    open(&Stores::in_files(), &as_disk(disk), vec![as_disk(disk)], key.public().unit())
}

/// Opens the stores of a unit, with the module stored.
pub(crate) fn opened(disk: &Arc<FaultDisk>) -> Opened {
    let opened = reopen(disk).unwrap();
    opened.shards.modules.put(WASM).unwrap();
    opened
}

/// A verifier as of a unit that started long ago.
pub(crate) fn verifier(opened: &Opened) -> Verifier {
    verifier_since(opened, Timestamp::new(NOW.get() - 2 * EXPIRY_WINDOW))
}

pub(crate) fn verifier_since(opened: &Opened, started: Timestamp) -> Verifier {
    let unit = scheduler().public().unit();
    Verifier::new(NETWORK, unit, None, Arc::clone(&opened.shards), started)
}

/// Verifies a submission as if it had just come.
pub(crate) fn verify(verifier: &Verifier, now: Timestamp, submission: Submission) -> Ready {
    let entry_bytes = codec::encode(&submission.entry).into();
    let proof_bytes = submission.origin.as_ref().map(|origin| codec::encode(&**origin).into());
    let said = Said { submission, entry_bytes, proof_bytes, basis: None };
    verifier.verify(now, vec![said]).remove(0)
}

/// A stream, and what it is told.
pub(crate) fn lane() -> (Arc<Lane>, mpsc::Receiver<Event>) {
    let (events, told) = mpsc::channel(10_000);
    (Arc::new(Lane::new(events)), told)
}

pub(crate) fn share() -> Arc<OwnedSemaphorePermit> {
    Arc::new(Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap())
}
