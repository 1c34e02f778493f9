//! Facts for tests: a small network in which everybody who can say something says it in markup.

use std::sync::Arc;

use antiphon_client::{ClientError, Described};
use protocol::{
    Acceptance, Assignment, AssignmentProof, BatchHeader, Change, ComputePolicy, Control,
    ControlAction, Delivery, Entry, Epoch, Failure, FailureKind, Gas, Hash, ItemBody, Kind, Limits,
    LogLine, MerkleTree, Message, ModuleId, NetworkId, OutboxItem, Outcome, PairNumber,
    PairPosition, Principal, ProcessId, Profile, Provenance, Receipt, ReceiptBatch, ReceiptLeaf,
    RefusalCode, Reply, Role, SecretKey, Signature, Signed, Slot, Source, Spawn, Timestamp,
    UnitRecord, V1, Value,
    api::{Executed, LogRecord, UnitStatus, WaitingPair, WaitingState},
    chain_hash, codec,
    schema::{Method, MethodKind, Param, Schema, Type},
};

use serde_json::{Map, Value as Json, json};

use super::facts::{
    Arrival, Call, Caused, GraphFacts, LogFacts, LogPage, MessageFacts, Names, Origin, Problem,
    ProcessFacts, ProcessList, ProcessRow, Progress, SlotFacts, UnitFacts, WaitingFacts,
};
use super::proven::{Proven, Standing};
use crate::{
    replay::{Shift, Sight, Told, Visit, changes},
    trace::{Bounds, Execution, Growth, Hop, Reached},
};

/// What a hostile actor, unit or client writes wherever it can.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"'&\u{202e}\u{0}";

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);

pub(crate) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// A spawn with this name.
pub(crate) fn spawn(name: &str) -> Spawn {
    let sender = Principal::Account(key(1).public().account());
    let (module, profile) = (ModuleId::of(b"module"), Profile::current().id());
    Spawn {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender,
        module,
        acceptance: Acceptance::sign(&key(3), NETWORK, &module, &profile),
        args: args(),
        name: name.to_owned(),
        tags: vec![protocol::Tag { name: HOSTILE.to_owned(), value: HOSTILE.to_owned() }],
        nonce: 1,
        expiry: Timestamp::new(1),
        scheduler: key(2).public().unit(),
        policy: ComputePolicy {
            units: vec![key(3).public().unit(), key(4).public().unit()],
            quorum: 1,
            version: 0,
            previous: None,
        },
        profile,
        controller: sender,
        limits: Limits::DEFAULT,
    }
}

/// The process of [`spawn`].
pub(crate) fn process(name: &str) -> ProcessId {
    Entry::Spawn(Signed::sign(spawn(name), &key(1))).target()
}

fn args() -> Vec<u8> {
    let hostile = || Value::Text(HOSTILE.to_owned());
    Value::Map(vec![(hostile(), hostile())]).encode().unwrap()
}

pub(crate) fn described(name: &str) -> Arc<Described> {
    let spawn = spawn(name);
    let source = Source::of_spawn(&spawn);
    let provenance = Provenance { spawn: codec::encode(&spawn), changes: Vec::new() };
    Arc::new(Described { spawn, source: Arc::new(source), provenance })
}

/// The process, moved to another scheduler with slot 4.
pub(crate) fn moved(name: &str) -> Arc<Described> {
    let mut moved = (*described(name)).clone();
    let control = Control {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: moved.spawn.controller,
        target: process(name),
        nonce: 1,
        expiry: Timestamp::new(1),
        action: ControlAction::Move(key(5).public().unit()),
    };
    let control = Signed::sign(control, &key(1));
    let sealed = proof(record(Entry::Control(control.clone()), 4).assignment);
    let change = Change { control, sealed, attested: None };
    let mut source = Source::of_spawn(&moved.spawn);
    source.apply(&process(name), &change, NETWORK).unwrap();
    moved.source = Arc::new(source);
    moved.provenance.changes.push(change);
    Arc::new(moved)
}

/// A client's message to a process.
pub(crate) fn message(name: &str) -> Entry {
    let message = Message {
        version: V1,
        kind: Kind,
        network: NETWORK,
        sender: spawn(name).sender,
        target: process(name),
        method: HOSTILE.to_owned(),
        args: args(),
        nonce: 7,
        expiry: Timestamp::new(1),
        tags: Vec::new(),
        reply_to: None,
        credit: None,
        trace_parent: None,
        evidence: None,
    };
    Entry::Message(Signed::sign(message, &key(1)))
}

