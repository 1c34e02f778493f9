//! `demo`: one week of earthquakes, on a cluster of separate units.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::{options::Globals, up::Served};
use crate::{
    cluster::{DataDirectory, KeyName, Shape, UpOptions},
    demo::{self, DemoError, Figures, Findings},
    error::NodeError,
    gateway::Serving,
    output::{line, note},
    stop::Signals,
    units::Decisions,
};

/// Run one week of earthquakes through fourteen actors on a cluster of separate units.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// End when the earthquakes are through
    #[arg(long)]
    once: bool,
}

/// What programs get.
#[derive(Debug, Serialize)]
struct Report<'a> {
    event: &'static str,
    ok: bool,
    gateway: String,
    figures: &'a Figures,
}

impl Demo {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let mut signals = Signals::listen()?;
        // Without a directory of its own the demonstration leaves nothing behind.
        let (_temporary, data) = match globals.named_data() {
            Some(data) => (None, data),
            None => {
                let directory = tempfile::tempdir().map_err(NodeError::system)?;
                let data = DataDirectory::new(directory.path().to_owned());
                (Some(directory), data)
            }
        };
        let options = UpOptions {
            data,
            shape: Shape::default(),
            isolated: true,
            ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            network: globals.network,
            bootstrap: globals.bootstrap.clone(),
            mdns: false,
            decisions: Decisions::default(),
        };
        note("starting a scheduler, a messenger and two compute units, each a process of its own");
        let mut served = tokio::select! {
            served = Box::pin(Served::start(&options, None, Serving::default())) => served?,
            () = signals.any() => return Ok(()),
        };
        let ran = tokio::select! {
            ran = self.conduct(&served, &options.data, globals) => ran,
            () = signals.any() => Ok(()),
        };
        if ran.is_ok() && !self.once {
            note(&format!(
                "the cluster stays up until Ctrl-C. In another terminal:\n  \
                 antiphon --data {} ps",
                options.data.path().display()
            ));
            served.watch(&mut signals).await;
        }
        served.shutdown().await;
        ran
    }

    async fn conduct(
        &self,
        served: &Served,
        data: &DataDirectory,
        globals: &Globals,
    ) -> Result<(), NodeError> {
        let key = data.ensure_key(&KeyName::default_key())?;
        let client = served.cluster.client(Some(key)).await?;
        let progress = ProgressBar::new(0);
        let style = "{bar:40} {pos}/{len} earthquakes, {per_sec}, {elapsed}";
        let style = ProgressStyle::with_template(style).map_err(NodeError::system)?;
        progress.set_style(style);
        let findings = Box::pin(demo::run(&client, &progress)).await;
        progress.finish_and_clear();
        let Findings { tables, figures } = findings.map_err(|error| match error {
            DemoError::Client(error) => NodeError::Client(error),
            error @ DemoError::Differs(_) => NodeError::Verification(error.to_string()),
            error => NodeError::system(error),
        })?;
        let gateway = served.url();
        if globals.json {
            let report = Report { event: "done", ok: true, gateway, figures: &figures };
            return globals.output().object(&report);
        }
        line(&tables)?;
        line("every total is the one computed from the file\n")?;
        let Figures { messages, elapsed_ms, messages_per_second, p50_us, p99_us } = figures;
        line(&format!(
            "{messages} messages in {elapsed_ms} ms ({messages_per_second} a second), \
             reply after {p50_us} us (p50), {p99_us} us (p99)"
        ))?;
        line(&format!("explorer: {gateway}"))
    }
}
