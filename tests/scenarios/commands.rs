//! What scripts rely on when something is not as it should be.

use std::process::{Command, Stdio};

use crate::support::{ANTIPHON, Cluster, directory, run_in, text};

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    let mut log = Command::new(ANTIPHON)
        .args(["log", &counter, "--json", "--data"])
        .arg(data.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(log.stdout.take());
    let ended = log.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stderr.is_empty(), "{ended:?}");
    cluster.stop();
}

#[test]
fn a_message_without_answer_is_named_and_found_in_the_log() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let counter = cluster.spawn(example_modules::COUNTER, r#"{"start":0}"#);
    cluster.units("compute").iter().for_each(Cluster::kill);
    let sent = cluster.run(&["send", &counter, "add", "1", "--timeout", "2"]);
    sent.failed(1, "no-answer-yet");
    let message = text(&sent.json["message"]);
    assert!(text(&sent.json["error"]["detail"]).contains(message), "{sent:?}");

    let logged = cluster.run(&["log", &counter, "--from", "1"]).done();
    assert_eq!(logged["message"], message, "{logged}");
    assert!(logged["outcome"].is_null(), "{logged}");
}

#[test]
fn a_unit_that_runs_already_is_named_with_its_pid() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let second = run_in(data.path(), &["scheduler"]);
    second.failed(1, "data-in-use");
    let pid = cluster.units("scheduler")[0]["pid"].to_string();
    assert!(text(&second.json["error"]["detail"]).contains(&pid), "{second:?}");
    cluster.stop();
}
