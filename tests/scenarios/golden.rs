//! What every command prints, and every exit code, as texts that are checked in.
//!
//! What differs from run to run (ids, times, ports, paths, gas) is replaced by placeholders. With
//! `UPDATE_GOLDEN=1` in the environment the texts are written anew.

#[path = "golden/scrub.rs"]
mod scrub;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::support::{ANTIPHON, Cluster, directory, text};
use scrub::Scrubber;

/// Commands with what they printed and how they ended.
struct Transcript {
    data: PathBuf,
    scrubber: Scrubber,
    text: String,
}

impl Transcript {
    fn new(data: &Path) -> Self {
        let mut scrubber = Scrubber::default();
        scrubber.name(&data.to_string_lossy(), "{data}");
        Self { data: data.to_owned(), scrubber, text: String::new() }
    }

    /// Runs a command; its words are split at spaces.
    fn run(&mut self, line: &str) -> i32 {
        self.run_words(&line.split(' ').collect::<Vec<_>>())
    }

    fn run_words(&mut self, words: &[&str]) -> i32 {
        let output = Command::new(ANTIPHON)
            .args(words)
            .env("ANTIPHON_DATA", &self.data)
            .env_remove("ANTIPHON_LOG")
            .env_remove("ANTIPHON_LOG_STORE")
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
        let code = output.status.code().unwrap_or(-1);
        let mut entry = format!("$ antiphon {}\n{stdout}", words.join(" "));
        stderr.lines().for_each(|line| entry.push_str(&format!("! {line}\n")));
        if code != 0 {
            entry.push_str(&format!("exit {code}\n"));
        }
        self.text.push_str(&self.scrubber.scrub(&entry));
        self.text.push('\n');
        code
    }

    /// Runs a command for people and for programs.
    fn both(&mut self, line: &str) {
        self.run(line);
        self.run(&format!("{line} --json"));
    }

