use protocol::{AccountId, ControlAction, Delivery, ItemBody, Limits, OutboxItem, Profile};

use super::*;
use crate::{Engine, fixture::wasm, testing::Log};

/// An actor that keeps a counter at 4096 and answers by the first letter of the method: `i`nit and
/// `a`dd count and reply null; `e`rror counts and answers with an error; `t`rap counts and traps;
/// `g`arbage counts and answers with no CBOR; `s`end counts and tells process 07..07 `hi`.
fn actor() -> Vec<u8> {
    let target = "\\07".repeat(32);
    let text = format!(
        r#"(module
            (memory (export "memory") 1)
            ;; [[0, h'f6'], []]
            (data (i32.const 0) "\82\82\00\41\f6\80")
            ;; [[1, "no", ""], []]
            (data (i32.const 16) "\82\83\01\62no\60\80")
            ;; [[0, h'f6'], [[2, h'07..', "hi", h'a0']]]
            (data (i32.const 32) "\82\82\00\41\f6\81\84\02\58\20{target}\62hi\41\a0")
            ;; garbage
            (data (i32.const 96) "\ff\ff")
            (func (export "antiphon_alloc") (param i32) (result i32) i32.const 8192)
            (func $at (param $ptr i32) (param $len i32) (result i64)
                (i64.or (i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))
                        (i64.extend_i32_u (local.get $len))))
            ;; The method is the first of five bytes that start with text of length 4: 64 x x x x.
            (func $method (param $ptr i32) (param $len i32) (result i32)
                (local $end i32)
                (local.set $end (i32.add (local.get $ptr) (i32.sub (local.get $len) (i32.const 8))))
                (local.set $ptr (local.get $end))
                (block $done (loop $next
                    (br_if $done (i32.eq (i32.load8_u (local.get $ptr)) (i32.const 0x64)))
                    (local.set $ptr (i32.add (local.get $ptr) (i32.const 1)))
                    (br_if $next (i32.lt_u (local.get $ptr)
                        (i32.add (local.get $end) (i32.const 8))))
                    (return (i32.const 0x69))))
                (i32.load8_u offset=1 (local.get $ptr)))
            (func (export "antiphon_handle") (param $ptr i32) (param $len i32) (result i64)
                (local $m i32)
                (local.set $m (call $method (local.get $ptr) (local.get $len)))
                (i32.store (i32.const 4096) (i32.add (i32.load (i32.const 4096)) (i32.const 1)))
                (if (i32.eq (local.get $m) (i32.const 0x74)) (then unreachable))
                (if (i32.eq (local.get $m) (i32.const 0x65))
                    (then (return (call $at (i32.const 16) (i32.const 8)))))
                (if (i32.eq (local.get $m) (i32.const 0x67))
                    (then (return (call $at (i32.const 96) (i32.const 2)))))
                (if (i32.eq (local.get $m) (i32.const 0x73))
                    (then (return (call $at (i32.const 32) (i32.const 47)))))
                (call $at (i32.const 0) (i32.const 6)))
            ;; The counter, as a reply of one small integer.
            (func (export "antiphon_view") (param i32 i32) (result i64)
                (i64.store (i32.const 128) (i64.const 0x80_00_41_00_82_82))
                (i32.store8 (i32.const 132) (i32.load (i32.const 4096)))
                (call $at (i32.const 128) (i32.const 6)))
            (func (export "antiphon_save") (param i32 i32) (result i64) i64.const 0))"#
    );
    wasm(&text)
}

struct Bench {
    log: Log,
    process: Process,
}

impl Bench {
    fn new() -> Self {
        let wasm = actor();
        Self::of(Log::new(&wasm, Limits { gas: 1_000_000, ..Limits::DEFAULT }))
    }

    /// One under profile 1.
    fn first() -> Self {
        let limits = Limits { gas: 1_000_000, children: None, ..Limits::DEFAULT };
        let mut log = Log::new(&actor(), limits);
        log.respawn(|spawn| Spawn { profile: Profile::v1().id(), ..spawn });
        Self::of(log)
    }

    fn of(log: Log) -> Self {
        let wasm = actor();
        let module = Engine::new().unwrap().compile(&wasm).unwrap();
        let spawn = log.spawn.unverified().clone();
        let process = Process::new(log.process, spawn, &module).unwrap();
        let mut bench = Self { log, process };
        let spawn = Entry::Spawn(bench.log.spawn.clone());
        assert!(is_value(&bench.execute(&spawn).outcome.reply));
        bench
    }

