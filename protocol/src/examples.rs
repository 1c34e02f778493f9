//! Objects for tests, built from fixed keys, so that one test can follow what another made.
//!
//! A process `source()` has a log of three slots in one batch; slot 1 emitted the outbox that
//! `delivery()` is taken from.

use minicbor::bytes::ByteVec;

use crate::{
    Acceptance, Answer, AskAnswer, Assignment, AssignmentProof, BatchHeader, ComputePolicy,
    Control, ControlAction, Delivery, Effect, Entry, EntryId, Epoch, Event, Failure, FailureKind,
    Gas, Hash, ItemBody, Kind, Limits, LogLine, MerkleTree, Message, ModuleId, NetworkId,
    OriginProof, OutboxItem, Outcome, PairNumber, PairPosition, PairStatement, Principal,
    ProcessId, Profile, Provenance, Receipt, ReceiptBatch, ReceiptLeaf, Reply, SecretKey, Signed,
    Slot, Spawn, Tag, Timer, TimerKind, Timestamp, UnitId, V1, Value, Verdict, chain_hash,
};

pub(crate) mod frames;
pub(crate) mod guest;
pub(crate) mod statements;
pub(crate) mod states;

/// The network of all examples.
pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([0x4e; 32]);

/// The time of slot 0 of all examples.
pub(crate) const TIME: Timestamp = Timestamp::new(1_700_000_000_000);

/// The first of the compute units whose receipts count.
pub(crate) const COMPUTE: u8 = 3;

/// The second of them.
pub(crate) const OTHER_COMPUTE: u8 = 4;

pub(crate) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

pub(crate) fn client() -> SecretKey {
    key(1)
}

pub(crate) fn scheduler() -> SecretKey {
    key(2)
}

pub(crate) fn account() -> Principal {
    Principal::Account(client().public().account())
}

pub(crate) fn unit(seed: u8) -> UnitId {
    key(seed).public().unit()
}

pub(crate) fn module() -> ModuleId {
    ModuleId::of(b"\0asm\x01\0\0\0")
}

pub(crate) fn other_process() -> ProcessId {
    ProcessId::from_bytes([0x77; 32])
}

/// The arguments `{"by": 3}`.
pub(crate) fn args() -> Vec<u8> {
    Value::Map(vec![(Value::Text("by".to_owned()), Value::Integer(3))]).encode().unwrap()
}

pub(crate) fn tag(name: &str, value: &str) -> Tag {
    Tag { name: name.to_owned(), value: value.to_owned() }
}

pub(crate) fn policy() -> ComputePolicy {
    let units = vec![unit(COMPUTE), unit(OTHER_COMPUTE)];
    ComputePolicy { units, quorum: 1, version: 0, previous: None }
}

pub(crate) fn acceptance() -> Acceptance {
    Acceptance::sign(&key(COMPUTE), NETWORK, &module(), &Profile::v1().id())
}

pub(crate) fn spawn_body() -> Spawn {
    Spawn {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: account(),
        module: module(),
        acceptance: acceptance(),
        args: args(),
        name: "counter".to_owned(),
        tags: vec![tag("app", "demo")],
        nonce: 7,
        expiry: TIME.saturating_add(60_000),
        scheduler: scheduler().public().unit(),
        policy: policy(),
        profile: Profile::v1().id(),
        controller: account(),
        limits: Limits { children: None, ..Limits::DEFAULT },
    }
}

pub(crate) fn spawn() -> Signed<Spawn> {
    Signed::sign(spawn_body(), &client())
}

/// The process that [`spawn`] makes.
pub(crate) fn source() -> ProcessId {
    Entry::Spawn(spawn()).target()
}

pub(crate) fn message_body() -> Message {
    Message {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: account(),
        target: source(),
        method: "add".to_owned(),
        args: args(),
        nonce: 8,
        expiry: TIME.saturating_add(60_000),
        tags: vec![tag("trace", "on")],
        reply_to: None,
        credit: None,
        trace_parent: None,
        evidence: None,
    }
}

pub(crate) fn message() -> Signed<Message> {
    Signed::sign(message_body(), &client())
}

