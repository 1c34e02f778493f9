//! What actor authors do: make a crate, test it, build it, run it, and change it.
//!
//! Nothing is downloaded: crates have the versions of this repository, which are here already.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    time::Duration,
};

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{ANTIPHON, Cluster, Ran, directory, signal, text};

/// How long a compiler may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(1_200);

/// The largest module of the template `counter`: somewhat more than it has.
const COUNTER_MAX: u64 = 112 << 10;

/// A place for crates, outside of the repository.
struct Author {
    place: TempDir,
    /// Kept from test to test, so that each compiles its own crate only.
    kept: PathBuf,
}

impl Author {
    fn new() -> Self {
        Self { place: directory(), kept: Path::new(env!("CARGO_TARGET_TMPDIR")).join("authoring") }
    }

    fn crate_at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(ANTIPHON);
        command
            .args(args)
            .arg("--json")
            .current_dir(self.place.path())
            .env_remove("ANTIPHON_DATA")
            .env("XDG_DATA_HOME", &self.kept)
            .env("CARGO_TARGET_DIR", self.kept.join("target"))
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().unwrap();
        let json = serde_json::from_slice(&output.stdout).unwrap_or(Json::Null);
        Ran { code: output.status.code().unwrap_or(-1), json, output }
    }

    /// Changes a source file of a crate.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let file = self.crate_at(file);
        let before = fs::read_to_string(&file).unwrap();
        assert!(before.contains(from), "{before}");
        fs::write(file, before.replace(from, to)).unwrap();
    }
}

#[test]
fn every_template_passes_its_tests_and_becomes_a_module() {
    let author = Author::new();
    for (template, actor) in
        [("counter", "Counter"), ("ledger", "Ledger"), ("chat", "Room"), ("pipeline", "Stage")]
    {
        let name = format!("my-{template}");
        let new = author.run(&["new", &name, "--template", template]).done();
        assert_eq!(new["name"], name.as_str());
        assert_eq!(Path::new(text(&new["path"])), author.crate_at(&name).canonicalize().unwrap());
        assert!(Path::new(text(&new["sdk"])).starts_with(&author.kept), "{new}");

        let tested = author.run(&["test", &name]).done();
        assert_eq!(tested, serde_json::json!({ "name": name, "passed": true }));

        let built = author.run(&["build", &name]).done();
        assert_eq!(built["name"], actor);
        let module = fs::read(text(&built["path"])).unwrap();
        assert_eq!(built["bytes"], module.len());
        assert!(text(&built["path"]).ends_with(&format!("antiphon/{name}.wasm")));
        // What panics say names no directory of whoever builds.
        let names = [author.kept.to_str().unwrap(), author.place.path().to_str().unwrap()];
        let said = String::from_utf8_lossy(&module);
        assert!(!names.iter().any(|name| said.contains(name)), "{template}");
        if template == "counter" {
            assert!(module.len() as u64 <= COUNTER_MAX, "{} bytes", module.len());
            let kinds: Vec<&str> = built["methods"]
                .as_array()
                .unwrap()
                .iter()
                .map(|method| text(&method["kind"]))
                .collect();
            assert_eq!(kinds, ["init", "view", "message"]);
        }
    }
}

#[test]
fn mistakes_are_told_apart_by_the_exit_code() {
    let author = Author::new();
    author.run(&["new", "1st"]).failed(2, "usage");
    author.run(&["new", "a", "--sdk", "."]).failed(2, "usage");
    author.run(&["build", "."]).failed(2, "usage");
    author.run(&["test", "nowhere"]).failed(2, "usage");
    author.run(&["new", "mistaken"]).done();
    author.run(&["new", "mistaken"]).failed(2, "usage");

    author.edit("mistaken/src/tests.rs", "Ok(8)", "Ok(9)");
    author.run(&["test", "mistaken"]).failed(5, "tests-failed");
    let one = ["test", "mistaken", "--", "who_added_stands_in_the_log"];
    let one = author.command(&[]).args(one).output().unwrap();
    assert!(one.status.success(), "only the tests that are named run: {one:?}");

    author.edit("mistaken/src/lib.rs", "self.n.checked_add", "self.m.checked_add");
    author.run(&["test", "mistaken"]).failed(1, "build-failed");
    author.run(&["build", "mistaken"]).failed(1, "build-failed");

    fs::write(author.crate_at("mistaken/src/lib.rs"), "//! No actor.\n").unwrap();
    author.run(&["build", "mistaken"]).failed(5, "bad-module");
}

