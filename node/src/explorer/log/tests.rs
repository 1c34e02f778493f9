use protocol::{Slot, Value};

use super::section;
use crate::explorer::{
    facts::{LogFacts, Names},
    testing::{assert_harmless, log, names, problem, process, slot, tell, value},
};

fn show(log: &LogFacts, before: Option<Slot>) -> String {
    section(&process("source"), log, &names(), before).into_string()
}

#[test]
fn every_slot_says_how_far_it_is() {
    let page = show(&log(), None);
    for rev in ["executed", "waiting", "unknown"] {
        assert!(page.contains(&format!("data-rev=\"{rev}\"")), "{rev}");
    }
    assert_harmless(&page);
}

#[test]
fn older_slots_are_one_link_away_until_the_first() {
    let first = LogFacts { rows: vec![slot(0, None, Vec::new())], ..log() };
    assert!(show(&log(), None).contains("?before=1\""));
    assert!(!show(&first, None).contains("?before="));
    assert!(show(&first, Some(Slot::new(1))).contains(">Newest<"));
}

#[test]
fn a_large_outbox_is_cut_with_a_link_to_the_rest() {
    let outbox = (0..1_000).map(|index| tell("target", index)).collect();
    let rows = vec![slot(1, Some(value(&Value::Null)), outbox)];
    let page = show(&LogFacts { rows, ..log() }, None);
    assert!(page.contains("996 more"));
    assert!(page.len() < 10_000, "{}", page.len());
}

#[test]
fn a_log_without_outcomes_says_why() {
    let page = show(&LogFacts { problem: Some(problem()), ..log() }, None);
    assert!(page.contains("unreachable"));
}

#[test]
fn a_process_without_a_name_is_shown_by_its_identifier() {
    let rows = vec![slot(1, Some(value(&Value::Null)), vec![tell("target", 0)])];
    let log = LogFacts { rows, ..log() };
    let page = section(&process("source"), &log, &Names::default(), None).into_string();
    let target = process("target").to_string();
    assert!(page.contains(&format!("href=\"/process/{target}\"")));
    assert!(page.contains(&target[..11]));
}
