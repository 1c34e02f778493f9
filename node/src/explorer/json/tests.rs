use super::{event, log, message, units};
use crate::explorer::testing;
use protocol::{Delivery, Entry, ItemBody, Reply, Role, Slot};

#[test]
fn a_slot_has_a_reply_or_an_error_or_no_outcome_yet() {
    let json = log(&testing::log());
    let outcome = |index: usize| &json["slots"][index]["outcome"];
    assert!(outcome(0).is_null() && outcome(1).is_null());
    assert_eq!(outcome(2)["reply"], testing::HOSTILE);
    assert_eq!(outcome(2)["outbox"][0]["target"], testing::process("target").to_string());
    assert_eq!(outcome(3)["error"]["code"], testing::HOSTILE);
    assert_eq!(json["next"], 5);
}

#[test]
fn a_message_names_its_cause_and_its_effects() {
    let facts = testing::message_facts();
    let json = message(&facts);
    assert_eq!(json["origin"]["slot"], 3);
    assert_eq!(json["caused"][0]["slot"], 17);
    assert!(json["caused"][1]["slot"].is_null());
    assert_eq!(json["assignment_verified"], true);
    assert_eq!(json["receipt"]["verified"], true);
}

#[test]
fn a_unit_that_is_down_is_not_reachable() {
    let json = units(&[testing::unit(Role::Compute, 3, false)]);
    assert_eq!(json["units"][0]["reachable"], false);
    assert_eq!(json["units"][0]["kind"], "compute");
}

#[test]
fn events_are_short_whatever_an_actor_says() {
    let mut record = testing::record(testing::message("source"), 1);
    let mut outcome = testing::executed(&record.assignment, testing::failure(), Vec::new()).outcome;
    if let Reply::Failure(failure) = &mut outcome.reply {
        failure.detail = "x".repeat(1_000_000);
    }
    let mut delivery = testing::tell("source", 0);
    if let ItemBody::Tell { method, .. } = &mut delivery.body {
        *method = "m".repeat(1_000_000);
    }
    let (source, slot) = (testing::process("target"), Slot::ZERO);
    record.entry = Entry::Delivery(Delivery { source, slot, item: delivery });
    let json = event(&outcome, Some(&record), &testing::names());
    assert!(json.to_string().len() < 2_000);
    assert_eq!(json["ok"], false);
    assert_eq!(json["kind"], "tell");
    let unknown = event(&outcome, None, &testing::names());
    assert!(unknown["method"].is_null() && unknown["time"].is_null());
}
