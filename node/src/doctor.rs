//! The set-up of a data directory and of this machine: what is wrong, and what mends it.
//!
//! Looks only, but for mends that are asked for; and of these only what cannot lose anything.

mod files;
mod machine;
mod units;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Serialize;

use crate::{cluster::Lock, error::NodeError};

pub(crate) use files::look as look_at_files;
pub(crate) use machine::look as look_at_machine;
pub(crate) use units::{Seen, judge as judge_units, look_at_places};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// As it should be.
    Fine,
    /// Worth knowing; nothing is wrong.
    Note,
    /// Wrong, and mended just now.
    Mended,
    /// Wrong.
    Wrong,
}

/// What was found by one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) check: &'static str,
    pub(crate) level: Level,
    /// How it is.
    pub(crate) what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mend: Option<String>,
    #[serde(skip)]
    remedy: Option<Remedy>,
}

/// A mend that loses nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Remedy {
    /// Takes a file or directory away from everybody but its owner.
    Mode(PathBuf, u32),
    /// Removes a file that was never finished.
    Remove(PathBuf),
    /// Empties a lock file that nobody holds.
    Forget(PathBuf, &'static str),
}

impl Finding {
    fn fine(check: &'static str, what: impl Into<String>) -> Self {
        Self { check, level: Level::Fine, what: what.into(), mend: None, remedy: None }
    }

    fn note(check: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        let mend = Some(mend.into());
        Self { check, level: Level::Note, what: what.into(), mend, remedy: None }
    }

    fn wrong(check: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        let mend = Some(mend.into());
        Self { check, level: Level::Wrong, what: what.into(), mend, remedy: None }
    }

    /// A data directory that does not exist.
    pub(crate) fn missing(path: &Path) -> Self {
        let shown = path.display();
        let mend = format!("`antiphon up --data {shown}` makes it, or name another with --data");
        Self::wrong("directory", format!("{shown} does not exist"), mend)
    }

    /// A cluster that runs and cannot be asked.
    pub(crate) fn unreachable(error: &NodeError) -> Self {
        Self::wrong("units", error.to_string(), "restart the cluster; look at its log")
    }

    fn with(self, remedy: Remedy) -> Self {
        Self { remedy: Some(remedy), ..self }
    }

    /// Carries the mend out if it is a safe one.
    pub(crate) fn fix(&mut self) {
        let Some(remedy) = self.remedy.take() else { return };
        match remedy.apply() {
            Ok(()) => {
                let mend = self.mend.take().unwrap_or_default();
                self.what.push_str(&format!(": done: {mend}"));
                self.level = Level::Mended;
            }
            Err(error) => self.what.push_str(&format!("; it cannot be mended here: {error}")),
        }
    }
}

impl Remedy {
    fn apply(&self) -> Result<(), NodeError> {
        match self {
            Self::Mode(path, mode) => set_mode(path, *mode).map_err(NodeError::file(path)),
            Self::Remove(path) => fs::remove_file(path).map_err(NodeError::file(path)),
            Self::Forget(directory, name) => Lock::forget(directory, name),
        }
    }
}

/// The bits of a file's mode that say who may do what.
#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777
}

#[cfg(not(unix))]
const fn mode(_: &fs::Metadata) -> u32 {
    0
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    let permissions = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(mode);
    fs::set_permissions(path, permissions)
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
