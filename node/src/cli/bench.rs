//! `bench`: figures, with the limits of the machine from the same run.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use antiphon_client::Client;
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use protocol::Role;
use transport::UnitAddress;

use super::{
    options::Globals,
    session::{Access, Session},
};
use crate::{
    bench::{
        self, AssignOptions, DeliverOptions, FloodOptions, HopsOptions, IdleOptions, IngestOptions,
        PagesOptions, RingOptions, StartOptions, SubscribersOptions,
    },
    cluster::{Cluster, DataDirectory, KeyName, Shape, UpOptions},
    error::NodeError,
    output::{UnitShape, note},
    units::{Decisions, Spreading},
};

/// Measure a cluster, or a scheduler alone.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Send messages of many clients to many counters; durable, executed, replied.
    Ingest(Ingest),
    /// Spawn many counters and let them rest: what they take of memory, and how soon they answer.
    Idle(Idle),
    /// Send short messages beside messages of 10 billion gas.
    Long(Long),
    /// Let pairs of processes throw balls to each other; durable from log to log.
    Hops(Hops),
    /// Let tokens go round in a ring of processes.
    Ring(Ring),
    /// Ask many children at once and wait for all of them.
    Forkjoin(Forkjoin),
    /// Play benchmarks of the Savina suite; each checks its result. `hops`, `ring` and `forkjoin`
    /// are others of them.
    Savina(Savina),
    /// Kill the messenger of a cluster of its own while many items wait.
    Backlog(Backlog),
    /// Send to one process beside a flood of another sender to another process.
    Flood(Flood),
    /// Let many follow one process over HTTP: what they take of memory, and whether each gets all.
    Subscribers(Subscribers),
    /// Fill a network with messages and ask for each page of the explorer.
    Pages(Pages),
    /// Send messages of many accounts straight to a scheduler of its own; durable, with proof.
    Assign(Assign),
    /// Send deliveries with proofs of origin straight to a scheduler of its own.
    Deliver(Deliver),
    /// Send one message at a time straight to a scheduler of its own.
    Lone(Lone),
    /// Write a long log into a scheduler of its own, and read it from the beginning.
    Read(Read),
    /// Write a long log, kill a scheduler that goes on with it, and start it again.
    Start(Start),
}

#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// How long to send
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=200))]
    seconds: u64,
    /// How many processes receive
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    processes: u32,
    /// How many clients wait for replies at any time
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=8_192))]
    clients: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Idle {
    /// How long to let them rest
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How many processes to spawn
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    processes: u32,
    /// How many of them get messages before
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    live: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Long {
    /// How many long messages at a time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    messages: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Hops {
    /// How many pairs play at a time
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pairs: u32,
    /// How long about
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=200))]
    seconds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Ring {
    /// How many processes
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    nodes: u32,
    /// How many tokens
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    tokens: u32,
    /// How far each goes
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    hops: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Forkjoin {
    /// How many children
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    children: u32,
    /// How often
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    times: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Savina {
    /// Which of them [default: all]
    #[arg(value_parser = PossibleValuesParser::new(bench::savina_names()))]
    name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Backlog {
    /// How many items
    #[arg(long, default_value_t = 1_200_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    items: u32,
    /// Delete its database as well
    #[arg(long)]
    without_database: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Flood {
    /// Messages a second of the flood
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// How long it lasts at the most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=200))]
    seconds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Assign {
    /// How many messages, all signed before the first is sent
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    messages: u32,
    /// How many accounts sign
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    accounts: u32,
    /// How many processes receive
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    processes: u32,
    /// How many bytes of arguments a message has
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=65_536))]
    args_bytes: u32,
    #[command(flatten)]
    load: Load,
}

#[derive(Debug, Args)]
pub(crate) struct Deliver {
    /// How many processes tell
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    sources: u32,
    /// How many processes are told by each of them
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    targets: u32,
    /// How many times
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// How many bytes of arguments a delivery has
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(0..=65_536))]
    args_bytes: u32,
    #[command(flatten)]
    load: Load,
}

/// How a scheduler alone is laid out and loaded.
#[derive(Debug, Args)]
pub(crate) struct Load {
    /// Over how many connections
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    streams: u16,
    /// How many entries are under way at a time
    #[arg(long, default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(256..=1_000_000))]
    window: u32,
    #[command(flatten)]
    spreading: Spreading,
}

