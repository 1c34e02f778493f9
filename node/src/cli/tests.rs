use super::*;
use crate::units::{Keeping, Spreading};

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
        "antiphon send a add by=-3 to=b --json",
        "antiphon send a add -3 --json",
        "antiphon view a get key=a",
        "antiphon spawn a.wasm --name a start=5 --json",
        "antiphon explain",
        "antiphon explain 301 --json",
        "antiphon completions zsh",
        "antiphon doctor --fix --json",
        "antiphon --color never ps",
        "antiphon view a get",
        "antiphon log a --from 1 --to 4 -f --json",
        "antiphon log a --at 4 --json",
        "antiphon verify a --faults d --json",
        "antiphon state a --at 4 --no-checkpoint --dump memory --json",
        "antiphon state a --page 3 --prove page.proof",
        "antiphon state a --pair b --prove pair.proof",
        "antiphon proof page.proof --json",
        "antiphon proof a:7 --out slot.proof --json",
        "antiphon move a unit1 --json",
        "antiphon takeover a unit1 --force",
        "antiphon policy a --unit unit1 --unit unit1q --quorum 2",
        "antiphon controller a bob",
        "antiphon controller a --renounce --json",
        "antiphon stop a --key bob",
        "antiphon compute --checkpoint-slots 1 --checkpoints 2 --resident 1",
        "antiphon scheduler --shards 4 --disk /one --disk /two",
        "antiphon key new bob",
        "antiphon key list --json",
        "antiphon key new bob --encrypt --passphrase-file p",
        "antiphon key encrypt bob",
        "antiphon key decrypt bob",
        "antiphon key unlock bob --minutes 5 --json",
        "antiphon key lock bob",
        "antiphon key export bob --plain --json",
        "antiphon key import carol bob.age",
        "antiphon trace a:3 --root --depth 9 --limit 5 --json",
        "antiphon diff a 3 5 --no-checkpoint --limit 5 --json",
        "antiphon replay a --with b.wasm --from 3 --to 4 --raw --ignore-gas --json",
        "antiphon ps --json",
        "antiphon outbox --limit 10",
        "antiphon outbox a --json",
        "antiphon status --verbose",
        "antiphon bench ingest --seconds 1 --json",
        "antiphon bench assign --messages 1000 --shards 2 --json",
        "antiphon bench deliver --rounds 1 --disk d",
        "antiphon bench lone",
        "antiphon bench subscribers --subscribers 100 --events 3 --json",
        "antiphon bench read --slots 1000",
        "antiphon demo --once",
        "antiphon scheduler --data d --name scheduler-1",
        "antiphon gateway --data d --gateway 127.0.0.1:8080 --dev-key default --json",
    ] {
        parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn a_message_is_assigned_by_its_id() {
    let message = protocol::EntryId::from_bytes([2; 32]);
    parse(&format!("antiphon assign {message} a --key bob --json")).unwrap();
    assert!(parse("antiphon assign a").is_err());
}

#[test]
fn mistakes_are_refused() {
    for line in [
        "antiphon",
        "antiphon fly",
        "antiphon send a",
        "antiphon up --schedulers 0",
        "antiphon spawn a.wasm --args {} start=5",
        "antiphon completions csh",
        "antiphon up --bootstrap nowhere",
        "antiphon key new a/b",
        "antiphon --network net1x ps",
        "antiphon up --allow somebody",
        "antiphon compute --allow acct1",
        "antiphon log a --at 4 --from 1",
        "antiphon move a",
        "antiphon policy a",
        "antiphon policy a --unit unit1 --quorum 0",
        "antiphon controller a",
        "antiphon controller a bob --renounce",
        "antiphon state a --page 3",
        "antiphon state a --prove page.proof",
        "antiphon state a --page 3 --pair b --prove page.proof",
        "antiphon up --checkpoint-slots 0",
        "antiphon up --checkpoints 1",
        "antiphon scheduler --resident 1",
        "antiphon scheduler --shards 0",
        "antiphon up --shards 257",
        "antiphon compute --shards 2",
        "antiphon gateway --gateway localhost",
        "antiphon gateway --gateway-streams 0",
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn up_and_scheduler_take_a_list_of_accounts() {
    let accounts = [1, 2].map(|byte| protocol::AccountId::from_bytes([byte; 32]));
    let [one, two] = accounts;
    let Command::Up(up) =
        parse(&format!("antiphon up --allow {one} --allow {two}")).unwrap().command
    else {
        panic!("up is up");
    };
    assert_eq!(up.allow, accounts);
    let line = format!("antiphon scheduler --allow {two} --allow {one}");
    let Command::Scheduler(scheduler) = parse(&line).unwrap().command else {
        panic!("scheduler is scheduler");
    };
    assert_eq!(scheduler.allow, [two, one]);
    let Command::Up(up) = parse("antiphon up").unwrap().command else { panic!("up is up") };
    assert!(up.allow.is_empty(), "everyone");
}

#[tokio::test]
async fn a_log_store_that_is_none_is_refused_without_repeating_it() {
    for store in ["mysql://me:hunter2@host/d", "postgres://me:hunter2@host:port/d", "elsewhere"] {
        let command = parse(&format!("antiphon scheduler --log-store {store}")).unwrap();
        let Command::Scheduler(scheduler) = command.command else { panic!("it is a scheduler") };
        let error = scheduler.run(&command.globals).await.unwrap_err();
        assert!(matches!(&error, NodeError::Usage(words) if words.starts_with("--log-store")));
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[test]
fn only_a_scheduler_has_a_list_of_accounts() {
    let account = protocol::AccountId::from_bytes([1; 32]);
    for role in ["messenger", "compute"] {
        let error = parse(&format!("antiphon {role} --allow {account}")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownArgument, "{role}");
    }
}

#[test]
fn a_child_reads_what_its_parent_was_told_about_states() {
    let line = "antiphon up --checkpoint-slots 40 --checkpoints 3 --resident 5";
    let Command::Up(up) = parse(line).unwrap().command else { panic!("up is up") };
    let args = up.keeping.args();
    assert_eq!(args.len(), 6, "{args:?}");
    let line = format!("antiphon compute {}", args.join(" "));
    let Command::Compute(compute) = parse(&line).unwrap().command else {
        panic!("compute is compute");
    };
    assert_eq!(compute.keeping, up.keeping);
    assert!(Keeping::default().args().is_empty());
}

#[test]
fn a_child_reads_what_its_parent_was_told_about_shards() {
    let line = "antiphon up --shards 4 --disk /one --disk /two";
    let Command::Up(up) = parse(line).unwrap().command else { panic!("up is up") };
    let args = up.spreading.args().join(std::ffi::OsStr::new(" "));
    let line = format!("antiphon scheduler {}", args.to_str().unwrap());
    let Command::Scheduler(scheduler) = parse(&line).unwrap().command else {
        panic!("scheduler is scheduler");
    };
    assert_eq!(scheduler.spreading, up.spreading);
    assert!(Spreading::default().args().is_empty());
}

#[test]
fn an_empty_data_directory_is_none_named() {
    let cli = Cli::try_parse_from(["antiphon", "--data", "", "ps"]).unwrap();
    assert!(cli.globals.named_data().is_none());
    let cli = parse("antiphon --data d ps").unwrap();
    assert_eq!(cli.globals.named_data().unwrap().path(), std::path::Path::new("d"));
}

#[test]
fn programs_get_a_mistake_in_one_line() {
    let error = parse("antiphon up --schedulers 0").unwrap_err();
    let said = sentence(&error.to_string());
    assert!(said.starts_with("invalid value '0' for '--schedulers"), "{said}");
    assert!(!said.contains('\n') && !said.contains("--help"), "{said}");
    let said = sentence(&parse("antiphon send a").unwrap_err().to_string());
    assert!(said.contains("<METHOD>") && !said.contains("Usage"), "{said}");
}
