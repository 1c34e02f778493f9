use super::page;
use crate::explorer::{
    facts::WaitingFacts,
    json,
    testing::{assert_harmless, names, process, waiting},
};

#[test]
fn what_waits_is_shown_with_why_and_until_when() {
    let facts = waiting();
    let page = page(&facts, &names()).into_string();
    assert_harmless(&page);
    for fact in
        ["blocked: too-large", "never", ">unreachable<", "2 s", "on its way", "1,234", "5,678"]
    {
        assert!(page.contains(fact), "{fact}");
    }
    assert!(page.contains("6 more"), "of nine pairs three are shown");
    assert!(page.contains("is not shown"), "a messenger does not answer");
    assert!(page.contains(&format!("/process/{}", process("stopped"))));
}

#[test]
fn an_empty_outbox_says_so() {
    let page = page(&WaitingFacts::default(), &names()).into_string();
    assert!(page.contains("Nothing waits"));
}

#[test]
fn scripts_read_the_same() {
    let json = json::waiting(&waiting());
    assert_eq!(json["pairs"][0]["reason"], "too-large");
    assert_eq!(json["pairs"][1]["retry_in"], 1_500);
    assert_eq!(json["pairs"][2]["state"], "moving");
    assert_eq!(json["total"], 9);
}
