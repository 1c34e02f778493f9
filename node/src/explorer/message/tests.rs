use protocol::{Hash, Value};

use super::page;
use crate::explorer::{
    facts::{Call, MessageFacts, Progress},
    testing::{
        assert_harmless, executed, graph_facts, message, message_facts, names, problem, process,
        record, tell, value,
    },
};

fn show(facts: &MessageFacts) -> String {
    page(facts, &graph_facts(), &[], &names()).into_string()
}

#[test]
fn a_delivery_leads_back_to_its_cause_and_on_to_its_effects() {
    let facts = message_facts();
    let page = show(&facts);
    let cause = facts.origin.as_ref().unwrap().entry.as_ref().unwrap().assignment.entry;
    let effect = facts.caused[0].entry.unwrap();
    assert!(page.contains(&format!("href=\"/message/{cause}\"")));
    assert!(page.contains(&format!("href=\"/message/{effect}\"")));
    assert!(page.contains("slot 17"));
    assert_harmless(&page);
    let (flow, further) = page.split_once("Causal graph").unwrap();
    assert_eq!(flow.matches("on its way").count(), 1);
    assert_eq!(flow.matches("not known").count(), 1);
    let here = facts.record.assignment.entry;
    assert!(further.contains(&format!("href=\"/message/{here}/graph\"")));
}

#[test]
fn a_clients_message_comes_from_its_signer() {
    let mut facts = message_facts();
    facts.record = record(message("source"), 2);
    facts.call = Call::of_entry(&facts.record.entry);
    facts.origin = None;
    let page = show(&facts);
    assert!(page.contains("from outside, signed"));
    assert!(page.contains(&facts.call.from.to_string()));
    assert_harmless(&page);
}

#[test]
fn proofs_say_verified_only_where_they_are() {
    let facts = message_facts();
    assert_eq!(show(&facts).matches(">verified<").count(), 2);

    let mut other_log = message_facts();
    if let Progress::Executed(executed) = &mut other_log.progress {
        executed.receipt.leaf.chain = Hash::ZERO;
    }
    assert_eq!(show(&other_log).matches(">verified<").count(), 1);
    assert!(show(&other_log).contains("another log"));

    let unproven = MessageFacts { proof: Err(problem()), ..message_facts() };
    assert_eq!(show(&unproven).matches(">verified<").count(), 1);
    assert!(show(&unproven).contains("not verified"));
}

#[test]
fn a_message_that_waits_has_no_outcome_and_no_receipt() {
    let progress = Progress::Waiting;
    let page = show(&MessageFacts { progress, caused: Vec::new(), ..message_facts() });
    assert!(page.contains("No receipt yet."));
    assert!(page.contains("Not known yet."));
    assert!(!page.contains("Nothing."));
}

#[test]
fn many_effects_are_paged() {
    let mut facts = message_facts();
    let outbox = (0..1_000).map(|index| tell("target", index)).collect();
    let done = executed(&facts.record.assignment, value(&Value::Null), outbox);
    facts.progress = Progress::Executed(Box::new(done));
    facts.items_from = 50;
    let page = show(&facts);
    let here = facts.record.assignment.entry;
    assert!(page.contains(&format!("href=\"/message/{here}?items=53\"")));
    assert!(page.contains("947 more"));
    assert!(page.contains(&process("target").to_string()));
}