    /// Compares with the text of a name, or writes it.
    fn compare(self, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios/golden");
        let path = path.join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some_and(|update| update == "1") {
            std::fs::write(path, self.text).unwrap();
            return;
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        let pairs = golden.lines().zip(self.text.lines()).enumerate();
        for (at, (expected, printed)) in pairs {
            assert_eq!(printed, expected, "line {} of {name}.txt", at + 1);
        }
        assert_eq!(self.text.lines().count(), golden.lines().count(), "lines of {name}.txt");
    }
}

#[test]
fn every_command_has_the_help_that_is_checked_in() {
    let data = directory();
    let mut transcript = Transcript::new(data.path());
    // How lines of help are wrapped must not hang on the length of a path.
    transcript.data = PathBuf::new();
    assert_eq!(transcript.run("help"), 0);
    let listed = transcript.text.clone();
    let commands = listed.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    let commands = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    for command in commands.filter(|command| !command.is_empty() && *command != "help") {
        assert_eq!(transcript.run(&format!("help {command}")), 0, "{command}");
    }
    transcript.compare("help");
}

#[test]
fn without_a_cluster_commands_say_what_is_missing() {
    let data = directory();
    let mut transcript = Transcript::new(data.path());
    for line in [
        "ps",
        "ps --json",
        "fly",
        "fly --json",
        "send counter",
        "explain no-cluster",
        "explain 15",
        "explain 15 --json",
        "explain no-clutser",
        "explain not-born",
        "spawn no-such-file.wasm",
        "key new bob",
        "key new bob",
        "key list",
        "new {data}/shop --sdk {data}",
        "test {data}/nothing",
        "build {data}/nothing",
        "watch {data}/nothing --process shop",
        "proof {data}/nothing",
    ] {
        transcript.run(&line.replace("{data}", &data.path().to_string_lossy()));
    }
    transcript.compare("alone");
}

#[test]
fn every_command_and_exit_code_is_as_checked_in() {
    let data = directory();
    let cluster = Cluster::up(data.path(), &["--schedulers", "2"]);
    let mut transcript = Transcript::new(data.path());
    let file = |name: &str| data.path().join(name).to_string_lossy().into_owned();
    std::fs::write(file("counter.wasm"), example_modules::COUNTER).unwrap();
    std::fs::write(file("counter2.wasm"), example_modules::COUNTER2).unwrap();
    std::fs::write(file("not.wasm"), b"not a module").unwrap();
    for kind in ["scheduler", "messenger", "compute"] {
        for (at, unit) in cluster.units(kind).iter().enumerate() {
            transcript.scrubber.name(text(&unit["unit"]), &format!("{{{kind}-{}}}", at + 1));
        }
    }

    let spawn = format!("spawn {} --name counter --scheduler scheduler-1", file("counter.wasm"));
    transcript.run(&format!("{spawn} stat=5"));
    transcript.run(&spawn);
    transcript.run(&format!("{spawn} start=5"));
    calls(&mut transcript);
    reads(&mut transcript);
    proofs(&mut transcript, &file("slot.proof"));
    transcript.run(&format!("spawn {}", file("not.wasm")));
    transcript.both(&format!("upgrade counter {}", file("counter2.wasm")));
    transcript.run(&format!("upgrade counter {}", file("counter.wasm")));
    transcript.run("move counter scheduler-2");
    transcript.run("takeover counter scheduler-1");
    transcript
        .run(&format!("policy counter --unit {}", text(&cluster.units("compute")[0]["unit"])));
    transcript.run("controller counter bob");
    transcript.run("stop counter");
    transcript.run("stop counter --key bob");
    transcript.run("send counter add by=1");
    transcript.run("scheduler");
    transcript.run("messenger");
    transcript.run("compute --json");
    transcript.run("up --json");
    doctor(&mut transcript, &data.path().join("keys/bob.key"));
    transcript.compare("cluster");
    cluster.stop();
}

fn calls(transcript: &mut Transcript) {
    transcript.run("key new bob --json");
    for line in [
        "send counter add by=3",
        "send counter add by=3 --json",
        r#"send counter add {"by":1}"#,
        "send counter add 1",
        "send counter add",
        "send counter add byy=3",
        "send counter add by=three",
        "send counter add by=3 by=4",
        "send counter add by=-1 --json",
        r#"send counter add {"by":-1}"#,
        "send counter ad by=3",
        r#"send counter ad {"by":3} --json"#,
        r#"send counter ad {"by":3}"#,
        "send counter add by=1 --key bob",
        "send counter add by=1 --key nobody",
        "send conter add by=1",
        "view counter get",
        "view counter get --json",
        "view counter add 1",
        "view counter gte",
    ] {
        transcript.run(line);
    }
}

fn reads(transcript: &mut Transcript) {
    for line in
        ["ps", "outbox", "log counter", "log counter --at 1", "verify counter", "state counter"]
    {
        transcript.both(line);
    }
    transcript.run("status");
    transcript.run("assign counter:1 counter --json");
    transcript.run("send proc1 add by=1");
    transcript.run("send proc1zzz add by=1");
}

fn proofs(transcript: &mut Transcript, file: &str) {
    transcript.run(&format!("proof counter:1 --out {file}"));
    transcript.both(&format!("proof {file}"));
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
    transcript.both(&format!("proof {file}"));
}

/// Lets others read a key, and has that mended.
fn doctor(transcript: &mut Transcript, key: &Path) {
    assert_eq!(transcript.run("doctor"), 0, "{}", transcript.text);
    let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o644);
    std::fs::set_permissions(key, open).unwrap();
    assert_eq!(transcript.run("doctor"), 1);
    assert_eq!(transcript.run("doctor --fix"), 0);
}

#[test]
fn a_shell_is_offered_what_there_is_now() {
    let data = directory();
    assert_eq!(offered(data.path(), "send "), "");
    let cluster = Cluster::up(data.path(), &[]);
    let file = data.path().join("counter.wasm");
    std::fs::write(&file, example_modules::COUNTER).unwrap();
    cluster.run(&["spawn", &file.to_string_lossy(), "--name", "counter", "start=1"]).done();
    assert_eq!(offered(data.path(), "send c"), "counter");
    assert_eq!(offered(data.path(), "view counter "), "get");
    assert_eq!(offered(data.path(), "send counter a"), "add");
    assert_eq!(offered(data.path(), "send counter add b"), "by=");
    assert_eq!(offered(data.path(), "explain no-cl"), "no-cluster");
    cluster.stop();
    assert_eq!(offered(data.path(), "send c"), "");
}

/// What bash is told, as the script of `antiphon completions bash` asks for it. Options that every
/// command has are left out.
fn offered(data: &Path, line: &str) -> String {
    let words: Vec<&str> = std::iter::once("antiphon").chain(line.split(' ')).collect();
    let output = Command::new(ANTIPHON)
        .arg("--")
        .args(&words)
        .env("ANTIPHON_COMPLETE", "bash")
        .env("ANTIPHON_DATA", data)
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
        .env("_CLAP_IFS", "\n")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let offered = String::from_utf8(output.stdout).unwrap();
    let offered = offered.lines().filter(|word| !word.starts_with('-'));
    offered.collect::<Vec<_>>().join(" ")
}