#[derive(Debug, Args)]
pub(crate) struct Subscribers {
    /// How many subscribers
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    subscribers: u32,
    /// How many outcomes
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    events: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Pages {
    /// How many messages there are before, about
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(10_000..=10_000_000))]
    messages: u32,
    /// How often each page is asked for
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    times: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Lone {
    /// How many messages
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    messages: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Read {
    /// How many slots the log has
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    slots: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// How many slots the log has
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u32).range(1_000..=100_000_000))]
    slots: u32,
    /// How many processes share them
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    processes: u32,
    /// How many messages are assigned before each kill
    #[arg(long, default_value_t = 300_000, value_parser = clap::value_parser!(u32).range(0..=2_000_000))]
    messages: u32,
    /// How often to kill
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    kills: u32,
}

/// A cluster to measure.
struct Measured {
    client: Client,
    /// Its directory, if it is on this machine.
    data: Option<PathBuf>,
    /// Its programs, if they are on this machine.
    units: Vec<UnitShape>,
    /// The cluster and its directory, if it is temporary.
    temporary: Option<(Cluster, tempfile::TempDir)>,
}

impl Bench {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let output = globals.output();
        match self {
            Self::Assign(options) => {
                let report = Box::pin(bench::assign(options.into())).await?;
                output.print(&report, || report.text())
            }
            Self::Deliver(options) => {
                let report = Box::pin(bench::deliver(options.into())).await?;
                output.print(&report, || report.text())
            }
            Self::Lone(Lone { messages }) => {
                let report = Box::pin(bench::lone(usize_of(messages))).await?;
                output.print(&report, || report.text())
            }
            Self::Read(Read { slots }) => {
                let report = Box::pin(bench::read(usize_of(slots))).await?;
                output.print(&report, || report.text())
            }
            Self::Start(Start { slots, processes, messages, kills }) => {
                let (slots, messages) = (usize_of(slots), usize_of(messages));
                let options = StartOptions { slots, processes, messages, kills };
                let report = Box::pin(bench::start(options)).await?;
                output.print(&report, || report.text())
            }
            Self::Ingest(options) => Box::pin(OfCluster::Ingest(options).run(globals)).await,
            Self::Idle(options) => Box::pin(OfCluster::Idle(options).run(globals)).await,
            Self::Long(options) => Box::pin(OfCluster::Long(options).run(globals)).await,
            Self::Backlog(Backlog { items, without_database }) => {
                let report = Box::pin(bench::backlog(items, without_database)).await?;
                output.print(&report, || report.text())
            }
            Self::Ring(options) => Box::pin(OfCluster::Ring(options).run(globals)).await,
            Self::Forkjoin(options) => Box::pin(OfCluster::Forkjoin(options).run(globals)).await,
            Self::Savina(options) => Box::pin(OfCluster::Savina(options).run(globals)).await,
            Self::Hops(options) => Box::pin(OfCluster::Hops(options).run(globals)).await,
            Self::Flood(options) => Box::pin(OfCluster::Flood(options).run(globals)).await,
            Self::Subscribers(options) => {
                Box::pin(OfCluster::Subscribers(options).run(globals)).await
            }
            Self::Pages(options) => Box::pin(OfCluster::Pages(options).run(globals)).await,
        }
    }
}

/// A measurement of a whole cluster.
enum OfCluster {
    Ingest(Ingest),
    Idle(Idle),
    Long(Long),
    Hops(Hops),
    Ring(Ring),
    Forkjoin(Forkjoin),
    Savina(Savina),
    Flood(Flood),
    Subscribers(Subscribers),
    Pages(Pages),
}

impl From<Assign> for AssignOptions {
    fn from(options: Assign) -> Self {
        let Assign { messages, accounts, processes, args_bytes, load } = options;
        Self {
            messages: usize_of(messages),
            accounts,
            processes,
            args_bytes: usize_of(args_bytes),
            streams: load.streams.into(),
            window: usize_of(load.window),
            spreading: load.spreading,
        }
    }
}

