//! Who uses a directory: an operating system lock on a file that names the pid.
//!
//! The lock ends with the process that holds it, however that ends, so a killed process blocks
//! nobody.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    time::Duration,
};

use crate::error::NodeError;

/// How often a lock is tried again, because [`Lock::is_held`] of another process holds it for a
/// moment.
const TRIES: u32 = 5;

/// The pause between tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The most bytes of a lock file that are read.
const PID_BYTES_MAX: u64 = 32;

/// A directory taken by this process until this is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a directory.
    pub(crate) async fn take(directory: &Path, name: &str) -> Result<Self, NodeError> {
        let path = directory.join(name);
        let mut file = open(&path)?;
        for attempt in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(NodeError::File { path, source }),
                Err(TryLockError::WouldBlock) if attempt < TRIES => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(NodeError::InUse { path: directory.to_owned(), pid: pid(&file) });
                }
            }
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()));
        written.map_err(NodeError::file(path))?;
        Ok(Self { _file: file })
    }

    /// Forgets who held the lock of a directory last; fails while somebody holds it.
    pub(crate) fn forget(directory: &Path, name: &str) -> Result<(), NodeError> {
        let path = directory.join(name);
        let file = open(&path)?;
        match file.try_lock() {
            Ok(()) => file.set_len(0).map_err(NodeError::file(path)),
            Err(TryLockError::Error(source)) => Err(NodeError::File { path, source }),
            Err(TryLockError::WouldBlock) => {
                Err(NodeError::InUse { path: directory.to_owned(), pid: pid(&file) })
            }
        }
    }

    /// Whether some process holds the lock of a directory now.
    pub(crate) fn is_held(directory: &Path, name: &str) -> bool {
        Self::check_free(directory, name).is_err()
    }

    /// Fails, naming the pid, while some process holds the lock of a directory.
    pub(crate) fn check_free(directory: &Path, name: &str) -> Result<(), NodeError> {
        let Ok(file) = File::open(directory.join(name)) else { return Ok(()) };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                Err(NodeError::InUse { path: directory.to_owned(), pid: pid(&file) })
            }
            _ => Ok(()),
        }
    }
}

fn open(path: &Path) -> Result<File, NodeError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path).map_err(NodeError::file(path))
}

fn pid(mut file: &File) -> String {
    let mut text = String::new();
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.take(PID_BYTES_MAX).read_to_string(&mut text));
    match (read, text.trim()) {
        (Ok(_), pid) if !pid.is_empty() => pid.to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests;
