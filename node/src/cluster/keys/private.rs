//! Files that nobody but their owner may read: written so, and checked whenever they are used.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    path::Path,
};

use zeroize::Zeroizing;

use crate::error::NodeError;

/// The largest file that is read, in bytes: far more than any key has.
pub(crate) const SIZE_MAX: u64 = 64 << 10;

/// Reads a file that only its owner may touch; nothing if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, NodeError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(NodeError::file(path)(error)),
    };
    check(&file, path)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(SIZE_MAX).read_to_end(&mut bytes).map_err(NodeError::file(path))?;
    let text = str::from_utf8(&bytes).map_err(|_| NodeError::BadFile {
        path: path.to_owned(),
        detail: "not a text; restore it from a backup".to_owned(),
    })?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}

/// Writes a file where there is none; fails if there is one.
pub(crate) fn create(path: &Path, text: &str) -> Result<(), NodeError> {
    let written = open_new(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(NodeError::file(path))?;
    settle(path)
}

/// Writes a file in the place of any other, so that nobody ever sees half of it.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), NodeError> {
    let other = path.with_extension(format!("{}.new", std::process::id()));
    remove(&other)?;
    create(&other, text)?;
    fs::rename(&other, path).map_err(NodeError::file(path))?;
    settle(path)
}

/// Removes a file, if there is one.
pub(crate) fn remove(path: &Path) -> Result<(), NodeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(NodeError::file(path)(error)),
        _ => Ok(()),
    }
}

/// Makes a name that was given to a file durable: another file of the same key may go next.
#[cfg(unix)]
fn settle(path: &Path) -> Result<(), NodeError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(NodeError::file(folder))
}

#[cfg(not(unix))]
fn settle(_: &Path) -> Result<(), NodeError> {
    Ok(())
}

fn open_new(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Refuses a file that others may read or change. Pipes have no others.
#[cfg(unix)]
fn check(file: &File, path: &Path) -> Result<(), NodeError> {
    use std::os::unix::fs::PermissionsExt;

    let metadata = file.metadata().map_err(NodeError::file(path))?;
    let mode = metadata.permissions().mode() & 0o777;
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(NodeError::KeyExposed { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check(_: &File, _: &Path) -> Result<(), NodeError> {
    Ok(())
}
