use super::*;
use crate::examples::{other_process, statements::view_request};

#[test]
fn an_answer_is_bound_to_the_whole_request() {
    let digest = view_request().digest();
    for other in [
        ViewRequest { process: other_process(), ..view_request() },
        ViewRequest { method: "set".to_owned(), ..view_request() },
        ViewRequest { args: vec![0xa0], ..view_request() },
        ViewRequest { nonce: Hash::ZERO, ..view_request() },
        ViewRequest { at_least: None, ..view_request() },
    ] {
        assert_ne!(other.digest(), digest);
    }
}

#[test]
fn method_and_arguments_follow_the_rules_of_messages() {
    assert_eq!(view_request().check(), Ok(()));
    assert!(ViewRequest { method: String::new(), ..view_request() }.check().is_err());
    assert!(ViewRequest { args: vec![0x80], ..view_request() }.check().is_err());
}