pub(crate) fn control_body(action: ControlAction) -> Control {
    Control {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: account(),
        target: source(),
        nonce: 9,
        expiry: TIME.saturating_add(60_000),
        action,
    }
}

pub(crate) fn control_actions() -> Vec<ControlAction> {
    let next = ComputePolicy { version: 1, previous: Some(policy().digest()), ..policy() };
    vec![
        ControlAction::Upgrade { module: module(), acceptance: acceptance(), raw: false },
        ControlAction::Policy(next),
        ControlAction::Controller(Principal::Anonymous),
        ControlAction::Move(unit(9)),
        ControlAction::Stop,
        ControlAction::Takeover {
            scheduler: unit(9),
            slot: Slot::new(1),
            chain: assignments()[1].chain,
        },
    ]
}

pub(crate) fn control(action: ControlAction) -> Signed<Control> {
    Signed::sign(control_body(action), &client())
}

pub(crate) fn timer() -> Timer {
    let due = TIME.saturating_add(5_000);
    Timer {
        process: source(),
        slot: Slot::new(1),
        index: 4,
        occurrence: 2,
        kind: TimerKind::Timer,
        due,
    }
}

pub(crate) fn pair_statement_body(verdict: Verdict) -> PairStatement {
    PairStatement {
        version: V1,
        kind: Kind,
        network: NETWORK,
        scheduler: scheduler().public().unit(),
        source: source(),
        target: other_process(),
        number: PairNumber::new(1),
        verdict,
    }
}

pub(crate) fn pair_statement(verdict: Verdict) -> Signed<PairStatement> {
    Signed::sign(pair_statement_body(verdict), &scheduler())
}

/// One entry of each kind, by number.
pub(crate) fn entries() -> Vec<Entry> {
    let skip = Delivery { source: source(), slot: Slot::new(1), item: outbox().remove(5) };
    vec![
        Entry::Spawn(spawn()),
        Entry::Message(message()),
        Entry::Delivery(delivery()),
        Entry::Skip(skip),
        Entry::Timer(timer()),
        Entry::Answer(Answer { statement: pair_statement(Verdict::Assigned(Slot::new(5))) }),
        Entry::Control(control(ControlAction::Stop)),
    ]
}

/// One outbox item of each kind.
pub(crate) fn outbox() -> Vec<OutboxItem> {
    let method = || "add".to_owned();
    let deadline = TIME.saturating_add(60_000);
    let bodies = [
        ItemBody::Tell { method: method(), args: args() },
        ItemBody::Ask { method: method(), args: args(), deadline },
        ItemBody::Reply { slot: Slot::new(3), index: 1, answer: AskAnswer::Value(vec![0x03]) },
        ItemBody::Reply {
            slot: Slot::new(4),
            index: 0,
            answer: AskAnswer::Failure(Failure::of(FailureKind::Trapped), Effect::No),
        },
        ItemBody::Spawn(crate::codec::encode(&spawn_body()), None),
        ItemBody::Skip(PairNumber::new(4)),
        ItemBody::Timer {
            token: 1,
            due: TIME.saturating_add(5_000),
            every: Some(5_000),
            catch_up: true,
            method: method(),
            args: args(),
        },
        ItemBody::CancelTimer { token: 1 },
    ];
    (0..).zip(bodies).map(|(index, body)| item(index, body)).collect()
}

fn item(index: u32, body: ItemBody) -> OutboxItem {
    let own = matches!(body, ItemBody::Timer { .. } | ItemBody::CancelTimer { .. });
    let paired = !own && !matches!(body, ItemBody::Skip(_));
    let previous = index.checked_sub(1).map(|_| Slot::new(1));
    let number = PairNumber::new(index.into());
    OutboxItem {
        index,
        target: if own { source() } else { other_process() },
        pair: paired.then_some(PairPosition { number, previous }),
        body,
        hint: (index == 0).then(|| unit(9)),
    }
}

