//! A disk in memory that fails when told to, and that loses what was not synced when it crashes.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
};

use redb::{Database, DatabaseError, StorageBackend};

use super::Disk;

/// A disk whose files survive their databases.
#[derive(Debug, Default)]
pub(crate) struct FaultDisk {
    files: Mutex<HashMap<String, Arc<Mutex<Image>>>>,
    fault: Arc<Mutex<Fault>>,
}

#[derive(Debug, Default)]
struct Fault {
    /// Writes and syncs that still succeed.
    left: Option<u64>,
    /// How many fail then.
    failures: u64,
}

/// A file: what programs see, what is on the platter, and what was written since the last sync.
#[derive(Debug, Default)]
struct Image {
    live: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => {
                let end = offset + data.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*offset..end].copy_from_slice(data);
            }
            Self::Length(length) => bytes.resize(*length, 0),
        }
    }
}

impl FaultDisk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Lets so many more writes and syncs succeed, and so many fail after them.
    pub(crate) fn fail_after(&self, left: u64, failures: u64) {
        let mut fault = self.fault.lock().unwrap();
        fault.left = Some(left);
        fault.failures = failures;
    }

    /// The power fails: of what was not synced, an arbitrary part is on the platter.
    pub(crate) fn crash(&self, mut seed: u64) {
        *self.fault.lock().unwrap() = Fault::default();
        let mut files: Vec<_> = self.files.lock().unwrap().clone().into_iter().collect();
        files.sort_by(|one, other| one.0.cmp(&other.0));
        for (_, image) in files {
            let mut image = image.lock().unwrap();
            for change in std::mem::take(&mut image.unsynced) {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if seed >> 63 == 0 {
                    change.apply(&mut image.durable);
                }
            }
            image.live = image.durable.clone();
        }
    }

    /// Overwrites a file with noise.
    pub(crate) fn damage(&self, file: &str) {
        let files = self.files.lock().unwrap();
        let mut image = files[file].lock().unwrap();
        image.live.fill(0x5a);
        image.durable.fill(0x5a);
    }

    /// Forgets a file.
    pub(crate) fn delete(&self, file: &str) {
        self.files.lock().unwrap().remove(file);
    }
}

impl Disk for FaultDisk {
    fn open(&self, builder: redb::Builder, file: &str) -> Result<Database, DatabaseError> {
        let image = Arc::clone(self.files.lock().unwrap().entry(file.to_owned()).or_default());
        builder.create_with_backend(Backend { image, fault: Arc::clone(&self.fault) })
    }

    fn describe(&self, file: &str) -> String {
        file.to_owned()
    }
}

#[derive(Debug)]
struct Backend {
    image: Arc<Mutex<Image>>,
    fault: Arc<Mutex<Fault>>,
}

impl Backend {
    fn count(&self) -> io::Result<()> {
        let mut fault = self.fault.lock().unwrap();
        match fault.left {
            Some(0) if fault.failures > 0 => {
                fault.failures -= 1;
                return Err(io::Error::other("the disk is told to fail"));
            }
            Some(0) => fault.left = None,
            Some(left) => fault.left = Some(left - 1),
            None => {}
        }
        Ok(())
    }

    fn change(&self, change: Change) -> io::Result<()> {
        self.count()?;
        let mut image = self.image.lock().unwrap();
        change.apply(&mut image.live);
        image.unsynced.push(change);
        Ok(())
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.image.lock().unwrap().live.len()).unwrap())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let image = self.image.lock().unwrap();
        let start = usize::try_from(offset).unwrap();
        let bytes = image.live.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::Length(usize::try_from(len).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.count()?;
        let mut image = self.image.lock().unwrap();
        for change in std::mem::take(&mut image.unsynced) {
            change.apply(&mut image.durable);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write(usize::try_from(offset).unwrap(), data.to_vec()))
    }
}
