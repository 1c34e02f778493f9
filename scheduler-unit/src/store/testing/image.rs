//! The content of a file on a disk that can crash.

use std::{collections::BTreeSet, io};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// What a disk gives files room in.
const BLOCK: usize = 4 << 10;

/// What programs see, what is on the platter, and what was written since the last sync.
#[derive(Debug, Default)]
pub(super) struct Image {
    live: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    /// The blocks that were ever written.
    blocks: BTreeSet<usize>,
}

/// A change of a file.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// Bytes at an offset.
    Write(usize, Vec<u8>),
    /// Another length.
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

    /// Some sectors of a write, from its beginning; a length changes or does not.
    pub(super) fn torn(self, random: u64) -> Self {
        match self {
            Self::Write(offset, mut data) => {
                let sectors = u64::try_from(data.len() / SECTOR).unwrap();
                let kept = usize::try_from(random % (sectors + 1)).unwrap();
                data.truncate(kept * SECTOR);
                Self::Write(offset, data)
            }
            Self::Length(_) => Self::Write(0, Vec::new()),
        }
    }

    fn blocks(&self) -> std::ops::Range<usize> {
        match self {
            Self::Write(offset, data) => offset / BLOCK..(offset + data.len()).div_ceil(BLOCK),
            Self::Length(_) => 0..0,
        }
    }
}

impl Image {
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.live.len()).unwrap()
    }

    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        let bytes = self.live.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    /// How many blocks a change needs that the file does not have.
    pub(super) fn new_blocks(&self, change: &Change) -> u64 {
        let new = change.blocks().filter(|block| !self.blocks.contains(block));
        u64::try_from(new.count()).unwrap()
    }

    pub(super) fn change(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.blocks.extend(change.blocks());
        self.unsynced.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            change.apply(&mut self.durable);
        }
    }

    /// The file after a crash: of what was not synced, some is there, some is lost, some is torn.
    pub(super) fn crash(&self, mut random: impl FnMut() -> u64) -> Self {
        let mut bytes = self.durable.clone();
        for change in &self.unsynced {
            match random() % 3 {
                0 => {}
                1 => change.clone().torn(random()).apply(&mut bytes),
                _ => change.apply(&mut bytes),
            }
        }
        let blocks = self.blocks.clone();
        Self { live: bytes.clone(), durable: bytes, unsynced: Vec::new(), blocks }
    }

    pub(super) fn fill(&mut self, byte: u8) {
        self.live.fill(byte);
        self.durable.fill(byte);
    }
}
