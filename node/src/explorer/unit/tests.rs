use protocol::Role;

use super::{Holdings, Users, page};
use crate::explorer::testing::{assert_harmless, list, names, problem, unit, waiting};

#[test]
fn a_unit_shows_its_address_with_its_key_and_all_it_counts() {
    let facts = unit(Role::Messenger, 5, true);
    let held = Holdings::Delivers(Box::new(waiting()), names());
    let page = page(&facts, &Ok(held)).into_string();
    assert!(page.contains(&format!("{}@127.0.0.1:4000", facts.record.unit)));
    assert!(page.contains("1,234,567"));
    assert_harmless(&page);
}

#[test]
fn a_unit_that_is_down_still_has_its_page() {
    let facts = unit(Role::Compute, 5, false);
    let page = page(&facts, &Err(problem())).into_string();
    assert!(page.contains("not reachable"));
    assert!(!page.contains("What it holds"));
    assert!(page.contains(&facts.record.operator.to_string()));
    assert_harmless(&page);
}

#[test]
fn a_unit_shows_the_processes_that_it_orders_or_may_execute() {
    let orders = Holdings::Orders { rows: list().rows, total: 7 };
    let shown = page(&unit(Role::Scheduler, 2, true), &Ok(orders)).into_string();
    assert!(shown.contains("The newest that it still orders"), "{shown}");
    assert_harmless(&shown);
    let users = Users { rows: list().rows, total: 2, searched: (2, 9), missing: Vec::new() };
    let shown = page(&unit(Role::Compute, 3, true), &Ok(Holdings::Executes(users))).into_string();
    assert!(shown.contains("Looked through the 2 newest of 9"), "{shown}");
    assert_harmless(&shown);
}
