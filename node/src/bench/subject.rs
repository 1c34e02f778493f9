//! A scheduler program to measure: a process of its own, on a directory that goes with it.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    time::Duration,
};

use protocol::{
    NetworkId, ProcessId, Role,
    api::{Request, Response},
    codec,
};
use tempfile::TempDir;
use transport::{Connection, Endpoint, Limits, UnitAddress};

use super::{
    flood::{Stream, flood},
    synthetic::World,
};
use crate::{
    clock,
    cluster::{ChildOptions, ChildUnit, DataDirectory, UnitHome, random_key},
    error::NodeError,
    units::{Decisions, Spreading},
};

/// The unit in which the kernel counts processor time, a second having so many.
const TICKS: u64 = 100;

/// A directory for a scheduler, which goes with this.
pub(super) struct Place {
    home: UnitHome,
    directory: TempDir,
}

/// A scheduler that runs until it is stopped.
pub(super) struct Subject {
    child: ChildUnit,
    place: Place,
    started: tokio::time::Instant,
}

/// A connection with the socket it uses.
pub(super) struct Line {
    pub(super) connection: Connection,
    _endpoint: Endpoint,
}

impl Place {
    /// Makes the directory.
    pub(super) fn make() -> Result<Self, NodeError> {
        let directory = tempfile::tempdir().map_err(NodeError::system)?;
        let data = DataDirectory::new(directory.path().to_owned());
        let network = data.join(None)?;
        let place = (network, IpAddr::V4(Ipv4Addr::LOCALHOST));
        let home = data.unit(Role::Scheduler, "scheduler-1", place)?;
        home.publish(clock::now())?;
        Ok(Self { home, directory })
    }

    /// How a scheduler there is configured.
    pub(super) fn config(&self) -> scheduler_unit::Config {
        let UnitHome { key, network, operator, .. } = &self.home;
        let operator = operator.public().operator();
        scheduler_unit::Config::new(key.clone(), *network, self.home.data(), operator)
    }

    /// Starts a scheduler that is laid out like this.
    pub(super) async fn start(self, spreading: &Spreading) -> Result<Subject, NodeError> {
        let decisions = Decisions { spreading: spreading.clone(), ..Decisions::default() };
        let options = ChildOptions {
            data: self.directory.path(),
            bootstrap: &[],
            mdns: false,
            decisions: &decisions,
        };
        let mut child = ChildUnit::launch(&self.home, options)?;
        child.ready().await?;
        Ok(Subject { child, place: self, started: tokio::time::Instant::now() })
    }
}

impl Subject {
    /// Starts a scheduler that is laid out like this, in a directory of its own.
    pub(super) async fn start(spreading: &Spreading) -> Result<Self, NodeError> {
        Place::make()?.start(spreading).await
    }

    /// Who it is and where.
    pub(super) fn address(&self) -> UnitAddress {
        self.place.home.unit_address()
    }

    pub(super) const fn network(&self) -> NetworkId {
        self.place.home.network
    }

    /// Where it keeps its data, and measurements of the same disk may.
    pub(super) fn directory(&self) -> &Path {
        self.place.directory.path()
    }

    /// Connects, with a key and a socket of its own.
    pub(super) async fn connect(&self) -> Result<Line, NodeError> {
        self.connect_as(&random_key()?).await
    }

    /// Connects as the holder of a key.
    pub(super) async fn connect_as(&self, key: &protocol::SecretKey) -> Result<Line, NodeError> {
        Line::to(self.address(), self.network(), key).await
    }

    /// The processor time it has taken so far.
    pub(super) fn cpu(&self) -> Result<Duration, NodeError> {
        cpu_of(&self.child.shape().pid.to_string())
    }

    /// Bytes of all blocks that its logs and indexes take on the disk.
    pub(super) fn allocated(&self) -> u64 {
        blocks(&self.directory().join("units"))
    }

    /// Stores the module of all processes, and spawns so many of them.
    pub(super) async fn populate(
        &self,
        world: &World,
        processes: u32,
    ) -> Result<Vec<ProcessId>, NodeError> {
        let line = self.connect().await?;
        line.ask(&Request::PutModule(example_modules::COUNTER.to_vec())).await?;
        let spawns = world.spawns(processes, self.address().unit);
        let born = spawns.iter().map(|spawn| spawn.entry.target()).collect();
        flood(self, vec![Stream::encode(spawns, 64)], 1_024).await?;
        Ok(born)
    }

    /// Waits until no message signed from then on could have been assigned before the scheduler
    /// started, by any clock that is at most five seconds off: it looks such messages up.
    pub(super) async fn leave_start_behind(&self) {
        tokio::time::sleep_until(self.started + Duration::from_secs(6)).await;
    }

    /// Waits until what it does after it has answered is done: its processor time stands still.
    pub(super) async fn settle(&self) {
        const PAUSE: Duration = Duration::from_secs(2);
        let mut before = None;
        loop {
            let cpu = self.cpu().ok();
            if cpu == before {
                return;
            }
            before = cpu;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Kills it; what it has written stays.
    pub(super) async fn kill(self) -> Result<Place, NodeError> {
        self.child.kill().await?;
        Ok(self.place)
    }

    /// Stops it and removes its directory.
    pub(super) async fn stop(self) {
        self.child.shutdown().await;
    }
}

impl Line {
    /// Connects to a unit as the holder of a key.
    pub(super) async fn to(
        UnitAddress { unit, address }: UnitAddress,
        network: NetworkId,
        key: &protocol::SecretKey,
    ) -> Result<Self, NodeError> {
        let endpoint =
            Endpoint::client(key, network, Limits::default()).map_err(NodeError::system)?;
        let connection = endpoint.connect(unit, address).await.map_err(NodeError::system)?;
        Ok(Self { connection, _endpoint: endpoint })
    }

    /// Asks the scheduler; gives the bytes of the object it answers with.
    pub(super) async fn ask(&self, request: &Request) -> Result<Vec<u8>, NodeError> {
        let answer = self.connection.request(codec::encode(request)).await;
        match codec::decode_trusted(&answer.map_err(NodeError::system)?) {
            Ok(Response::Done(body)) => Ok(body),
            Ok(Response::Refused(refusal)) => Err(NodeError::system(refusal)),
            Err(error) => Err(NodeError::system(error)),
        }
    }
}

/// The processor time that this program has taken so far.
pub(super) fn own_cpu() -> Result<Duration, NodeError> {
    cpu_of("self")
}

/// User and system time of a process: fields 14 and 15 of `/proc/PID/stat`, Linux only.
pub(super) fn cpu_of(pid: &str) -> Result<Duration, NodeError> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).map_err(NodeError::system)?;
    // The name before, in parentheses, may have blanks.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
    let ticks: Vec<u64> = fields.take(2).filter_map(|field| field.parse().ok()).collect();
    match ticks.as_slice() {
        [user, system] => Ok(Duration::from_millis((user + system) * 1_000 / TICKS)),
        _ => Err(NodeError::system(format!("{path} does not tell the time"))),
    }
}

#[cfg(unix)]
fn blocks(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;

    const BLOCK: u64 = 512;
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => blocks(&entry.path()),
        Ok(metadata) => metadata.blocks() * BLOCK,
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(not(unix))]
fn blocks(_: &Path) -> u64 {
    0
}