/// The outcome of slot 1 of [`source`].
pub(crate) fn outcome() -> Outcome {
    Outcome {
        version: V1,
        process: source(),
        slot: Slot::new(1),
        entry: Entry::Message(message()).id(),
        reply: Reply::Value(vec![0x03]),
        gas: Gas::new(1_234),
        logs: vec![LogLine { level: 2, text: "added".to_owned() }],
        events: vec![Event { name: "changed".to_owned(), data: vec![0x03] }],
        outbox: outbox(),
    }
}

/// The tell of [`outcome`], arrived.
pub(crate) fn delivery() -> Delivery {
    Delivery { source: source(), slot: Slot::new(1), item: outbox().remove(0) }
}

/// Slots 0 to 2 of [`source`].
pub(crate) fn assignments() -> Vec<Assignment> {
    let entries = [spawn().digest(), message().digest(), Hash::from_bytes([0x22; 32])];
    let mut chain = Hash::ZERO;
    let slots = (0..).map(Slot::new).zip(entries);
    let assigned = slots.map(|(slot, entry)| {
        let (epoch, entry) = (Epoch::ZERO, EntryId::from_bytes(*entry.as_bytes()));
        let time = TIME.saturating_add(slot.get() * 10);
        chain = chain_hash(&chain, epoch, slot, time, &entry);
        Assignment { process: source(), epoch, slot, time, entry, chain }
    });
    assigned.collect()
}

pub(crate) fn batch_body(root: Hash, count: u32) -> BatchHeader {
    BatchHeader {
        version: V1,
        kind: Kind,
        network: NETWORK,
        scheduler: scheduler().public().unit(),
        number: 12,
        time: TIME.saturating_add(25),
        count,
        root,
    }
}

/// Proves one of these assignments under a batch of all of them, signed by the scheduler.
pub(crate) fn prove(assignments: &[Assignment], index: u32) -> AssignmentProof {
    let tree = MerkleTree::new(assignments.iter().map(Assignment::leaf).collect());
    let path = tree.path(index).unwrap();
    let batch = Signed::sign(batch_body(tree.root(), path.count), &scheduler());
    AssignmentProof { assignment: assignments[index as usize], path, batch }
}

/// The proof of slot 1 of [`source`].
pub(crate) fn assignment_proof() -> AssignmentProof {
    prove(&assignments(), 1)
}

/// What a unit states of [`outcome`].
pub(crate) fn receipt_leaf() -> ReceiptLeaf {
    ReceiptLeaf {
        process: source(),
        slot: Slot::new(1),
        chain: assignments()[1].chain,
        profile: Profile::v1().id(),
        outcome: outcome().digest(),
        gas: outcome().gas,
        previous: Some(Hash::from_bytes([0x11; 32])),
        state_root: Some(Hash::from_bytes([0x55; 32])),
    }
}

/// A unit's receipt of a leaf, second of three in its batch.
pub(crate) fn receipt_of(leaf: ReceiptLeaf, unit: &SecretKey) -> Receipt {
    let others = [Hash::from_bytes([0xa0; 32]), Hash::from_bytes([0xa2; 32])];
    let tree = MerkleTree::new(vec![others[0], leaf.leaf(), others[1]]);
    let body = ReceiptBatch {
        version: V1,
        kind: Kind,
        network: NETWORK,
        unit: unit.public().unit(),
        count: 3,
        root: tree.root(),
        engine: "wasmtime 48.0.8".to_owned(),
    };
    Receipt { leaf, path: tree.path(1).unwrap(), batch: Signed::sign(body, unit) }
}

pub(crate) fn receipt() -> Receipt {
    receipt_of(receipt_leaf(), &key(COMPUTE))
}

/// Who [`source`] is.
pub(crate) fn provenance() -> Provenance {
    Provenance { spawn: spawn().body_bytes().to_vec(), changes: Vec::new() }
}

/// The proof of [`delivery`], for a scheduler that meets the source for the first time.
pub(crate) fn origin_proof() -> OriginProof {
    OriginProof {
        item: outcome().item_path(0).unwrap(),
        receipts: vec![receipt()],
        assignment: assignment_proof(),
        introduction: Some(provenance()),
        emitted: None,
    }
}

/// Bytes as an optional field holds them.
pub(crate) fn byte_vec(bytes: Vec<u8>) -> ByteVec {
    ByteVec::from(bytes)
}
