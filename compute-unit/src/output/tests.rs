use protocol::{
    AskAnswer, FailureKind, Limits, Principal, ProcessId, Profile, Reply, Timestamp, Value,
    abi::{GuestEffect, GuestResult, Output},
    codec,
};

use super::*;
use crate::testing::Log;

const LIMITS: Limits =
    Limits { outbox_items: 2, outbox_bytes: 64, reply_bytes: 32, ..Limits::DEFAULT };

fn null() -> GuestResult {
    GuestResult::Reply(Value::Null.encode().unwrap())
}

fn tell(args: Vec<u8>) -> GuestEffect {
    let target = ProcessId::from_bytes([1; 32]);
    GuestEffect::Tell { target, method: "m".to_owned(), args, hint: None }
}

const OWN: ProcessId = ProcessId::from_bytes([9; 32]);

fn spawn() -> Spawn {
    Spawn { limits: LIMITS, ..Log::new(b"module", LIMITS).spawn.unverified().clone() }
}

fn read_as(profile: Profile, bytes: &[u8]) -> Result<(Said, Effects), FailureKind> {
    let owner = Owner { id: &OWN, spawn: &spawn(), rules: Rules::of(&profile.id()) };
    read(bytes, owner)
}

fn ask(patience: u64, call: Option<u64>) -> GuestEffect {
    let target = ProcessId::from_bytes([1; 32]);
    let (method, args) = ("m".to_owned(), vec![0xa0]);
    GuestEffect::Ask { target, method, args, token: 1, patience, hint: None, call }
}

fn timer(every: Option<u64>, method: &str, args: Vec<u8>) -> GuestEffect {
    let (due, method) = (Timestamp::ZERO, method.to_owned());
    GuestEffect::SetTimer { token: 1, due, every, catch_up: false, method, args, call: None }
}

#[track_caller]
fn check(result: GuestResult, effects: Vec<GuestEffect>, expected: Result<usize, FailureKind>) {
    let bytes = codec::encode(&Output { result, effects });
    let read = read_as(Profile::v2(), &bytes).map(|(_, effects)| effects.wanted.len());
    assert_eq!(read, expected);
}

#[test]
fn a_reply_and_tells_are_read_in_order() {
    check(null(), vec![tell(vec![0xa0]), tell(vec![0xa0])], Ok(2));
}

#[test]
fn more_items_than_the_process_may_send_are_refused() {
    check(null(), vec![tell(vec![0xa0]); 3], Err(FailureKind::OutputTooLarge));
}

#[test]
fn more_bytes_than_the_process_may_send_are_refused() {
    let args = Value::Map(vec![(Value::Text("a".into()), Value::Bytes(vec![0; 80]))]);
    check(null(), vec![tell(args.encode().unwrap())], Err(FailureKind::OutputTooLarge));
    let log = GuestEffect::Log { level: 2, text: "x".repeat(33) };
    check(null(), vec![log], Err(FailureKind::OutputTooLarge));
    let reply = Value::Bytes(vec![0; 33]).encode().unwrap();
    check(GuestResult::Reply(reply), vec![], Err(FailureKind::OutputTooLarge));
}

#[test]
fn what_is_not_canonical_cbor_is_refused() {
    check(GuestResult::Reply(vec![0x18, 0x01]), vec![], Err(FailureKind::BadOutput));
    check(GuestResult::Reply(vec![]), vec![], Err(FailureKind::BadOutput));
    check(null(), vec![tell(vec![0x01])], Err(FailureKind::BadOutput));
    assert_eq!(read_as(Profile::v2(), &[0xff; 40]), Err(FailureKind::BadOutput));
}

#[test]
fn what_the_first_profile_does_not_have_fails_as_it_always_did() {
    let failed = |result, effects| {
        read_as(Profile::v1(), &codec::encode(&Output { result, effects })).map(drop)
    };
    let unsupported = Err(FailureKind::UnsupportedEffect);
    assert_eq!(failed(null(), vec![GuestEffect::CancelTimer { token: 1 }]), unsupported);
    assert_eq!(failed(null(), vec![ask(1, None)]), unsupported);
    assert_eq!(failed(GuestResult::Later, vec![]), unsupported);
    // These had no spelling then.
    let broken = Err(FailureKind::BadOutput);
    assert_eq!(failed(null(), vec![ask(1, Some(1))]), broken);
    assert_eq!(failed(GuestResult::Held, vec![]), broken);
    let spawn = GuestEffect::Spawn { spawn: vec![], token: 1, patience: 1, call: None };
    assert_eq!(failed(null(), vec![spawn]), broken);
}

#[test]
fn no_profile_has_the_bare_spawn() {
    let module = protocol::ModuleId::of(b"module");
    let bare = GuestEffect::SpawnBare { module, args: vec![0xa0], name: String::new(), nonce: 1 };
    check(null(), vec![bare], Err(FailureKind::UnsupportedEffect));
}

