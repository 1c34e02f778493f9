use protocol::Role;

use super::page;
use crate::explorer::testing::{assert_harmless, unit};

#[test]
fn units_are_listed_by_role_and_those_that_are_down_are_counted() {
    let units = [
        unit(Role::Scheduler, 2, true),
        unit(Role::Compute, 3, true),
        unit(Role::Compute, 4, false),
    ];
    let page = page(&units).into_string();
    assert!(page.contains("3 known") && page.contains("1 not reachable"), "{page}");
    assert!(page.contains("Schedulers") && page.contains("Compute units"), "{page}");
    assert!(!page.contains("Messengers"), "{page}");
    assert_harmless(&page);
}

#[test]
fn a_network_without_units_says_what_to_do() {
    assert!(page(&[]).into_string().contains("antiphon up"));
}
