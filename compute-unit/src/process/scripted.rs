//! A process whose actor does what its messages say, for tests: a message carries the output that it
//! is answered with, and the one that the next answer or timer is handled with.

mod agenda;
mod asks;
mod between;
mod births;
mod calls;
mod replay;
mod timers;
mod upgrades;

use std::collections::BTreeMap;

use protocol::{
    Acceptance, Answer, AskAnswer, ControlAction, Delivery, ItemBody, Limits, OutboxItem,
    PairNumber, PairPosition, PairStatement, SecretKey, Signed, TimerKind, Value, Verdict,
    abi::{GuestEffect, GuestResult, Output},
};

use super::*;
use crate::{
    CompiledModule, Engine,
    checkpoint::{self, CheckpointStore},
    fixture::wasm,
    testing::Log,
};

/// Scripts begin with this.
const MAGIC: &[u8; 8] = b"SCRIPT!!";
/// Another process, which asks and is asked.
pub(super) const OTHER: ProcessId = ProcessId::from_bytes([7; 32]);

/// What the actor does with the next input that carries no script.
#[derive(Debug, Clone)]
pub(super) enum Next {
    /// Answers null.
    Null,
    /// Traps.
    Trap,
    /// This.
    Output(Output),
}

/// Saves how often anything was handled, and dirties the memory.
const SAVE: &str = "(i32.store (i32.const 4120) (i32.const 0x48810182))
    (i64.store (i32.const 4124) (i64.load (i32.const 4104)))
    (i64.const 0x0000_1018_0000_000c)";

/// At 4096 the length of the next output, which lies at 65536; at 4104 how often anything was
/// handled; at 4112 the length of the last input, a copy of which lies at 131072.
fn actor() -> Vec<u8> {
    actor_of(10, "", SAVE)
}

/// The same with so many pages, with further items, and with this body of `antiphon_save`.
fn actor_of(pages: u32, items: &str, save: &str) -> Vec<u8> {
    wasm(&format!(
        r#"(module
            (memory (export "memory") {pages})
            {items}
            (data (i32.const 0) "\82\82\00\41\f6\80")
            (func (export "antiphon_alloc") (param i32) (result i32) i32.const 327680)
            (func $at (param $ptr i32) (param $len i32) (result i64)
                (i64.or (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
                        (i64.extend_i32_u (local.get $len))))
            (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
                (local $p i32) (local $end i32) (local $reply i32)
                (i32.store (i32.const 4104) (i32.add (i32.load (i32.const 4104)) (i32.const 1)))
                (i32.store (i32.const 4112) (local.get $len))
                (memory.copy (i32.const 131072) (local.get $ptr) (local.get $len))
                (local.set $p (local.get $ptr))
                (local.set $end (i32.add (local.get $ptr) (local.get $len)))
                (loop $search
                    (if (i64.eq (i64.load (local.get $p)) (i64.const 0x2121545049524353)) (then
                        (local.set $reply (i32.load offset=8 (local.get $p)))
                        (i32.store (i32.const 4096) (i32.load offset=12 (local.get $p)))
                        (if (i32.gt_s (i32.load (i32.const 4096)) (i32.const 0)) (then
                            (memory.copy (i32.const 65536)
                                (i32.add (i32.add (local.get $p) (i32.const 16)) (local.get $reply))
                                (i32.load (i32.const 4096)))))
                        (return (call $at (i32.add (local.get $p) (i32.const 16))
                            (local.get $reply)))))
                    (local.set $p (i32.add (local.get $p) (i32.const 1)))
                    (br_if $search (i32.lt_u (local.get $p) (local.get $end))))
                (if (i32.eq (i32.load (i32.const 4096)) (i32.const -1)) (then unreachable))
                (if (i32.eqz (i32.load (i32.const 4096)))
                    (then (return (call $at (i32.const 0) (i32.const 6)))))
                (call $at (i32.const 65536) (i32.load (i32.const 4096))))
            (func (export "antiphon_view") (param i32 i32) (result i64) i64.const 6)
            (func (export "antiphon_save") (param i32 i32) (result i64) {save}))"#,
    ))
}