#[test]
fn asks_have_a_patience_between_a_millisecond_and_thirty_days() {
    let month = 30 * 24 * 60 * 60 * 1_000;
    check(null(), vec![ask(1, None), ask(month, Some(3))], Ok(2));
    check(null(), vec![ask(0, None)], Err(FailureKind::BadOutput));
    check(null(), vec![ask(month + 1, None)], Err(FailureKind::BadOutput));
}

#[test]
fn timers_are_small_and_recur_after_a_while() {
    let large = |bytes| {
        let entry = (Value::Text("a".into()), Value::Bytes(vec![0; bytes]));
        Value::Map(vec![entry]).encode().unwrap()
    };
    let read = |effect| {
        let effects = vec![effect];
        let bytes = codec::encode(&Output { result: null(), effects });
        let spawn = Spawn { limits: Limits::DEFAULT, ..spawn() };
        let rules = Rules::of(&Profile::v2().id());
        read(&bytes, Owner { id: &OWN, spawn: &spawn, rules }).map(drop)
    };
    assert_eq!(read(timer(Some(1), "", large(1_018))), Ok(()));
    assert_eq!(read(timer(Some(1), "m", large(1_018))), Err(FailureKind::OutputTooLarge));
    assert_eq!(read(timer(Some(0), "m", vec![0xa0])), Err(FailureKind::BadOutput));
    assert_eq!(read(timer(None, "m", vec![0x80])), Err(FailureKind::BadOutput));
    assert_eq!(read(timer(None, &"m".repeat(129), vec![0xa0])), Err(FailureKind::BadOutput));
}

#[test]
fn a_call_is_answered_with_a_reply_or_an_error() {
    let reply = |result| vec![GuestEffect::Reply { call: 1, result }];
    check(null(), reply(GuestResult::Later), Err(FailureKind::BadOutput));
    check(null(), reply(GuestResult::Held), Err(FailureKind::BadOutput));
    check(null(), reply(GuestResult::Reply(vec![0xff])), Err(FailureKind::BadOutput));
    let error = GuestResult::Error { code: "no".into(), detail: String::new() };
    let bytes = codec::encode(&Output { result: null(), effects: reply(error) });
    let (_, effects) = read_as(Profile::v2(), &bytes).unwrap();
    let Wanted::Reply { answer: AskAnswer::Failure(failure, effect), .. } = &effects.wanted[0]
    else {
        panic!("{effects:?}")
    };
    assert_eq!((failure.kind, *effect), (FailureKind::Actor, protocol::Effect::Yes));
}

#[test]
fn a_child_has_nothing_that_its_parent_has_not() {
    let child = |change: fn(Spawn) -> Spawn| {
        let spawn = Spawn { sender: Principal::Process(OWN), ..spawn() };
        let spawn = codec::encode(&change(spawn));
        let effects = vec![GuestEffect::Spawn { spawn, token: 1, patience: 1, call: None }];
        let bytes = codec::encode(&Output { result: null(), effects });
        let limits = Limits { outbox_bytes: 4_096, ..LIMITS };
        let parent = Spawn { limits, ..self::spawn() };
        let rules = Rules::of(&Profile::v2().id());
        read(&bytes, Owner { id: &OWN, spawn: &parent, rules }).map(drop)
    };
    assert_eq!(child(|spawn| spawn), Ok(()));
    let wrong: [fn(Spawn) -> Spawn; 6] = [
        |spawn| Spawn { sender: Principal::Anonymous, ..spawn },
        |spawn| Spawn { network: protocol::NetworkId::from_bytes([1; 32]), ..spawn },
        |spawn| Spawn { profile: Profile::v1().id(), ..spawn },
        |spawn| Spawn { limits: Limits { gas: spawn.limits.gas + 1, ..spawn.limits }, ..spawn },
        |spawn| Spawn { limits: Limits { children: Some(10_001), ..spawn.limits }, ..spawn },
        |spawn| Spawn { args: vec![0x80], ..spawn },
    ];
    for change in wrong {
        assert_eq!(child(change), Err(FailureKind::BadOutput));
    }
}

#[test]
fn an_actors_own_error_keeps_its_code_and_is_bounded() {
    let error = |code: &str| GuestResult::Error { code: code.to_owned(), detail: String::new() };
    let bytes = codec::encode(&Output { result: error("too-poor"), effects: vec![] });
    let Ok((Said::Reply(Reply::Failure(failure)), _)) = read_as(Profile::v2(), &bytes) else {
        panic!("not a failure")
    };
    assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Actor, "too-poor"));
    check(error(""), vec![], Err(FailureKind::BadOutput));
    check(error(&"x".repeat(65)), vec![], Err(FailureKind::BadOutput));
}

#[test]
fn a_view_has_no_effects() {
    let bytes = codec::encode(&Output { result: null(), effects: vec![tell(vec![0xa0])] });
    assert_eq!(read_view(&bytes, &LIMITS), Err(FailureKind::UnsupportedEffect));
}

proptest::proptest! {
    #[test]
    fn arbitrary_output_never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = read_as(Profile::v1(), &bytes);
        let _ = read_as(Profile::v2(), &bytes);
        let _ = read_view(&bytes, &LIMITS);
    }
}
