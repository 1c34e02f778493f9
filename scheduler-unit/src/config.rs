//! What a scheduler unit is told when it starts.

use std::{
    num::{NonZeroU16, NonZeroUsize},
    path::PathBuf,
    str::FromStr,
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
    /// Where logs and modules are kept.
    pub log: LogPlace,
}

/// Where a scheduler keeps its logs and modules.
#[derive(Debug, Clone, Default)]
pub enum LogPlace {
    /// In redb files, in the data directory.
    #[default]
    Files,
    /// In a PostgreSQL database.
    #[cfg(feature = "postgres")]
    Postgres(Box<tokio_postgres::Config>),
}

/// A text names no place for logs. It may hold a password, so it is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum LogPlaceError {
    /// It is none of the known kinds.
    #[error("a log is kept in `redb`, or at a URL such as postgres://user:password@host/database")]
    Unknown,
    /// The program was built without it.
    #[error("this program was built without PostgreSQL")]
    NotBuilt,
}

impl FromStr for LogPlace {
    type Err = LogPlaceError;

    fn from_str(text: &str) -> Result<Self, LogPlaceError> {
        match text.split_once("://") {
            None if text == "redb" => Ok(Self::Files),
            #[cfg(feature = "postgres")]
            Some(("postgres" | "postgresql", _)) => {
                let config = text.parse().map_err(|_| LogPlaceError::Unknown)?;
                Ok(Self::Postgres(Box::new(config)))
            }
            #[cfg(not(feature = "postgres"))]
            Some(("postgres" | "postgresql", _)) => Err(LogPlaceError::NotBuilt),
            _ => Err(LogPlaceError::Unknown),
        }
    }
}

impl Config {
    /// The configuration of a unit that serves everyone, with a verifying thread for each core.
    pub fn new(key: SecretKey, network: NetworkId, data: PathBuf, operator: OperatorId) -> Self {
        let verifiers = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let (shards, disks, accounts, log) = (None, Vec::new(), None, LogPlace::default());
        Self { key, network, data, shards, disks, operator, accounts, verifiers, log }
    }
}
