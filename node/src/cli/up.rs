//! `up`: a cluster on this machine, in the foreground.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use antiphon_client::Client;
use clap::Args;
use protocol::AccountId;
use serde::Serialize;

use super::options::Globals;
use crate::{
    cluster::{Cluster, ClusterFile, DataDirectory, Death, KeyName, Shape, UpOptions},
    error::NodeError,
    gateway::{self, Gateway, GatewayConfig, Serving},
    output::{Output, UnitShape, line, note},
    stop::Signals,
    units::{Decisions, Keeping, Spreading},
};

/// Run a cluster on this machine until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// How many schedulers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    schedulers: u16,
    /// How many messengers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    messengers: u16,
    /// How many compute units
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    computes: u16,
    /// Give every unit an operating system process of its own
    #[arg(long)]
    isolated: bool,
    /// Where HTTP is served [default: a free port on loopback]
    #[arg(long, value_name = "ADDR")]
    gateway: Option<SocketAddr>,
    #[command(flatten)]
    serving: Serving,
    /// The address at which units listen, and at which others reach them
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// Look for units on the local network
    #[arg(long)]
    mdns: bool,
    /// An account that the schedulers serve; repeat for more [default: everyone]
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) allow: Vec<AccountId>,
    #[command(flatten)]
    pub(super) spreading: Spreading,
    #[command(flatten)]
    pub(super) keeping: Keeping,
}

/// The first line on stdout, once everything serves.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    event: &'static str,
    gateway: String,
    data: String,
    units: &'a [UnitShape],
}

/// A cluster with what this program serves beside it.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) cluster: Cluster,
    gateway: Gateway,
}

impl Up {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        check_listen(self.listen)?;
        self.serving.check(self.gateway)?;
        if !globals.bootstrap.is_empty() && globals.network.is_none() {
            return Err(NodeError::usage("--bootstrap needs --network as well"));
        }
        let mut signals = Signals::listen()?;
        let options = UpOptions {
            data: globals.data()?,
            shape: Shape {
                schedulers: self.schedulers,
                messengers: self.messengers,
                computes: self.computes,
            },
            isolated: self.isolated,
            ip: self.listen,
            network: globals.network,
            bootstrap: globals.bootstrap.clone(),
            mdns: self.mdns,
            decisions: Decisions {
                allow: self.allow,
                spreading: self.spreading,
                keeping: self.keeping,
                ..Decisions::default()
            },
        };
        let mut served = tokio::select! {
            served = Served::start(&options, self.gateway, self.serving) => served?,
            () = signals.any() => return Ok(()),
        };
        served.announce(&options.data, globals.output())?;
        served.watch(&mut signals).await;
        served.shutdown().await;
        Ok(())
    }
}

impl Served {
    /// Brings a cluster up, with an account to use it and a gateway to look at it.
    pub(super) async fn start(
        options: &UpOptions,
        gateway: Option<SocketAddr>,
        serving: Serving,
    ) -> Result<Self, NodeError> {
        let cluster = Box::pin(Cluster::start(options)).await?;
        options.data.ensure_account(&KeyName::default_key())?;
        let started = async {
            let client = cluster.client(serving.key(&options.data)?).await?;
            start_gateway(&options.data, (gateway, serving), client).await
        };
        match started.await {
            Ok(gateway) => {
                let served = Self { cluster, gateway };
                let units = served.cluster.units().to_vec();
                options.data.set_cluster(&ClusterFile { gateway: served.url(), units })?;
                Ok(served)
            }
            Err(error) => {
                cluster.shutdown().await;
                Err(error)
            }
        }
    }

    /// Where the explorer is.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.gateway.address())
    }

    /// Stops everything.
    pub(super) async fn shutdown(self) {
        self.gateway.shutdown().await;
        self.cluster.shutdown().await;
    }

    /// Says that everything serves, and what to do next.
    fn announce(&self, data: &DataDirectory, output: Output) -> Result<(), NodeError> {
        let path = std::path::absolute(data.path()).map_err(NodeError::file(data.path()))?;
        let units = self.cluster.units();
        if output.json {
            let (gateway, data) = (self.url(), path.display().to_string());
            return output.object(&Ready { event: "ready", gateway, data, units });
        }
        for unit in units {
            line(&format!("{:<9} {}@{}", unit.kind, unit.unit, unit.address))?;
        }
        line(&format!("explorer  {}", self.url()))?;
        let path = path.display();
        line(&format!(
            "\nready. In another terminal:\n  \
             antiphon --data {path} spawn counter.wasm --name counter --args '{{\"start\":0}}'\n  \
             antiphon --data {path} send counter add 3\n  \
             antiphon --data {path} view counter get\nCtrl-C stops the cluster."
        ))
    }

    /// Tells of units that end by themselves, until a signal comes. Restarts none.
    pub(super) async fn watch(&mut self, signals: &mut Signals) {
        loop {
            tokio::select! {
                () = signals.any() => return,
                Death { name, cause } = self.cluster.death() => note(&format!(
                    "error: unit-failed: {name} ended ({cause}); the others go on. \
                     Restart the cluster to bring it back."
                )),
            }
        }
    }
}

/// Listens where it is told to, or else on loopback where it did last time if that is free.
async fn start_gateway(
    data: &DataDirectory,
    (listen, serving): (Option<SocketAddr>, Serving),
    client: Client,
) -> Result<Gateway, NodeError> {
    if let Some(listen) = listen {
        return Ok(gateway::start(GatewayConfig { listen, serving }, client).await?);
    }
    let last = data.gateway_port();
    for port in last.into_iter().chain([0]) {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let config = GatewayConfig { listen, serving: serving.clone() };
        match gateway::start(config, client.clone()).await {
            Ok(gateway) => {
                data.set_gateway_port(gateway.address().port())?;
                return Ok(gateway);
            }
            Err(error) if error.is_taken() && port != 0 => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(NodeError::System("no port is free on loopback".to_owned()))
}

/// Others must be able to dial what a unit says of itself.
pub(super) fn check_listen(ip: IpAddr) -> Result<(), NodeError> {
    if ip.is_unspecified() {
        return Err(NodeError::usage(format!(
            "--listen {ip} is no address that others could dial: name one of this machine"
        )));
    }
    Ok(())
}