    fn execute(&mut self, entry: &Entry) -> Executed {
        let assignment = self.log.assign(entry.id());
        self.process.execute(&assignment, entry).unwrap()
    }

    fn call(&mut self, method: &str) -> Outcome {
        let entry = self.log.message(method, &[0xa0]);
        self.execute(&entry).outcome
    }

    fn counter(&mut self) -> u8 {
        match self.process.view("view", &[0xa0]).unwrap() {
            Reply::Value(value) => value[0],
            other => panic!("{other:?}"),
        }
    }
}

/// What the module is called with for an entry.
fn begin(process: &mut Process, assignment: &Assignment, entry: &Entry) -> Call {
    let mut acts = Acts::new(process.id, assignment.slot, assignment.time);
    match process.begin(assignment, entry, &mut acts).unwrap() {
        Begun::Call(call) => call,
        Begun::Upgrade(upgrade) => panic!("an upgrade: {upgrade:?}"),
        Begun::Done(value) => panic!("done: {value:?}"),
    }
}

fn failure(outcome: &Outcome) -> FailureKind {
    match &outcome.reply {
        Reply::Failure(failure) => failure.kind,
        other => panic!("not a failure: {other:?}"),
    }
}

#[test]
fn an_actors_own_error_keeps_state_and_a_trap_does_not() {
    let mut bench = Bench::new();
    assert_eq!(bench.counter(), 1);
    assert!(is_value(&bench.call("addd").reply));
    assert_eq!(failure(&bench.call("erro")), FailureKind::Actor);
    assert_eq!(bench.counter(), 3);
    let trapped = bench.call("trap");
    assert_eq!((failure(&trapped), trapped.outbox.len()), (FailureKind::Trapped, 0));
    assert!(trapped.gas.get() > 0);
    assert_eq!(bench.counter(), 3);
    assert!(is_value(&bench.call("addd").reply));
    assert_eq!(bench.counter(), 4);
}

#[test]
fn output_that_breaks_the_contract_rolls_the_slot_back() {
    let mut bench = Bench::new();
    assert_eq!(failure(&bench.call("garb")), FailureKind::BadOutput);
    assert_eq!(bench.counter(), 1);
}

#[test]
fn items_of_a_pair_are_numbered_and_point_back() {
    let mut bench = Bench::new();
    let pair = |outcome: Outcome| outcome.outbox[0].pair.unwrap();
    let first = pair(bench.call("send"));
    let _trapped = bench.call("trap");
    let second = pair(bench.call("send"));
    assert_eq!((first.number.get(), first.previous), (0, None));
    assert_eq!((second.number.get(), second.previous), (1, Some(Slot::new(1))));
}

#[test]
fn receipt_leaves_form_a_chain() {
    let mut bench = Bench::new();
    let entry = bench.log.message("addd", &[0xa0]);
    let first = bench.execute(&entry);
    let entry = bench.log.message("trap", &[0xa0]);
    let second = bench.execute(&entry);
    assert_eq!(second.leaf.previous, Some(first.leaf.digest()));
    assert_eq!(second.leaf.outcome, second.outcome.digest());
}

#[test]
fn entries_the_profile_does_not_execute_fail_their_slot_only() {
    let mut bench = Bench::first();
    let process = bench.log.process;
    let timer = Entry::Timer(Timer {
        process,
        slot: Slot::ZERO,
        index: 0,
        occurrence: 0,
        kind: protocol::TimerKind::Timer,
        due: Timestamp::ZERO,
    });
    assert_eq!(failure(&bench.execute(&timer).outcome), FailureKind::UnsupportedEntry);
    assert!(is_value(&bench.call("addd").reply));
}

#[test]
fn what_keeps_the_log_comes_to_null_and_costs_nothing() {
    let mut bench = Bench::new();
    let root = bench.process.state_root().unwrap();
    let chain = *bench.process.chain();
    let scheduler = bench.log.scheduler.public().unit();
    let item =
        |body| OutboxItem { index: 0, target: bench.log.process, pair: None, body, hint: None };
    let source = ProcessId::from_bytes([7; 32]);
    let skip = item(ItemBody::Skip(protocol::PairNumber::ZERO));
    let entries = [
        Entry::Skip(Delivery { source, slot: Slot::ZERO, item: skip }),
        bench.log.control(ControlAction::Move(scheduler)),
        bench.log.control(ControlAction::Takeover { scheduler, slot: Slot::ZERO, chain }),
        bench.log.control(ControlAction::Stop),
    ];
    for entry in &entries {
        let outcome = bench.execute(entry).outcome;
        assert_eq!((outcome.reply, outcome.gas), (Reply::Value(vec![0xf6]), Gas::ZERO));
        assert_eq!(bench.process.state_root().unwrap(), root);
    }
}

