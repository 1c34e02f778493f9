//! `scheduler`, `messenger`, `compute`: one unit, in the foreground.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;
use protocol::{AccountId, Role};
use scheduler_unit::{LogPlace, LogPlaceError};
use serde::Serialize;

use super::{options::Globals, up::check_listen};
use crate::{
    clock,
    error::NodeError,
    output::UnitShape,
    stop::Signals,
    units::{Acquaintances, Decisions, Keeping, RunningUnit, Spreading},
};

/// Run one unit until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct Unit {
    /// The unit's name in the data directory [default: the role and `-1`]
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    name: Option<String>,
    /// The address at which the unit listens, and at which others reach it
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// Look for units on the local network
    #[arg(long)]
    mdns: bool,
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

/// Run one scheduler unit until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct Scheduler {
    #[command(flatten)]
    unit: Unit,
    /// An account that the scheduler serves; repeat for more [default: everyone]
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) allow: Vec<AccountId>,
    #[command(flatten)]
    pub(super) spreading: Spreading,
    /// Where logs and modules are kept: `redb`, for files in the data directory, or the URL of a
    /// PostgreSQL database, as postgres://user:password@host/database
    #[arg(
        long,
        env = "ANTIPHON_LOG_STORE",
        hide_env_values = true,
        value_name = "URL",
        default_value = "redb"
    )]
    log_store: String,
}

/// Run one compute unit until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct Compute {
    #[command(flatten)]
    unit: Unit,
    #[command(flatten)]
    pub(super) keeping: Keeping,
}

/// The first line on stdout, once the unit serves.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    event: &'static str,
    #[serde(flatten)]
    unit: &'a UnitShape,
}

impl Scheduler {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        // Parsed only here, so that no message repeats a password.
        let log: Result<LogPlace, LogPlaceError> = self.log_store.parse();
        let log = log.map_err(|error| NodeError::Usage(format!("--log-store: {error}")))?;
        let (allow, spreading) = (self.allow, self.spreading);
        let decisions = Decisions { allow, spreading, log, ..Decisions::default() };
        self.unit.run(Role::Scheduler, &decisions, globals).await
    }
}

impl Compute {
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), NodeError> {
        let decisions = Decisions { keeping: self.keeping, ..Decisions::default() };
        self.unit.run(Role::Compute, &decisions, globals).await
    }
}

impl Unit {
    pub(crate) async fn run(
        self,
        role: Role,
        decisions: &Decisions,
        globals: &Globals,
    ) -> Result<(), NodeError> {
        check_listen(self.listen)?;
        let mut signals = Signals::listen()?;
        let data = globals.data()?;
        data.create()?;
        let network = data.join(globals.network)?;
        let name = self.name.unwrap_or_else(|| format!("{role}-1"));
        let home = data.unit(role, &name, (network, self.listen))?;
        home.publish(clock::now())?;
        let others = Acquaintances {
            records: data.records()?,
            bootstrap: globals.bootstrap.clone(),
            mdns: self.mdns,
        };
        let unit = RunningUnit::start(&home, &others, decisions).await?;
        let shape = unit.shape();
        globals.output().print(&Ready { event: "ready", unit: shape }, || {
            format!("{} {}@{}\nnetwork {network}", shape.kind, shape.unit, shape.address)
        })?;
        let stop = async {
            match self.until_stdin_closes {
                true => signals.parent_gone().await,
                false => signals.any().await,
            }
        };
        tokio::select! {
            () = stop => {
                unit.shutdown().await;
                Ok(())
            }
            cause = unit.failed() => Err(NodeError::Unit { unit: name, detail: cause }),
        }
    }
}

/// A unit's name is a directory's.
fn parse_name(text: &str) -> Result<String, &'static str> {
    let name: crate::cluster::KeyName =
        text.parse().map_err(|_| "a unit's name has 1 to 64 letters, digits, `-` and `_`")?;
    Ok(name.to_string())
}
