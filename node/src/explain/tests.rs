use std::collections::BTreeSet;

use antiphon::Error;
use protocol::{FailureKind, RefusalCode};

use super::*;

fn of(origin: Origin) -> Vec<(u16, String)> {
    let pages = pages().into_iter().filter(|page| page.origin == origin);
    pages.map(|page| (page.number, page.word)).collect()
}

#[test]
fn every_refusal_and_every_failure_has_a_page() {
    let refusals = RefusalCode::ALL.iter().map(|code| (code.number(), code.word().to_owned()));
    assert_eq!(of(Origin::Refusal), refusals.collect::<Vec<_>>());
    let failures = FailureKind::ALL.iter();
    let failures = failures.map(|kind| (FAILURES_FROM + kind.number(), kind.code().to_owned()));
    assert_eq!(of(Origin::Failure), failures.collect::<Vec<_>>());
}

#[test]
fn every_word_of_the_sdk_has_a_page() {
    let words: BTreeSet<String> = of(Origin::Actor).into_iter().map(|(_, word)| word).collect();
    let expected = [
        Error::REFUSED,
        Error::UNKNOWN_METHOD,
        Error::BAD_ARGUMENTS,
        Error::BAD_STATE,
        Error::STATE_VERSION,
        Error::NOT_PERMITTED,
        Error::UNSUPPORTED_INPUT,
        Error::NOT_BORN,
    ];
    assert_eq!(words, expected.map(str::to_owned).into());
}

#[test]
fn every_row_has_a_section_and_every_section_a_row() {
    let pages = pages();
    for page in &pages {
        let Page { number, word, effect, example, .. } = page;
        assert!(effect.ends_with('.'), "docs/explain.md lacks `### {number} {word}`: {effect:?}");
        assert!(!example.is_empty(), "{number} {word} lacks an example");
    }
    let headings = TEXTS.lines().filter_map(|line| line.strip_prefix("### "));
    let key = |page: &Page| match page.origin {
        Origin::Actor => page.word.clone(),
        _ => format!("{} {}", page.number, page.word),
    };
    let mut keys: BTreeSet<String> = pages.iter().map(key).collect();
    for heading in headings {
        assert!(keys.remove(heading), "`### {heading}` has no row in docs/errors.md, or is twice");
    }
    assert!(keys.is_empty(), "{keys:?}");
}

#[test]
fn a_code_is_found_by_number_and_by_word() {
    let by_number = find("301");
    assert_eq!(by_number, find("no-cluster"));
    assert_eq!(by_number.len(), 1);
    assert_eq!(find("no-key").len(), 2, "the client and the command line have one each");
    assert_eq!(find("200").len(), 1);
    assert!(find("99999").is_empty() && find("nonsense").is_empty());
}

#[test]
fn what_a_page_is_found_by_finds_it() {
    for page in pages() {
        assert!(find(&page.code()).contains(&page), "{page:?}");
    }
}

#[test]
fn an_actors_own_word_leads_to_the_page_of_actors_and_not_to_a_refusal() {
    let answered = |code: &str| NodeError::Answered { code: code.into(), detail: String::new() };
    let word = |code| page_of(&answered(code)).unwrap().word;
    assert_eq!(word("busy"), "actor");
    assert_eq!(word("trapped"), "trapped");
    assert_eq!(word("bad-arguments"), "bad-arguments");
    assert_eq!(page_of(&NodeError::usage("what")).unwrap().number, 300);
    assert!(page_of(&NodeError::ReaderGone).is_none());
}
