//! Upgrades: what goes over to the next module, and what a failed one leaves.

use protocol::{Effect, abi};

use super::*;

/// A module that nobody can compile.
pub(super) const UNFIT: ModuleId = ModuleId::from_bytes([0xee; 32]);

/// Items that have the actor answer its first input with an output.
fn first(output: &Output) -> String {
    let bytes = codec::encode(output);
    let length = u32::try_from(bytes.len()).unwrap();
    let hex =
        |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("\\{byte:02x}")).collect() };
    let data = |at: u32, bytes: &[u8]| format!("(data (i32.const {at}) \"{}\")", hex(bytes));
    data(4_096, &length.to_le_bytes()) + &data(65_536, &bytes)
}

/// Traps with its first input.
const TRAPS: &str = "(data (i32.const 4096) \"\\ff\\ff\\ff\\ff\")";

fn later() -> Output {
    output(GuestResult::Later, vec![])
}

fn error() -> Output {
    output(GuestResult::Error { code: "bad-state".into(), detail: "old".into() }, vec![])
}

/// Versions of the actor: the one that is spawned, another, one that needs more memory, and those
/// that take no state.
pub(super) fn versions() -> Vec<Vec<u8>> {
    let logs = GuestEffect::Log { level: 2, text: "loaded".into() };
    let takes = [
        actor(),
        actor_of(10, &first(&output(null(), vec![logs])), SAVE),
        actor_of(12, "", "unreachable"),
    ];
    takes.into_iter().chain(refusing().into_iter().map(|(_, wasm)| wasm)).collect()
}

/// Versions that do not take a state, and what comes of an upgrade to them.
fn refusing() -> Vec<(FailureKind, Vec<u8>)> {
    let says = |said: Output| actor_of(10, &first(&said), SAVE);
    vec![
        (FailureKind::Trapped, actor_of(10, TRAPS, SAVE)),
        (FailureKind::Actor, says(error())),
        (FailureKind::BadOutput, says(later())),
        (FailureKind::UnsupportedEffect, says(output(null(), vec![ask(50, None)]))),
        (FailureKind::BadOutput, says(output(GuestResult::Reply(vec![0xff]), vec![]))),
        (FailureKind::OutOfMemory, actor_of(2_000, "", SAVE)),
    ]
}

/// A process of a module with a call, an ask and a timer that are open.
fn busy(wasm: &[u8], limits: Limits) -> Scripted {
    let mut scripted = Scripted::of(wasm, limits);
    scripted.asked(&output(GuestResult::Held, vec![]));
    scripted.run(&output(GuestResult::Later, vec![ask(1, None)]), &Next::Null);
    scripted.do_now(null(), vec![timer(2, 5_000, None, None)]);
    scripted
}

/// A module that keeps its first input and answers null.
fn recovering() -> Vec<u8> {
    wasm(
        r#"(module
            (memory (export "memory") 64)
            (data (i32.const 0) "\82\82\00\41\f6\80")
            (func (export "antiphon_alloc") (param i32) (result i32) i32.const 2162688)
            (func (export "antiphon_handle") (param i32 i32) (result i64)
                (i32.store (i32.const 4112) (local.get 1))
                (memory.copy (i32.const 131072) (local.get 0) (local.get 1))
                i64.const 6)
            (func (export "antiphon_view") (param i32 i32) (result i64) i64.const 6)
            (func (export "antiphon_save") (param i32 i32) (result i64) unreachable))"#,
    )
}

fn know(scripted: &mut Scripted, wasm: &[u8]) -> ModuleId {
    let module = Engine::new().unwrap().compile(wasm).unwrap();
    let id = module.id();
    scripted.known.insert(id, module);
    id
}

/// The second of [`versions`].
fn second(scripted: &mut Scripted) -> ModuleId {
    know(scripted, &versions()[1])
}

#[test]
fn the_next_module_gets_what_the_present_one_saves() {
    let mut scripted = busy(&actor(), Limits::DEFAULT);
    let next = second(&mut scripted);
    let handled = u8::try_from(scripted.handled()).unwrap();
    let upgraded = scripted.upgrade(next, false);
    assert!(is_null(&upgraded.outcome), "{:?}", upgraded.outcome);
    assert_eq!(upgraded.outcome.logs.len(), 1);
    let Input::Load { context, saved, spawn } = scripted.last_input() else { panic!("no load") };
    assert_eq!((saved.version, saved.image_of), (1, None));
    assert_eq!(saved.chunks, [vec![handled, 0, 0, 0, 0, 0, 0, 0].into()]);
    assert_eq!(spawn, Some(codec::encode(scripted.log.spawn.unverified())));
    let used = Limits::DEFAULT.gas - context.gas.get();
    assert!(used > 0 && used < upgraded.outcome.gas.get(), "{used}");
    assert_eq!(context.sender, scripted.log.spawn.unverified().controller);
    assert_eq!(scripted.process.state().unwrap().unwrap().module, next);
    assert_eq!(scripted.handled(), 1);
}