/// Arguments that make the actor answer with an output, and with another later.
pub(super) fn script(output: &Output, next: &Next) -> Vec<u8> {
    let output = codec::encode(output);
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
    let (next_length, next) = match next {
        Next::Null => (0, Vec::new()),
        Next::Trap => (u32::MAX, Vec::new()),
        Next::Output(output) => {
            let bytes = codec::encode(output);
            (length(&bytes), bytes)
        }
    };
    let mut bytes = MAGIC.to_vec();
    bytes.extend(length(&output).to_le_bytes());
    bytes.extend(next_length.to_le_bytes());
    bytes.extend(output);
    bytes.extend(next);
    Value::Map(vec![(Value::Text("o".into()), Value::Bytes(bytes))]).encode().unwrap()
}

pub(super) fn null() -> GuestResult {
    GuestResult::Reply(NULL.to_vec())
}

pub(super) fn output(result: GuestResult, effects: Vec<GuestEffect>) -> Output {
    Output { result, effects }
}

/// An ask of [`OTHER`] that is given up after a second.
pub(super) fn ask(token: u64, call: Option<u64>) -> GuestEffect {
    let (method, args) = ("m".to_owned(), vec![0xa0]);
    GuestEffect::Ask { target: OTHER, method, args, token, patience: 1_000, hint: None, call }
}

pub(super) fn timer(token: u64, due: u64, every: Option<u64>, call: Option<u64>) -> GuestEffect {
    let (method, args, due) = ("tick".to_owned(), vec![0xa0], Timestamp::new(due));
    GuestEffect::SetTimer { token, due, every, catch_up: false, method, args, call }
}

pub(super) fn reply(call: u64) -> GuestEffect {
    GuestEffect::Reply { call, result: null() }
}

pub(super) fn failure(outcome: &Outcome) -> FailureKind {
    match &outcome.reply {
        Reply::Failure(failure) => failure.kind,
        other => panic!("not a failure: {other:?}"),
    }
}

pub(super) fn is_null(outcome: &Outcome) -> bool {
    outcome.reply == Reply::Value(NULL.to_vec())
}

/// The process.
pub(super) struct Scripted {
    pub(super) log: Log,
    pub(super) process: Process,
    pub(super) module: Arc<CompiledModule>,
    /// The modules that upgrades can bring; all others are unfit.
    pub(super) known: BTreeMap<ModuleId, Arc<CompiledModule>>,
    pub(super) history: Vec<(Assignment, Entry)>,
    pub(super) seen: Vec<Executed>,
}

impl Scripted {
    pub(super) fn new(limits: Limits) -> Self {
        Self::of(&actor(), limits)
    }

    /// One whose module is a variant of the actor.
    pub(super) fn of(wasm: &[u8], limits: Limits) -> Self {
        let module = Engine::new().unwrap().compile(wasm).unwrap();
        let mut scripted = Self::on(Log::new(wasm, limits), &module);
        let spawn = Entry::Spawn(scripted.log.spawn.clone());
        assert!(is_null(&scripted.execute(&spawn).outcome));
        scripted
    }

    /// One whose log has nothing yet.
    pub(super) fn unborn(log: Log) -> Self {
        let module = Engine::new().unwrap().compile(&actor()).unwrap();
        Self::on(log, &module)
    }

    /// The same on an engine that has compiled the actor.
    pub(super) fn on(log: Log, module: &Arc<CompiledModule>) -> Self {
        let module = Arc::clone(module);
        let spawn = log.spawn.unverified().clone();
        let process = Process::new(log.process, spawn, &module).unwrap();
        let known = BTreeMap::from([(module.id(), Arc::clone(&module))]);
        Self { log, process, module, known, history: Vec::new(), seen: Vec::new() }
    }

    /// Goes on from a checkpoint.
    pub(super) fn restart(&mut self) {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(CheckpointStore::open(directory.path(), 2).unwrap());
        store.append(&[self.process.save(true).unwrap().unwrap()]).unwrap();
        let newest = store.newest(&self.log.process, Slot::new(u64::MAX)).unwrap().unwrap();
        let restored = checkpoint::restore(&store, newest).unwrap();
        let module = &self.known[&restored.module_id()];
        self.process = Process::restore(restored, module).unwrap();
        // Pages are read as they are needed, from files that are gone soon.
        self.process.state_root().unwrap();
    }

    pub(super) fn execute(&mut self, entry: &Entry) -> Executed {
        let assignment = self.log.assign(entry.id());
        let successor = self.successor(entry);
        let executed = self.process.execute_with(&assignment, entry, successor.as_ref()).unwrap();
        self.history.push((assignment, entry.clone()));
        self.seen.push(executed.clone());
        let derived = Ledger::restore(self.process.table().clone()).unwrap();
        assert_eq!(format!("{derived:?}"), format!("{:?}", self.process.ledger));
        executed
    }

