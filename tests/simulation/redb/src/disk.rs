//! Files in memory.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::StorageBackend;

#[derive(Debug, Default, Clone)]
struct File {
    live: Vec<u8>,
    durable: Vec<u8>,
    refuses: bool,
}

thread_local! {
    static FILES: RefCell<BTreeMap<PathBuf, Arc<Mutex<File>>>> = RefCell::default();
}

#[derive(Debug)]
pub(crate) struct Backend(Arc<Mutex<File>>);

/// Opens a file, making it if it does not exist.
pub(crate) fn open(path: &Path) -> Backend {
    FILES.with_borrow_mut(|files| Backend(Arc::clone(files.entry(path.to_owned()).or_default())))
}

/// Forgets all files of this thread.
pub fn reset() {
    FILES.take();
}

/// The power fails under the files in a directory: what was not synced is gone.
pub fn crash(directory: &Path) {
    each(directory, |file| {
        let durable = lock(file).durable.clone();
        // Whoever has it open writes to a file that is no more.
        *file = Arc::new(Mutex::new(File { live: durable.clone(), durable, refuses: false }));
    });
}

/// Removes the files in a directory.
pub fn forget(directory: &Path) {
    FILES.with_borrow_mut(|files| files.retain(|path, _| !path.starts_with(directory)));
}

/// Lets the files in a directory take nothing, or take everything again.
pub fn refuse(directory: &Path, refuses: bool) {
    each(directory, |file| lock(file).refuses = refuses);
}

fn each(directory: &Path, change: impl Fn(&mut Arc<Mutex<File>>)) {
    FILES.with_borrow_mut(|files| {
        let within = files.iter_mut().filter(|(path, _)| path.starts_with(directory));
        within.for_each(|(_, file)| change(file));
    });
}

fn lock(file: &Mutex<File>) -> MutexGuard<'_, File> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Backend {
    fn change(&self) -> io::Result<MutexGuard<'_, File>> {
        let file = lock(&self.0);
        if file.refuses { Err(io::ErrorKind::StorageFull.into()) } else { Ok(file) }
    }
}

fn range(offset: u64, length: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
    let end = start.checked_add(length).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(start..end)
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(u64::try_from(lock(&self.0).live.len()).unwrap_or(u64::MAX))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let file = lock(&self.0);
        let bytes = file.live.get(range(offset, out.len())?);
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.change()?.live.resize(len, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut file = self.change()?;
        file.durable = file.live.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut file = self.change()?;
        let place = file.live.get_mut(range(offset, data.len())?);
        place.ok_or(io::ErrorKind::UnexpectedEof)?.copy_from_slice(data);
        Ok(())
    }
}
