//! Brings a whole cluster up, watches over it, and takes it down.

use std::net::IpAddr;

use antiphon_client::{Client, ClientOptions, Units};
use protocol::{NetworkId, Role, SecretKey};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use transport::UnitAddress;

use super::{
    DataDirectory, Lock, UnitHome,
    child::{ChildOptions, ChildUnit},
};
use crate::{
    clock,
    error::NodeError,
    output::UnitShape,
    units::{Acquaintances, Decisions, RunningUnit},
};

/// Deaths that wait to be told.
const DEATHS_MAX: usize = 64;

/// How many units of each role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) schedulers: u16,
    pub(crate) messengers: u16,
    pub(crate) computes: u16,
}

impl Default for Shape {
    fn default() -> Self {
        Self { schedulers: 1, messengers: 1, computes: 2 }
    }
}

/// What to bring up.
#[derive(Debug, Clone)]
pub(crate) struct UpOptions {
    pub(crate) data: DataDirectory,
    pub(crate) shape: Shape,
    /// Whether every unit gets an operating system process of its own.
    pub(crate) isolated: bool,
    /// The address units listen at.
    pub(crate) ip: IpAddr,
    /// The network to join; a new one if absent.
    pub(crate) network: Option<NetworkId>,
    /// Units elsewhere.
    pub(crate) bootstrap: Vec<UnitAddress>,
    pub(crate) mdns: bool,
    pub(crate) decisions: Decisions,
}

/// A cluster that runs. [`Self::shutdown`] stops it; dropping it stops it less gracefully.
#[derive(Debug)]
pub(crate) struct Cluster {
    network: NetworkId,
    units: Vec<UnitShape>,
    addresses: Vec<UnitAddress>,
    deaths: mpsc::Receiver<Death>,
    stop: CancellationToken,
    members: JoinSet<()>,
    _lock: Lock,
}

/// A unit that ended by itself. Nothing restarts it.
#[derive(Debug)]
pub(crate) struct Death {
    /// The unit's name in the data directory.
    pub(crate) name: String,
    /// How it ended.
    pub(crate) cause: String,
}

#[derive(Debug)]
enum Member {
    Here(Box<RunningUnit>),
    Apart(Box<ChildUnit>),
}

impl Cluster {
    /// Starts all units and waits until each serves.
    pub(crate) async fn start(options: &UpOptions) -> Result<Self, NodeError> {
        options.data.create()?;
        let lock = options.data.lock().await?;
        let network = options.data.join(options.network)?;
        let homes = homes(options, network)?;
        options.data.keep_records(&homes)?;
        let mut others = Acquaintances {
            bootstrap: options.bootstrap.clone(),
            mdns: options.mdns,
            ..Default::default()
        };
        for home in &homes {
            others.records.push(home.publish(clock::now())?);
        }
        let members = match options.isolated {
            true => apart(&homes, options).await?,
            false => here(&homes, &others, &options.decisions).await?,
        };
        let units = members.iter().map(|member| member.shape().clone()).collect();
        let (died, deaths) = mpsc::channel(DEATHS_MAX);
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for member in members {
            tasks.spawn(keep(member, stop.clone(), died.clone()));
        }
        let addresses = homes.iter().map(UnitHome::unit_address).collect();
        Ok(Self { network, units, addresses, deaths, stop, members: tasks, _lock: lock })
    }

    /// The units, schedulers first.
    pub(crate) fn units(&self) -> &[UnitShape] {
        &self.units
    }

    /// A client of this cluster.
    pub(crate) async fn client(&self, key: Option<SecretKey>) -> Result<Client, NodeError> {
        let units = Units::Bootstrap(self.addresses.clone());
        Ok(Client::connect(ClientOptions { network: self.network, key, units }).await?)
    }

    /// The next unit that ended by itself; never resolves while all is well. Safe to cancel.
    pub(crate) async fn death(&mut self) -> Death {
        match self.deaths.recv().await {
            Some(death) => death,
            // All are dead and told of.
            None => std::future::pending().await,
        }
    }

    /// Stops all units gracefully.
    pub(crate) async fn shutdown(mut self) {
        self.stop.cancel();
        while self.members.join_next().await.is_some() {}
    }
}

/// The places of all units of the shape.
fn homes(options: &UpOptions, network: NetworkId) -> Result<Vec<UnitHome>, NodeError> {
    let Shape { schedulers, messengers, computes } = options.shape;
    let roles =
        [(Role::Scheduler, schedulers), (Role::Messenger, messengers), (Role::Compute, computes)];
    let mut homes = Vec::new();
    for (role, count) in roles {
        for number in 1..=count {
            let name = format!("{role}-{number}");
            homes.push(options.data.unit(role, &name, (network, options.ip))?);
        }
    }
    Ok(homes)
}

async fn here(
    homes: &[UnitHome],
    others: &Acquaintances,
    decisions: &Decisions,
) -> Result<Vec<Member>, NodeError> {
    let mut members = Vec::new();
    for home in homes {
        match Box::pin(RunningUnit::start(home, others, decisions)).await {
            Ok(unit) => members.push(Member::Here(Box::new(unit))),
            Err(error) => {
                for member in members {
                    member.shutdown().await;
                }
                return Err(error);
            }
        }
    }
    Ok(members)
}

async fn apart(homes: &[UnitHome], options: &UpOptions) -> Result<Vec<Member>, NodeError> {
    let child = ChildOptions {
        data: options.data.path(),
        bootstrap: &options.bootstrap,
        mdns: options.mdns,
        decisions: &options.decisions,
    };
    let launched = homes.iter().map(|home| ChildUnit::launch(home, child));
    let mut children: Vec<ChildUnit> = launched.collect::<Result<_, _>>()?;
    for child in &mut children {
        child.ready().await?;
    }
    Ok(children.into_iter().map(|child| Member::Apart(Box::new(child))).collect())
}

/// Runs a member until the cluster stops; tells if it ends before.
async fn keep(mut member: Member, stop: CancellationToken, died: mpsc::Sender<Death>) {
    let cause = tokio::select! {
        () = stop.cancelled() => None,
        cause = member.ended() => Some(cause),
    };
    match cause {
        None => member.shutdown().await,
        Some(cause) => {
            let name = member.name().to_owned();
            // A full queue means that nobody listens; the log has it as well.
            tracing::error!(unit = name, cause, "a unit ended");
            let _ = died.try_send(Death { name, cause });
            // What is left of the unit keeps its place until the cluster stops.
            stop.cancelled().await;
        }
    }
}

impl Member {
    fn name(&self) -> &str {
        match self {
            Self::Here(unit) => unit.name(),
            Self::Apart(child) => child.name(),
        }
    }

    const fn shape(&self) -> &UnitShape {
        match self {
            Self::Here(unit) => unit.shape(),
            Self::Apart(child) => child.shape(),
        }
    }

    async fn ended(&mut self) -> String {
        match self {
            Self::Here(unit) => unit.failed().await,
            Self::Apart(child) => child.ended().await,
        }
    }

    async fn shutdown(self) {
        match self {
            Self::Here(unit) => unit.shutdown().await,
            Self::Apart(child) => child.shutdown().await,
        }
    }
}