    /// What an upgrade brings.
    pub(super) fn successor(&self, entry: &Entry) -> Option<Successor> {
        let known = self.known.get(&self.process.upgrade_of(entry)?);
        Some(known.map_or(Successor::Unfit, |module| Successor::Ready(Arc::clone(module))))
    }

    /// An upgrade to a module.
    pub(super) fn upgrade(&mut self, module: ModuleId, raw: bool) -> Executed {
        let profile = self.log.spawn.unverified().profile;
        let network = crate::testing::NETWORK;
        let acceptance = Acceptance::sign(&self.log.compute, network, &module, &profile);
        let entry = self.log.control(ControlAction::Upgrade { module, acceptance, raw });
        self.execute(&entry)
    }

    /// A message that is handled as it says.
    pub(super) fn run(&mut self, output: &Output, next: &Next) -> Executed {
        let entry = self.log.message("do", &script(output, next));
        self.execute(&entry)
    }

    /// The same, with nothing for later.
    pub(super) fn do_now(&mut self, result: GuestResult, effects: Vec<GuestEffect>) -> Executed {
        self.run(&output(result, effects), &Next::Null)
    }

    /// An item of another process.
    pub(super) fn deliver(&mut self, slot: u64, index: u32, body: ItemBody) -> Executed {
        self.deliver_from(OTHER, slot, index, body)
    }

    pub(super) fn deliver_from(
        &mut self,
        source: ProcessId,
        slot: u64,
        index: u32,
        body: ItemBody,
    ) -> Executed {
        let pair = Some(PairPosition { number: PairNumber::ZERO, previous: None });
        let item = OutboxItem { index, target: self.log.process, pair, body, hint: None };
        self.execute(&Entry::Delivery(Delivery { source, slot: Slot::new(slot), item }))
    }

    /// An ask of [`OTHER`], in its slot 3, that is handled as it says.
    pub(super) fn asked(&mut self, output: &Output) -> Executed {
        let (args, deadline) = (script(output, &Next::Null), Timestamp::new(10_000));
        self.deliver(3, 2, ItemBody::Ask { method: "do".into(), args, deadline })
    }

    /// The answer of [`OTHER`] to an ask.
    pub(super) fn replied(&mut self, slot: u64, index: u32, answer: AskAnswer) -> Executed {
        self.deliver(9, 0, ItemBody::Reply { slot: Slot::new(slot), index, answer })
    }

    pub(super) fn due(&mut self, kind: TimerKind, place: (u64, u32), occurrence: u64) -> Executed {
        let (process, slot, index) = (self.log.process, Slot::new(place.0), place.1);
        let due = Timestamp::ZERO;
        self.execute(&Entry::Timer(Timer { process, slot, index, occurrence, kind, due }))
    }

    /// A scheduler's word about an item.
    pub(super) fn stated(&mut self, target: ProcessId, number: u64, verdict: Verdict) -> Executed {
        let scheduler = SecretKey::from_seed(&[8; 32]);
        let statement = PairStatement {
            version: V1,
            kind: protocol::Kind,
            network: crate::testing::NETWORK,
            scheduler: scheduler.public().unit(),
            source: self.log.process,
            target,
            number: PairNumber::new(number),
            verdict,
        };
        let statement = Signed::sign(statement, &scheduler);
        self.execute(&Entry::Answer(Answer { statement }))
    }

    fn word(&mut self, at: usize) -> usize {
        let word = self.process.memory().unwrap()[at..at + 4].try_into().unwrap();
        usize::try_from(u32::from_le_bytes(word)).unwrap()
    }

    /// How often the actor has handled anything.
    pub(super) fn handled(&mut self) -> usize {
        self.word(4_104)
    }

    /// What the actor has handled last.
    pub(super) fn last_input(&mut self) -> Input {
        let length = self.word(4_112);
        codec::decode(&self.process.memory().unwrap()[131_072..][..length]).unwrap()
    }

    /// How many keys the host table has beside those of pairs.
    pub(super) fn keys(&self) -> usize {
        self.process.table().iter().filter(|(key, _)| key[0] != 1).count()
    }
}

/// The context of an input.
pub(super) fn context(input: &Input) -> &Context {
    match input {
        Input::Init { context, .. }
        | Input::Call { context, .. }
        | Input::Answer { context, .. }
        | Input::Timer { context, .. }
        | Input::Load { context, .. }
        | Input::View { context, .. }
        | Input::Save { context }
        | Input::Assigned { context, .. } => context,
    }
}
