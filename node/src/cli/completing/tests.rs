use super::*;

fn asked(line: &str) -> Option<Asked> {
    Asked::of(line.split(' ').map(Into::into))
}

#[test]
fn a_line_that_ends_in_the_middle_tells_what_it_has() {
    let asked = asked("antiphon send counter --data d ").unwrap();
    assert_eq!(asked.name, "send");
    assert_eq!(asked.command.get_one::<String>("process").unwrap(), "counter");
    assert_eq!(asked.globals.data().unwrap().path(), std::path::Path::new("d"));
}

#[test]
fn a_line_without_a_command_asks_nothing() {
    assert!(asked("antiphon").is_none());
    assert!(asked("antiphon --data").is_none());
}

#[test]
fn without_a_cluster_there_is_nothing_to_offer() {
    let data = tempfile::tempdir().unwrap();
    let line = format!("antiphon send counter a --data {}", data.path().display());
    assert!(asked(&line).unwrap().schema().is_none());
}

#[test]
fn a_name_that_a_shell_would_run_is_not_offered() {
    for name in ["add", "_2", "transfer_from"] {
        assert!(is_word(name), "{name}");
    }
    for name in ["", "a b", "a;reboot", "$(reboot)", "`reboot`", "-f", "a\nb", "a\u{1b}[2J", "2"] {
        assert!(!is_word(name), "{name:?}");
    }
}
