use std::sync::Arc;

use protocol::{Gas, Receipt, ReceiptBatch, Signed};

use super::*;
use crate::explorer::{
    facts::Progress,
    testing::{assert_harmless, key, message_facts, problem},
};

/// What a unit states: the outcome of the facts with so much gas.
fn stated(facts: &MessageFacts, unit: u8, gas: u64) -> ReceiptFacts {
    let Executed { mut outcome, receipt } = facts.progress.executed().unwrap().clone();
    outcome.gas = Gas::new(gas);
    let mut leaf = receipt.leaf;
    leaf.outcome = outcome.digest();
    let unit_id = key(unit).public().unit();
    let batch = ReceiptBatch { unit: unit_id, ..receipt.batch.unverified().clone() };
    let receipt = Receipt { leaf, batch: Signed::sign(batch, &key(unit)), path: receipt.path };
    ReceiptFacts { unit: unit_id, answer: Ok(Some(Executed { outcome, receipt })) }
}

/// The facts, under a policy that wants so many units to agree.
fn wanting(quorum: u16) -> MessageFacts {
    let mut facts = message_facts();
    let described = Arc::make_mut(&mut facts.described);
    let mut spawn = described.spawn.clone();
    spawn.policy.quorum = quorum;
    described.source = Arc::new(protocol::Source::of_spawn(&spawn));
    facts
}

fn show(facts: &MessageFacts, receipts: &[ReceiptFacts]) -> String {
    super::receipts(facts, receipts).into_string()
}

#[test]
fn a_quorum_is_reached_by_as_many_units_as_the_policy_wants() {
    let facts = wanting(2);
    let one = stated(&facts, 3, 12_345);
    let silent = ReceiptFacts { unit: key(4).public().unit(), answer: Ok(None) };
    let page = show(&facts, &[one.clone(), silent]);
    assert!(page.contains("not enough yet") && page.contains("not reached"), "{page}");
    assert!(page.contains("has not executed the slot"));
    assert!(!page.contains(">verified<"));

    let page = show(&facts, &[one, stated(&facts, 4, 12_345)]);
    assert!(page.contains(">verified<") && page.contains(": reached."), "{page}");
    assert_eq!(page.matches("signature holds, agrees").count(), 2);
}

#[test]
fn a_unit_that_states_something_else_is_named() {
    let facts = wanting(2);
    let receipts = [(3, 12_345), (4, 12_345), (5, 1)].map(|(unit, gas)| stated(&facts, unit, gas));
    let page = show(&facts, &receipts);
    assert!(page.contains("units disagree"));
    assert_eq!(page.matches("states another outcome").count(), 1);
    assert_eq!(page.matches("signature holds, agrees").count(), 2);
}

#[test]
fn a_unit_that_does_not_answer_leaves_what_was_told_first() {
    let facts = message_facts();
    let answer = Err(problem());
    let page = show(&facts, &[ReceiptFacts { unit: key(3).public().unit(), answer }]);
    assert!(page.contains(">verified<") && page.contains("tells nothing that holds"), "{page}");
    assert_harmless(&page);

    let waiting = MessageFacts { progress: Progress::Waiting, ..message_facts() };
    assert!(show(&waiting, &[]).contains("No receipt yet."));
}
