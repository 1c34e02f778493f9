use protocol::{Slot, Value};

use super::section;
use crate::explorer::{
    facts::{LogFacts, LogPage, Names},
    filter::{Filter, Place, Wanted},
    testing::{
        HOSTILE, assert_harmless, log, log_page, names, problem, process, process_facts, slot,
        tell, value,
    },
};

fn show(log: &LogFacts, before: Option<Slot>) -> String {
    let place = before.map_or(Place::Newest, Place::Before);
    show_page(&LogPage { place, ..log_page(log.clone()) })
}

fn show_page(page: &LogPage) -> String {
    section(&process_facts(), page, &names()).into_string()
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
    assert!(show(&log(), None).contains("?before=1#log\""));
    assert!(!show(&first, None).contains("?before="));
    assert!(show(&first, Some(Slot::new(1))).contains(">Newest<"));
}

#[test]
fn a_large_outbox_is_cut_with_a_link_to_the_rest() {
    let outbox = (0..1_000).map(|index| tell("target", index)).collect();
    let rows = vec![slot(1, Some(value(&Value::Null)), outbox)];
    let page = show(&LogFacts { rows, ..log() }, None);
    assert!(page.contains("996 more"));
    assert!(page.len() < 15_000, "{}", page.len());
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
    let page = section(&process_facts(), &log_page(log), &Names::default()).into_string();
    let target = process("target").to_string();
    assert!(page.contains(&format!("href=\"/process/{target}\"")));
    assert!(page.contains(&target[..11]));
}

#[test]
fn a_filter_stays_in_the_form_and_in_every_link() {
    let filter =
        Filter { method: Some(HOSTILE.to_owned()), sender: None, outcome: Some(Wanted::Error) };
    let span = (Slot::new(2), Slot::new(4));
    let page = LogPage { filter, span, place: Place::Before(Slot::new(4)), ..log_page(log()) };
    let shown = show_page(&page);
    assert_harmless(&shown);
    for link in ["&amp;outcome=error&amp;before=2#log", "&amp;outcome=error&amp;from=4#log"] {
        assert!(shown.contains(link), "{link}: {shown}");
    }
    assert!(shown.contains("<option value=\"error\" selected>"));
    assert!(shown.contains("4 slots found among slots 2 to 3"));
    assert!(
        !shown.contains("go on") && show_page(&LogPage { cut: true, ..page }).contains("go on")
    );
}
