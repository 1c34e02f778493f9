use protocol::{
    FailureKind, Limits, ProcessId, Reply, Value,
    abi::{GuestEffect, GuestResult, Output},
    codec,
};

use super::*;

const LIMITS: Limits =
    Limits { outbox_items: 2, outbox_bytes: 64, reply_bytes: 32, ..Limits::DEFAULT };

fn null() -> GuestResult {
    GuestResult::Reply(Value::Null.encode().unwrap())
}

fn tell(args: Vec<u8>) -> GuestEffect {
    let target = ProcessId::from_bytes([1; 32]);
    GuestEffect::Tell { target, method: "m".to_owned(), args, hint: None }
}

#[track_caller]
fn check(result: GuestResult, effects: Vec<GuestEffect>, expected: Result<usize, FailureKind>) {
    let bytes = codec::encode(&Output { result, effects });
    let read = read(&bytes, &LIMITS).map(|(_, effects)| effects.outbox.len());
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
    assert_eq!(read(&[0xff; 40], &LIMITS), Err(FailureKind::BadOutput));
}

#[test]
fn effects_the_profile_does_not_have_are_refused() {
    let cancel = GuestEffect::CancelTimer { token: 1 };
    check(null(), vec![cancel], Err(FailureKind::UnsupportedEffect));
    check(GuestResult::Later, vec![], Err(FailureKind::UnsupportedEffect));
}

#[test]
fn an_actors_own_error_keeps_its_code_and_is_bounded() {
    let error = |code: &str| GuestResult::Error { code: code.to_owned(), detail: String::new() };
    let bytes = codec::encode(&Output { result: error("too-poor"), effects: vec![] });
    let Ok((Reply::Failure(failure), _)) = read(&bytes, &LIMITS) else { panic!("not a failure") };
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
        let _ = read(&bytes, &LIMITS);
        let _ = read_view(&bytes, &LIMITS);
    }
}
