//! Namespaces: the test runs itself again where it may have a network of its own, in which every unit
//! has a host of its own, and where all programs end with the test.

use std::{
    env,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Tells the inner run where its data directory is.
const INSIDE: &str = "ANTIPHON_CHAOS_INSIDE";

/// The host of the test itself.
const OWN: &str = "10.0.0.254";

/// An address of a card that nobody has.
const NOBODY: &str = "02:00:00:00:00:00";

/// Where the test goes on.
pub(crate) enum Place {
    /// It was run, in namespaces of its own.
    Elsewhere,
    /// Here.
    Here {
        /// For the cluster's data.
        data: PathBuf,
        /// The hosts of the units, if there can be any.
        links: Option<Links>,
    },
}

/// Runs the test of a name in namespaces of its own if possible.
pub(crate) fn enter(seed: u64, test: &str) -> Place {
    if let Some(data) = env::var_os(INSIDE) {
        return Place::Here { data: data.into(), links: Some(Links::new()) };
    }
    let data = tempfile::tempdir().unwrap();
    if !may_unshare() {
        eprintln!(
            "chaos: no namespaces can be made here: instead of cutting links, units are suspended"
        );
        return Place::Here { data: data.keep(), links: None };
    }
    let status = namespaces()
        .arg(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, data.path())
        .env("ANTIPHON_CHAOS_SEED", seed.to_string())
        .stdin(Stdio::null())
        .status()
        .unwrap();
    if let (false, Some(kept)) = (status.success(), env::var_os("ANTIPHON_CHAOS_KEEP")) {
        let _ = Command::new("cp").arg("-a").arg(data.path()).arg(kept).status();
    }
    assert!(status.success(), "the test failed within its namespaces, see above");
    Place::Elsewhere
}

/// A command that runs another one with network and processes of its own. All of them end with this
/// thread, whatever ends it.
fn namespaces() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare", "--net", "--pid", "--fork", "--kill-child"]);
    command.arg("--mount-proc");
    command
}

fn may_unshare() -> bool {
    let tried = "ip link add name hub type bridge && nsenter --target $$ --net true && \
                 unshare --net ip link add name cable type veth peer name eth0";
    let tried = namespaces().args(["sh", "-c", tried]).stdin(Stdio::null()).output();
    tried.is_ok_and(|output| output.status.success())
}

/// A network of hosts, one for each unit.
pub(crate) struct Links {
    hosts: Vec<Child>,
}

impl Links {
    fn new() -> Self {
        run("ip", &["link", "set", "lo", "up"]);
        run("ip", &["link", "add", "name", "hub", "type", "bridge"]);
        run("ip", &["addr", "add", &format!("{OWN}/24"), "dev", "hub"]);
        run("ip", &["link", "set", "hub", "up"]);
        Self { hosts: Vec::new() }
    }

    /// Adds a host; its number counts from 0.
    pub(crate) fn add_host(&mut self) {
        // Its network lasts as long as somebody is in it.
        let host = Command::new("unshare")
            .args(["--net", "sleep", "infinity"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let (pid, cable) = (host.id().to_string(), format!("cable{}", self.hosts.len()));
        wait_until_apart(&pid);
        let cabled =
            ["link", "add", "name", &cable, "type", "veth", "peer", "name", "eth0", "netns", &pid];
        run("ip", &cabled);
        run("ip", &["link", "set", &cable, "master", "hub", "up"]);
        let address = format!("{}/24", Self::address(self.hosts.len()));
        let host_number = self.hosts.len();
        self.hosts.push(host);
        self.run_in(host_number, &["ip", "link", "set", "lo", "up"]);
        self.run_in(host_number, &["ip", "addr", "add", &address, "dev", "eth0"]);
        self.run_in(host_number, &["ip", "link", "set", "eth0", "up"]);
    }

    /// The address of a host.
    pub(crate) fn address(host: usize) -> String {
        format!("10.0.0.{}", host + 1)
    }

    /// A command that runs another one in a host.
    pub(crate) fn command(&self, host: usize) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--net", "--target", &self.hosts[host].id().to_string()]);
        command
    }

    /// Loses everything that goes from one host to another from now on, without a word.
    pub(crate) fn cut(&self, from: usize, to: usize) {
        let to = Self::address(to);
        let lost = ["neigh", "replace", &to, "lladdr", NOBODY, "nud", "permanent", "dev", "eth0"];
        self.run_in(from, &[&["ip"], lost.as_slice()].concat());
    }

    /// Ends that.
    pub(crate) fn heal(&self, from: usize, to: usize) {
        self.run_in(from, &["ip", "neigh", "del", &Self::address(to), "dev", "eth0"]);
    }

    fn run_in(&self, host: usize, command: &[&str]) {
        let done = self.command(host).args(command).stdin(Stdio::null()).status().unwrap();
        assert!(done.success(), "{command:?} in host {host}: {done}");
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        for host in &mut self.hosts {
            let _ = host.kill();
            let _ = host.wait();
        }
    }
}

/// Waits until a program has left this network for its own.
fn wait_until_apart(pid: &str) {
    let network = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while network(pid) == network("self") {
        assert!(Instant::now() < deadline, "unshare does not start");
        std::thread::yield_now();
    }
}

fn run(program: &str, args: &[&str]) {
    let done = Command::new(program).args(args).stdin(Stdio::null()).status().unwrap();
    assert!(done.success(), "{program} {args:?}: {done}");
}
