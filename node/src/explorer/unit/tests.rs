use protocol::Role;

use super::page;
use crate::explorer::testing::{assert_harmless, unit};

#[test]
fn a_unit_shows_its_address_with_its_key_and_all_it_counts() {
    let facts = unit(Role::Messenger, 5, true);
    let page = page(&facts).into_string();
    assert!(page.contains(&format!("{}@127.0.0.1:4000", facts.record.unit)));
    assert!(page.contains("1,234,567"));
    assert_harmless(&page);
}

#[test]
fn a_unit_that_is_down_still_has_its_page() {
    let facts = unit(Role::Compute, 5, false);
    let page = page(&facts).into_string();
    assert!(page.contains("not reachable"));
    assert!(page.contains(&facts.record.operator.to_string()));
    assert_harmless(&page);
}
