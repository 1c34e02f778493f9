//! The units: each a program of its own, started, killed, suspended and cut off one by one.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use antiphon_client::{Client, ClientOptions, Units};
use protocol::{ProcessId, SecretKey};
use serde_json::Value as Json;

use crate::network::Links;

/// The program under test.
const ANTIPHON: &str = env!("CARGO_BIN_EXE_antiphon");

/// The units, by role and number.
const UNITS: [(&str, usize); 7] = [
    ("scheduler", 1),
    ("scheduler", 2),
    ("messenger", 1),
    ("messenger", 2),
    ("compute", 1),
    ("compute", 2),
    ("compute", 3),
];

/// How many units there are.
pub(crate) const COUNT: usize = UNITS.len();

/// A cluster.
pub(crate) struct Cluster {
    data: PathBuf,
    links: Option<Links>,
    units: Vec<Unit>,
}

/// A unit that runs, or will again.
struct Unit {
    kind: &'static str,
    name: String,
    running: Option<Running>,
    /// `unit1...@ip:port`.
    address: String,
}

struct Running {
    child: Child,
    // It ends when this closes.
    _stdin: Option<ChildStdin>,
    // Kept open: a closed pipe would end the unit when it next prints.
    _stdout: BufReader<ChildStdout>,
}

impl Cluster {
    /// Starts all units in a directory.
    pub(crate) fn start(data: PathBuf, links: Option<Links>) -> Self {
        let units = UNITS.map(|(kind, number)| Unit {
            kind,
            name: format!("{kind}-{number}"),
            running: None,
            address: String::new(),
        });
        let mut cluster = Self { data, links, units: units.into() };
        for unit in 0..COUNT {
            cluster.links.iter_mut().for_each(Links::add_host);
            cluster.start_unit(unit);
        }
        cluster
    }

    /// Starts a unit and waits until it serves.
    pub(crate) fn start_unit(&mut self, number: usize) {
        let unit = &self.units[number];
        let mut command = match &self.links {
            Some(links) => {
                let mut command = links.command(number);
                command.arg(ANTIPHON);
                command
            }
            None => Command::new(ANTIPHON),
        };
        command.args([unit.kind, "--name", &unit.name, "--json", "--until-stdin-closes"]);
        if self.links.is_some() {
            command.args(["--listen", &Links::address(number)]);
        }
        command.arg("--data").arg(&self.data).env_remove("ANTIPHON_DATA");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("stdout can be read");
        let ready: Json = serde_json::from_str(&line).unwrap_or_default();
        assert_eq!(ready["event"], "ready", "{}: {line:?}", unit.name);
        let text = |name: &str| ready[name].as_str().expect("a text").to_owned();
        let address = format!("{}@{}", text("unit"), text("address"));
        let stdin = child.stdin.take();
        let unit = &mut self.units[number];
        unit.address = address;
        unit.running = Some(Running { child, _stdin: stdin, _stdout: stdout });
    }

    /// Kills a unit with SIGKILL, and deletes its database if wished and if it can do without.
    pub(crate) fn kill(&mut self, number: usize, wipe: bool) {
        let unit = &mut self.units[number];
        let mut running = unit.running.take().expect("it runs");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        if wipe && unit.kind == "messenger" {
            let database = self.data.join("units").join(&unit.name).join("data/messenger.redb");
            fs::remove_file(database).unwrap();
        }
    }

    /// Suspends a unit.
    pub(crate) fn suspend(&self, number: usize) {
        self.signal(number, "-STOP");
    }

    /// Lets a unit go on.
    pub(crate) fn resume(&self, number: usize) {
        self.signal(number, "-CONT");
    }

    /// Loses what goes from one unit to another. Without a network of its own, both stand still.
    pub(crate) fn cut(&self, from: usize, to: usize) {
        match &self.links {
            Some(links) => links.cut(from, to),
            None => [from, to].iter().for_each(|unit| self.suspend(*unit)),
        }
    }

    /// Ends that.
    pub(crate) fn heal(&self, from: usize, to: usize) {
        match &self.links {
            Some(links) => links.heal(from, to),
            None => [from, to].iter().for_each(|unit| self.resume(*unit)),
        }
    }

    /// What people call a unit.
    pub(crate) fn name(&self, unit: usize) -> &str {
        &self.units[unit].name
    }

    /// Whether a unit is a messenger.
    pub(crate) fn is_messenger(&self, unit: usize) -> bool {
        self.units[unit].kind == "messenger"
    }

    /// A client with an account of its own.
    pub(crate) async fn client(&self) -> Client {
        let network = fs::read_to_string(self.data.join("network")).unwrap();
        let units = self.units.iter().map(|unit| unit.address.parse().unwrap()).collect();
        let options = ClientOptions {
            network: network.trim().parse().unwrap(),
            key: Some(SecretKey::from_seed(&[7; 32])),
            units: Units::Bootstrap(units),
        };
        Client::connect(options).await.expect("the client connects")
    }

    /// Replays processes with `antiphon verify`, a few at a time.
    pub(crate) fn verify(&self, processes: &[ProcessId]) {
        for some in processes.chunks(2) {
            let started = some.iter().map(|process| {
                let mut command = Command::new(ANTIPHON);
                command.args(["verify", &process.to_string(), "--json", "--data"]);
                command.arg(&self.data).arg("--faults").arg(&self.data);
                command.env_remove("ANTIPHON_DATA").stdin(Stdio::null());
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            });
            for verify in started.collect::<Vec<_>>() {
                let output = verify.wait_with_output().unwrap();
                assert!(output.status.success(), "{output:?}");
            }
        }
    }

    fn signal(&self, number: usize, signal: &str) {
        let running = self.units[number].running.as_ref().expect("it runs");
        let pid = running.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success(), "{} is not there", self.units[number].name);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for running in self.units.iter_mut().filter_map(|unit| unit.running.as_mut()) {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
        // In namespaces of its own, the test outside of them removes it.
        if self.links.is_none() {
            let _ = fs::remove_dir_all(&self.data);
        }
    }
}
