//! Opening the stores that a unit's configuration names: a log for each shard, and the modules.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{
    Config, LogPlace,
    store::{Disk, Index, LogStore, ModuleStore, RedbLog, RedbModules, StoreError},
};

/// A log, and what people call the place where it is.
pub(super) type Log = (Arc<dyn LogStore>, String);

/// Modules, and what people call the place where they are.
pub(super) type ModulesAt = (Box<dyn ModuleStore>, String);

/// Where logs and modules are, and whose they are.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    place: LogPlace,
    /// The start of the names of the unit's logs in a store that others use, too.
    name: String,
}

impl Stores {
    /// What a configuration names.
    pub(super) fn of(config: &Config) -> Self {
        let name = format!("{}/{}", config.network, config.key.public().unit());
        Self { place: config.log.clone(), name }
    }

    /// What lies on disks.
    #[cfg(any(test, simulation))]
    pub(crate) const fn in_files() -> Self {
        Self { place: LogPlace::Files, name: String::new() }
    }

    /// Opens the log of a shard, whose disk this is.
    pub(super) fn log(&self, shard: usize, disk: &Arc<dyn Disk>) -> Result<Log, StoreError> {
        // In files, each shard has a disk of its own.
        let name = format!("{}/{shard}", self.name);
        match &self.place {
            LogPlace::Files => {
                let at = disk.describe(RedbLog::DIRECTORY);
                let log = reading(&at, || RedbLog::open(Arc::clone(disk)))?;
                tracing::debug!(name, at, "a log is open");
                Ok((Arc::new(log), at))
            }
            #[cfg(feature = "postgres")]
            LogPlace::Postgres(server) => {
                let log = crate::store::postgres::open_log(server, &name)?;
                Ok((Arc::new(log), "antiphon_segments".to_owned()))
            }
        }
    }

    /// Opens the modules of the unit, whose disk this is.
    pub(super) fn modules(&self, disk: &Arc<dyn Disk>) -> Result<ModulesAt, StoreError> {
        match &self.place {
            LogPlace::Files => {
                let at = disk.describe(RedbModules::FILE);
                let modules = reading(&at, || RedbModules::open(Arc::clone(disk)))?;
                Ok((Box::new(modules), at))
            }
            #[cfg(feature = "postgres")]
            LogPlace::Postgres(server) => {
                let modules = crate::store::postgres::open_modules(server)?;
                Ok((Box::new(modules), "antiphon_modules".to_owned()))
            }
        }
    }
}

/// Reads a store of which nothing is known yet; what is wrong with it is told with its name.
pub(super) fn reading<T>(
    file: &str,
    read: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    // The database asserts what it reads of itself; a damaged file is an error all the same.
    let read = catch_unwind(AssertUnwindSafe(read));
    let reason = match read {
        Ok(Err(StoreError::Failed(reason) | StoreError::Damaged(reason))) => reason,
        Ok(read) => return read,
        Err(_) => "it is damaged".to_owned(),
    };
    let remedy = match file.ends_with(Index::FILE) {
        true => "delete it: it is derived again from the log",
        false => "restore it from a copy that has everything that was acknowledged",
    };
    Err(StoreError::Damaged(format!("cannot read {file}: {reason}; {remedy}")))
}
