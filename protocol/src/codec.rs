//! Strict, deterministic CBOR (RFC 8949 section 4.2) for the objects of the protocol.
//!
//! Objects are arrays with fixed indices. Absent optional fields at the end are left out, absent
//! ones in the middle are null. Decoding compares with a re-encoding, so exactly one spelling of
//! every object is accepted: no non-minimal integers, indefinite lengths, unknown trailing fields
//! or bytes after the end.

use minicbor::{Decode, Encode};

/// Why bytes are not an object of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not well-formed CBOR of the expected shape.
    #[error("not a well-formed {what}: {detail}")]
    Malformed {
        /// The object that was expected.
        what: &'static str,
        /// What the decoder found.
        detail: String,
    },
    /// The bytes decode, but are not the one canonical spelling.
    #[error("not the canonical encoding of a {what}")]
    NotCanonical {
        /// The object that was expected.
        what: &'static str,
    },
}

/// Room for most objects, so that they are not moved while they are encoded.
const ENCODED_BYTES: usize = 320;

/// Encodes an object canonically.
pub fn encode<T: Encode<()>>(object: &T) -> Vec<u8> {
    encode_sized(object, ENCODED_BYTES)
}

/// Encodes an object canonically that has about so many bytes.
pub fn encode_sized<T: Encode<()>>(object: &T, capacity: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(capacity);
    // Unlike `expect`, this does not bring the formatting of the error into modules.
    assert!(minicbor::encode(object, &mut bytes).is_ok(), "encoding into memory cannot fail");
    bytes
}

/// Decodes an object, refusing every spelling but the canonical one.
///
/// # Errors
///
/// [`DecodeError`] names the object and what is wrong. Never panics, whatever the bytes.
pub fn decode<'b, T: Decode<'b, ()> + Encode<()>>(bytes: &'b [u8]) -> Result<T, DecodeError> {
    let what = short_name::<T>();
    let object = minicbor::decode(bytes)
        .map_err(|error| DecodeError::Malformed { what, detail: error.to_string() })?;
    if Comparer::matches(bytes, &object) {
        Ok(object)
    } else {
        Err(DecodeError::NotCanonical { what })
    }
}

/// Decodes an object from bytes this program wrote itself, or whose enclosing object was decoded
/// by [`decode`], skipping the comparison.
///
/// # Errors
///
/// [`DecodeError`] as for [`decode`], except that spellings are not compared.
pub fn decode_trusted<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, DecodeError> {
    minicbor::decode(bytes).map_err(|error| DecodeError::Malformed {
        what: short_name::<T>(),
        detail: error.to_string(),
    })
}

fn short_name<T>() -> &'static str {
    let full = std::any::type_name::<T>();
    let head = full.split('<').next().unwrap_or(full);
    head.rsplit("::").next().unwrap_or(head)
}

/// Compares an encoding with given bytes while it is produced, so that nothing is allocated.
struct Comparer<'b> {
    rest: &'b [u8],
}

impl<'b> Comparer<'b> {
    fn matches<T: Encode<()>>(bytes: &'b [u8], object: &T) -> bool {
        let mut comparer = Self { rest: bytes };
        minicbor::encode(object, &mut comparer).is_ok() && comparer.rest.is_empty()
    }
}

/// The encoding differs from the bytes it was compared with.
#[derive(Debug)]
struct Differs;

impl std::fmt::Display for Differs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("encodings differ")
    }
}

impl std::error::Error for Differs {}

impl minicbor::encode::Write for Comparer<'_> {
    type Error = Differs;

    fn write_all(&mut self, written: &[u8]) -> Result<(), Differs> {
        self.rest = match (written, self.rest) {
            // Most of what is written is the head of an item, which is shorter than a call.
            ([byte], [found, rest @ ..]) if byte == found => rest,
            _ => self.rest.strip_prefix(written).ok_or(Differs)?,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests;
