use super::{Names, ProcessFacts, list};
use crate::explorer::{
    facts::{LogFacts, TimerFacts},
    testing,
};

fn page(facts: &ProcessFacts, log: &LogFacts, names: &Names) -> maud::Markup {
    let log = testing::log_page(log.clone());
    let timers = Ok(TimerFacts::default());
    super::page(facts, (&log, &Ok(testing::waiting())), &timers, &Ok(testing::proven()), names)
}

#[test]
fn a_process_shows_what_its_spawn_fixed_and_what_it_can_be_asked() {
    let page = page(&testing::process_facts(), &testing::log(), &testing::names());
    let page = page.into_string();
    testing::assert_harmless(&page);
    for fact in ["1 of 2", "1,000,000,000", "64.0 MiB", "u64?", ">view<", ">message<"] {
        assert!(page.contains(fact), "{fact}");
    }
    assert!(page.contains(&testing::process("source").to_string()));
}

#[test]
fn a_process_whose_module_is_out_of_reach_is_shown_without_methods() {
    let mut facts = testing::process_facts();
    facts.schema = Err(testing::problem());
    let page = page(&facts, &testing::log(), &testing::names()).into_string();
    assert!(page.contains("unreachable"));
    assert!(page.contains("1 of 2"));
}

#[test]
fn what_a_process_told_and_is_not_delivered_stands_on_its_page() {
    let (facts, log, names) = (testing::process_facts(), testing::log(), testing::names());
    let shown = page(&facts, &log, &names).into_string();
    assert!(shown.contains("Waits to be delivered"));
    let (proven, timers) = (Err(testing::problem()), Ok(TimerFacts::default()));
    let nothing = Ok(super::WaitingFacts::default());
    let log = testing::log_page(log);
    let quiet = super::page(&facts, (&log, &nothing), &timers, &proven, &names).into_string();
    assert!(!quiet.contains("Waits to be delivered"));
    let unknown = Err(testing::problem());
    let unknown = super::page(&facts, (&log, &unknown), &timers, &proven, &names).into_string();
    assert!(unknown.contains("Waits to be delivered") && unknown.contains("unreachable"));
}

#[test]
fn a_process_that_moved_shows_its_epochs_and_who_orders_it_now() {
    let mut facts = testing::process_facts();
    let once = page(&facts, &testing::log(), &testing::names()).into_string();
    assert!(!once.contains("Epochs"), "a log of one epoch is just a log");
    facts.described = testing::moved(testing::HOSTILE);
    let page = page(&facts, &testing::log(), &testing::names()).into_string();
    testing::assert_harmless(&page);
    let units = [2, 5].map(|seed| testing::key(seed).public().unit().to_string());
    for fact in ["Epochs", ">move<", ">spawn<", "version 0", &units[0], &units[1]] {
        assert!(page.contains(fact), "{fact}");
    }
}

#[test]
fn the_list_leads_to_what_is_before_and_after() {
    let mut facts = testing::list();
    assert!(!list(&facts, 2).into_string().contains("?offset="));
    (facts.offset, facts.total) = (3, 10);
    let page = list(&facts, 2).into_string();
    assert!(page.contains("?offset=1\""));
    assert!(page.contains("?offset=5\""));
    assert!(page.contains("4 to 5"));
    testing::assert_harmless(&page);
}

#[test]
fn an_offset_past_the_end_is_no_error() {
    let mut facts = testing::list();
    facts.rows.clear();
    facts.offset = u64::MAX;
    let page = list(&facts, 50).into_string();
    assert!(page.contains("not that many"));
}

#[test]
fn an_upgraded_process_shows_its_module_and_the_one_before() {
    let (facts, log, names) = (testing::process_facts(), testing::log(), testing::names());
    let shown = page(&facts, &log, &names).into_string();
    let spawned = facts.described.spawn.module;
    assert!(shown.contains(&format!("/module/{}", facts.module.unwrap())));
    assert!(shown.contains("spawned with") && shown.contains(&format!("/module/{spawned}")));
    let untold = ProcessFacts { module: None, ..facts };
    assert!(!page(&untold, &log, &names).into_string().contains("spawned with"));
}
