use super::{event, log, message, units};
use crate::explorer::{facts::Call, testing};
use protocol::Role;

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
    let mut row = testing::slot(1, Some(testing::failure()), Vec::new());
    let executed = row.progress.executed().unwrap().clone();
    let mut outcome = executed.outcome;
    if let protocol::Reply::Failure(failure) = &mut outcome.reply {
        failure.detail = "x".repeat(1_000_000);
    }
    row.call.method = Some("m".repeat(1_000_000));
    let json = event(&outcome, Some(&row.call), &testing::names());
    assert!(json.to_string().len() < 2_000);
    assert_eq!(json["ok"], false);
    let unknown = event(&outcome, None::<&Call>, &testing::names());
    assert!(unknown["method"].is_null());
}