#[test]
fn open_calls_end_with_an_upgrade_and_asks_and_timers_stay() {
    let mut scripted = busy(&actor(), Limits::DEFAULT);
    let next = second(&mut scripted);
    let outbox = scripted.upgrade(next, false).outcome.outbox;
    let upgraded = AskAnswer::Failure(Failure::of(FailureKind::Upgraded), Effect::Unknown);
    let bodies: Vec<&ItemBody> = outbox.iter().map(|item| &item.body).collect();
    let reply = ItemBody::Reply { slot: Slot::new(3), index: 2, answer: upgraded.clone() };
    let answered = ItemBody::Answered { call: Slot::new(2), answer: upgraded };
    assert_eq!(bodies, [&reply, &answered]);
    assert_eq!(scripted.keys(), 2);
    scripted.replied(2, 0, AskAnswer::Value(vec![0x07]));
    let Input::Answer { token, answer, .. } = scripted.last_input() else { panic!("no answer") };
    assert_eq!((token, answer), (1, abi::AnswerInput::Reply(vec![0x07])));
    scripted.due(TimerKind::Timer, (3, 0), 0);
    assert!(matches!(scripted.last_input(), Input::Timer { token: 2, .. }));
    assert_eq!((scripted.keys(), scripted.handled()), (0, 3));
}

#[test]
fn a_state_that_is_not_taken_stays_where_it_was() {
    for (kind, wasm) in refusing() {
        let mut scripted = busy(&actor(), Limits::DEFAULT);
        let next = know(&mut scripted, &wasm);
        let (state, handled) = (scripted.process.state().unwrap(), scripted.handled());
        let upgraded = scripted.upgrade(next, false);
        assert_eq!(failure(&upgraded.outcome), kind);
        assert_eq!(upgraded.outcome.gas.get() > 0, kind != FailureKind::OutOfMemory, "{kind:?}");
        assert!(upgraded.outcome.outbox.is_empty());
        assert_eq!(scripted.process.state().unwrap(), state, "{kind:?}");
        scripted.restart();
        assert!(is_null(&scripted.do_now(null(), vec![]).outcome));
        assert_eq!(scripted.handled(), handled + 1);
    }
}

#[test]
fn a_state_that_is_not_saved_stays_where_it_was_and_its_image_can_be_taken() {
    let nonsense = "(i64.const 0x0000_1018_0000_0001)";
    let forged = "(i64.store (i32.const 4120) (i64.const 0x20_5880_0083))
        (i64.const 0x0000_1018_0000_0025)";
    let spins = "(i32.store (i32.const 4120) (i32.const 9)) (loop (br 0)) (i64.const 0)";
    for (kind, save) in [
        (FailureKind::Trapped, "(i32.store (i32.const 4120) (i32.const 9)) unreachable"),
        (FailureKind::OutOfGas, spins),
        (FailureKind::BadOutput, nonsense),
        (FailureKind::BadOutput, forged),
        (FailureKind::BadOutput, "(i64.const -1)"),
    ] {
        let wasm = actor_of(10, "", save);
        let mut scripted = busy(&wasm, Limits { gas: 10_000_000, ..Limits::DEFAULT });
        let next = know(&mut scripted, &recovering());
        let state = scripted.process.state().unwrap();
        assert_eq!(failure(&scripted.upgrade(next, false).outcome), kind);
        assert_eq!(scripted.process.state().unwrap(), state, "{kind:?}");
        let image = scripted.process.memory().unwrap().to_vec();
        let raw = scripted.upgrade(next, true);
        assert!(is_null(&raw.outcome), "{kind:?}: {:?}", raw.outcome.reply);
        let Input::Load { saved, .. } = scripted.last_input() else { panic!("no load") };
        assert_eq!((saved.version, saved.image_of), (0, Some(ModuleId::of(&wasm))));
        assert!(saved.chunks.iter().all(|chunk| chunk.len() <= abi::SavedState::IMAGE_CHUNK_BYTES));
        let chunks: Vec<u8> = saved.chunks.iter().flat_map(|chunk| chunk.to_vec()).collect();
        assert_eq!(chunks, image);
    }
}

