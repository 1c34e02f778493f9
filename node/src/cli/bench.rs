//! `bench`: figures, with the limits of the machine from the same run.

use std::net::{IpAddr, Ipv4Addr};

use clap::{Args, Subcommand};

use super::{
    options::Globals,
    session::{Access, Session},
};
use crate::{
    bench::{self, IngestOptions},
    cluster::{Cluster, DataDirectory, KeyName, Shape, UpOptions},
    error::NodeError,
    output::note,
    units::Decisions,
};

/// Measure a cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Send messages of many clients to many counters; durable, executed, replied.
    Ingest(Ingest),
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

impl Bench {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let Self::Ingest(Ingest { seconds, processes, clients }) = self;
        let options = IngestOptions { seconds, processes, clients };
        let elsewhere = !globals.bootstrap.is_empty();
        if elsewhere || globals.data()?.is_running()? {
            let session = Session::open(globals, Access::Sign).await?;
            let data = (!elsewhere).then(|| session.data.path().to_owned());
            let report = Box::pin(bench::ingest(&session.client, data.as_deref(), options)).await?;
            return globals.output().print(&report, || report.text());
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
        let report = Box::pin(bench::ingest(&client, Some(directory.path()), options)).await;
        drop(client);
        cluster.shutdown().await;
        let report = report?;
        globals.output().print(&report, || report.text())
    }
}
