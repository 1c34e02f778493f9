//! The SDK that the program carries: what an actor crate depends on, as sources.
//!
//! # Invariants
//!
//! - A directory of unpacked sources appears whole, under a name made of its contents, or not at all.
//! - Sources that were changed are not used, and not written over.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::error::NodeError;

/// Path and text of every file, sorted by path.
pub(crate) const FILES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/carried.rs"));

/// The versions of dependencies that the SDK was tested with.
pub(crate) const LOCK: &str = "Cargo.lock";

/// How many hex digits of the digest a directory's name has.
const DIGITS: usize = 16;

/// Where the sources lie below a directory for SDKs.
pub(crate) fn place(home: &Path) -> PathBuf {
    let mut hasher = blake3::Hasher::new();
    for (path, text) in FILES {
        for part in [path, text] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    let digest = hasher.finalize().to_hex();
    let digits: String = digest.chars().take(DIGITS).collect();
    home.join(format!("{}-{digits}", env!("CARGO_PKG_VERSION")))
}

/// Writes the sources where they are not yet, and returns where they are.
pub(crate) fn unpack(home: &Path) -> Result<PathBuf, NodeError> {
    let place = place(home);
    if place.exists() {
        check(&place)?;
        return Ok(place);
    }
    fs::create_dir_all(home).map_err(NodeError::file(home))?;
    let new = tempfile::Builder::new().prefix(".new-").tempdir_in(home);
    let new = new.map_err(NodeError::file(home))?;
    for (path, text) in FILES {
        write(&new.path().join(path), text)?;
    }
    match fs::rename(new.path(), &place) {
        Ok(()) => {
            // What was moved away cannot be removed.
            let _ = new.keep();
        }
        // Another program was faster.
        Err(_) if place.exists() => check(&place)?,
        Err(error) => return Err(NodeError::file(&place)(error)),
    }
    Ok(place)
}

/// Writes a file and the directories above it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), NodeError> {
    make_parents(path)?;
    fs::write(path, text).map_err(NodeError::file(path))
}

/// Makes the directories above a file.
pub(crate) fn make_parents(path: &Path) -> Result<(), NodeError> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(NodeError::file(parent))
}

fn check(place: &Path) -> Result<(), NodeError> {
    for (path, text) in FILES {
        let path = place.join(path);
        let same = match fs::read(&path) {
            Ok(found) => found == text.as_bytes(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(NodeError::file(&path)(error)),
        };
        if !same {
            let detail = format!(
                "not the file that this program carries; delete {} to have it written again, or use a \
                 checkout with --sdk",
                place.display()
            );
            return Err(NodeError::BadFile { path, detail });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
