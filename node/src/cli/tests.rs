use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn the_contract_parses() {
    for line in [
        "antiphon up --data d --schedulers 1 --messengers 2 --computes 3 --isolated --json",
        "antiphon --data d spawn a.wasm --name a --args {} --json",
        "antiphon send a add 3 --data d --json --timeout 5",
        "antiphon send a add {\"by\":3}",
        "antiphon view a get",
        "antiphon log a --from 1 --to 4 -f --json",
        "antiphon key new bob",
        "antiphon key list --json",
        "antiphon ps --json",
        "antiphon status",
        "antiphon bench ingest --seconds 1 --json",
        "antiphon demo --once",
        "antiphon scheduler --data d --name scheduler-1",
    ] {
        parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn mistakes_are_refused() {
    for line in [
        "antiphon",
        "antiphon fly",
        "antiphon send a",
        "antiphon up --schedulers 0",
        "antiphon up --bootstrap nowhere",
        "antiphon key new a/b",
        "antiphon --network net1x ps",
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}
