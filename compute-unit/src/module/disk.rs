//! The directory of module files: a cache that may lose any of them at any time.
//!
//! Files of compiled modules are not synced: what a crash leaves half written does not pass its
//! checksum. Binaries are, for nobody else may have them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use lru::LruCache;
use protocol::ModuleId;

use super::file::Key;

/// How much the directory may hold; past it the files that were used longest ago are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Files of compiled modules.
    pub(super) files: usize,
    /// Files of refusals, which are small: strangers can cause them at little cost, so they never
    /// push out a module.
    pub(super) refusals: usize,
    /// Bytes of all compiled modules; binaries may have as many, and files, again.
    pub(super) bytes: u64,
    /// Bytes of one file.
    pub(super) file_bytes: u64,
}

impl Limits {
    /// The limits of a unit.
    pub(super) const UNIT: Self =
        Self { files: 4_096, refusals: 1_024, bytes: 4 << 30, file_bytes: 1 << 30 };
}

const MODULE: &str = "module";
const REFUSAL: &str = "refusal";
const BINARY: &str = "wasm";
/// Ends the name of a file that is being written.
const UNFINISHED: &str = "tmp";

/// What a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Compiled modules.
    Modules,
    /// Refusals.
    Refusals,
    /// Wasm binaries that logs name.
    Binaries,
}

/// The directory.
pub(super) struct Disk {
    directory: PathBuf,
    pub(super) key: Key,
    limits: Limits,
    modules: Mutex<Index>,
    refusals: Mutex<Index>,
    binaries: Mutex<Index>,
    written: AtomicU64,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// The files of one shelf with their sizes, the one used last first.
#[derive(Debug)]
struct Index {
    files: LruCache<String, u64>,
    bytes: u64,
}

impl Disk {
    /// Opens the directory, makes it if need be, and removes what is unfinished or too much.
    pub(super) fn open(directory: PathBuf, key: Key, limits: Limits) -> io::Result<Self> {
        make_private(&directory)?;
        let (mut modules, mut refusals, mut binaries) = (Vec::new(), Vec::new(), Vec::new());
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            match Path::new(&name).extension().and_then(|extension| extension.to_str()) {
                Some(UNFINISHED) => fs::remove_file(entry.path())?,
                Some(MODULE) => modules.push(FoundFile::of(name, &entry)?),
                Some(REFUSAL) => refusals.push(FoundFile::of(name, &entry)?),
                Some(BINARY) => binaries.push(FoundFile::of(name, &entry)?),
                _ => {}
            }
        }
        let (modules, refusals) = (Mutex::new(index(modules)), Mutex::new(index(refusals)));
        let (binaries, written) = (Mutex::new(index(binaries)), AtomicU64::new(0));
        let disk = Self { directory, key, limits, modules, refusals, binaries, written };
        [Shelf::Modules, Shelf::Refusals, Shelf::Binaries]
            .iter()
            .for_each(|shelf| disk.shrink(*shelf));
        Ok(disk)
    }

    /// What came of a module, and on which shelf that is. It may be damaged.
    pub(super) fn read(&self, module: &ModuleId) -> Option<(Shelf, Vec<u8>)> {
        let shelves = [Shelf::Modules, Shelf::Refusals];
        shelves.into_iter().find_map(|shelf| Some((shelf, self.read_from(module, shelf)?)))
    }

