use protocol::{PairNumber, PairPosition, Value};

use super::*;
use crate::explorer::testing::{executed, failure, message, record, tell, value};

fn outcome(reply: Reply, outbox: Vec<OutboxItem>) -> Outcome {
    executed(&record(message("source"), 3).assignment, reply, outbox).outcome
}

#[test]
fn outcomes_differ_in_what_they_say_and_not_in_the_numbers_of_pairs() {
    let reply = || value(&Value::Integer(8));
    let was = outcome(reply(), vec![tell("target", 0)]);
    assert!(parts(&was, &was.clone(), false).is_empty());

    let mut later = was.clone();
    let number = PairNumber::new(9);
    later.outbox[0].pair = Some(PairPosition { number, previous: Some(Slot::ZERO) });
    assert!(parts(&was, &later, false).is_empty());
    assert_eq!(parts(&was, &outcome(reply(), Vec::new()), false), ["outbox"]);
    assert_eq!(parts(&was, &outcome(failure(), was.outbox.clone()), false), ["error"]);
    let other = outcome(value(&Value::Integer(9)), was.outbox.clone());
    assert_eq!(parts(&was, &other, false), ["reply"]);
}

#[test]
fn gas_alone_is_a_difference_unless_it_is_ignored() {
    let was = outcome(failure(), Vec::new());
    let mut would = was.clone();
    would.gas = Gas::new(1);
    assert_eq!(parts(&was, &would, false), ["gas"]);
    assert!(parts(&was, &would, true).is_empty());
}

#[test]
fn a_comparison_counts_slots_gas_and_errors_of_both_ways() {
    let (good, bad) = (outcome(value(&Value::Null), vec![]), outcome(failure(), vec![]));
    let mut comparison = Comparison::default();
    comparison.count(&good, &good, false);
    comparison.count(&good, &bad, true);
    assert_eq!((comparison.slots, comparison.differing), (2, 1));
    assert_eq!((comparison.errors, comparison.first), ([0, 1], Some(Slot::new(3))));
    assert_eq!(comparison.gas, [24_690, 24_690]);
    assert!(!comparison.is_refused());
    comparison.upgrade = Some((failure(), Gas::ZERO));
    assert!(comparison.is_refused());
}
