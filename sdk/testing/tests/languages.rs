//! An actor that was written from the contract's page alone does what one of the SDK does.

#[path = "../../../tests/counters.rs"]
mod counters;

use std::thread;

use antiphon::{Sim, Stage, args};
use antiphon_testing::Wasm;
use compute_unit::{Engine, Executed, Export, Fault, Instance, THREAD_STACK_BYTES};
use counter::Counter;
use protocol::{
    EntryId, Gas, Hash, Limits, Principal, ProcessId, Slot, Timestamp,
    abi::{AnswerInput, Context, GuestResult, Input, Output, SavedState},
    codec,
};

const GAS: u64 = 1_000_000;

fn module() -> Vec<u8> {
    wat::parse_str(counters::WAT).expect("the text is a module")
}

fn context(sender: Principal) -> Context {
    Context {
        process: ProcessId::from_bytes([1; 32]),
        slot: Slot::new(300),
        time: Timestamp::new(1 << 40),
        sender,
        controller: Principal::Process(ProcessId::from_bytes([2; 32])),
        message: EntryId::from_bytes([3; 32]),
        seed: Hash::from_bytes([4; 32]),
        gas: Gas::new(GAS),
        deadline: Some(Timestamp::new(5)),
        lost: Some(vec![6, 70_000]),
    }
}

fn call(sender: Principal, method: &str, args: &[u8]) -> Vec<u8> {
    let (method, args) = (method.to_owned(), args.to_vec());
    codec::encode(&Input::Call { context: context(sender), method, args, call: Some(1) })
}

fn load(version: u32, state: &[u8]) -> Vec<u8> {
    let saved = SavedState { version, chunks: vec![state.to_vec().into()], image_of: None };
    codec::encode(&Input::Load { context: context(Principal::Anonymous), saved, spawn: None })
}

fn result(executed: Executed) -> GuestResult {
    let output = executed.result.expect("the call is handled");
    let Output { result, effects } = codec::decode(&output).expect("it is an output");
    assert_eq!(effects, []);
    result
}

fn code(executed: Executed) -> String {
    match result(executed) {
        GuestResult::Error { code, .. } => code,
        other => panic!("no error, but {other:?}"),
    }
}

/// Calls a new instance of the counter in the text format, where that can be done.
fn on_instance(test: impl FnOnce(&mut Instance) + Send + 'static) {
    let run = || {
        let engine = Engine::new().expect("this machine runs Wasm");
        let module = engine.compile(&module()).expect("a unit accepts it");
        test(&mut Instance::genesis(&module, &Limits::DEFAULT).expect("it starts"));
    };
    let thread = thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(run);
    thread.expect("this machine has room for a thread").join().expect("the test holds");
}

#[test]
fn a_counter_from_the_page_alone_does_what_the_sdks_does() {
    let natively = counters::counting(&mut Sim::seeded(7));
    let mut stage = Wasm::seeded(7).with::<Counter>(&module());
    assert_eq!(counters::counting(&mut stage), natively);
    stage.check_replay();
}

#[test]
fn two_runs_of_it_come_to_the_same_outcomes() {
    let run = || {
        let mut stage = Wasm::seeded(3).with::<Counter>(&module());
        let counter = stage.spawn::<Counter>(args! { start: 1_u64 });
        let posted: Vec<_> = (1..=20).map(|by| stage.post(counter.add(by))).collect();
        for ticket in posted {
            assert!(stage.wait(ticket).is_ok());
        }
        stage.outcomes(counter)
    };
    assert_eq!(run(), run());
}

