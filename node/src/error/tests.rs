use std::fs;

use protocol::Refusal;

use super::*;

/// One error of every kind that has a number of the command's own, by number.
fn own() -> Vec<NodeError> {
    let path = || PathBuf::from("x");
    let file = || io::Error::from(io::ErrorKind::NotFound);
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    vec![
        NodeError::usage("what"),
        NodeError::NoCluster(path()),
        NodeError::InUse { path: path(), pid: "1".to_owned() },
        NodeError::PortTaken { address, file: path() },
        NodeError::File { path: path(), source: file() },
        NodeError::BadFile { path: path(), detail: String::new() },
        NodeError::NoKey { name: "bob".to_owned(), path: path() },
        NodeError::Unit { unit: "compute-1".to_owned(), detail: String::new() },
        NodeError::System(String::new()),
        NodeError::Verification(String::new()),
        NodeError::Gateway(GatewayError::Listen { address, source: file() }),
        NodeError::Breaking(String::new()),
        NodeError::Build(String::new()),
        NodeError::Module(ModuleError::BadSchema),
        NodeError::Tests(String::new()),
        NodeError::UnknownMethod(String::new()),
        NodeError::Unwell(String::new()),
        NodeError::KeyLocked { name: "bob".to_owned() },
        NodeError::BadPassphrase { name: "bob".to_owned() },
        NodeError::KeyExposed { path: path(), mode: 0o644 },
    ]
}

/// Fails to compile when a kind is added: it needs a place in [`own`] and a row on the page, or a
/// number of another table, or no number because it is never printed.
const fn is_own(error: &NodeError) -> bool {
    match error {
        NodeError::Client(_)
        | NodeError::Answered { .. }
        | NodeError::Disproven(_)
        | NodeError::ReaderGone => false,
        NodeError::Usage(_)
        | NodeError::NoCluster(_)
        | NodeError::InUse { .. }
        | NodeError::PortTaken { .. }
        | NodeError::Gateway(_)
        | NodeError::File { .. }
        | NodeError::BadFile { .. }
        | NodeError::NoKey { .. }
        | NodeError::KeyLocked { .. }
        | NodeError::BadPassphrase { .. }
        | NodeError::KeyExposed { .. }
        | NodeError::Unit { .. }
        | NodeError::Build(_)
        | NodeError::Module(_)
        | NodeError::Tests(_)
        | NodeError::UnknownMethod(_)
        | NodeError::Unwell(_)
        | NodeError::System(_)
        | NodeError::Verification(_)
        | NodeError::Breaking(_) => true,
    }
}

/// Number, word and exit code of the rows below a heading of the page of errors.
fn rows(heading: &str) -> Vec<[String; 3]> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
    let page = fs::read_to_string(page).unwrap();
    let section = page.lines().skip_while(|line| *line != heading).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let cells = section.filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let cells = cells.map(|row| row.split(" | ").map(str::to_owned).collect::<Vec<_>>());
    let rows = cells.filter(|row| row[0].parse::<u16>().is_ok());
    rows.map(|row| {
        assert!(row.last().unwrap().ends_with('.'), "{row:?}");
        [row[0].clone(), row[1].clone(), row[2].clone()]
    })
    .collect()
}

fn row(error: &NodeError) -> [String; 3] {
    let (number, word) = (error.number().to_string(), format!("`{}`", error.code()));
    [number, word, error.exit_code().to_string()]
}

#[test]
fn every_error_of_the_command_has_its_row() {
    let own = own();
    assert!(own.iter().all(is_own));
    let expected: Vec<_> = own.iter().map(row).collect();
    assert_eq!(rows("## Errors of the command line"), expected);
}

#[test]
fn errors_of_the_client_exit_as_the_page_says() {
    let errors = [
        ClientError::NoAnswerYet { message: EntryId::from_bytes([1; 32]), reason: None },
        ClientError::Unverified { what: String::new() },
        ClientError::BadRequest(String::new()),
        ClientError::NoKey,
        ClientError::Closed,
        ClientError::System(String::new()),
    ];
    let expected: Vec<_> = errors.map(NodeError::Client).iter().map(row).collect();
    assert_eq!(rows("## Errors of the client"), expected);
}

#[test]
fn a_refusal_exits_with_3_unless_it_says_that_somebody_is_away_or_the_view_failed() {
    for code in RefusalCode::ALL {
        let expected = match code {
            RefusalCode::Unreachable => 1,
            RefusalCode::ViewFailed => 4,
            _ => 3,
        };
        let error = NodeError::Client(Refusal::new(*code, "").into());
        assert_eq!(error.exit_code(), expected, "{code:?}");
    }
}
