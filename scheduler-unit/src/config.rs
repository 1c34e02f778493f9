//! What a scheduler unit is told when it starts.

use std::{
    num::{NonZeroU16, NonZeroUsize},
    path::PathBuf,
};

use protocol::{AccountId, NetworkId, OperatorId, SecretKey};

/// The configuration of a scheduler unit.
#[derive(Debug, Clone)]
pub struct Config {
    /// The unit's key.
    pub key: SecretKey,
    /// The network it serves.
    pub network: NetworkId,
    /// The directory of its databases; made if it does not exist.
    pub data: PathBuf,
    /// How many shards it has, for ever; as many as it has already, or one, if absent.
    pub shards: Option<NonZeroU16>,
    /// Directories on further disks, over which shards are spread in turn; those it has already if
    /// empty.
    pub disks: Vec<PathBuf>,
    /// Who vouches for it.
    pub operator: OperatorId,
    /// The accounts that may spawn and send; everyone if absent.
    pub accounts: Option<Vec<AccountId>>,
    /// Threads that verify signatures.
    pub verifiers: NonZeroUsize,
}

impl Config {
    /// The configuration of a unit that serves everyone, with a verifying thread for each core.
    pub fn new(key: SecretKey, network: NetworkId, data: PathBuf, operator: OperatorId) -> Self {
        let verifiers = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let (shards, disks, accounts) = (None, Vec::new(), None);
        Self { key, network, data, shards, disks, operator, accounts, verifiers }
    }
}
