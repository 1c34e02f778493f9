//! Opening the stores that a unit's configuration names.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{
    Config, LogPlace,
    store::{Disk, Index, LogStore, ModuleStore, RedbLog, RedbModules, StoreError},
};

/// Log and modules, and what people call the places where they are.
pub(crate) struct Stores {
    pub(crate) log: Arc<dyn LogStore>,
    pub(crate) log_at: String,
    pub(crate) modules: Box<dyn ModuleStore>,
    pub(crate) modules_at: String,
}

impl Stores {
    /// Opens what a configuration names.
    pub(super) fn open(config: &Config, disk: &Arc<dyn Disk>) -> Result<Self, StoreError> {
        match &config.log {
            LogPlace::Files => Self::in_files(disk),
            #[cfg(feature = "postgres")]
            LogPlace::Postgres(server) => {
                let name = format!("{}/{}/0", config.network, config.key.public().unit());
                Self::in_postgres(server, &name)
            }
        }
    }

    /// Opens what lies on a disk.
    pub(crate) fn in_files(disk: &Arc<dyn Disk>) -> Result<Self, StoreError> {
        let log_at = disk.describe(RedbLog::DIRECTORY);
        let log = Arc::new(reading(&log_at, || RedbLog::open(Arc::clone(disk)))?);
        let modules_at = disk.describe(RedbModules::FILE);
        let modules = Box::new(reading(&modules_at, || RedbModules::open(Arc::clone(disk)))?);
        Ok(Self { log, log_at, modules, modules_at })
    }

    #[cfg(feature = "postgres")]
    fn in_postgres(server: &tokio_postgres::Config, name: &str) -> Result<Self, StoreError> {
        let (log, modules) = crate::store::postgres::open(server, name)?;
        let (log, modules) = (Arc::new(log), Box::new(modules));
        let (log_at, modules_at) = ("antiphon_segments".to_owned(), "antiphon_modules".to_owned());
        Ok(Self { log, log_at, modules, modules_at })
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
