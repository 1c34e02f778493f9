//! The format of a module file; `docs/storage.md` has the table.
//!
//! # Invariants
//!
//! - Pure: bytes in, meaning out. No input makes it panic.
//! - [`Checked`] is made here alone, and only of bytes under a checksum of this unit.

use minicbor::{Decode, Encode};
use protocol::{ModuleId, ProfileId, codec};

use super::Facts;
use crate::prepare::{GlobalKind, MutableGlobal, Segment};

/// What a module file begins with.
const MAGIC: &[u8; 16] = b"antiphon module\0";
/// The version of the format.
const VERSION: u32 = 1;
/// The longest text of a refusal that is kept, in bytes.
const REFUSAL_BYTES_MAX: usize = 4_096;

const COMPILED: u8 = 0;
const REFUSED: u8 = 1;

/// What files are for, and the secret that they are believed by.
#[derive(Clone)]
pub(super) struct Key {
    /// Known to this unit alone.
    pub(super) secret: [u8; 32],
    /// The profile that modules are prepared for.
    pub(super) profile: ProfileId,
    /// The engine that compiles, with the version of the preparation.
    pub(super) engine: [u8; 32],
}

/// Machine code of this engine, as this unit wrote it.
pub(super) struct Checked<'a>(&'a [u8]);

impl Checked<'_> {
    /// The serialized module.
    pub(super) const fn bytes(&self) -> &[u8] {
        self.0
    }
}

/// What a file holds.
pub(super) enum Content<'a> {
    /// A module: what preparation found, and its machine code.
    Compiled(Facts, Checked<'a>),
    /// Why a module is refused, in words.
    Refused(&'a str),
}

/// Why a file is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    /// It is not what this unit wrote under this name.
    #[error("the file is damaged, or was not written by this unit")]
    Damaged,
    /// Another engine, or another version of the preparation, made it.
    #[error("the file was made by another engine")]
    Stale,
}

/// Encodes a compiled module.
pub(super) fn compiled(key: &Key, module: &ModuleId, facts: &Facts, code: &[u8]) -> Vec<u8> {
    seal(key, module, COMPILED, &codec::encode(&Stored::from(facts)), code)
}

/// Encodes a refusal, unless its text is too long to be kept.
pub(super) fn refused(key: &Key, module: &ModuleId, text: &str) -> Option<Vec<u8>> {
    (text.len() <= REFUSAL_BYTES_MAX).then(|| seal(key, module, REFUSED, &[], text.as_bytes()))
}

/// Reads a file that should be of this module.
pub(super) fn open<'a>(
    key: &Key,
    module: &ModuleId,
    bytes: &'a [u8],
) -> Result<Content<'a>, Unusable> {
    let (prefix, rest) = bytes.split_at_checked(MAGIC.len() + 4).ok_or(Unusable::Damaged)?;
    let (checksum, body) = rest.split_first_chunk::<32>().ok_or(Unusable::Damaged)?;
    // Digests compare in constant time.
    if prefix != prefix_now() || hash(key, prefix, body) != *checksum {
        return Err(Unusable::Damaged);
    }
    read(key, module, body).ok_or(Unusable::Damaged)?
}

/// Reads what the checksum covers. None if it breaks the format.
fn read<'a>(key: &Key, module: &ModuleId, body: &'a [u8]) -> Option<Result<Content<'a>, Unusable>> {
    let (found, body) = body.split_first_chunk::<32>()?;
    let (profile, body) = body.split_first_chunk::<32>()?;
    let (engine, body) = body.split_first_chunk::<32>()?;
    let (kind, body) = body.split_first()?;
    let (facts, body) = body.split_first_chunk::<4>()?;
    let (data, body) = body.split_first_chunk::<8>()?;
    if found != module.as_bytes() {
        return None;
    }
    if profile != key.profile.as_bytes() || engine != &key.engine {
        return Some(Err(Unusable::Stale));
    }
    let (facts, rest) = body.split_at_checked(length(u32::from_le_bytes(*facts))?)?;
    if rest.len() != length(u64::from_le_bytes(*data))? {
        return None;
    }
    Some(Ok(match *kind {
        COMPILED => {
            let stored = codec::decode_trusted::<Stored>(facts).ok()?;
            Content::Compiled(stored.into(), Checked(rest))
        }
        REFUSED => Content::Refused(std::str::from_utf8(rest).ok()?),
        _ => return None,
    }))
}

