//! Starts clusters, runs the command line against them, and kills them.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::Duration,
};

use antiphon_client::{Client, ClientOptions, Units};
use protocol::{NetworkId, ProcessId, SecretKey, Value};
use serde_json::Value as Json;
use tempfile::TempDir;

/// The program under test.
pub(crate) const ANTIPHON: &str = env!("CARGO_BIN_EXE_antiphon");

/// How long anything may take before a test gives up on it: far more than it ever should.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running cluster, every unit a program of its own.
pub(crate) struct Cluster {
    data: PathBuf,
    up: Child,
    // Kept open: a closed pipe would stop the cluster when it next prints.
    _stdout: BufReader<ChildStdout>,
    pub(crate) ready: Json,
}

impl Cluster {
    /// Starts a cluster in a directory and waits until it is ready.
    pub(crate) fn up(data: &Path, args: &[&str]) -> Self {
        let mut up = Command::new(ANTIPHON)
            .args(["up", "--isolated", "--json", "--data"])
            .arg(data)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdout = BufReader::new(up.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("stdout can be read");
        let ready: Json = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!("the first line is not the ready event: {error}: {line:?}")
        });
        assert_eq!(ready["event"], "ready", "{ready}");
        Self { data: data.to_owned(), up, _stdout: stdout, ready }
    }

    /// The units of a kind, as the ready event lists them.
    pub(crate) fn units(&self, kind: &str) -> Vec<Json> {
        let units = self.ready["units"].as_array().expect("units are listed");
        units.iter().filter(|unit| unit["kind"] == kind).cloned().collect()
    }

    /// `unit1...@ip:port` of the first unit of a kind.
    pub(crate) fn address(&self, kind: &str) -> String {
        let unit = &self.units(kind)[0];
        format!("{}@{}", text(&unit["unit"]), text(&unit["address"]))
    }

    /// Kills one unit with SIGKILL and waits until it is gone.
    pub(crate) fn kill(unit: &Json) {
        let pid = unit["pid"].as_u64().expect("pids are numbers");
        signal("-KILL", pid);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while is_alive(pid) {
            assert!(tokio::time::Instant::now() < deadline, "pid {pid} outlives SIGKILL");
            std::thread::yield_now();
        }
    }

    /// Starts a killed unit again, as an operator would by hand.
    pub(crate) fn start_again(&self, kind: &str, number: usize) -> Lone {
        Lone::start(&self.data, kind, &format!("{kind}-{number}"))
    }

    /// How many slots of a log are calls of a method.
    pub(crate) fn calls(&self, process: &str, method: &str) -> usize {
        let log = self.run(&["log", process]);
        assert_eq!(log.code, 0, "{log:?}");
        let slot = |line: &str| serde_json::from_str::<Json>(line).expect("each line is an object");
        let lines = String::from_utf8(log.output.stdout).expect("JSON is UTF-8");
        lines.lines().filter(|line| slot(line)["method"] == method).count()
    }

    /// Kills every unit and the program that started them with SIGKILL, and reaps it.
    pub(crate) fn kill_all(mut self) {
        for unit in self.ready["units"].as_array().expect("units are listed") {
            Self::kill(unit);
        }
        self.up.kill().expect("the program was running");
        self.up.wait().expect("the program can be reaped");
    }

    /// Stops the cluster as Ctrl-C does and checks that it ends well.
    pub(crate) fn stop(mut self) {
        signal("-TERM", u64::from(self.up.id()));
        let status = self.up.wait().expect("the program can be reaped");
        assert!(status.success(), "up ended with {status}");
    }

    /// Runs a command against this cluster.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run_in(&self.data, args)
    }

    /// Spawns an example actor and returns its process id.
    pub(crate) fn spawn(&self, module: &[u8], args: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("actor.wasm");
        std::fs::write(&file, module).unwrap();
        let spawned = self.run(&["spawn", &file.to_string_lossy(), "--args", args]).done();
        assert_eq!(spawned["slot"], 0, "{spawned}");
        text(&spawned["process"]).to_owned()
    }

    /// A client with the cluster's default account.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.client_options()).await.expect("the client connects")
    }

    /// How that client finds the cluster.
    pub(crate) fn client_options(&self) -> ClientOptions {
        let units = Units::Bootstrap(vec![self.address("scheduler").parse().expect("it parses")]);
        let (network, key) = (self.network(), Some(key(&self.data.join("keys/default.key"))));
        ClientOptions { network, key, units }
    }

    /// The network's id.
    pub(crate) fn network(&self) -> NetworkId {
        let status = self.run(&["status"]).done();
        text(&status["network"]).parse().expect("the status names the network")
    }
}

