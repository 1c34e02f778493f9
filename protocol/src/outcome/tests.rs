use std::collections::BTreeSet;

use super::*;
use crate::examples::{other_process, outcome};

#[test]
fn every_outbox_item_is_shown_to_be_in_the_outcome() {
    for item in &outcome().outbox {
        let path = outcome().item_path(item.index).unwrap();
        assert_eq!(path.index, item.index + 1);
        assert_eq!(path.root_from(item.leaf()), Some(outcome().digest()));
    }
    assert_eq!(outcome().item_path(8), None);
    assert_eq!(outcome().item_path(u32::MAX), None);
}

#[test]
fn every_field_of_an_outcome_is_in_its_digest() {
    let mut shorter = outcome();
    shorter.outbox.pop();
    let mut swapped = outcome();
    swapped.outbox.swap(0, 1);
    let all = [
        outcome(),
        Outcome { process: other_process(), ..outcome() },
        Outcome { slot: Slot::ZERO, ..outcome() },
        Outcome { entry: EntryId::from_bytes([0; 32]), ..outcome() },
        Outcome { reply: Reply::Later, ..outcome() },
        Outcome { gas: Gas::ZERO, ..outcome() },
        Outcome { logs: Vec::new(), ..outcome() },
        Outcome { events: Vec::new(), ..outcome() },
        Outcome { outbox: Vec::new(), ..outcome() },
        shorter,
        swapped,
    ];
    let digests: BTreeSet<Hash> = all.iter().map(Outcome::digest).collect();
    assert_eq!(digests.len(), all.len());
}

#[test]
fn an_outcome_without_outbox_is_its_head() {
    let quiet = Outcome { outbox: Vec::new(), ..outcome() };
    assert_eq!(quiet.tree().path(0).unwrap().siblings, Vec::new());
}

#[test]
fn kinds_of_failure_have_numbers_and_words_of_their_own() {
    let words: BTreeSet<&str> = FailureKind::ALL.iter().map(|kind| kind.code()).collect();
    assert_eq!(words.len(), FailureKind::ALL.len());
    for (number, kind) in (0..).zip(FailureKind::ALL) {
        assert_eq!(kind.number(), number);
        assert_eq!(codec::encode(kind), [u8::try_from(number).unwrap()]);
    }
}

#[test]
fn a_failure_of_execution_has_the_word_of_its_kind() {
    let failure = Failure::of(FailureKind::OutOfGas);
    assert_eq!(failure.code, "out-of-gas");
    assert!(!failure.detail.is_empty());
}
