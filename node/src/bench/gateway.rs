//! A gateway in a program of its own, to be measured.

use std::{net::SocketAddr, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStdin, Command},
    time::timeout,
};

use super::{idle::pss, ingest::PATIENCE};
use crate::error::NodeError;

/// The longest ready line in bytes.
const LINE_MAX: u64 = 4_096;

/// A gateway in a program of its own; killed when dropped.
pub(super) struct Gateway {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
    pid: u32,
    stdin: Option<ChildStdin>,
}

impl Gateway {
    /// Starts one that has room for so many streams; `network` says how it finds its network.
    pub(super) async fn start(streams: usize, network: &[String]) -> Result<Self, NodeError> {
        let program = std::env::current_exe().map_err(NodeError::system)?;
        let mut child = Command::new(program)
            .args(["gateway", "--json", "--until-stdin-closes", "--gateway-rate", "1000000"])
            .args(["--gateway-streams", &streams.saturating_add(1).to_string()])
            .args(network)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(NodeError::system)?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            let mut stdout = BufReader::new(stdout.take(LINE_MAX));
            stdout.read_line(&mut line).await.map_err(NodeError::system)?;
        }
        let ready: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let address = ready.get("gateway").and_then(|url| url.as_str()?.strip_prefix("http://"));
        let address = address.and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| NodeError::system("the gateway does not start"))?;
        let pid = child.id().unwrap_or_default();
        Ok(Self { stdin: child.stdin.take(), child, address, pid })
    }

    /// Its proportional memory in KiB.
    pub(super) fn memory(&self) -> Result<u64, NodeError> {
        pss(&[self.pid])
    }

    /// Ends it.
    pub(super) async fn stop(mut self) {
        // It ends by itself when its input does; killed if it does not.
        self.stdin = None;
        let _ = timeout(PATIENCE, self.child.wait()).await;
    }
}