#[test]
fn what_breaks_the_contract_traps_and_leaves_no_trace() {
    on_instance(|counter| {
        let whole = call(Principal::Anonymous, "add", b"\xa1\x62by\x01");
        assert_eq!(result(counter.execute(Export::Handle, &whole, GAS).unwrap()), reply(b"\x01"));
        let cut = (0..whole.len()).filter_map(|len| whole.get(..len)).map(<[u8]>::to_vec);
        let others = [b"\x00".to_vec(), vec![0xff; 64], vec![0x9f; 64], vec![0x1f], vec![0x9b; 9]];
        for garbage in cut.chain(others) {
            let executed = counter.execute(Export::Handle, &garbage, GAS).unwrap();
            let fault = executed.result.unwrap_err();
            assert!(matches!(fault, Fault::Trap | Fault::OutOfGas), "{garbage:x?}: {fault}");
        }
        for export in [Export::View, Export::Save] {
            let executed = counter.execute(export, &whole, GAS).unwrap();
            assert_eq!(executed.result, Err(Fault::Trap), "a call is for antiphon_handle");
        }
        let get = call(Principal::Anonymous, "get", b"\xa0");
        assert_eq!(result(counter.execute(Export::Handle, &get, GAS).unwrap()), reply(b"\x01"));
    });
}

#[test]
fn arguments_of_another_form_are_answered() {
    on_instance(|counter| {
        let other: [(&str, &[u8]); 5] = [
            ("add", b"\xa0"),
            ("add", b"\xa1\x62by\x20"),
            ("add", b"\xa1\x62on\x01"),
            ("reset", b"\xa1\x62by\x01"),
            ("get", b"\xa1\x62by\x01"),
        ];
        for (method, args) in other {
            let input = call(Principal::Anonymous, method, args);
            let executed = counter.execute(Export::Handle, &input, GAS).unwrap();
            assert_eq!(code(executed), "bad-arguments", "{method} {args:x?}");
        }
    });
}

#[test]
fn only_its_controller_resets_it() {
    on_instance(|counter| {
        let controller = context(Principal::Anonymous).controller;
        let stranger = Principal::Process(ProcessId::from_bytes([7; 32]));
        for sender in [Principal::Anonymous, stranger] {
            let input = call(sender, "reset", b"\xa0");
            assert_eq!(code(counter.execute(Export::Handle, &input, GAS).unwrap()), "refused");
        }
        let input = call(controller, "reset", b"\xa0");
        assert_eq!(result(counter.execute(Export::Handle, &input, GAS).unwrap()), reply(b"\xf6"));
    });
}

#[test]
fn it_loads_what_it_saves_and_no_other_state() {
    on_instance(|counter| {
        for number in [b"\x17".as_slice(), b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff"] {
            let state = [b"\xa1\x61n", number].concat();
            let input = load(1, &state);
            let loaded = counter.execute(Export::Handle, &input, GAS).unwrap();
            assert_eq!(result(loaded), reply(b"\xf6"));
            let save = codec::encode(&Input::Save { context: context(Principal::Anonymous) });
            let saved = counter.execute(Export::Save, &save, GAS).unwrap().result.unwrap();
            let expected = SavedState { version: 1, chunks: vec![state.into()], image_of: None };
            assert_eq!(codec::decode::<SavedState>(&saved), Ok(expected));
        }
        let older = counter.execute(Export::Handle, &load(0, b"\xa1\x61n\x01"), GAS).unwrap();
        assert_eq!(code(older), "state-version");
        let other = counter.execute(Export::Handle, &load(1, b"\xa1\x61m\x01"), GAS).unwrap();
        assert_eq!(code(other), "bad-state");
    });
}

#[test]
fn answers_that_it_did_not_ask_for_are_let_pass() {
    on_instance(|counter| {
        let answer = Input::Answer {
            context: context(Principal::Anonymous),
            token: 9,
            answer: AnswerInput::Reply(b"\xf6".to_vec()),
        };
        let executed = counter.execute(Export::Handle, &codec::encode(&answer), GAS).unwrap();
        assert_eq!(result(executed), reply(b"\xf6"));
    });
}

fn reply(value: &[u8]) -> GuestResult {
    GuestResult::Reply(value.to_vec())
}
