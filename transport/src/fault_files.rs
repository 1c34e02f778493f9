//! Fault files: evidence that any third party can check offline, one file for each, so that whoever
//! finds one can hand it on.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use protocol::{Fault, Hash, codec};

/// The directory of fault files within the unit's.
const DIRECTORY: &str = "faults";

/// The fault files of a unit.
#[derive(Debug)]
pub struct FaultFiles(PathBuf);

impl FaultFiles {
    /// Files kept; nothing is written beside them.
    pub const MAX: usize = 256;

    /// The fault files of a unit with this data directory.
    pub fn new(data: &Path) -> Self {
        Self(data.join(DIRECTORY))
    }

    /// Writes the canonical bytes of a fault to a file named for their BLAKE3 digest, whole or not
    /// at all; nothing if there are too many already. Waits for the disk.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn write(&self, fault: &Fault) -> io::Result<Option<PathBuf>> {
        let bytes = codec::encode(fault);
        let digest = Hash::of_blob(&bytes);
        let path = self.0.join(format!("{digest}.fault"));
        if path.exists() {
            return Ok(Some(path));
        }
        fs::create_dir_all(&self.0)?;
        if fs::read_dir(&self.0)?.count() >= Self::MAX {
            return Ok(None);
        }
        let beside = self.0.join(format!("{digest}.new"));
        let mut file = File::create(&beside)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(&self.0)?.sync_all()?;
        Ok(Some(path))
    }
}

#[cfg(test)]
mod tests;