    /// What a shelf has of a module. It may be damaged.
    pub(super) fn read_from(&self, module: &ModuleId, shelf: Shelf) -> Option<Vec<u8>> {
        // Who is not in the index is not asked of the disk.
        if !self.has(module, shelf) {
            return None;
        }
        match self.read_file(&self.directory.join(self.name(module, shelf))) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                // Another thread may have removed it just now.
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%module, %error, "cannot read a file of a module");
                }
                self.forget(module, shelf);
                None
            }
        }
    }

    /// Whether a shelf has a module, which counts as a use of it.
    pub(super) fn has(&self, module: &ModuleId, shelf: Shelf) -> bool {
        self.index(shelf).files.get(&self.name(module, shelf)).is_some()
    }

    /// Lets the next start know that a file was used now.
    pub(super) fn renew(&self, module: &ModuleId, shelf: Shelf) {
        if self.has(module, shelf)
            && let Ok(file) = File::open(self.directory.join(self.name(module, shelf)))
        {
            let _ = file.set_modified(now());
        }
    }

    /// Keeps the bytes of a module, as well as the disk can.
    pub(super) fn write(&self, module: &ModuleId, shelf: Shelf, bytes: &[u8]) {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > self.limits.file_bytes {
            return tracing::debug!(%module, size, "a module is too large to be kept");
        }
        let name = self.name(module, shelf);
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.directory.join(format!("{name}.{number}.{UNFINISHED}"));
        let written = write_private(&unfinished, shelf, bytes)
            .and_then(|()| fs::rename(&unfinished, self.directory.join(&name)))
            .and_then(|()| self.sync(shelf));
        if let Err(error) = written {
            let _ = fs::remove_file(&unfinished);
            return tracing::warn!(%module, %error, "a module is not kept on disk");
        }
        self.index(shelf).put(name, size);
        self.shrink(shelf);
    }

    /// Makes the names of the files of a shelf durable, if its files are.
    fn sync(&self, shelf: Shelf) -> io::Result<()> {
        match shelf {
            // Only on Unix can directories be opened.
            Shelf::Binaries if cfg!(unix) => File::open(&self.directory)?.sync_all(),
            Shelf::Binaries | Shelf::Modules | Shelf::Refusals => Ok(()),
        }
    }

    /// Removes the file of a module.
    pub(super) fn forget(&self, module: &ModuleId, shelf: Shelf) {
        let name = self.name(module, shelf);
        self.index(shelf).remove(&name);
        remove(&self.directory.join(name));
    }

    /// Removes what was used longest ago until the shelf keeps its limits.
    fn shrink(&self, shelf: Shelf) {
        let (files, bytes) = match shelf {
            Shelf::Modules | Shelf::Binaries => (self.limits.files, self.limits.bytes),
            Shelf::Refusals => (self.limits.refusals, u64::MAX),
        };
        let mut index = self.index(shelf);
        while index.files.len() > files || index.bytes > bytes {
            let Some(name) = index.remove_oldest() else { return };
            remove(&self.directory.join(name));
        }
    }

    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = File::open(path)?;
        if file.metadata()?.len() > self.limits.file_bytes {
            return Err(io::Error::other("the file is larger than any that this unit writes"));
        }
        // The order of use outlives a restart as well as the file system lets it.
        let _ = file.set_modified(now());
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, self.limits.file_bytes), &mut bytes)?;
        Ok(bytes)
    }

    /// One name for each module and profile, as a binary has none. The engine is in the file: a new one
    /// takes the place of what an old one left.
    fn name(&self, module: &ModuleId, shelf: Shelf) -> String {
        let kind = match shelf {
            Shelf::Modules => MODULE,
            Shelf::Refusals => REFUSAL,
            Shelf::Binaries => return format!("{module}.{BINARY}"),
        };
        let profile: String =
            self.key.profile.as_bytes().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{module}-{profile}.{kind}")
    }

    fn index(&self, shelf: Shelf) -> MutexGuard<'_, Index> {
        let index = match shelf {
            Shelf::Modules => &self.modules,
            Shelf::Refusals => &self.refusals,
            Shelf::Binaries => &self.binaries,
        };
        // At worst a size is counted wrong, until the next start.
        index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file found at the start.
struct FoundFile {
    used: SystemTime,
    name: String,
    bytes: u64,
}

impl FoundFile {
    fn of(name: String, entry: &fs::DirEntry) -> io::Result<Self> {
        let metadata = entry.metadata()?;
        let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        Ok(Self { used, name, bytes: metadata.len() })
    }
}

fn index(mut found: Vec<FoundFile>) -> Index {
    found.sort_by(|a, b| (a.used, &a.name).cmp(&(b.used, &b.name)));
    let mut index = Index { files: LruCache::unbounded(), bytes: 0 };
    for file in found {
        index.put(file.name, file.bytes);
    }
    index
}

impl Index {
    fn put(&mut self, name: String, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        if let Some(before) = self.files.put(name, bytes) {
            self.bytes = self.bytes.saturating_sub(before);
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(bytes) = self.files.pop(name) {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    fn remove_oldest(&mut self) -> Option<String> {
        let (name, bytes) = self.files.pop_lru()?;
        self.bytes = self.bytes.saturating_sub(bytes);
        Some(name)
    }
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot remove a file of a module");
        }
    }
}

/// Makes a directory that its owner alone may enter, or makes it so.
fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    #[cfg(unix)]
    fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

fn write_private(path: &Path, shelf: Shelf, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    match shelf {
        Shelf::Binaries => file.sync_all(),
        Shelf::Modules | Shelf::Refusals => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the order of use, for the next start")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests;
