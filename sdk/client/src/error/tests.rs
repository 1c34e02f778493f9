use std::{fs, path::Path};

use protocol::FailureKind;

use super::*;

/// One error of every kind that has a number of the client's own.
fn own() -> Vec<ClientError> {
    vec![
        ClientError::NoAnswerYet { message: EntryId::from_bytes([1; 32]), reason: None },
        ClientError::unverified("a path"),
        ClientError::BadRequest("a name".to_owned()),
        ClientError::NoKey,
        ClientError::Closed,
        ClientError::System("no socket".to_owned()),
    ]
}

/// Fails to compile when a kind is added: it needs a place in [`own`] and a row on the page, or the
/// number of a refusal, a failure or another kind.
const fn is_own(error: &ClientError) -> bool {
    match error {
        ClientError::Refused { .. }
        | ClientError::Unreachable { .. }
        | ClientError::NoUnit { .. }
        | ClientError::Broken { .. }
        | ClientError::Actor(_) => false,
        ClientError::NoAnswerYet { .. }
        | ClientError::Unverified { .. }
        | ClientError::BadRequest(_)
        | ClientError::NoKey
        | ClientError::Closed
        | ClientError::System(_) => true,
    }
}

/// Number and word of the rows below a heading of the page of errors.
fn rows(heading: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let page = fs::read_to_string(path).unwrap();
    let section = page.lines().skip_while(|line| *line != heading).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let cells = section.filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let rows = cells.filter(|(number, _)| number.parse::<u16>().is_ok());
    rows.map(|(number, rest)| (number.to_owned(), rest.split(" | ").next().unwrap().to_owned()))
        .collect()
}

#[test]
fn every_error_of_the_client_has_its_row() {
    let own = own();
    assert!(own.iter().all(is_own));
    let expected =
        own.iter().map(|error| (error.number().to_string(), format!("`{}`", error.code())));
    assert_eq!(rows("## Errors of the client"), expected.collect::<Vec<_>>());
}

#[test]
fn numbers_of_failures_follow_two_hundred_as_the_page_says() {
    let failures = rows("## Failures");
    assert_eq!(failures.len(), FailureKind::ALL.len());
    for (kind, (number, _)) in FailureKind::ALL.iter().zip(failures) {
        let number: u16 = number.parse().unwrap();
        assert_eq!(ClientError::Actor(Failure::of(*kind)).number(), 200 + number);
    }
}
