//! What an operator decides about a compute unit. Nothing here can change an outcome.

use std::path::PathBuf;

use protocol::{NetworkId, OperatorId, SecretKey};

/// The configuration of a compute unit.
#[derive(Debug, Clone)]
pub struct Config {
    /// The unit's key, which is its address.
    pub key: SecretKey,
    /// The network it serves.
    pub network: NetworkId,
    /// Who vouches for it; schedulers of the same operator are believed to have checked signatures.
    pub operator: OperatorId,
    /// A directory of its own.
    pub data: PathBuf,
    /// How many processes execute at a time, and how many long messages beside them, at a lower
    /// priority; by default as many as there are cores.
    pub threads: Option<usize>,
    /// Whether signatures and proofs are checked again that a scheduler of the same operator
    /// checked already.
    pub verify_all: bool,
}

impl Config {
    /// A configuration with defaults for everything that has one.
    pub const fn new(
        key: SecretKey,
        network: NetworkId,
        operator: OperatorId,
        data: PathBuf,
    ) -> Self {
        Self { key, network, operator, data, threads: None, verify_all: false }
    }

    /// How many processes execute at a time.
    pub(crate) fn thread_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(2, usize::from);
        self.threads.unwrap_or_else(cores).clamp(1, 256)
    }
}
