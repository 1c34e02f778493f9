//! A unit in a process of its own.
//!
//! The child holds the reading end of a pipe as its standard input and stops when it closes: it
//! ends with its parent, however that ends.

use std::{path::Path, process::Stdio, time::Duration};

use protocol::Role;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, Command},
    time::timeout,
};
use transport::UnitAddress;

use super::UnitHome;
use crate::{error::NodeError, output::UnitShape, units::Decisions};

/// How long a child may take to stop before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest ready line in bytes.
const LINE_MAX: u64 = 4_096;

/// A unit in a process of its own; killed when dropped.
#[derive(Debug)]
pub(crate) struct ChildUnit {
    name: String,
    shape: UnitShape,
    child: Child,
    pipe: Option<ChildStdin>,
}

/// What a child is told beside its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChildOptions<'a> {
    pub(crate) data: &'a Path,
    pub(crate) bootstrap: &'a [UnitAddress],
    pub(crate) mdns: bool,
    pub(crate) decisions: &'a Decisions,
}

impl ChildUnit {
    /// Starts the process; [`Self::ready`] waits for the unit.
    pub(crate) fn launch(home: &UnitHome, options: ChildOptions<'_>) -> Result<Self, NodeError> {
        let fail = |error: std::io::Error| NodeError::Unit {
            unit: home.name.clone(),
            detail: error.to_string(),
        };
        let mut command = Command::new(std::env::current_exe().map_err(fail)?);
        command
            .arg(home.role.word())
            .arg("--data")
            .arg(options.data)
            .args(["--name", &home.name, "--json", "--until-stdin-closes"])
            .args(["--listen", &home.address.ip().to_string()]);
        for unit in options.bootstrap {
            command.args(["--bootstrap", &unit.to_string()]);
        }
        if options.mdns {
            command.arg("--mdns");
        }
        match home.role {
            Role::Scheduler => {
                for account in &options.decisions.allow {
                    command.args(["--allow", &account.to_string()]);
                }
                command.args(options.decisions.spreading.args());
            }
            Role::Messenger => {}
            Role::Compute => drop(command.args(options.decisions.keeping.args())),
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(fail)?;
        let shape = UnitShape {
            kind: home.role.word().to_owned(),
            unit: home.key.public().unit(),
            address: home.address.to_string(),
            pid: child.id().unwrap_or_default(),
        };
        let pipe = child.stdin.take();
        Ok(Self { name: home.name.clone(), shape, child, pipe })
    }

    /// Waits until the unit serves.
    pub(crate) async fn ready(&mut self) -> Result<(), NodeError> {
        use tokio::io::AsyncReadExt;

        let mut line = String::new();
        if let Some(stdout) = self.child.stdout.take() {
            let mut stdout = BufReader::new(stdout.take(LINE_MAX));
            stdout.read_line(&mut line).await.map_err(NodeError::system)?;
        }
        if line.contains("\"event\":\"ready\"") {
            return Ok(());
        }
        let ended = timeout(STOP_TIMEOUT, self.child.wait()).await;
        let own_words = format!("{} does not start: ", self.name);
        let said = detail_of(&line).map(|said| said.replacen(&own_words, "", 1));
        let detail = match (said, ended) {
            (Some(detail), _) => detail,
            (None, Ok(Ok(status))) => status.to_string(),
            (None, _) => "it does not answer".to_owned(),
        };
        Err(NodeError::Unit { unit: self.name.clone(), detail })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn shape(&self) -> &UnitShape {
        &self.shape
    }

    /// Resolves when the process has ended, with how. Safe to cancel.
    pub(crate) async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Ends it at once, as a crash would.
    pub(crate) async fn kill(mut self) -> Result<(), NodeError> {
        self.child.kill().await.map_err(NodeError::system)
    }

    /// Stops gracefully.
    pub(crate) async fn shutdown(mut self) {
        self.pipe = None;
        if timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            tracing::warn!(unit = self.name, "killed: it did not stop in time");
            let _ = self.child.kill().await;
        }
    }
}

/// The cause in a failure that a child printed.
fn detail_of(line: &str) -> Option<String> {
    let failure: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(failure.get("error")?.get("detail")?.as_str()?.to_owned())
}
