//! The address book: names people gave to processes, in `names.json`.

use std::{collections::BTreeMap, fs, io::ErrorKind, path::PathBuf};

use protocol::ProcessId;

use super::directory::write_whole;
use crate::error::NodeError;

/// The address book of a data directory.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    path: PathBuf,
    lock: PathBuf,
}

impl Book {
    pub(crate) fn new(path: PathBuf) -> Self {
        let lock = path.with_extension("lock");
        Self { path, lock }
    }

    /// All names with their processes.
    pub(crate) fn names(&self) -> Result<BTreeMap<String, ProcessId>, NodeError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(NodeError::file(&self.path)(error)),
        };
        serde_json::from_slice(&text).map_err(|error| NodeError::BadFile {
            path: self.path.clone(),
            detail: format!("not an address book ({error}); repair or delete it"),
        })
    }

    /// The process of a name.
    pub(crate) fn get(&self, name: &str) -> Result<Option<ProcessId>, NodeError> {
        Ok(self.names()?.remove(name))
    }

    /// Gives names to processes; what a name meant before is returned.
    pub(crate) fn put(
        &self,
        names: impl IntoIterator<Item = (String, ProcessId)>,
    ) -> Result<Vec<(String, ProcessId)>, NodeError> {
        let lock = fs::File::create(&self.lock).map_err(NodeError::file(&self.lock))?;
        lock.lock().map_err(NodeError::file(&self.lock))?;
        let mut book = self.names()?;
        let mut replaced = Vec::new();
        for (name, process) in names {
            if let Some(before) = book.insert(name.clone(), process)
                && before != process
            {
                replaced.push((name, before));
            }
        }
        let text = serde_json::to_vec_pretty(&book).map_err(NodeError::system)?;
        write_whole(&self.path, &text)?;
        Ok(replaced)
    }
}

#[cfg(test)]
mod tests;
