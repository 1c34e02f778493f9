//! A host table as pieces that follow its contents, so that equal runs of entries are equal blobs.

use minicbor::{
    Decode, Encode,
    bytes::{ByteSlice, ByteVec},
};

use crate::{Hash, HostTable, codec, host_table::Leaf};

use super::CheckpointError;

/// Where a host table is found. All entries are in the order of the digests of their keys.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum HostTableIndex {
    /// Here: keys and values of a table of at most [`Self::INLINE_BYTES`].
    #[n(0)]
    Inline(#[n(0)] Vec<(ByteVec, ByteVec)>),
    /// In chunks, named by their plain BLAKE3 hashes. A chunk is the encoding of an array of
    /// `[key, value]`.
    #[n(1)]
    Chunks(#[n(0)] Vec<Hash>),
}

impl HostTableIndex {
    /// The longest encoding, in bytes, of entries that stand inline.
    pub const INLINE_BYTES: usize = 1_024;

    /// The most entries of a chunk. It ends before that behind a key whose digest ends in a byte
    /// that is a multiple of [`Self::BOUNDARY`].
    pub const CHUNK_ENTRIES_MAX: usize = 1_024;

    /// One key in 32 in the mean ends a chunk.
    pub const BOUNDARY: u8 = 32;

    /// The index of a table. `store` is given the address and the bytes of every chunk.
    pub fn build(table: &HostTable, mut store: impl FnMut(Hash, Vec<u8>)) -> Self {
        if let Some(entries) = inline(table) {
            return Self::Inline(entries);
        }
        let mut addresses = Vec::new();
        let mut chunk: Vec<(&ByteSlice, &ByteSlice)> = Vec::new();
        let mut leaves = table.leaves().peekable();
        while let Some(leaf) = leaves.next() {
            chunk.push((leaf.key().into(), leaf.value().into()));
            if ends_chunk(chunk.len(), leaf.key_digest()) || leaves.peek().is_none() {
                let bytes = codec::encode(&chunk);
                let address = Hash::of_blob(&bytes);
                store(address, bytes);
                addresses.push(address);
                chunk.clear();
            }
        }
        Self::Chunks(addresses)
    }

    /// The table. `read` gives the bytes of a chunk by its address.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] if a chunk is missing or wrong, or the entries are out of order.
    pub fn read(
        &self,
        mut read: impl FnMut(&Hash) -> Option<Vec<u8>>,
    ) -> Result<HostTable, CheckpointError> {
        let mut filling = Filling::default();
        match self {
            Self::Inline(entries) => {
                if codec::encode(entries).len() > Self::INLINE_BYTES {
                    return Err(CheckpointError::Shape("a large host table stands inline"));
                }
                filling.take(entries)?;
            }
            Self::Chunks(addresses) => {
                for address in addresses {
                    let bytes = read(address).ok_or(CheckpointError::Missing(*address))?;
                    if Hash::of_blob(&bytes) != *address {
                        return Err(CheckpointError::Address(*address));
                    }
                    let entries: Vec<(ByteVec, ByteVec)> = codec::decode(&bytes)?;
                    if !(1..=Self::CHUNK_ENTRIES_MAX).contains(&entries.len()) {
                        return Err(CheckpointError::Shape("a chunk has 1 to 1,024 entries"));
                    }
                    filling.take(&entries)?;
                }
            }
        }
        Ok(filling.table)
    }
}

/// A table that is filled in the order of the digests of its keys.
#[derive(Default)]
struct Filling {
    table: HostTable,
    last: Option<Hash>,
}

impl Filling {
    fn take(&mut self, entries: &[(ByteVec, ByteVec)]) -> Result<(), CheckpointError> {
        for (key, value) in entries {
            let leaf = Leaf::new(key, value);
            let digest = Some(*leaf.key_digest());
            if self.last >= digest {
                return Err(CheckpointError::Shape("the keys of a host table are out of order"));
            }
            self.last = digest;
            self.table.insert_leaf(leaf);
        }
        Ok(())
    }
}

/// The entries of a table that is small enough to stand inline.
fn inline(table: &HostTable) -> Option<Vec<(ByteVec, ByteVec)>> {
    // Stops early, so that a large table is not copied to be measured. The exact length counts
    // in the end.
    let mut bytes = 0;
    let mut entries = Vec::new();
    for (key, value) in table.iter() {
        bytes += key.len() + value.len();
        if bytes > HostTableIndex::INLINE_BYTES || entries.len() >= HostTableIndex::INLINE_BYTES {
            return None;
        }
        entries.push((key.to_vec().into(), value.to_vec().into()));
    }
    (codec::encode(&entries).len() <= HostTableIndex::INLINE_BYTES).then_some(entries)
}

/// Whether a chunk of this many entries ends behind a key.
fn ends_chunk(entries: usize, key: &Hash) -> bool {
    let boundary = |byte: &u8| byte.is_multiple_of(HostTableIndex::BOUNDARY);
    entries >= HostTableIndex::CHUNK_ENTRIES_MAX || key.as_bytes().last().is_some_and(boundary)
}

#[cfg(test)]
mod tests;