/// A tell to a process.
pub(crate) fn tell(target: &str, index: u32) -> OutboxItem {
    OutboxItem {
        index,
        target: process(target),
        pair: Some(PairPosition { number: PairNumber::ZERO, previous: None }),
        body: ItemBody::Tell { method: HOSTILE.to_owned(), args: args() },
        hint: None,
    }
}

/// What a process told another.
pub(crate) fn delivery(source: &str, target: &str) -> Entry {
    Entry::Delivery(Delivery { source: process(source), slot: Slot::new(3), item: tell(target, 0) })
}

pub(crate) fn record(entry: Entry, slot: u64) -> LogRecord {
    let (epoch, slot, time) = (Epoch::ZERO, Slot::new(slot), Timestamp::new(1_767_225_600_123));
    let id = entry.id();
    let chain = chain_hash(&Hash::ZERO, epoch, slot, time, &id);
    let assignment = Assignment { process: entry.target(), epoch, slot, time, entry: id, chain };
    LogRecord { assignment, entry }
}

pub(crate) fn proof(assignment: Assignment) -> AssignmentProof {
    let tree = MerkleTree::new(vec![assignment.leaf()]);
    let header = BatchHeader {
        version: V1,
        kind: Kind,
        network: NETWORK,
        scheduler: key(2).public().unit(),
        number: 4_321,
        time: assignment.time,
        count: 1,
        root: tree.root(),
    };
    let batch = Signed::sign(header, &key(2));
    AssignmentProof { assignment, path: tree.path(0).unwrap(), batch }
}

pub(crate) fn executed(assignment: &Assignment, reply: Reply, outbox: Vec<OutboxItem>) -> Executed {
    let outcome = Outcome {
        version: V1,
        process: assignment.process,
        slot: assignment.slot,
        entry: assignment.entry,
        reply,
        gas: Gas::new(12_345),
        logs: vec![LogLine { level: 2, text: HOSTILE.to_owned() }],
        events: vec![protocol::Event { name: HOSTILE.to_owned(), data: args() }],
        outbox,
    };
    let leaf = ReceiptLeaf {
        process: outcome.process,
        slot: outcome.slot,
        chain: assignment.chain,
        profile: Profile::current().id(),
        outcome: outcome.digest(),
        gas: outcome.gas,
        previous: None,
        state_root: None,
    };
    let tree = MerkleTree::new(vec![leaf.leaf()]);
    let batch = ReceiptBatch {
        version: V1,
        kind: Kind,
        network: NETWORK,
        unit: key(3).public().unit(),
        count: 1,
        root: tree.root(),
        engine: HOSTILE.to_owned(),
    };
    let batch = Signed::sign(batch, &key(3));
    Executed { outcome, receipt: Receipt { leaf, path: tree.path(0).unwrap(), batch } }
}

pub(crate) fn value(value: &Value) -> Reply {
    Reply::Value(value.encode().unwrap())
}

pub(crate) fn failure() -> Reply {
    let (code, detail) = (HOSTILE.to_owned(), HOSTILE.to_owned());
    Reply::Failure(Failure { kind: FailureKind::Actor, code, detail })
}

/// A slot that ended so.
pub(crate) fn slot(number: u64, reply: Option<Reply>, outbox: Vec<OutboxItem>) -> SlotFacts {
    let record = record(message("source"), number);
    let assignment = record.assignment;
    let executed = reply.map(|reply| Box::new(executed(&assignment, reply, outbox)));
    SlotFacts {
        assignment,
        call: Call::of_entry(&record.entry),
        cause: None,
        progress: executed.map_or(Progress::Waiting, Progress::Executed),
    }
}

/// A log of four slots: an error, a reply with a tell, one that waits and one that is not known.
pub(crate) fn log() -> LogFacts {
    let mut unknown = slot(4, None, Vec::new());
    unknown.progress = Progress::Unknown;
    LogFacts {
        rows: vec![
            unknown,
            slot(3, None, Vec::new()),
            slot(2, Some(value(&Value::Text(HOSTILE.to_owned()))), vec![tell("target", 0)]),
            slot(1, Some(failure()), Vec::new()),
        ],
        next: Slot::new(5),
        problem: None,
    }
}

