//! Where the shards of a unit lie, and the record of it.
//!
//! Shard `i` lies in `shard-i/` of disk `i mod n`; disk 0 is the data directory. The record is the
//! text file `shards` in the data directory: how many there are, then the further disks, a line each.
//!
//! # Invariants
//!
//! - A unit that has shards starts with these and no others: a log that is looked for in the wrong
//!   place, or a process in the wrong shard, would have its slots given away a second time.

use std::{
    fs::{self, File},
    io::{self, Write},
    num::NonZeroU16,
    path::{Path, PathBuf},
};

use crate::Config;

/// The file that records the layout.
const RECORD: &str = "shards";

/// Why shards are not where they should be.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A file or directory cannot be made or read.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file or directory.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The unit has another number of shards.
    #[error(
        "the unit has {recorded} shards (as {record} says) and is told to start with {wanted}: their \
         number is for ever, for it tells where each log is. Start it with {recorded}, or begin \
         another unit in an empty directory"
    )]
    Count {
        /// How many there are.
        recorded: u16,
        /// How many are asked for.
        wanted: u16,
        /// The record.
        record: String,
    },
    /// The unit has other disks.
    #[error(
        "the unit's further disks are {recorded:?} (as {record} says) and it is told to start with \
         {wanted:?}: start it with those it has. To move shards, stop the unit, move their \
         directories, and write the new disks into the record"
    )]
    Disks {
        /// Those it has.
        recorded: Vec<String>,
        /// Those asked for.
        wanted: Vec<String>,
        /// The record.
        record: String,
    },
    /// There would be a disk without a shard.
    #[error(
        "{disks} disks with the data directory, and {shards} shards: ask for a shard for each disk \
         at least"
    )]
    Idle {
        /// How many disks.
        disks: usize,
        /// How many shards.
        shards: u16,
    },
    /// A shard is not where the record says.
    #[error(
        "{path} does not exist, and {record} says that a shard of the unit lies there: mount its \
         disk, or put the directory back"
    )]
    Missing {
        /// Where it should be.
        path: String,
        /// The record.
        record: String,
    },
    /// There are databases, and no record of them.
    #[error(
        "{path} has databases in it, and {record}, which would tell how the unit is laid out, does \
         not exist: put it back, or start the unit in an empty directory"
    )]
    Unrecorded {
        /// Where something is.
        path: String,
        /// The record.
        record: String,
    },
    /// The record says nothing sensible, or would not.
    #[error(
        "{record} is damaged: it must have the number of shards, then a further disk in each line"
    )]
    Record {
        /// The record.
        record: String,
    },
    /// A disk's path cannot be written down.
    #[error("{0} cannot be the path of a disk: it must be one line of UTF-8")]
    Path(String),
}

/// The directories of a unit's shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    shards: NonZeroU16,
    /// Beside the data directory.
    disks: Vec<PathBuf>,
}

impl Layout {
    /// Lays a new unit out as its configuration says; finds an old one where it is.
    pub(crate) fn establish(config: &Config) -> Result<Self, LayoutError> {
        make(&config.data)?;
        let record = config.data.join(RECORD);
        match fs::read_to_string(&record) {
            Ok(text) => {
                let layout = Self::read(&text)
                    .ok_or_else(|| LayoutError::Record { record: record.display().to_string() })?;
                layout.agrees(config, &record)?;
                Ok(layout)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let layout = Self::first(config)?;
                layout.make(&config.data, &record)?;
                Ok(layout)
            }
            Err(source) => Err(failed(&record, source)),
        }
    }

    /// The directory of each shard, in order.
    pub(crate) fn directories(&self, data: &Path) -> Vec<PathBuf> {
        let disks = std::iter::once(data).chain(self.disks.iter().map(PathBuf::as_path));
        let numbers = 0..self.shards.get();
        numbers
            .zip(disks.cycle())
            .map(|(number, disk)| disk.join(format!("shard-{number}")))
            .collect()
    }

    /// The layout that a configuration asks for.
    fn first(config: &Config) -> Result<Self, LayoutError> {
        let shards = config.shards.unwrap_or(NonZeroU16::MIN);
        let disks = absolute(&config.disks)?;
        if disks.len() >= usize::from(shards.get()) {
            return Err(LayoutError::Idle { disks: disks.len() + 1, shards: shards.get() });
        }
        Ok(Self { shards, disks })
    }

    /// Refuses a configuration that asks for something else, and shards that are not there.
    fn agrees(&self, config: &Config, record: &Path) -> Result<(), LayoutError> {
        let record = record.display().to_string();
        if let Some(wanted) = config.shards.filter(|wanted| *wanted != self.shards) {
            let (recorded, wanted) = (self.shards.get(), wanted.get());
            return Err(LayoutError::Count { recorded, wanted, record });
        }
        let wanted = absolute(&config.disks)?;
        if !wanted.is_empty() && wanted != self.disks {
            let (recorded, wanted) = (shown(&self.disks), shown(&wanted));
            return Err(LayoutError::Disks { recorded, wanted, record });
        }
        match self.directories(&config.data).iter().find(|directory| !directory.is_dir()) {
            Some(missing) => {
                Err(LayoutError::Missing { path: missing.display().to_string(), record })
            }
            None => Ok(()),
        }
    }

    /// Makes the directories and then the record, so that a crash in between leaves nothing that is
    /// not empty.
    fn make(&self, data: &Path, record: &Path) -> Result<(), LayoutError> {
        let directories = self.directories(data);
        for directory in std::iter::once(data).chain(directories.iter().map(PathBuf::as_path)) {
            make(directory)?;
            if has_files(directory)? {
                let path = directory.display().to_string();
                return Err(LayoutError::Unrecorded { path, record: record.display().to_string() });
            }
        }
        let text = self.text()?;
        let written = record.with_extension("tmp");
        let write = || {
            let mut file = File::create(&written)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&written, record)?;
            File::open(data)?.sync_all()
        };
        write().map_err(|source| failed(record, source))
    }

    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let shards: NonZeroU16 = lines.next()?.parse().ok()?;
        let disks: Vec<PathBuf> = lines.map(PathBuf::from).collect();
        let sound =
            disks.len() < usize::from(shards.get()) && disks.iter().all(|disk| disk.is_absolute());
        sound.then_some(Self { shards, disks })
    }

    fn text(&self) -> Result<String, LayoutError> {
        let mut text = format!("{}\n", self.shards);
        for disk in &self.disks {
            let path = disk.to_str().filter(|path| !path.contains(['\n', '\r']));
            let path = path.ok_or_else(|| LayoutError::Path(disk.display().to_string()))?;
            text.push_str(path);
            text.push('\n');
        }
        Ok(text)
    }
}

fn make(directory: &Path) -> Result<(), LayoutError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    // Logs are the owner's, on whichever disk.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|source| failed(directory, source))
}

/// Whether there is a file, or a directory with something in it, that may be part of a database.
fn has_files(directory: &Path) -> Result<bool, LayoutError> {
    let fail = |source| failed(directory, source);
    for entry in fs::read_dir(directory).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let database = Path::new(&entry.file_name()).extension().is_some_and(|end| end == "redb");
        let inside = || has_files(&entry.path());
        if database || (entry.file_type().map_err(fail)?.is_dir() && inside()?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn absolute(paths: &[PathBuf]) -> Result<Vec<PathBuf>, LayoutError> {
    let absolute = |path: &PathBuf| std::path::absolute(path).map_err(|error| failed(path, error));
    paths.iter().map(absolute).collect()
}

fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

fn failed(path: &Path, source: io::Error) -> LayoutError {
    LayoutError::File { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests;
