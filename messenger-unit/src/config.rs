//! What an operator decides about a messenger unit. Nothing here can change an outcome.

use std::path::PathBuf;

use protocol::NetworkId;

/// The configuration of a messenger unit. It signs nothing, so it needs no key beside its endpoint's.
#[derive(Debug, Clone)]
pub struct Config {
    /// The network it serves.
    pub network: NetworkId,
    /// A directory of its own, for a database that is only a cache.
    pub data: PathBuf,
}

impl Config {
    /// A configuration with defaults for everything that has one.
    pub const fn new(network: NetworkId, data: PathBuf) -> Self {
        Self { network, data }
    }
}
