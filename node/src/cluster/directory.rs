//! The data directory: what lies where in it.
//!
//! ```text
//! network            the network's id
//! operator.key       the key that vouches for the units
//! keys/              accounts, as `keyring` says
//! session/           keys that are open for a while, where there is no better folder
//! names.json         the address book
//! cluster.json       what `up` runs, or ran last
//! gateway.port       where HTTP was served last
//! up.lock            held by `up`
//! units/NAME/        one unit: key, port, record, lock, data/
//! ```

use std::{
    fs::{self, DirBuilder},
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use protocol::{NetworkId, Role, SecretKey, Signed, Timestamp, UnitRecord, codec};
use serde::{Deserialize, Serialize};
use transport::{RecordSigner, UnitAddress};

use super::{
    Book, KeyName, Lock,
    keyring::{Keyring, session_folder},
    keys::{self, random_key},
    ports,
};
use crate::{clock, error::NodeError, output::UnitShape};

/// The lock file of a data directory.
pub(crate) const UP_LOCK: &str = "up.lock";

/// The lock file of a unit's place.
pub(crate) const UNIT_LOCK: &str = "lock";

/// A data directory.
#[derive(Debug, Clone)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    /// The user's runtime folder, if there is one.
    runtime: Option<PathBuf>,
}

/// What `up` runs on a data directory, for people and scripts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ClusterFile {
    /// Where the gateway listens, as a URL.
    pub(crate) gateway: String,
    /// The units.
    pub(crate) units: Vec<UnitShape>,
}

/// Where a unit has run, or runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// What people call the unit.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) is_running: bool,
}

/// One unit's place in the data directory, with all it needs to start.
#[derive(Debug, Clone)]
pub(crate) struct UnitHome {
    /// What people call it: role and number.
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) network: NetworkId,
    pub(crate) key: SecretKey,
    pub(crate) operator: SecretKey,
    pub(crate) address: SocketAddr,
    path: PathBuf,
}