#[test]
fn a_checkout_serves_as_the_sdk() {
    let author = Author::new();
    let root = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    let new = author.run(&["new", "a", "--sdk", root.to_str().unwrap()]).done();
    assert_eq!(Path::new(text(&new["sdk"])), root.join("sdk"));
    let url = "https://example.org/antiphon.git";
    assert_eq!(author.run(&["new", "b", "--sdk", url]).done()["sdk"], url);
    let manifest = fs::read_to_string(author.crate_at("b/Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("antiphon = {{ git = \"{url}\" }}")), "{manifest}");
}

/// A watch that runs; killed when dropped.
struct Watching {
    watch: Child,
    lines: Receiver<Json>,
}

impl Watching {
    fn start(author: &Author, data: &Path, args: &[&str]) -> Self {
        let mut command = author.command(args);
        let mut watch =
            command.arg("--data").arg(data).stdout(Stdio::piped()).spawn().expect("it starts");
        let stdout = BufReader::new(watch.stdout.take().unwrap());
        let (sender, lines) = sync_channel(1_000);
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("each line is an object");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { watch, lines }
    }

    /// The next line that a test looks for.
    fn next(&self, wanted: impl Fn(&Json) -> bool) -> Json {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the line comes");
            if wanted(&line) {
                return line;
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.watch.kill();
        let _ = self.watch.wait();
    }
}

#[test]
fn a_process_runs_what_stands_in_the_sources() {
    let author = Author::new();
    author.run(&["new", "watched"]).done();
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let args = ["watch", "watched", "--process", "c", "--args", "{\"start\":5}"];
    let mut watching = Watching::start(&author, data.path(), &args);

    let first = watching.next(|line| line["event"] == "running");
    assert_eq!(cluster.run(&["send", "c", "add", "3"]).done()["reply"], 8);
    let logged = watching.next(|line| line["method"] == "add");
    assert_eq!(logged["outcome"]["reply"], 8, "{logged}");

    author.edit("watched/src/lib.rs", "checked_add(by)", "checked_adding(by)");
    let failure = watching.next(|line| !line["error"].is_null());
    assert_eq!(failure["error"]["code"], "build-failed");
    author.edit("watched/src/lib.rs", "checked_adding(by)", "checked_add(2 * by)");
    let second = watching.next(|line| line["event"] == "running");
    assert_ne!(first["module"], second["module"]);
    assert_eq!(first["process"], second["process"], "it is upgraded in place");
    let after = cluster.run(&["send", "c", "add", "3"]).done();
    assert_eq!(after["reply"], 8 + 6, "and keeps its state");
    let logged = watching.next(|line| line["method"] == "add");
    assert_eq!(logged["message"], after["message"]);

    signal("-TERM", u64::from(watching.watch.id()));
    assert!(watching.watch.wait().unwrap().success());
    cluster.stop();
}

/// What a counter saves if it is small enough, which nobody meant.
const SAVES_LITTLE: &str = r#"
    #[save]
    fn close(&self) -> u64 {
        assert!(self.n < 10, "nobody counts so far");
        self.n
    }

    #[load]
    fn open(n: u64) -> Self {
        Self { n }
    }
"#;

/// Takes the counter out of the memory of the module before.
const RECOVERS: &str = r#"
    #[recover]
    fn recover(image: MemoryImage) -> Result<Self, Error> {
        let n = image.read(image.state()? + std::mem::offset_of!(Self, n))?;
        Ok(Self { n: u64::from_le_bytes(n) })
    }
"#;

#[test]
fn a_state_that_panics_when_it_is_saved_is_recovered() {
    const INIT: &str = "    /// The number. `&self`";
    let author = Author::new();
    author.run(&["new", "stuck"]).done();
    author.edit("stuck/src/lib.rs", INIT, &format!("{SAVES_LITTLE}\n{INIT}"));
    let build = || text(&author.run(&["build", "stuck"]).done()["path"]).to_owned();
    let data = directory();
    let cluster = Cluster::up(data.path(), &[]);
    let spawned = cluster.run(&["spawn", &build(), "--args", "{\"start\":3}"]).done();
    let counter = text(&spawned["process"]);
    let add = |by: &str| cluster.run(&["send", counter, "add", by]).done()["reply"].clone();
    let upgrade = |options: &[&str]| {
        let command = ["upgrade", counter, &build()];
        cluster.run(&[&command, options].concat())
    };
    upgrade(&["--raw"]).failed(4, "bad-state");
    assert_eq!(add("9"), 12);

    author.edit("stuck/src/lib.rs", SAVES_LITTLE, RECOVERS);
    upgrade(&[]).failed(4, "trapped");
    assert_eq!(add("1"), 13, "the module before goes on");
    upgrade(&["--raw"]).done();
    assert_eq!(add("1"), 14);
    // The memory now holds what is left of the image, too.
    upgrade(&["--raw"]).done();
    assert_eq!(add("1"), 15);
    upgrade(&[]).done();
    assert_eq!(add("1"), 16);
    let verified = cluster.run(&["verify", counter]).done();
    assert_eq!((&verified["ok"], &verified["slots"]), (&Json::from(true), &Json::from(11)));
    cluster.stop();
}

#[test]
fn without_a_cluster_nothing_is_built() {
    let author = Author::new();
    author.run(&["new", "idle"]).done();
    let data = directory();
    let args = ["watch", "idle", "--process", "c", "--data", data.path().to_str().unwrap()];
    author.run(&args).failed(1, "no-cluster");
}
