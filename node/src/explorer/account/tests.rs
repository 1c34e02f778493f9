use super::{AccountFacts, Users, page};
use crate::explorer::testing::{assert_harmless, key, list, log, names, problem};

#[test]
fn an_account_shows_its_processes_and_what_it_sent() {
    let account = key(1).public().account();
    let facts = AccountFacts {
        account,
        processes: Users { rows: list().rows, total: 2, searched: (2, 2), missing: Vec::new() },
        sent: log().rows,
        looked: (2, 32),
        problem: Some(problem()),
    };
    let page = page(&facts, &names()).into_string();
    assert!(page.contains(&account.to_string()), "{page}");
    assert!(page.contains("last 32 slots of 2 logs"), "{page}");
    assert!(page.contains("Some logs could not be read"), "{page}");
    assert_harmless(&page);
}

#[test]
fn an_account_that_nobody_knows_has_a_page_that_says_so() {
    let account = key(1).public().account();
    let (processes, sent) = (Users::default(), Vec::new());
    let facts = AccountFacts { account, processes, sent, looked: (1, 32), problem: None };
    let page = page(&facts, &names()).into_string();
    assert!(page.contains("is its own") && page.contains("None was found"), "{page}");
    assert!(page.contains("of 1 log that"), "{page}");
}
