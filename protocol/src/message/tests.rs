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
