use protocol::{NetworkId, Role};

use super::{Home, page};
use crate::explorer::{
    facts::{Names, ProcessList},
    pace::Pace,
    testing::{NETWORK, assert_harmless, list, log, names, problem, unit},
};

fn empty() -> Home<'static> {
    static EMPTY: ProcessList =
        ProcessList { rows: Vec::new(), offset: 0, total: 0, missing: Vec::new() };
    static NAMES: Names = Names(std::collections::BTreeMap::new());
    static ID: NetworkId = NETWORK;
    static PACE: Pace =
        Pace { assigned: None, executed: None, commit: None, waiting: (None, None) };
    Home { network: &ID, units: &[], pace: &PACE, processes: &EMPTY, recent: &[], names: &NAMES }
}

#[test]
fn a_network_without_anything_says_what_to_do() {
    let page = page(empty()).into_string();
    assert!(page.contains("antiphon up"));
    assert!(page.contains("antiphon spawn"));
    assert!(page.contains(&NETWORK.to_string()));
}

#[test]
fn a_unit_that_is_down_is_a_row_that_says_so() {
    let units = [unit(Role::Scheduler, 2, true), unit(Role::Compute, 3, false)];
    let page = page(Home { units: &units, ..empty() }).into_string();
    assert_eq!(page.matches("not reachable").count(), 1);
    assert_eq!(page.matches("<tr id=\"u-unit1").count(), 2);
    assert_harmless(&page);
}

#[test]
fn names_calls_and_errors_of_others_are_shown_as_text() {
    let (mut processes, log, names) = (list(), log(), names());
    processes.missing.push((unit(Role::Scheduler, 2, false).record.unit, problem()));
    let home = Home { processes: &processes, recent: &log.rows, names: &names, ..empty() };
    let page = page(home).into_string();
    assert_harmless(&page);
    assert!(page.contains("1,234,567"));
    assert!(page.contains("are not shown"));
}