/// A log as its newest page.
pub(crate) fn log_page(log: LogFacts) -> LogPage {
    let first = log.rows.last().map(|row| row.assignment.slot).unwrap_or_default();
    LogPage { span: (first, log.next), log, ..LogPage::default() }
}

pub(crate) fn names() -> Names {
    let name = |name: &str, shown: &str| (process(name), shown.to_owned());
    Names([name("source", HOSTILE), name("target", "target")].into())
}

pub(crate) fn list() -> ProcessList {
    let row = |name: &str, slots| ProcessRow {
        process: process(name),
        name: name.to_owned(),
        module: ModuleId::of(b"module"),
        sender: spawn(name).sender,
        controller: spawn(name).controller,
        scheduler: key(2).public().unit(),
        moved: false,
        next: Slot::new(slots),
        time: Timestamp::new(1_767_225_600_123),
    };
    ProcessList {
        rows: vec![row(HOSTILE, 5), row("target", 1_234_567)],
        offset: 0,
        total: 2,
        missing: Vec::new(),
    }
}

/// A unit that answers, or does not.
pub(crate) fn unit(role: Role, seed: u8, answers: bool) -> UnitFacts {
    let unit = key(seed).public().unit();
    let record = UnitRecord {
        version: V1,
        kind: Kind,
        network: NETWORK,
        unit,
        role,
        operator: key(8).public().operator(),
        vouch: Signature::from_bytes([0; 64]),
        addresses: vec!["127.0.0.1:4000".to_owned()],
        sequence: 1,
        expires: Timestamp::new(1_767_225_600_123),
    };
    let status = UnitStatus {
        unit,
        role,
        software: HOSTILE.to_owned(),
        started: Timestamp::new(1_767_225_600_123),
        counters: vec![(HOSTILE.to_owned(), 1_234_567), ("idle".to_owned(), 0)],
    };
    UnitFacts { record, status: if answers { Ok(status) } else { Err(problem()) } }
}

pub(crate) fn problem() -> Problem {
    Problem::from(ClientError::Unreachable { detail: HOSTILE.to_owned() })
}

pub(crate) fn process_facts() -> ProcessFacts {
    let method = |kind, returns| Method {
        name: HOSTILE.to_owned(),
        kind,
        params: vec![Param { name: HOSTILE.to_owned(), ty: Type::Named(HOSTILE.to_owned()) }],
        returns,
        docs: HOSTILE.to_owned(),
        errors: Vec::new(),
    };
    let integer = Type::Integer { bits: 64, signed: false };
    let schema = Schema {
        abi: 1,
        name: HOSTILE.to_owned(),
        docs: HOSTILE.to_owned(),
        state_version: 0,
        methods: vec![
            method(MethodKind::View, Type::Option(Box::new(integer))),
            method(MethodKind::Message, Type::Null),
        ],
        events: Vec::new(),
    };
    ProcessFacts {
        process: process("source"),
        described: described(HOSTILE),
        module: Some(ModuleId::of(b"the module of an upgrade")),
        schema: Ok(Some(Arc::new(schema))),
    }
}

/// A tell that arrived, and told three others: one arrived, one is on its way, one is not known.
pub(crate) fn message_facts() -> MessageFacts {
    let record = record(delivery("origin", "source"), 2);
    let outbox: Vec<OutboxItem> = (0..3).map(|index| tell("target", index)).collect();
    let done = executed(&record.assignment, value(&Value::Null), outbox.clone());
    let arrivals =
        [Arrival::Assigned(Slot::new(17)), Arrival::UnderWay, Arrival::Unknown(problem())];
    let caused = outbox.into_iter().zip(arrivals).map(|(item, arrival)| {
        let delivery =
            Delivery { source: process("source"), slot: Slot::new(2), item: item.clone() };
        Caused {
            call: Call::of_item(delivery.source, &item),
            entry: Some(delivery.delivery_id()),
            item,
            arrival,
        }
    });
    let origin = self::record(message("origin"), 3);
    MessageFacts {
        call: Call::of_entry(&record.entry),
        described: described("source"),
        proof: Ok(proof(record.assignment)),
        origin: Some(Origin {
            process: process("origin"),
            slot: Slot::new(3),
            index: 0,
            entry: Ok(origin),
        }),
        caused: caused.collect(),
        progress: Progress::Executed(Box::new(done)),
        problem: None,
        items_from: 0,
        record,
    }
}

