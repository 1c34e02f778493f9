//! This machine: disk, clock, limits, and what building actors needs.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use protocol::Timestamp;
use rustix::process::{Resource, getrlimit};

use super::Finding;
use crate::output::ago;

/// The least space that should be left on the disk, in bytes.
const SPACE_MIN: u64 = 1 << 30;

/// The least number of files that should still fit on the disk.
const FILES_LEFT_MIN: u64 = 10_000;

/// The least number of files that a unit should be able to open.
const OPEN_FILES_MIN: u64 = 1_024;

/// A clock that shows less was never set: the beginning of 2025, in milliseconds.
const EPOCH: u64 = 1_735_689_600_000;

/// How far a file may be ahead of the clock, in milliseconds, until the clock was stepped back.
const STEP_MAX: u64 = 300_000;

/// The target of actors.
const TARGET: &str = "wasm32-unknown-unknown";

/// Looks at the machine; `newest` is when a file of the data directory was written last.
pub(crate) fn look(data: &Path, now: Timestamp, newest: Option<Timestamp>) -> Vec<Finding> {
    let mut found = vec![clock(now, newest)];
    found.extend(disk(data));
    found.push(open_files(getrlimit(Resource::Nofile).current));
    found.push(tools());
    found
}

fn clock(now: Timestamp, newest: Option<Timestamp>) -> Finding {
    let mend = "set the clock, and keep it by NTP: docs/clock.md";
    if now.get() < EPOCH {
        return Finding::wrong("clock", "the clock was never set", mend);
    }
    let ahead = newest.map_or(0, |newest| newest.get().saturating_sub(now.get()));
    if let Some(newest) = newest.filter(|_| ahead > STEP_MAX) {
        let what = format!(
            "the clock was stepped back: a file was written {} ahead",
            ago(newest, now.get())
        );
        return Finding::wrong("clock", what, mend);
    }
    Finding::fine("clock", "set, and not stepped back")
}

/// The space that is left where the data directory is.
fn disk(data: &Path) -> Option<Finding> {
    let space = rustix::fs::statvfs(data).ok()?;
    let bytes = space.f_bavail.saturating_mul(space.f_frsize);
    Some(space_left(bytes, (space.f_files > 0).then_some(space.f_favail)))
}

/// Judges space; filesystems without a table of files have no number of those that are left.
fn space_left(bytes: u64, files: Option<u64>) -> Finding {
    let mend = "free some space, or move the data directory to another disk";
    let gibibytes = format!("{}.{} GiB", bytes >> 30, ((bytes % SPACE_MIN) * 10) >> 30);
    if bytes < SPACE_MIN {
        return Finding::wrong("disk", format!("only {gibibytes} are left"), mend);
    }
    if let Some(files) = files.filter(|files| *files < FILES_LEFT_MIN) {
        return Finding::wrong("disk", format!("only {files} more files fit"), mend);
    }
    Finding::fine("disk", format!("{gibibytes} are left"))
}

fn open_files(limit: Option<u64>) -> Finding {
    match limit {
        Some(limit) if limit < OPEN_FILES_MIN => Finding::wrong(
            "open files",
            format!("a program may open only {limit} files"),
            format!("`ulimit -n {}` before `antiphon up`", 4 * OPEN_FILES_MIN),
        ),
        Some(limit) => Finding::fine("open files", format!("a program may open {limit}")),
        None => Finding::fine("open files", "without limit"),
    }
}

/// What building actors needs; whoever only runs or uses a cluster does without.
fn tools() -> Finding {
    let installed = said("rustup", &["target", "list", "--installed"]);
    let cargo = said("cargo", &["--version"]);
    match (cargo, installed) {
        (None, _) => {
            let mend = "install Rust from https://rustup.rs to build actors";
            Finding::note("toolchain", "there is no cargo", mend)
        }
        (Some(cargo), Some(targets)) if targets.lines().any(|target| target == TARGET) => {
            Finding::fine("toolchain", format!("{} with {TARGET}", cargo.trim()))
        }
        (Some(_), Some(_)) => Finding::note(
            "toolchain",
            format!("the target {TARGET} is not installed"),
            format!("`antiphon build` adds it, or `rustup target add {TARGET}`"),
        ),
        (Some(cargo), None) => {
            let what = format!("{}, without rustup", cargo.trim());
            let mend = format!("see to it that your toolchain has the target {TARGET}");
            Finding::note("toolchain", what, mend)
        }
    }
}

/// What a program prints, if it is there and does well.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let ran = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    ran.status.success().then(|| String::from_utf8_lossy(&ran.stdout).into_owned())
}

#[cfg(test)]
mod tests;
