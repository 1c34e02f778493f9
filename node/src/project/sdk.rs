//! Where a crate has the SDK from.

use std::{
    convert::Infallible,
    fs, io,
    path::{Path, PathBuf},
    str,
};

use super::carried;
use crate::error::NodeError;

/// The line of a manifest that says so in the SDK's own.
const OWN_NAME: &str = "name = \"antiphon\"";

/// Where a crate shall have the SDK from, as people say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SdkSource {
    /// A checkout of the repository, or the SDK's own directory in one.
    Checkout(PathBuf),
    /// A git repository, as a URL.
    Git(String),
}

impl str::FromStr for SdkSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.contains("://") {
            true => Self::Git(text.to_owned()),
            false => Self::Checkout(text.into()),
        })
    }
}

/// The SDK as a manifest names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sdk {
    /// The path or URL.
    pub(crate) shown: String,
    /// The inline table of the dependency.
    pub(crate) dependency: String,
    /// The versions of dependencies it was tested with, if they are known.
    pub(crate) lock: Option<String>,
}

impl Sdk {
    /// The SDK that the program carries, unpacked below the user's data directory.
    pub(crate) fn carried(home: &Path) -> Result<Self, NodeError> {
        let place = carried::unpack(&home.join("sdk"))?;
        Self::at(&place.join("sdk"), &place.join(carried::LOCK))
    }

    /// The SDK from where people say.
    pub(crate) fn from_source(source: &SdkSource) -> Result<Self, NodeError> {
        match source {
            SdkSource::Checkout(path) => Self::checkout(path),
            SdkSource::Git(url) => {
                let dependency = format!("{{ git = {} }}", toml(url));
                Ok(Self { shown: url.clone(), dependency, lock: None })
            }
        }
    }

    fn checkout(path: &Path) -> Result<Self, NodeError> {
        let root = fs::canonicalize(path).map_err(NodeError::file(path))?;
        for (directory, lock) in [(root.join("sdk"), root.clone()), (root.clone(), root.join(".."))]
        {
            let manifest = directory.join("Cargo.toml");
            let text = read(&manifest)?.unwrap_or_default();
            if text.lines().any(|line| line.trim() == OWN_NAME) {
                return Self::at(&directory, &lock.join(carried::LOCK));
            }
        }
        Err(NodeError::usage(format!(
            "{} is no checkout of Antiphon: it has no sdk/Cargo.toml of the package `antiphon`",
            path.display()
        )))
    }

    fn at(directory: &Path, lock: &Path) -> Result<Self, NodeError> {
        let shown = directory.to_str().ok_or_else(|| {
            NodeError::usage(format!("{}: a manifest holds UTF-8 only", directory.display()))
        })?;
        let dependency = format!("{{ path = {} }}", toml(shown));
        Ok(Self { shown: shown.to_owned(), dependency, lock: read(lock)? })
    }
}

/// A text as a string of a manifest. Whatever escapes JSON has, those strings have, too.
fn toml(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The text of a file; nothing if it does not exist.
fn read(file: &Path) -> Result<Option<String>, NodeError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(NodeError::file(file)(error)),
    }
}

#[cfg(test)]
mod tests;