/// The key in a file of a data directory.
pub(crate) fn key(file: &Path) -> SecretKey {
    let text = std::fs::read_to_string(file).expect("the key is there");
    let hex = text.trim().strip_prefix("ed25519:").expect("the algorithm is named");
    let mut seed = [0; 32];
    for (byte, pair) in seed.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    }
    SecretKey::from_seed(&seed)
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.up.try_wait().is_ok_and(|ended| ended.is_none()) {
            for unit in self.ready["units"].as_array().into_iter().flatten() {
                Self::kill(unit);
            }
            let _ = self.up.kill();
            let _ = self.up.wait();
        }
    }
}

/// A unit that was started by hand; killed when dropped.
pub(crate) struct Lone {
    unit: Child,
    // Kept open, as that of a cluster.
    _stdout: BufReader<ChildStdout>,
    pub(crate) ready: Json,
}

impl Lone {
    /// Starts a unit of a data directory and waits until it is ready.
    pub(crate) fn start(data: &Path, kind: &str, name: &str) -> Self {
        Self::run(&[kind, "--name", name, "--data", &data.to_string_lossy()])
    }

    /// Starts what a command line says and waits until it is ready.
    pub(crate) fn run(args: &[&str]) -> Self {
        let mut unit = Command::new(ANTIPHON)
            .args(args)
            .arg("--json")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdout = BufReader::new(unit.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("stdout can be read");
        let ready: Json = serde_json::from_str(&line).unwrap_or_default();
        assert_eq!(ready["event"], "ready", "{line:?}");
        Self { unit, _stdout: stdout, ready }
    }

    /// Stops the unit as Ctrl-C does and checks that it ends well.
    pub(crate) fn stop(mut self) {
        signal("-TERM", u64::from(self.unit.id()));
        let status = self.unit.wait().expect("the program can be reaped");
        assert!(status.success(), "the unit ended with {status}");
    }
}

impl Drop for Lone {
    fn drop(&mut self) {
        let _ = self.unit.kill();
        let _ = self.unit.wait();
    }
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) json: Json,
    pub(crate) output: Output,
}

impl Ran {
    /// The printed object of a command that succeeded.
    #[track_caller]
    pub(crate) fn done(self) -> Json {
        assert_eq!(self.code, 0, "{self:?}");
        self.json
    }

    /// Checks that the command failed with an exit code and an error code.
    #[track_caller]
    pub(crate) fn failed(&self, exit: i32, code: &str) {
        assert_eq!(self.code, exit, "{self:?}");
        assert_eq!(self.json["error"]["code"], code, "{self:?}");
        assert!(!text(&self.json["error"]["detail"]).is_empty(), "{self:?}");
    }
}

/// Runs a command with `--json` against the cluster of a directory.
pub(crate) fn run_in(data: &Path, args: &[&str]) -> Ran {
    run(&[args, &["--json", "--data", &data.to_string_lossy()]].concat())
}

/// Runs a command.
pub(crate) fn run(args: &[&str]) -> Ran {
    let output = Command::new(ANTIPHON)
        .args(args)
        .env_remove("ANTIPHON_DATA")
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let json = serde_json::from_slice(&output.stdout).unwrap_or(Json::Null);
    Ran { code: output.status.code().unwrap_or(-1), json, output }
}

/// A text in a JSON document.
#[track_caller]
pub(crate) fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_else(|| panic!("not a text: {json}"))
}

/// A process id in text.
pub(crate) fn process(id: &str) -> ProcessId {
    id.parse().expect("the command prints ids in full")
}

/// Arguments with one integer.
pub(crate) fn integer(name: &str, value: i128) -> Value {
    Value::Map(vec![(Value::Text(name.to_owned()), Value::Integer(value))])
}

/// Sends a signal by the system's own command.
pub(crate) fn signal(signal: &str, pid: u64) {
    let sent = Command::new("kill").args([signal, &pid.to_string()]).stderr(Stdio::null()).status();
    sent.expect("every system has kill");
}

/// Whether a process still holds what it held: one that only waits to be reaped does not, unless its
/// first thread ended before the others.
fn is_alive(pid: u64) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the name, which is in parentheses.
    let reaped = state.is_empty();
    let ended = state.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z"));
    let threads = || std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    !reaped && (!ended || threads() > 1)
}

/// A directory that is removed with everything in it.
pub(crate) fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}
