//! What a scheduler is compared with: one check of a signature after the other on all cores, rows of
//! a database, and a log server in wide use.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use protocol::{Domain, SecretKey};

use super::{
    machine::{micros, now},
    subject::own_cpu,
};
use crate::error::NodeError;

/// How long each is measured.
const TIME: Duration = Duration::from_secs(2);

/// How many signatures are checked in turn.
const SIGNATURES: u32 = 256;

/// How many entries are added to the log server, by how many connections.
const ADDED: &str = "400000";
const CONNECTIONS: &str = "50";

/// Ed25519 checks a second, all cores at it, and nanoseconds of processor time for each. Blocks.
pub(super) fn verifications() -> Result<(u64, u64), NodeError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let sign = |number: u32| {
        let mut seed = [5; 32];
        seed.iter_mut().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
        let key = SecretKey::from_seed(&seed);
        let digest = Domain::Message.digest(&[&number.to_le_bytes()]);
        (key.public(), digest, key.sign(&digest))
    };
    let signed: Vec<_> = (0..SIGNATURES).map(sign).collect();
    let (begun, cpu) = (now(), own_cpu()?);
    let check = || {
        let mut checked = 0;
        for (key, digest, signature) in signed.iter().cycle() {
            std::hint::black_box(key.verifies(digest, signature));
            checked += 1;
            if checked % 64 == 0 && begun.elapsed() >= TIME {
                return checked;
            }
        }
        checked
    };
    let checked: u64 = thread::scope(|scope| {
        let checking: Vec<_> = (0..cores).map(|_| scope.spawn(check)).collect();
        checking.into_iter().map(|checked| checked.join().unwrap_or_default()).sum()
    });
    let rate = checked.saturating_mul(1_000_000) / micros(begun.elapsed()).max(1);
    let cpu = own_cpu()?.saturating_sub(cpu).as_nanos();
    Ok((rate, u64::try_from(cpu).unwrap_or(u64::MAX) / checked.max(1)))
}

/// Rows a second of a redb table, 256 in each commit, as large as the given. Blocks.
pub(super) fn rows_per_second(directory: &Path, row: &[u8]) -> Result<u64, NodeError> {
    let directory = tempfile::tempdir_in(directory).map_err(NodeError::system)?;
    scheduler_unit::measure::rows_per_second(directory.path(), row, 256, TIME)
        .map_err(NodeError::system)
}

/// Entries a second that Redis takes with `XADD` when it syncs before it answers, 50 connections at
/// it, as `redis-benchmark` measures them; nothing if it is not installed. Blocks.
pub(super) fn redis_per_second(directory: &Path, bytes: usize) -> Result<Option<u64>, NodeError> {
    let directory = tempfile::tempdir_in(directory).map_err(NodeError::system)?;
    let Some(server) = Redis::start(directory.path())? else { return Ok(None) };
    let value = "v".repeat(bytes);
    let output = Command::new("redis-benchmark")
        .args(["-p", &server.port.to_string(), "-c", CONNECTIONS, "-n", ADDED, "--csv"])
        .args(["xadd", "log", "*", "entry", &value])
        .output();
    let Ok(output) = output else { return Ok(None) };
    let text = String::from_utf8_lossy(&output.stdout);
    // The last line has the test's name, then the rate, each in quotes.
    let rate = text.lines().last().and_then(|line| line.split("\",\"").nth(1));
    let whole = rate.and_then(|rate| rate.split('.').next());
    Ok(whole.and_then(|rate| rate.trim_matches('"').parse().ok()))
}

/// A Redis server that ends when dropped.
struct Redis {
    server: Child,
    port: u16,
}

impl Redis {
    fn start(directory: &Path) -> Result<Option<Self>, NodeError> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(NodeError::system)?;
        let port = free.local_addr().map_err(NodeError::system)?.port();
        drop(free);
        let server = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
            .arg(directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(server) = server else { return Ok(None) };
        let server = Self { server, port };
        let begun = now();
        while std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                return Ok(None);
            }
            thread::park_timeout(Duration::from_millis(20));
        }
        Ok(Some(server))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
