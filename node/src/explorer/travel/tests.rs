use std::sync::Arc;

use protocol::{Slot, Value};

use super::{Past, View, cut, page, stops};
use crate::explorer::{
    facts::Problem,
    fault::Fault,
    testing::{assert_harmless, names, process_facts, slot, value, visit},
};

fn shown(at: u64, last: u64, past: Result<Arc<Past>, Problem>) -> String {
    let (facts, row) = (process_facts(), slot(at, Some(value(&Value::Null)), Vec::new()));
    let view = View { facts: &facts, row: &row, last: Slot::new(last), past: &past };
    page(&view, &names()).into_string()
}

#[test]
fn a_state_of_any_size_is_cut_and_harmless() {
    let page = shown(7, 9, Ok(Arc::new(Past::of(&visit(7)))));
    assert_harmless(&page);
    assert!(page.contains("137 more"), "200 fields and a long one");
    assert!(page.len() < 600_000, "{}", page.len());
}

#[test]
fn what_a_slot_changed_is_shown_as_what_was_and_what_is() {
    let page = shown(7, 9, Ok(Arc::new(Past::of(&visit(7)))));
    assert!(page.contains("<ins>") && page.contains("host table: 1 new, 2 gone, 3 changed"));
    let mut first = visit(0);
    first.shift = None;
    let page = shown(0, 9, Ok(Arc::new(Past::of(&first))));
    assert!(page.contains("Nothing was before it."));
}

#[test]
fn a_state_that_is_too_far_away_names_the_command_that_finds_it() {
    let problem = Problem::new(Fault::TooCostly, "90000 slots", "The command below");
    let page = shown(7, 90_000, Err(problem));
    assert!(page.contains("too-costly") && page.contains("antiphon state proc1"));
    assert!(page.contains(" --at 7"));
    assert!(page.contains("max=\"90000\""), "the slider stays");
}

#[test]
fn the_way_to_other_slots_never_leaves_the_log() {
    let to = |at, last| stops(Slot::new(at), Slot::new(last)).map(|(_, to)| to.map(|to| to.get()));
    assert_eq!(to(0, 0), [None, None, None, None]);
    assert_eq!(to(0, 5), [None, None, Some(1), Some(5)]);
    assert_eq!(to(5, 5), [Some(0), Some(4), None, None]);
    assert_eq!(to(3, 5), [Some(0), Some(2), Some(4), Some(5)]);
    let end = u64::MAX;
    assert_eq!(to(end, end), [Some(0), Some(end - 1), None, None]);
}

#[test]
fn json_is_cut_where_it_is_too_long() {
    let long = serde_json::json!(["é".repeat(1_000_000)]);
    assert!(cut(&long, true, 100).len() <= 410);
    assert_eq!(cut(&serde_json::json!({"a": 1}), false, 100), r#"{"a":1}"#);
}
