//! Wires one unit: its socket, its directory of other units, discovery, and the unit itself.

mod keeping;
mod spreading;

use std::io;

use protocol::{AccountId, Role, Signed, UnitRecord};
use scheduler_unit::LogPlace;
use transport::{
    Directory, Discovery, DiscoveryConfig, DiscoveryError, Endpoint, Limits, UnitAddress,
};

use crate::{
    clock,
    cluster::{Lock, UnitHome},
    error::NodeError,
    output::UnitShape,
};

pub(crate) use keeping::Keeping;
pub(crate) use spreading::Spreading;

/// What an operator decides about units beside their places.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decisions {
    /// The accounts that a scheduler serves; everyone if there are none.
    pub(crate) allow: Vec<AccountId>,
    /// Over what the logs of a scheduler are spread.
    pub(crate) spreading: Spreading,
    /// Where a scheduler keeps logs and modules.
    pub(crate) log: LogPlace,
    /// What a compute unit keeps.
    pub(crate) keeping: Keeping,
}

/// Whom a unit knows when it starts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Acquaintances {
    /// Records of units on this machine.
    pub(crate) records: Vec<Signed<UnitRecord>>,
    /// Units elsewhere, to learn of others.
    pub(crate) bootstrap: Vec<UnitAddress>,
    /// Whether to look for units on the local network.
    pub(crate) mdns: bool,
}

/// A unit that runs in this process.
#[derive(Debug)]
pub(crate) struct RunningUnit {
    name: String,
    shape: UnitShape,
    service: Service,
    discovery: Discovery,
    _lock: Lock,
}

#[derive(Debug)]
enum Service {
    Scheduler(Box<scheduler_unit::Running>),
    Messenger(Box<messenger_unit::Running>),
    Compute(Box<compute_unit::Running>),
}

impl RunningUnit {
    /// Starts a unit in its place.
    pub(crate) async fn start(
        home: &UnitHome,
        others: &Acquaintances,
        decisions: &Decisions,
    ) -> Result<Self, NodeError> {
        let lock = home.lock().await?;
        let fail = |error: &dyn std::fmt::Display| NodeError::Unit {
            unit: home.name.clone(),
            detail: error.to_string(),
        };
        let taken = |error: transport::Error| match error {
            transport::Error::AddressTaken { address } => {
                NodeError::PortTaken { address, file: home.port_file() }
            }
            error => fail(&error),
        };
        let now = clock::now();
        let directory = Directory::new(home.network);
        for record in &others.records {
            if let Err(error) = directory.insert(record.clone(), now) {
                tracing::debug!(%error, "a record on this machine does not hold");
            }
        }
        let endpoint = Endpoint::bind(&home.key, home.network, home.address, Limits::default());
        let endpoint = endpoint.map_err(taken)?;
        let discovery = DiscoveryConfig {
            signer: home.signer(),
            listen: home.address,
            bootstrap: bootstrap(home, others),
            mdns: others.mdns,
        };
        let discovery = Discovery::start(discovery, directory.clone()).await;
        let discovery = discovery.map_err(|error| match error {
            DiscoveryError::Listen(error) => taken(error),
            error @ DiscoveryError::Record(_) => fail(&error),
        })?;
        let service = Service::start(home, (endpoint, directory), decisions).await;
        let service = service.map_err(|error| fail(&error))?;
        home.publish(now)?;
        let shape = UnitShape {
            kind: home.role.word().to_owned(),
            unit: home.key.public().unit(),
            address: home.address.to_string(),
            pid: std::process::id(),
        };
        Ok(Self { name: home.name.clone(), shape, service, discovery, _lock: lock })
    }

    /// Its name in the data directory.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it is and where.
    pub(crate) const fn shape(&self) -> &UnitShape {
        &self.shape
    }

    /// Resolves when the unit can no longer serve, with why.
    pub(crate) async fn failed(&self) -> String {
        match &self.service {
            Service::Scheduler(unit) => unit.failed().await,
            Service::Messenger(unit) => unit.failed().await,
            Service::Compute(unit) => unit.failed().await,
        }
    }

    /// Stops gracefully.
    pub(crate) async fn shutdown(self) {
        self.discovery.shutdown().await;
        match self.service {
            Service::Scheduler(unit) => unit.shutdown().await,
            Service::Messenger(unit) => unit.shutdown().await,
            Service::Compute(unit) => unit.shutdown().await,
        }
    }
}

impl Service {
    async fn start(
        home: &UnitHome,
        (endpoint, directory): (Endpoint, Directory),
        decisions: &Decisions,
    ) -> io::Result<Self> {
        let operator = home.operator.public().operator();
        let (key, network, data) = (home.key.clone(), home.network, home.data());
        Ok(match home.role {
            Role::Scheduler => {
                let allow = &decisions.allow;
                let accounts = (!allow.is_empty()).then(|| allow.clone());
                let config = scheduler_unit::Config::new(key, network, data, operator);
                let config = decisions.spreading.of(&home.name, config);
                let config =
                    scheduler_unit::Config { accounts, log: decisions.log.clone(), ..config };
                let running = scheduler_unit::start(config, endpoint, directory);
                Self::Scheduler(Box::new(running.map_err(io::Error::other)?))
            }
            Role::Messenger => {
                let config = messenger_unit::Config::new(network, data);
                let running = messenger_unit::start(config, endpoint, directory).await;
                Self::Messenger(Box::new(running.map_err(io::Error::other)?))
            }
            Role::Compute => {
                let config = compute_unit::Config::new(key, network, operator, data);
                let config = decisions.keeping.of(config);
                let running = compute_unit::start(config, endpoint, directory).await;
                Self::Compute(Box::new(running.map_err(io::Error::other)?))
            }
        })
    }
}

/// Units that discovery begins with: those on this machine, even where their records are too old to
/// be believed, and those named.
fn bootstrap(home: &UnitHome, others: &Acquaintances) -> Vec<UnitAddress> {
    let me = home.key.public().unit();
    let local = others.records.iter().map(Signed::unverified).filter_map(|record| {
        let address = record.addresses.first()?.parse().ok()?;
        (record.unit != me).then_some(UnitAddress { unit: record.unit, address })
    });
    local.chain(others.bootstrap.iter().copied()).collect()
}
