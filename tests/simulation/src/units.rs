//! Machines with a unit each, which start and crash.

use std::{path::PathBuf, time::Duration};

use protocol::{
    Kind, NetworkId, OperatorId, Role, SecretKey, Signed, Timestamp, UnitId, UnitRecord, V1,
};
use simulated_messenger::Config;
use simulated_tokio::{
    self as tokio,
    simulation::{self, Machine},
    time::sleep,
};
use simulated_transport::{Directory, Endpoint, Network, Peers};

use crate::{actor, compute, numbers::Numbers, trace::note};

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([9; 32]);

/// How long it takes to start a unit again that did not start.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// Who vouches for all units.
const OPERATOR: u8 = 200;

pub(crate) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// What a unit keeps.
#[derive(Debug)]
enum Disk {
    Scheduler(simulated_scheduler::simulated::Disk),
    Compute(compute_unit::simulation::Disk),
    Messenger(PathBuf),
}

/// A unit and its machine.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) role: Role,
    key: SecretKey,
    machine: Machine,
    disk: Disk,
    pub(crate) up: bool,
}

/// Runs a messenger until its machine crashes, and starts it again where its disk does not let it.
async fn keep_running(data: PathBuf, endpoint: Endpoint, directory: Directory) {
    loop {
        let config = Config::new(NETWORK, data.clone());
        match simulated_messenger::start(config, endpoint.clone(), directory.clone()).await {
            Ok(running) => panic!("a messenger ended: {}", running.failed().await),
            Err(error) => note(&format!("a messenger does not start: {error}")),
        }
        sleep(RESTART_PAUSE).await;
    }
}

/// All units, and what they need to find each other.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) network: Network,
    pub(crate) hosts: Vec<Host>,
    records: Vec<Signed<UnitRecord>>,
    /// Whether compute units believe their schedulers' checks.
    trusting: bool,
}

impl Host {
    fn new(role: Role, number: u8) -> Self {
        let (base, disk) = match role {
            Role::Scheduler => (10, Disk::Scheduler(Default::default())),
            Role::Compute => (20, Disk::Compute(Default::default())),
            // No directory can be there, should anybody look.
            Role::Messenger => {
                (30, Disk::Messenger(PathBuf::from(format!("/dev/null/messenger{number}"))))
            }
        };
        let seed = base + number;
        Self { role, key: key(seed), machine: Machine(seed.into()), disk, up: false }
    }

    pub(crate) fn unit(&self) -> UnitId {
        self.key.public().unit()
    }

    fn record(&self) -> Signed<UnitRecord> {
        let operator = key(OPERATOR);
        let record = UnitRecord {
            version: V1,
            kind: Kind,
            network: NETWORK,
            unit: self.unit(),
            role: self.role,
            operator: OperatorId::from_bytes(*operator.public().as_bytes()),
            vouch: UnitRecord::vouch(&operator, NETWORK, &self.unit(), self.role),
            addresses: vec!["127.0.0.1:1".to_owned()],
            sequence: 1,
            expires: Timestamp::new(u64::MAX),
        };
        Signed::sign(record, &self.key)
    }

    /// Starts the unit, if its disk lets it.
    pub(crate) fn start(&mut self, cluster: (&Network, Directory, bool), numbers: Numbers) {
        if self.up {
            return;
        }
        let (network, directory, trusting) = cluster;
        let endpoint = network.endpoint(self.unit());
        self.up = simulation::on(self.machine, || match &self.disk {
            Disk::Scheduler(disk) => {
                let who = (self.key.clone(), NETWORK);
                let started = simulated_scheduler::simulated::start(disk, who, endpoint, directory);
                if let Err(error) = &started {
                    note(&format!("a scheduler does not start: {error}"));
                }
                started.is_ok()
            }
            Disk::Compute(disk) => {
                let (who, now) = ((self.key.clone(), NETWORK), simulation::now());
                let modules = actor::modules();
                let unit = compute_unit::simulation::Unit::start(disk, who, modules, trusting, now);
                let peers = Peers::new(endpoint.clone(), directory);
                compute::start(unit, endpoint, peers, numbers);
                true
            }
            Disk::Messenger(data) => {
                tokio::spawn(keep_running(data.clone(), endpoint, directory));
                true
            }
        });
    }

    /// The power fails.
    pub(crate) fn crash(&mut self, network: &Network, seed: u64) {
        if !self.up {
            return;
        }
        self.up = false;
        // First the disk: what ends now writes nothing any more.
        match &self.disk {
            Disk::Scheduler(disk) => disk.crash(seed),
            Disk::Compute(disk) => disk.crash(),
            Disk::Messenger(data) => simulated_redb::crash(data),
        }
        network.crash(self.unit());
        simulation::crash(self.machine);
    }

    /// The disk takes nothing for a while.
    pub(crate) fn refuse(&self, after: u64, failures: u64) {
        match &self.disk {
            Disk::Scheduler(disk) => disk.refuse(after, failures),
            Disk::Compute(disk) => disk.refuse(true),
            Disk::Messenger(data) => simulated_redb::refuse(data, true),
        }
    }

    /// The disk makes nothing durable any more, and says that it does.
    pub(crate) fn lie(&self) {
        if let Disk::Scheduler(disk) = &self.disk {
            disk.lie();
        }
    }

    /// The disk takes everything again.
    pub(crate) fn heal(&self) {
        match &self.disk {
            Disk::Scheduler(disk) => disk.heal(),
            Disk::Compute(disk) => disk.refuse(false),
            Disk::Messenger(data) => simulated_redb::refuse(data, false),
        }
    }

    /// Loses what only saves work: the database of a messenger.
    pub(crate) fn forget(&self) {
        if let Disk::Messenger(data) = &self.disk {
            simulated_redb::forget(data);
        }
    }
}

impl Cluster {
    /// So many units of each role, on a network.
    pub(crate) fn new(network: Network, counts: [(Role, u8); 3], trusting: bool) -> Self {
        let hosts: Vec<Host> = counts
            .into_iter()
            .flat_map(|(role, count)| (0..count).map(move |number| Host::new(role, number)))
            .collect();
        let records = hosts.iter().map(Host::record).collect();
        Self { network, hosts, records, trusting }
    }

    /// A directory that knows all units.
    pub(crate) fn directory(&self) -> Directory {
        let directory = Directory::new(NETWORK);
        for record in &self.records {
            assert!(directory.insert(record.clone(), Timestamp::ZERO).unwrap());
        }
        directory
    }

    /// The units of a role.
    pub(crate) fn units(&self, role: Role) -> Vec<UnitId> {
        let of_role = self.hosts.iter().filter(|host| host.role == role);
        of_role.map(Host::unit).collect()
    }

    /// The keys of the compute units.
    pub(crate) fn compute_key(&self) -> SecretKey {
        let compute = self.hosts.iter().find(|host| host.role == Role::Compute);
        compute.unwrap().key.clone()
    }

    /// Starts all units that are down.
    pub(crate) fn start_all(&mut self, numbers: &mut Numbers) {
        for at in 0..self.hosts.len() {
            self.start(at, numbers.fork());
        }
    }

    /// Starts a unit.
    pub(crate) fn start(&mut self, at: usize, numbers: Numbers) {
        let directory = self.directory();
        self.hosts[at].start((&self.network, directory, self.trusting), numbers);
    }

    /// Somebody who is no unit, and talks to all.
    pub(crate) fn stranger(&self, seed: u8) -> Peers {
        let unit = key(seed).public().unit();
        Peers::new(self.network.endpoint(unit), self.directory())
    }
}