#[test]
fn the_actor_sees_the_controller_that_a_control_names_after_a_restart_too() {
    let mut bench = Bench::new();
    let renounce = bench.log.control(ControlAction::Controller(Principal::Anonymous));
    assert!(is_value(&bench.execute(&renounce).outcome.reply));
    let entry = bench.log.message("addd", &[0xa0]);
    let assignment = bench.log.assign(entry.id());
    let call = begin(&mut bench.process, &assignment, &entry);
    let Input::Call { context, .. } = call.input else { panic!("not a call") };
    assert_eq!(context.controller, Principal::Anonymous);
    assert_eq!(controller::read(bench.process.table()), Some(Principal::Anonymous));
}

#[test]
fn a_parent_gives_birth_by_a_delivery() {
    let wasm = actor();
    let mut log = Log::new(&wasm, Limits::DEFAULT);
    let parent = ProcessId::from_bytes([7; 32]);
    let spawn = Spawn { sender: Principal::Process(parent), ..log.spawn.unverified().clone() };
    let bytes = codec::encode(&spawn);
    log.process = ProcessId::from_bytes(*Domain::Spawn.digest(&[&bytes]).as_bytes());
    let body = ItemBody::Spawn(bytes, None);
    let item = OutboxItem { index: 0, target: log.process, pair: None, body, hint: None };
    let birth = Entry::Delivery(Delivery { source: parent, slot: Slot::ZERO, item });
    let module = Engine::new().unwrap().compile(&wasm).unwrap();
    let mut process = Process::new(log.process, spawn, &module).unwrap();
    let assignment = log.assign(birth.id());
    let call = begin(&mut process, &assignment, &birth);
    let Input::Init { context, .. } = call.input else { panic!("not a birth") };
    assert_eq!(context.sender, Principal::Process(parent));
    assert!(is_value(&process.execute(&assignment, &birth).unwrap().outcome.reply));
}

#[test]
fn a_process_whose_initialiser_fails_is_not_born() {
    let wasm = wasm(
        r#"(module (memory (export "memory") 1)
            (func (export "antiphon_alloc") (param i32) (result i32) i32.const 8)
            (func (export "antiphon_handle") (param i32 i32) (result i64) unreachable)
            (func (export "antiphon_view") (param i32 i32) (result i64) i64.const 0)
            (func (export "antiphon_save") (param i32 i32) (result i64) i64.const 0))"#,
    );
    let mut log = Log::new(&wasm, Limits::DEFAULT);
    let module = Engine::new().unwrap().compile(&wasm).unwrap();
    let mut process = Process::new(log.process, log.spawn.unverified().clone(), &module).unwrap();
    let spawn = Entry::Spawn(log.spawn.clone());
    let assignment = log.assign(spawn.id());
    let born = process.execute(&assignment, &spawn).unwrap();
    assert_eq!(failure(&born.outcome), FailureKind::Trapped);
    let entry = log.message("addd", &[0xa0]);
    let assignment = log.assign(entry.id());
    let later = process.execute(&assignment, &entry).unwrap();
    assert_eq!(failure(&later.outcome), FailureKind::NotBorn);
}

#[test]
fn one_log_gives_the_same_receipts_every_time() {
    let run = || {
        let mut bench = Bench::new();
        let methods = ["addd", "trap", "send", "garb", "send", "erro"];
        methods.map(|method| {
            let entry = bench.log.message(method, &[0xa0]);
            bench.execute(&entry).leaf.digest()
        })
    };
    assert_eq!(run(), run());
}

#[test]
fn who_sends_is_who_the_entry_names() {
    let mut bench = Bench::new();
    let account: AccountId = bench.log.client.public().account();
    let entry = bench.log.message("addd", &[0xa0]);
    let assignment = bench.log.assign(entry.id());
    let call = begin(&mut bench.process, &assignment, &entry);
    let Input::Call { context, call, .. } = call.input else { panic!("not a call") };
    assert_eq!(context.sender, Principal::Account(account));
    assert_eq!(call, Some(1));
}