#[test]
fn an_upgrade_that_no_unit_can_make_fails() {
    let mut scripted = busy(&actor(), Limits::DEFAULT);
    let state = scripted.process.state().unwrap();
    let upgraded = scripted.upgrade(UNFIT, false);
    assert_eq!(failure(&upgraded.outcome), FailureKind::BadModule);
    assert_eq!(scripted.process.state().unwrap(), state);
}

#[test]
fn both_modules_have_one_limit_of_gas() {
    let burns = "(local $n i32) (local.set $n (i32.const 10000))
        (loop $again (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))";
    let wasm = actor_of(10, "", &format!("{burns} {SAVE}"));
    let mut plenty = Scripted::of(&wasm, Limits::DEFAULT);
    let next = second(&mut plenty);
    assert!(is_null(&plenty.upgrade(next, false).outcome));
    let Input::Load { context, .. } = plenty.last_input() else { panic!("no load") };
    let gas = Limits::DEFAULT.gas - context.gas.get() + 1;
    let mut scarce = Scripted::of(&wasm, Limits { gas, ..Limits::DEFAULT });
    let next = second(&mut scarce);
    let spent = scarce.upgrade(next, false);
    assert_eq!(failure(&spent.outcome), FailureKind::OutOfGas);
    assert_eq!(spent.outcome.gas.get(), gas);
}

#[test]
fn what_fails_behind_an_upgrade_returns_to_behind_it() {
    let mut scripted = busy(&actor(), Limits::DEFAULT);
    let next = second(&mut scripted);
    scripted.upgrade(next, false);
    let slot = scripted.process.next.get();
    scripted.run(&output(null(), vec![ask(9, None)]), &Next::Trap);
    let before = scripted.process.state().unwrap().unwrap();
    let trapped = scripted.replied(slot, 0, AskAnswer::Value(vec![0x07]));
    assert_eq!(failure(&trapped.outcome), FailureKind::Trapped);
    let after = scripted.process.state().unwrap().unwrap();
    assert_eq!(State { host_table: before.host_table, ..after }, before);
    assert_eq!(scripted.handled(), 2);
}

#[test]
fn a_checkpoint_names_the_module_that_made_its_state() {
    let mut scripted = busy(&actor(), Limits::DEFAULT);
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(CheckpointStore::open(directory.path(), 2).unwrap());
    let latest = |process: &mut Process| {
        store.append(&[process.save(false).unwrap().unwrap()]).unwrap();
        let slot = process.last().unwrap();
        let checkpoint = store.newest(&process.id, slot).unwrap().unwrap();
        let root = checkpoint::state_root(&*store, &checkpoint).unwrap();
        assert_eq!(root, process.state_root().unwrap());
        checkpoint.module
    };
    assert_eq!(latest(&mut scripted.process), None);
    let next = second(&mut scripted);
    scripted.upgrade(next, false);
    // Of the memory before no page is left.
    assert_eq!(latest(&mut scripted.process), Some(next));
    scripted.do_now(null(), vec![]);
    assert_eq!(latest(&mut scripted.process), Some(next));
    let first = scripted.module.id();
    scripted.upgrade(first, false);
    assert_eq!(latest(&mut scripted.process), None);
}

#[test]
fn the_first_profile_has_no_upgrades() {
    let mut log = Log::new(&actor(), Limits::DEFAULT);
    log.respawn(|spawn| Spawn { profile: protocol::Profile::v1().id(), ..spawn });
    let mut scripted = Scripted::unborn(log);
    let spawn = Entry::Spawn(scripted.log.spawn.clone());
    scripted.execute(&spawn);
    let next = second(&mut scripted);
    let upgraded = scripted.upgrade(next, false);
    assert_eq!(failure(&upgraded.outcome), FailureKind::UnsupportedEntry);
    assert_eq!(upgraded.outcome.gas, Gas::new(0));
}

#[test]
fn what_is_not_born_is_not_upgraded() {
    let mut scripted =
        Scripted::unborn(Log::with_args(&actor(), Limits::DEFAULT, &script(&error(), &Next::Null)));
    let spawn = Entry::Spawn(scripted.log.spawn.clone());
    scripted.execute(&spawn);
    let next = second(&mut scripted);
    assert_eq!(failure(&scripted.upgrade(next, false).outcome), FailureKind::NotBorn);
}