fn length(length: impl TryInto<usize>) -> Option<usize> {
    length.try_into().ok()
}

fn seal(key: &Key, module: &ModuleId, kind: u8, facts: &[u8], data: &[u8]) -> Vec<u8> {
    let lengths = (u32::try_from(facts.len()), u64::try_from(data.len()));
    let lengths = (
        lengths.0.expect("what preparation finds is smaller than its module"),
        lengths.1.expect("lengths in memory have 64 bits"),
    );
    let mut body = Vec::with_capacity(128 + facts.len() + data.len());
    body.extend_from_slice(module.as_bytes());
    body.extend_from_slice(key.profile.as_bytes());
    body.extend_from_slice(&key.engine);
    body.push(kind);
    body.extend_from_slice(&lengths.0.to_le_bytes());
    body.extend_from_slice(&lengths.1.to_le_bytes());
    body.extend_from_slice(facts);
    body.extend_from_slice(data);
    let prefix = prefix_now();
    let checksum = hash(key, &prefix, &body);
    [prefix.as_slice(), checksum.as_bytes(), &body].concat()
}

fn prefix_now() -> Vec<u8> {
    [MAGIC.as_slice(), &VERSION.to_le_bytes()].concat()
}

fn hash(key: &Key, prefix: &[u8], body: &[u8]) -> blake3::Hash {
    blake3::Hasher::new_keyed(&key.secret).update(prefix).update(body).finalize()
}

/// [`Facts`] as they are stored.
#[derive(Encode, Decode)]
struct Stored {
    #[n(0)]
    initial_pages: u32,
    #[n(1)]
    genesis: Vec<StoredSegment>,
    #[n(2)]
    globals: Vec<StoredGlobal>,
}

#[derive(Encode, Decode)]
struct StoredSegment {
    #[n(0)]
    offset: u32,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    bytes: Vec<u8>,
}

#[derive(Encode, Decode)]
struct StoredGlobal {
    #[n(0)]
    export: String,
    #[n(1)]
    kind: StoredKind,
}

#[derive(Encode, Decode)]
#[cbor(index_only)]
enum StoredKind {
    #[n(0)]
    I32,
    #[n(1)]
    I64,
    #[n(2)]
    F32,
    #[n(3)]
    F64,
    #[n(4)]
    V128,
}

impl From<&Facts> for Stored {
    fn from(facts: &Facts) -> Self {
        let segment = |segment: &Segment| StoredSegment {
            offset: segment.offset,
            bytes: segment.bytes.clone(),
        };
        let global = |global: &MutableGlobal| StoredGlobal {
            export: global.export.clone(),
            kind: match global.kind {
                GlobalKind::I32 => StoredKind::I32,
                GlobalKind::I64 => StoredKind::I64,
                GlobalKind::F32 => StoredKind::F32,
                GlobalKind::F64 => StoredKind::F64,
                GlobalKind::V128 => StoredKind::V128,
            },
        };
        Self {
            initial_pages: facts.initial_pages,
            genesis: facts.genesis.iter().map(segment).collect(),
            globals: facts.globals.iter().map(global).collect(),
        }
    }
}

impl From<Stored> for Facts {
    fn from(stored: Stored) -> Self {
        let segment =
            |segment: StoredSegment| Segment { offset: segment.offset, bytes: segment.bytes };
        let global = |global: StoredGlobal| MutableGlobal {
            export: global.export,
            kind: match global.kind {
                StoredKind::I32 => GlobalKind::I32,
                StoredKind::I64 => GlobalKind::I64,
                StoredKind::F32 => GlobalKind::F32,
                StoredKind::F64 => GlobalKind::F64,
                StoredKind::V128 => GlobalKind::V128,
            },
        };
        Self {
            initial_pages: stored.initial_pages,
            genesis: stored.genesis.into_iter().map(segment).collect(),
            globals: stored.globals.into_iter().map(global).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
