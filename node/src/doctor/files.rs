//! The files of a data directory: whose they are, who may read them, what was left behind.

use std::{fs, path::Path};

use rustix::process::{Pid, geteuid, test_kill_process};

use super::{Finding, Remedy, mode};
use crate::{cluster::DataDirectory, error::NodeError};

/// Who may use directories, and secret files.
const DIRECTORY_MODE: u32 = 0o700;
const SECRET_MODE: u32 = 0o600;

/// What a file ends with that `write_whole` has not finished, after the pid.
const UNFINISHED: &str = ".new";

/// Looks at a data directory that exists.
pub(crate) fn look(data: &DataDirectory) -> Result<Vec<Finding>, NodeError> {
    let mut found = vec![directory(data.path())?];
    let places = data.places()?;
    let mut private = vec![data.keys()];
    private.extend(places.iter().map(|place| place.path.clone()));
    for path in private.iter().filter(|path| path.is_dir()) {
        found.extend(open_to_others(path, "directory", DIRECTORY_MODE)?);
    }
    let mut secrets = vec![data.path().join("operator.key")];
    secrets.extend(places.iter().map(|place| place.path.join("key")));
    secrets.extend(files_in(&data.keys())?);
    let secrets: Vec<_> = secrets.into_iter().filter(|path| path.is_file()).collect();
    let mut open = Vec::new();
    for path in &secrets {
        open.extend(open_to_others(path, "keys", SECRET_MODE)?);
    }
    if open.is_empty() {
        let what = format!("{} secret keys, each only its owner's", secrets.len());
        open.push(Finding::fine("keys", what));
    }
    found.extend(open);
    found.extend(unreadable(data));
    for path in [data.path().to_owned(), data.keys()].iter().chain(&private) {
        found.extend(unfinished(path)?);
    }
    found.dedup();
    Ok(found)
}

/// The directory itself: whose it is, and who may read it.
fn directory(path: &Path) -> Result<Finding, NodeError> {
    let metadata = fs::metadata(path).map_err(NodeError::file(path))?;
    let shown = path.display();
    if !metadata.is_dir() {
        let mend = "name a directory with --data";
        return Ok(Finding::wrong("directory", format!("{shown} is no directory"), mend));
    }
    #[cfg(unix)]
    {
        let (owner, own) = (std::os::unix::fs::MetadataExt::uid(&metadata), geteuid().as_raw());
        if owner != own {
            return Ok(Finding::wrong(
                "directory",
                format!("{shown} belongs to user {owner}, and this is user {own}"),
                format!("run as that user, or `chown -R {own} {shown}`"),
            ));
        }
    }
    // That others may look at it is harmless: what is secret lies in files and directories of which
    // each is closed.
    let open = match mode(&metadata) & 0o022 {
        0 => None,
        _ => open_to_others(path, "directory", DIRECTORY_MODE)?,
    };
    Ok(open.unwrap_or_else(|| Finding::fine("directory", format!("{shown} is there, and yours"))))
}

/// A file that others than its owner may use.
fn open_to_others(
    path: &Path,
    check: &'static str,
    wanted: u32,
) -> Result<Option<Finding>, NodeError> {
    let metadata = fs::metadata(path).map_err(NodeError::file(path))?;
    let mode = mode(&metadata);
    if mode & 0o077 == 0 {
        return Ok(None);
    }
    let shown = path.display();
    let what = format!("{shown} is open to others (mode {mode:03o})");
    let finding = Finding::wrong(check, what, format!("`chmod {wanted:o} {shown}`"));
    Ok(Some(finding.with(Remedy::Mode(path.to_owned(), wanted))))
}

/// Files that do not hold what they should.
fn unreadable(data: &DataDirectory) -> Vec<Finding> {
    let network = data.network().err().map(|error| (error, "restore the file from a backup"));
    let names = data.book().names().err().map(|error| (error, "repair the file, or delete it"));
    let found = [network, names].into_iter().flatten();
    found.map(|(error, mend)| Finding::wrong("files", error.to_string(), mend)).collect()
}

/// Files that somebody began to write who is no longer there.
fn unfinished(directory: &Path) -> Result<Vec<Finding>, NodeError> {
    let mut found = Vec::new();
    for path in files_in(directory)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let pid = name.strip_suffix(UNFINISHED).and_then(|name| name.rsplit('.').next());
        let Some(pid) = pid.and_then(|pid| pid.parse::<i32>().ok()) else { continue };
        if !is_alive(pid) {
            let shown = path.display();
            let what = format!("{shown} was left behind by pid {pid}, which is gone");
            let finding = Finding::wrong("leftovers", what, format!("`rm {shown}`"));
            found.push(finding.with(Remedy::Remove(path)));
        }
    }
    Ok(found)
}

/// Whether a process exists; one that is another user's does.
pub(super) fn is_alive(pid: i32) -> bool {
    let Some(pid) = Pid::from_raw(pid) else { return false };
    !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

/// The files in a directory, sorted; none if it does not exist.
fn files_in(directory: &Path) -> Result<Vec<std::path::PathBuf>, NodeError> {
    let Ok(entries) = fs::read_dir(directory) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(NodeError::file(directory))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests;