/// A tell with three effects: one arrived and waits, one is on its way, one was refused for good.
pub(crate) fn graph_facts() -> GraphFacts {
    let root = record(delivery("origin", "source"), 2);
    let outbox: Vec<OutboxItem> = (0..3).map(|index| tell("target", index)).collect();
    let done = executed(&root.assignment, failure(), outbox.clone());
    let execution = Execution::of(&root.assignment, vec![done], 1);
    let arrived =
        Delivery { source: process("source"), slot: Slot::new(2), item: outbox[0].clone() };
    let arrived = record(Entry::Delivery(arrived), 17);
    let hop = |record: LogRecord, execution| {
        Reached::Hop(Box::new(Hop { proof: Ok(proof(record.assignment)), record, execution }))
    };
    let mut growth = Growth::new(root.assignment.entry, Bounds::new(9, 9));
    let wanted = growth.next().unwrap();
    growth.handle(wanted, hop(root, execution));
    let reached = [
        hop(arrived, Execution::Waiting),
        Reached::UnderWay,
        Reached::Refused(RefusalCode::Stopped),
    ];
    let wanted: Vec<_> = std::iter::from_fn(|| growth.next()).collect();
    for (wanted, reached) in wanted.into_iter().zip(reached) {
        growth.handle(wanted, reached);
    }
    GraphFacts { tree: growth.finish(), complete: true, from: 0 }
}

/// Three pairs that wait, one in each state, and a messenger that does not answer.
pub(crate) fn waiting() -> WaitingFacts {
    let unit = key(5).public().unit();
    let pair = |target: &str, state| {
        let (source, target) = (process("source"), process(target));
        let (number, count) = (PairNumber::new(1_234), 5_678);
        (unit, WaitingPair { source, target, number, slot: Some(Slot::new(3)), count, state })
    };
    let reason = RefusalCode::Unreachable;
    WaitingFacts {
        pairs: vec![
            pair("blocked", WaitingState::Blocked(RefusalCode::TooLarge)),
            pair("stopped", WaitingState::Retrying { reason, retry_in: 1_500 }),
            pair("target", WaitingState::Moving),
        ],
        total: 9,
        timers: 7,
        missing: vec![(key(6).public().unit(), problem())],
    }
}

/// Three slots of which two must be signed by two of three units: one signed by one, one with a
/// contradiction, one that all agree on; and a unit that does not answer.
pub(crate) fn proven() -> Proven {
    let unit = |seed| key(seed).public().unit();
    let standing = |slot, agreeing: &[u8], others: &[u8]| Standing {
        slot: Slot::new(slot),
        agreeing: agreeing.iter().copied().map(unit).collect(),
        others: others.iter().copied().map(unit).collect(),
        fault: !others.is_empty(),
    };
    let slots = vec![standing(8, &[3], &[]), standing(7, &[3], &[4]), standing(6, &[3, 4], &[])];
    Proven { quorum: 2, units: 3, slots, missing: vec![(unit(5), problem())] }
}

/// A slot whose state says something hostile, and more than is shown.
pub(crate) fn visit(number: u64) -> Visit {
    let record = record(message("source"), number);
    let outcome = executed(&record.assignment, failure(), Vec::new()).outcome;
    let said = |count: usize| {
        let field = |index: usize| (format!("{HOSTILE}{index:03}"), json!([HOSTILE, index]));
        let mut fields: Map<String, Json> = (0..count).map(field).collect();
        fields.insert("long".to_owned(), json!(HOSTILE.repeat(10_000)));
        Json::Object(fields)
    };
    let (before, after) = (said(100), said(200));
    let sight = Sight {
        told: Told::Views(after.clone()),
        root: Some(Hash::ZERO),
        module: ModuleId::of(b"module"),
        memory: usize::MAX,
        memory_root: Some(Hash::ZERO),
        keys: 3,
    };
    let shift = Shift { told: Some(changes(&before, &after, 50)), bytes: None, keys: [1, 2, 3] };
    Visit { record, outcome, sight, shift: Some(shift), basis: None }
}

/// Checks that nothing hostile in a page is markup, or moves what stands around it.
#[track_caller]
pub(crate) fn assert_harmless(page: &str) {
    assert!(!page.contains("<script>"), "a script of somebody else: {page}");
    assert!(page.contains("&lt;script&gt;"), "nothing hostile is on the page: {page}");
    assert!(!page.contains('\u{202e}') && !page.contains('\u{0}'), "control characters: {page}");
    assert!(!page.contains("style="), "inline style");
}
