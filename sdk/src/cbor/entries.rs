//! A map under construction: sorted when it is finished.

use protocol::Value;
use serde::Serialize;

use super::{Error, Reader, Writer, ser::Serializer};

/// The entries of a map, in any order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries(Vec<Entry>);

#[derive(Debug, Clone)]
struct Entry {
    /// The encoded key and the encoded value. No encoded item begins another, so entries sort as
    /// their keys do.
    bytes: Vec<u8>,
    key_len: usize,
}

impl Entry {
    fn key(&self) -> &[u8] {
        self.bytes.get(..self.key_len).expect("the key is in front")
    }
}

impl Entries {
    /// Splits an encoded map with text keys; null is a map without entries.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        if bytes == super::NULL {
            return Ok(Self::default());
        }
        let mut reader = Reader::new(bytes);
        let count = reader.map().map_err(|_| Error::NOT_ARGS)?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let start = reader.clone();
            reader.text().map_err(|_| Error::NOT_ARGS)?;
            let key_len = reader.since(&start).len();
            reader.skip()?;
            entries.push(Entry { bytes: reader.since(&start).to_vec(), key_len });
        }
        Ok(Self(entries))
    }

    /// Adds an entry of an outermost map.
    pub(crate) fn push<T: Serialize + ?Sized>(
        &mut self,
        key: &str,
        value: &T,
    ) -> Result<(), Error> {
        self.push_key(key, Value::DEPTH_MAX - 1)?;
        self.push_value(value, Value::DEPTH_MAX - 1)
    }

    pub(super) fn push_key<T: Serialize + ?Sized>(
        &mut self,
        key: &T,
        depth: u32,
    ) -> Result<(), Error> {
        let mut bytes = Vec::new();
        key.serialize(Serializer::new(&mut bytes, depth))?;
        self.0.push(Entry { key_len: bytes.len(), bytes });
        Ok(())
    }

    pub(super) fn push_value<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        depth: u32,
    ) -> Result<(), Error> {
        let entry = self.0.last_mut().expect("serde gives the key first");
        value.serialize(Serializer::new(&mut entry.bytes, depth))
    }

    /// Writes the map.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        sort(&mut self.0);
        if self.0.windows(2).any(|pair| matches!(pair, [a, b] if a.key() == b.key())) {
            return Err(Error::TWICE);
        }
        Writer::new(out).map(self.0.len() as u64);
        for entry in self.0 {
            out.extend_from_slice(&entry.bytes);
        }
        Ok(())
    }
}

/// Sorts by heap: the standard library's way has as much code as all else that a small module
/// encodes with.
fn sort(entries: &mut [Entry]) {
    if entries.is_sorted_by(|a, b| a.bytes <= b.bytes) {
        return;
    }
    for root in (0..entries.len() / 2).rev() {
        sift(entries, root);
    }
    let mut heap = entries;
    while let Some(last) = heap.len().checked_sub(1) {
        heap.swap(0, last);
        let Some((_, rest)) = heap.split_last_mut() else { return };
        sift(rest, 0);
        heap = rest;
    }
}

/// Moves an entry down until none below it is greater.
fn sift(heap: &mut [Entry], mut root: usize) {
    loop {
        let bytes = |at: usize| heap.get(at).map(|entry| &entry.bytes);
        let mut greatest = root;
        for child in [2 * root + 1, 2 * root + 2] {
            if bytes(child) > bytes(greatest) {
                greatest = child;
            }
        }
        if greatest == root {
            return;
        }
        heap.swap(root, greatest);
        root = greatest;
    }
}
