//! The files that frames lie in: they only grow, and a table tells where each frame is.
//!
//! Frames are long, and a B-tree copies long values more than once when it takes them in. What lies
//! behind the last frame that the table names was left by a crash, and is written over.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A file that is this long is left for the next one.
const FILE_BYTES: u64 = 256 << 20;

/// What the files' names end with.
const ENDING: &str = "frames";

/// Where a frame is: the number of the file, the position in it, and the length in bytes.
pub(super) type Place = (u32, u64, u32);

/// The files of one store.
#[derive(Debug)]
pub(super) struct FrameFiles {
    directory: PathBuf,
    end: Mutex<End>,
}

/// Where the next frame goes.
#[derive(Debug)]
struct End {
    file: u32,
    offset: u64,
    open: Option<File>,
}

impl FrameFiles {
    /// Opens the files in a directory. Whatever is not before the end of the last frame that is known
    /// is of no use.
    pub(super) fn open(directory: PathBuf, last: Option<Place>) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        let (file, offset, length) = last.unwrap_or_default();
        let offset = offset.saturating_add(length.into());
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if number_of(&path).is_some_and(|number| number > file || last.is_none()) {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { directory, end: Mutex::new(End { file, offset, open: None }) })
    }

    /// Writes frames behind those that are there, durably; tells where they are.
    pub(super) fn append<'f>(
        &self,
        frames: impl Iterator<Item = &'f [u8]>,
    ) -> io::Result<Vec<Place>> {
        let mut end = self.lock();
        let (file, offset) = (end.file, end.offset);
        let written = self.write(&mut end, frames);
        if written.is_err() {
            // Until a table names them they are not there.
            *end = End { file, offset, open: None };
        }
        written
    }

    fn write<'f>(
        &self,
        end: &mut End,
        frames: impl Iterator<Item = &'f [u8]>,
    ) -> io::Result<Vec<Place>> {
        let mut places = Vec::new();
        for frame in frames {
            if end.offset >= FILE_BYTES
                && let Some(open) = end.open.take()
            {
                open.sync_data()?;
                (end.file, end.offset) = (end.file.saturating_add(1), 0);
            }
            let open = match &mut end.open {
                Some(open) => open,
                None => end.open.insert(self.writable(end.file, end.offset)?),
            };
            open.write_all(frame)?;
            let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
            places.push((end.file, end.offset, length));
            end.offset = end.offset.saturating_add(length.into());
        }
        if let Some(open) = &end.open {
            open.sync_data()?;
        }
        Ok(places)
    }

    /// The bytes of a frame.
    pub(super) fn read(&self, (file, offset, length): Place) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(file))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(length.into()).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn writable(&self, file: u32, offset: u64) -> io::Result<File> {
        let mut open =
            OpenOptions::new().create(true).write(true).truncate(false).open(self.path(file))?;
        open.set_len(offset)?;
        open.seek(SeekFrom::Start(offset))?;
        Ok(open)
    }

    fn path(&self, file: u32) -> PathBuf {
        self.directory.join(format!("{file:010}.{ENDING}"))
    }

    fn lock(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn number_of(path: &Path) -> Option<u32> {
    let of_frames = path.extension().is_some_and(|ending| ending == ENDING);
    path.file_stem()?.to_str()?.parse().ok().filter(|_| of_frames)
}

#[cfg(test)]
mod tests;
