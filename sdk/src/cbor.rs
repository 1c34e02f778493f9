//! Values between serde and canonical CBOR (`docs/abi.md`, RFC 8949 section 4.2).
//!
//! Structs and maps become maps sorted by their encoded keys, enums the name of the variant or a
//! map with that one key, `None` and `()` null, identifiers text, `serde_bytes` byte strings.
//! Floats take the shortest width that holds them exactly.
//!
//! # Invariants
//!
//! - What is encoded here is canonical: [`protocol::canonical`] gives it back unchanged.
//! - Decoding never panics and nests at most [`protocol::Value::DEPTH_MAX`] deep.

mod de;
mod entries;
mod fields;
mod read;
mod ser;
mod write;

use protocol::Value;
use serde::{
    Deserialize, Serialize,
    de::{Expected, Unexpected},
};

pub(crate) use de::Absent;
pub(crate) use entries::Entries;
pub(crate) use fields::Fields;
pub(crate) use read::{Fault, Item, Reader};
pub(crate) use write::Writer;

/// CBOR's null: the reply of a method that returns nothing.
pub(crate) const NULL: &[u8] = &[0xf6];

/// Why a value has no CBOR form, or bytes are not a value of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Error {
    detail: std::borrow::Cow<'static, str>,
}

impl Error {
    const INDEFINITE: Self = Self::fixed("a length is not given");
    pub(crate) const TRAILING: Self = Self::fixed("bytes follow after the end of the value");
    const ABSENT: Self = Self::fixed("it is missing");
    const TOO_DEEP: Self = Self::fixed("nested too deep");
    const TWICE: Self = Self::fixed("a map has one key twice");
    const KIND: Self = Self::fixed("a value has no tags and no simple values but null and bool");
    const MALFORMED: Self = Self::fixed("not well-formed CBOR");
    const NOT_ARGS: Self = Self::fixed("not a map from parameter name to value");
    const RANGE: Self = Self::fixed("an integer needs more than 64 bits");

    const fn fixed(detail: &'static str) -> Self {
        Self { detail: std::borrow::Cow::Borrowed(detail) }
    }

    /// Kept out of the many places that the compiler would copy it to.
    #[cold]
    #[inline(never)]
    fn shown(detail: &dyn std::fmt::Display) -> Self {
        Self { detail: detail.to_string().into() }
    }
}

impl serde::ser::Error for Error {
    fn custom<T: std::fmt::Display>(detail: T) -> Self {
        Self::shown(&detail)
    }
}

impl serde::de::Error for Error {
    fn custom<T: std::fmt::Display>(detail: T) -> Self {
        Self::shown(&detail)
    }

    #[cold]
    #[inline(never)]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found {}", Found(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(len: usize, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found {} items", len as u64))
    }
}

/// Names what was found. Serde's own way would put the formatting of floats into every module; one
/// type of integers is enough as well.
struct Found<'a>(Unexpected<'a>);

impl std::fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Unexpected::Unsigned(integer) => return write!(f, "the integer {integer}"),
            Unexpected::Signed(integer) => {
                let sign = if integer < 0 { "-" } else { "" };
                return write!(f, "the integer {sign}{}", integer.unsigned_abs());
            }
            Unexpected::Str(text) => return write!(f, "the text `{text}`"),
            Unexpected::Other(other) => other,
            Unexpected::Bool(_) => "a truth value",
            Unexpected::Float(_) => "a float",
            Unexpected::Bytes(_) => "bytes",
            Unexpected::Unit | Unexpected::Option => "null",
            Unexpected::Seq => "an array",
            Unexpected::Map => "a map",
            _ => "something else",
        })
    }
}

/// Encodes a value canonically.
///
/// # Errors
///
/// [`Error`] if the value nests too deep, has an integer of more than 64 bits or a map with one
/// key twice, or fails to serialise by itself.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    value.serialize(ser::Serializer::new(&mut bytes, Value::DEPTH_MAX))?;
    Ok(bytes)
}

/// Decodes a value. Integers are taken for floats where a float is expected.
///
/// # Errors
///
/// [`Error`] says what was found and what was expected.
pub fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Error> {
    let mut reader = Reader::new(bytes);
    let value = T::deserialize(de::Deserializer::new(&mut reader, Value::DEPTH_MAX))?;
    if reader.len() == 0 { Ok(value) } else { Err(Error::TRAILING) }
}

#[cfg(test)]
mod tests;
