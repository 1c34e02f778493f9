use protocol::{Gas, MerkleTree, Receipt, ReceiptBatch, Signed, Value};

use super::*;
use crate::explorer::testing::{executed, key, message, proof, record, value};

/// The outcome of a record with so much gas, stated by a unit.
fn stated(record: &LogRecord, gas: u64, unit: u8) -> Executed {
    let Executed { mut outcome, receipt } =
        executed(&record.assignment, value(&Value::Null), Vec::new());
    outcome.gas = Gas::new(gas);
    let mut leaf = receipt.leaf;
    leaf.gas = outcome.gas;
    leaf.outcome = outcome.digest();
    let tree = MerkleTree::new(vec![leaf.leaf()]);
    let unit_id = key(unit).public().unit();
    let batch =
        ReceiptBatch { root: tree.root(), unit: unit_id, ..receipt.batch.unverified().clone() };
    let batch = Signed::sign(batch, &key(unit));
    Executed { outcome, receipt: Receipt { leaf, path: tree.path(0).unwrap(), batch } }
}

#[test]
fn units_that_agree_are_counted_once_each() {
    let record = record(message("source"), 1);
    let answers = [3, 4, 3].map(|unit| stated(&record, 10, unit)).to_vec();
    let execution = Execution::of(&record.assignment, answers, 2);
    let agreed = execution.agreed().unwrap();
    assert_eq!((agreed.units.len(), agreed.against.len(), agreed.quorum), (2, 0, 2));
    let hop = Hop { proof: Ok(proof(record.assignment)), record, execution };
    assert_eq!(hop.level(), "executed by 2");
}

#[test]
fn the_outcome_of_most_units_counts_and_the_others_are_named() {
    let record = record(message("source"), 1);
    let answers = vec![stated(&record, 11, 3), stated(&record, 10, 4), stated(&record, 10, 5)];
    let execution = Execution::of(&record.assignment, answers, 3);
    let agreed = execution.agreed().unwrap();
    assert_eq!(agreed.outcome.gas, Gas::new(10));
    assert_eq!(agreed.against, [key(3).public().unit()]);
}

#[test]
fn of_equally_many_the_choice_does_not_depend_on_who_answers_first() {
    let record = record(message("source"), 1);
    let (one, two) = (stated(&record, 11, 3), stated(&record, 10, 4));
    let gas = |answers| {
        Execution::of(&record.assignment, answers, 1).agreed().map(|agreed| agreed.outcome.gas)
    };
    assert_eq!(gas(vec![one.clone(), two.clone()]), gas(vec![two, one]));
}

#[test]
fn a_receipt_of_another_log_says_nothing_of_this_one() {
    let record = record(message("source"), 1);
    let mut elsewhere = record.clone();
    elsewhere.assignment.chain = Hash::of_blob(b"void");
    let execution = Execution::of(&record.assignment, vec![stated(&elsewhere, 10, 3)], 1);
    assert!(matches!(execution, Execution::Waiting));
    let hop = Hop { proof: Err("gone".to_owned()), record, execution };
    assert_eq!(hop.level(), "not proven");
}
