use super::*;
use crate::examples::{byte_vec, control_actions, control_body, message_body, tag};

#[track_caller]
fn refused(message: Message, why: &str) {
    assert_eq!(message.check(), Err(why));
}

#[test]
fn a_method_has_1_to_128_bytes() {
    let method = |length| Message { method: "m".repeat(length), ..message_body() };
    assert_eq!(method(1).check(), Ok(()));
    assert_eq!(method(128).check(), Ok(()));
    refused(method(0), "a method's name has 1 to 128 bytes");
    refused(method(129), "a method's name has 1 to 128 bytes");
}

#[test]
fn tags_are_few_and_short() {
    let tags = |tags| Message { tags, ..message_body() };
    let longest = "x".repeat(1_024);
    assert_eq!(tags(vec![tag(&longest, &longest); 64]).check(), Ok(()));
    refused(tags(vec![tag("a", "b"); 65]), "more than 64 tags");
    let longer = "x".repeat(1_025);
    let why = "a tag's name or value is longer than 1,024 bytes";
    refused(tags(vec![tag(&longer, "")]), why);
    refused(tags(vec![tag("", &longer)]), why);
}

#[test]
fn reserved_fields_are_not_used() {
    let why = "a reserved field is used";
    let bytes = || Some(byte_vec(vec![1]));
    refused(Message { reply_to: bytes(), ..message_body() }, why);
    refused(Message { credit: Some(0), ..message_body() }, why);
    refused(Message { trace_parent: bytes(), ..message_body() }, why);
}

#[test]
fn arguments_are_a_canonical_map() {
    let args = |args: &[u8]| Message { args: args.to_vec(), ..message_body() };
    assert_eq!(args(&[0xa0]).check(), Ok(()));
    refused(args(&[0x80]), "arguments are not a map from parameter name to value");
    for bytes in [[].as_slice(), &[0xbf, 0xff], &[0xa0, 0x00], &[0xa1, 0x00], &[0xff]] {
        refused(args(bytes), "arguments are not canonical CBOR");
    }
}

#[test]
fn only_the_key_of_an_account_acts_for_it() {
    let mine = crate::examples::client().public();
    assert!(acts_for(&mine, &crate::examples::account()));
    assert!(!acts_for(&crate::examples::key(9).public(), &crate::examples::account()));
    assert!(!acts_for(&mine, &Principal::Anonymous));
    let process = ProcessId::from_bytes(*mine.account().as_bytes());
    assert!(!acts_for(&mine, &Principal::Process(process)));
}

#[test]
fn a_control_with_a_bad_policy_is_refused() {
    for action in control_actions() {
        assert_eq!(control_body(action).check(), Ok(()));
    }
    let policy = crate::ComputePolicy { quorum: 0, ..crate::examples::policy() };
    let control = control_body(crate::ControlAction::Policy(policy));
    assert_eq!(control.check(), Err("the compute policy is not valid"));
}

/// A message of another account that shows one.
fn showing(shown: &Signed<Message>) -> Message {
    let sender = Principal::Account(crate::examples::key(9).public().account());
    let evidence = Some(byte_vec(codec::encode(shown)));
    let method = "assigned".to_owned();
    Message { sender, method, args: vec![0xa0], evidence, ..message_body() }
}

#[test]
fn a_message_shows_one_that_its_sender_has_signed() {
    assert_eq!(showing(&crate::examples::message()).check(), Ok(()));
    for seed in [9, 10] {
        let forged = Signed::sign(message_body(), &crate::examples::key(seed));
        refused(showing(&forged), "the evidence is not properly signed");
    }
    let why = "the evidence is not a signed message";
    let shown = codec::encode(&crate::examples::message());
    for length in 0..shown.len() {
        let evidence = Some(byte_vec(shown[..length].to_vec()));
        refused(Message { evidence, ..message_body() }, why);
    }
    for position in 0..shown.len() {
        let mut changed = shown.clone();
        changed[position] ^= 1;
        let message = Message { evidence: Some(byte_vec(changed)), ..message_body() };
        assert!(message.check().is_err(), "byte {position}");
    }
}

#[test]
fn evidence_breaks_no_rule_itself() {
    let why = "the evidence is not properly signed";
    let sign = |message| Signed::sign(message, &crate::examples::client());
    refused(showing(&sign(Message { credit: Some(0), ..message_body() })), why);
    refused(showing(&sign(Message { method: String::new(), ..message_body() })), why);
}

#[test]
fn evidence_shows_no_evidence() {
    let nested = Signed::sign(showing(&crate::examples::message()), &crate::examples::key(9));
    refused(showing(&nested), "the evidence shows a message itself");
}

#[test]
fn evidence_of_another_network_is_refused() {
    let elsewhere = Message { network: NetworkId::from_bytes([8; 32]), ..message_body() };
    let elsewhere = Signed::sign(elsewhere, &crate::examples::client());
    refused(showing(&elsewhere), "the evidence is not properly signed");
}

#[test]
fn who_shows_a_message_is_its_sender_and_signs_for_itself() {
    let shown = crate::examples::message();
    let network = message_body().network;
    let assigner = showing(&shown).sender;
    let verified = Signed::sign(showing(&shown), &crate::examples::key(9)).verify(network);
    assert_eq!(verified.map(|verified| verified.body().sender), Ok(assigner));
    // Neither may whoever signed the evidence sign for the assigner, nor the other way round.
    let by_shown = Signed::sign(showing(&shown), &crate::examples::client());
    assert!(by_shown.verify(network).is_err());
    let for_shown = Message { sender: shown.unverified().sender, ..showing(&shown) };
    assert!(Signed::sign(for_shown, &crate::examples::key(9)).verify(network).is_err());
}