impl DataDirectory {
    /// A directory that may or may not exist.
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path, runtime: None }
    }

    /// The same with the user's runtime folder, for keys that are opened for a while.
    #[must_use]
    pub(crate) fn with_runtime(self, runtime: Option<PathBuf>) -> Self {
        Self { runtime, ..self }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory if it does not exist.
    pub(crate) fn create(&self) -> Result<(), NodeError> {
        make(&self.path)
    }

    /// Takes the whole directory for an `up`.
    pub(crate) async fn lock(&self) -> Result<Lock, NodeError> {
        Lock::take(&self.path, UP_LOCK).await
    }

    /// The network's id, if there is one.
    pub(crate) fn network(&self) -> Result<Option<NetworkId>, NodeError> {
        let path = self.path.join("network");
        match fs::read_to_string(&path) {
            Ok(text) => match text.trim().parse() {
                Ok(network) => Ok(Some(network)),
                Err(error) => Err(NodeError::BadFile { path, detail: format!("{error}") }),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(NodeError::file(path)(error)),
        }
    }

    /// The network's id; the wanted one, or a new one, is remembered from the first time on.
    pub(crate) fn join(&self, wanted: Option<NetworkId>) -> Result<NetworkId, NodeError> {
        match (self.network()?, wanted) {
            (Some(network), Some(wanted)) if network != wanted => Err(NodeError::Usage(format!(
                "{} belongs to {network}, not to {wanted}: choose another directory with --data",
                self.path.display()
            ))),
            (Some(network), _) => Ok(network),
            (None, wanted) => {
                let random =
                    || random_key().map(|key| NetworkId::from_bytes(*key.public().as_bytes()));
                let network = wanted.map_or_else(random, Ok)?;
                write_whole(&self.path.join("network"), format!("{network}\n").as_bytes())?;
                Ok(network)
            }
        }
    }

    /// The address book.
    pub(crate) fn book(&self) -> Book {
        Book::new(self.path.join("names.json"))
    }

    /// Where accounts are kept.
    pub(crate) fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }

    /// The accounts.
    pub(crate) fn keyring(&self) -> Keyring {
        Keyring::new(self.keys(), session_folder(&self.path, self.runtime.as_deref()))
    }

    /// An account's key, if there is one of this name.
    ///
    /// # Errors
    ///
    /// [`NodeError::KeyLocked`] if its passphrase is needed.
    pub(crate) fn key(&self, name: &KeyName) -> Result<Option<SecretKey>, NodeError> {
        self.keyring().key(name, clock::now())
    }

    /// An account's key, made if there is none.
    pub(crate) fn ensure_key(&self, name: &KeyName) -> Result<SecretKey, NodeError> {
        self.ensure_account(name)?;
        let missing = || NodeError::NoKey { name: name.to_string(), path: self.keys() };
        self.key(name)?.ok_or_else(missing)
    }

    /// Makes an account's key, if there is none in any form.
    pub(crate) fn ensure_account(&self, name: &KeyName) -> Result<(), NodeError> {
        let ring = self.keyring();
        if !ring.has(name) {
            ring.create(name, None)?;
        }
        Ok(())
    }

    /// Where the gateway listened last.
    pub(crate) fn gateway_port(&self) -> Option<u16> {
        fs::read_to_string(self.path.join("gateway.port")).ok()?.trim().parse().ok()
    }

    /// Remembers where the gateway listens.
    pub(crate) fn set_gateway_port(&self, port: u16) -> Result<(), NodeError> {
        write_whole(&self.path.join("gateway.port"), format!("{port}\n").as_bytes())
    }

    /// Writes down what runs.
    pub(crate) fn set_cluster(&self, cluster: &ClusterFile) -> Result<(), NodeError> {
        let text = serde_json::to_vec_pretty(cluster).map_err(NodeError::system)?;
        write_whole(&self.path.join("cluster.json"), &text)
    }

    /// What `up` runs now; nothing if it does not run here.
    pub(crate) fn cluster(&self) -> Option<ClusterFile> {
        if !Lock::is_held(&self.path, UP_LOCK) {
            return None;
        }
        serde_json::from_slice(&fs::read(self.path.join("cluster.json")).ok()?).ok()
    }

    /// The unit of a role and number, with its key and port made if there are none; fails while it
    /// runs.
    pub(crate) fn unit(
        &self,
        role: Role,
        name: &str,
        (network, ip): (NetworkId, IpAddr),
    ) -> Result<UnitHome, NodeError> {
        let path = self.units().join(name);
        make(&path)?;
        // Its port is taken as well; the lock tells by whom.
        Lock::check_free(&path, UNIT_LOCK)?;
        let operator = keys::read_or_create(&self.path.join("operator.key"))?;
        let key = keys::read_or_create(&path.join("key"))?;
        let address = ports::remembered(&path.join("port"), ip)?;
        Ok(UnitHome { name: name.to_owned(), role, network, key, operator, address, path })
    }

    fn units(&self) -> PathBuf {
        self.path.join("units")
    }

    /// Where units run, or ran, by name.
    pub(crate) fn places(&self) -> Result<Vec<Place>, NodeError> {
        let places = names_in(&self.units())?.into_iter().map(|name| {
            let path = self.units().join(&name);
            let is_running = Lock::is_held(&path, UNIT_LOCK);
            Place { name, path, is_running }
        });
        Ok(places.collect())
    }

    /// Whether any unit runs on this directory now.
    pub(crate) fn is_running(&self) -> Result<bool, NodeError> {
        let mut names = names_in(&self.units())?.into_iter();
        Ok(names.any(|name| Lock::is_held(&self.units().join(name), UNIT_LOCK)))
    }

    /// The records of the units that run, or ran last.
    pub(crate) fn records(&self) -> Result<Vec<Signed<UnitRecord>>, NodeError> {
        let mut records = Vec::new();
        for name in names_in(&self.units())? {
            let bytes = fs::read(self.units().join(name).join("record")).ok();
            records.extend(bytes.and_then(|bytes| codec::decode(&bytes).ok()));
        }
        Ok(records)
    }

    /// The record of the unit of a name that runs, or ran last.
    pub(crate) fn record(&self, name: &str) -> Result<Option<Signed<UnitRecord>>, NodeError> {
        let path = self.units().join(name).join("record");
        match fs::read(&path) {
            Ok(bytes) => Ok(codec::decode(&bytes).ok()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(NodeError::file(path)(error)),
        }
    }

    /// Forgets the records of units that are not among these.
    pub(crate) fn keep_records(&self, homes: &[UnitHome]) -> Result<(), NodeError> {
        for name in names_in(&self.units())? {
            if homes.iter().all(|home| home.name != name) {
                keys::private::remove(&self.units().join(name).join("record"))?;
            }
        }
        Ok(())
    }
}

impl UnitHome {
    /// Takes the unit's place for this process.
    pub(crate) async fn lock(&self) -> Result<Lock, NodeError> {
        Lock::take(&self.path, UNIT_LOCK).await
    }

    /// Where the unit keeps what it stores.
    pub(crate) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// Where the unit's port is remembered.
    pub(crate) fn port_file(&self) -> PathBuf {
        self.path.join("port")
    }

    /// Signs the unit's record.
    pub(crate) fn signer(&self) -> RecordSigner {
        let vouch =
            UnitRecord::vouch(&self.operator, self.network, &self.key.public().unit(), self.role);
        let operator = (self.operator.public().operator(), vouch);
        RecordSigner::new(self.key.clone(), self.network, self.role, operator, &[self.address])
    }

    /// Leaves the unit's record for units and commands on this machine.
    pub(crate) fn publish(&self, now: Timestamp) -> Result<Signed<UnitRecord>, NodeError> {
        let record = self.signer().sign(now);
        write_whole(&self.path.join("record"), &codec::encode(&record))?;
        Ok(record)
    }

    /// The unit's address with its key.
    pub(crate) fn unit_address(&self) -> UnitAddress {
        UnitAddress { unit: self.key.public().unit(), address: self.address }
    }
}

/// Writes a file so that nobody ever sees half of it.
pub(crate) fn write_whole(path: &Path, contents: &[u8]) -> Result<(), NodeError> {
    let other = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&other, contents)
        .and_then(|()| fs::rename(&other, path))
        .map_err(NodeError::file(path))
}

/// Makes a directory and its parents, for the owner only.
pub(super) fn make(path: &Path) -> Result<(), NodeError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(NodeError::file(path))
}

/// The sorted names in a directory; none if it does not exist.
pub(super) fn names_in(path: &Path) -> Result<Vec<String>, NodeError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(NodeError::file(path)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(NodeError::file(path))?.file_name();
        names.extend(name.into_string());
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests;