impl From<Deliver> for DeliverOptions {
    fn from(options: Deliver) -> Self {
        let Deliver { sources, targets, rounds, args_bytes, load } = options;
        Self {
            sources,
            targets,
            rounds,
            args_bytes: usize_of(args_bytes),
            streams: load.streams.into(),
            window: usize_of(load.window),
            spreading: load.spreading,
        }
    }
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl OfCluster {
    async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let Measured { client, data, units, temporary } = Box::pin(Measured::open(globals)).await?;
        let output = globals.output();
        let done = match self {
            Self::Ingest(Ingest { seconds, processes, clients }) => {
                let options = IngestOptions { seconds, processes, clients };
                let report = Box::pin(bench::ingest(&client, data.as_deref(), options)).await;
                report.and_then(|report| output.print(&report, || report.text()))
            }
            Self::Idle(Idle { seconds, processes, live }) => {
                let options = IdleOptions { processes, live: live.min(processes), seconds };
                let report = Box::pin(bench::idle(&client, &computes(&units), options)).await;
                report.and_then(|report| output.print(&report, || report.text()))
            }
            Self::Long(Long { messages }) => {
                let report = Box::pin(bench::long(&client, messages)).await;
                report.and_then(|report| output.print(&report, || report.text()))
            }
            Self::Hops(Hops { pairs, seconds }) => {
                let options = HopsOptions { pairs, seconds };
                let report = Box::pin(bench::hops(&client, data.as_deref(), &units, options)).await;
                report.and_then(|report| output.print(&report, || report.text()))
            }
            Self::Ring(Ring { nodes, tokens, hops }) => {
                let options = RingOptions { nodes, tokens, hops };
                let report = Box::pin(bench::ring(&client, &units, options)).await;
                report.and_then(|report| output.print(&report, || report.text()))
            }
            Self::Forkjoin(Forkjoin { children, times }) => {
                let report = Box::pin(bench::fork_join(&client, children, times)).await;
                report.and_then(|report| output.print(&report, || report.text()))
            }
            Self::Savina(Savina { name }) => {
                let report = Box::pin(bench::savina(&client, name.as_deref())).await;
                report.and_then(|report| output.print(&report, || report.text()))
            }
            Self::Flood(Flood { rate, seconds }) => {
                let options = FloodOptions { rate, seconds };
                let report = Box::pin(bench::neighbour(&client, options)).await;
                report.and_then(|report| output.print(&report, || report.text()))
            }
            Self::Subscribers(Subscribers { subscribers, events }) => {
                let network = place(&client, data.as_deref(), &globals.bootstrap);
                let options = SubscribersOptions { subscribers, events, network };
                let report = Box::pin(bench::subscribers(&client, options)).await;
                report.and_then(|report| output.print(&report, || report.text()))
            }
            Self::Pages(Pages { messages, times }) => {
                let network = place(&client, data.as_deref(), &globals.bootstrap);
                let options = PagesOptions { messages, times, network };
                let report = Box::pin(bench::pages(&client, options)).await;
                report.and_then(|report| output.print(&report, || report.text()))
            }
        };
        drop(client);
        if let Some((cluster, directory)) = temporary {
            cluster.shutdown().await;
            drop(directory);
        }
        done
    }
}

impl Measured {
    /// The cluster that the options name, or else a temporary one.
    async fn open(globals: &Globals) -> Result<Self, NodeError> {
        let elsewhere = !globals.bootstrap.is_empty();
        if elsewhere || globals.data()?.is_running()? {
            let session = Session::open(globals, Access::Sign).await?;
            let data = (!elsewhere).then(|| session.data.path().to_owned());
            let units = session.data.cluster().filter(|_| !elsewhere).map(|file| file.units);
            let units = units.unwrap_or_default();
            return Ok(Self { client: session.client, data, units, temporary: None });
        }
        note("no cluster runs: measuring a temporary one, every unit a process of its own");
        let directory = tempfile::tempdir().map_err(NodeError::system)?;
        let up = UpOptions {
            data: DataDirectory::new(directory.path().to_owned()),
            shape: Shape::default(),
            isolated: true,
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            network: None,
            bootstrap: Vec::new(),
            mdns: false,
            decisions: Decisions::default(),
        };
        let cluster = Box::pin(Cluster::start(&up)).await?;
        let key = up.data.ensure_key(&KeyName::default_key())?;
        let client = cluster.client(Some(key)).await?;
        let units = cluster.units().to_vec();
        let data = Some(directory.path().to_owned());
        Ok(Self { client, data, units, temporary: Some((cluster, directory)) })
    }
}

/// The options by which another program finds a cluster.
fn place(client: &Client, data: Option<&Path>, bootstrap: &[UnitAddress]) -> Vec<String> {
    if let Some(data) = data {
        return vec!["--data".to_owned(), data.to_string_lossy().into_owned()];
    }
    let network = ["--network".to_owned(), client.network().to_string()];
    let units = bootstrap.iter().flat_map(|unit| ["--bootstrap".to_owned(), unit.to_string()]);
    network.into_iter().chain(units).collect()
}

fn computes(units: &[UnitShape]) -> Vec<u32> {
    units.iter().filter(|unit| unit.kind == Role::Compute.word()).map(|unit| unit.pid).collect()
}
