//! What a new crate holds. The templates lie in `node/templates`, each a crate that can be read,
//! edited and tested where it is.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::ValueEnum;

use super::{CrateName, Sdk, carried};
use crate::error::NodeError;

/// A crate to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// A number: an initialiser, a view and a message.
    Counter,
    /// A token: balances, transfers, allowances.
    Ledger,
    /// A room: members, posts, events.
    Chat,
    /// Stages that ask each other, and wait where the next one is full.
    Pipeline,
}

/// The files of a template.
struct Source {
    name: &'static str,
    manifest: &'static str,
    code: &'static str,
    tests: &'static str,
}

macro_rules! source {
    ($name:literal) => {
        Source {
            name: $name,
            manifest: include_str!(concat!("../../templates/", $name, "/Cargo.toml")),
            code: include_str!(concat!("../../templates/", $name, "/src/lib.rs")),
            tests: include_str!(concat!("../../templates/", $name, "/src/tests.rs")),
        }
    };
}

impl Template {
    /// Makes a crate in a new directory, and returns where.
    pub(crate) fn write(
        self,
        directory: &Path,
        name: &CrateName,
        sdk: &Sdk,
    ) -> Result<PathBuf, NodeError> {
        let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent {
            fs::create_dir_all(parent).map_err(NodeError::file(parent))?;
        }
        fs::create_dir(directory).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => NodeError::usage(format!(
                "{} exists already: name a directory that does not",
                directory.display()
            )),
            _ => NodeError::file(directory)(error),
        })?;
        let written = self.fill(directory, name, sdk);
        if written.is_err() {
            // Half a crate is of no use, and would be in the way of the next try.
            let _ = fs::remove_dir_all(directory);
        }
        written?;
        fs::canonicalize(directory).map_err(NodeError::file(directory))
    }

    fn fill(self, directory: &Path, name: &CrateName, sdk: &Sdk) -> Result<(), NodeError> {
        let source = self.source();
        carried::write(&directory.join("Cargo.toml"), &source.manifest_for(name, sdk))?;
        carried::write(&directory.join("src/lib.rs"), source.code)?;
        carried::write(&directory.join("src/tests.rs"), source.tests)?;
        carried::write(&directory.join(".gitignore"), "/target\n")?;
        if let Some(lock) = &sdk.lock {
            carried::write(&directory.join(carried::LOCK), lock)?;
        }
        Ok(())
    }

    const fn source(self) -> Source {
        match self {
            Self::Counter => source!("counter"),
            Self::Ledger => source!("ledger"),
            Self::Chat => source!("chat"),
            Self::Pipeline => source!("pipeline"),
        }
    }
}

impl Source {
    /// The manifest with a name, and the SDK from where it is.
    fn manifest_for(&self, name: &CrateName, sdk: &Sdk) -> String {
        let own = format!("name = \"{}\"", self.name);
        let line = |line: &str| match line {
            line if line == own => format!("name = \"{name}\"\n"),
            line if line.starts_with("antiphon = ") => format!("antiphon = {}\n", sdk.dependency),
            line => format!("{line}\n"),
        };
        self.manifest.lines().map(line).collect()
    }
}

#[cfg(test)]
mod tests;
