//! Self-describing values: arguments, replies and event data.
//!
//! A value is any CBOR item without tags, nested at most [`Value::DEPTH_MAX`] deep, in the
//! deterministic profile of RFC 8949 section 4.2.1 with one NaN (0xf97e00).

mod check;

use std::cmp::Ordering;

use minicbor::{Decoder, Encoder, data::Type};

pub use check::{ValueKind, check_value};

/// A decoded self-describing value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer from -2^64 to 2^64 - 1.
    Integer(i128),
    /// A floating-point number.
    Float(f64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// Text.
    Text(String),
    /// A sequence.
    Array(Vec<Self>),
    /// A map, in the order of its encoded keys.
    Map(Vec<(Self, Self)>),
}

/// Why bytes are not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The bytes are not well-formed CBOR.
    #[error("not well-formed CBOR: {0}")]
    Malformed(String),
    /// The item uses what values do not have: a tag, undefined or another simple value.
    #[error("a value has no {0}")]
    Unsupported(&'static str),
    /// The item is nested deeper than [`Value::DEPTH_MAX`].
    #[error("nested more than {} deep", Value::DEPTH_MAX)]
    TooDeep,
    /// A map has one key twice.
    #[error("a map has one key twice")]
    DuplicateKey,
    /// Bytes follow after the item.
    #[error("bytes after the end of the value")]
    TrailingBytes,
    /// The item has a canonical spelling, and this is not it.
    #[error("not in canonical form")]
    NotCanonical,
    /// An integer is outside of what CBOR integers hold.
    #[error("an integer is outside of -2^64 to 2^64 - 1")]
    IntegerRange,
}

impl Value {
    /// How deep arrays and maps may nest.
    pub const DEPTH_MAX: u32 = 64;

    /// Decodes the one canonical spelling of a value.
    ///
    /// # Errors
    ///
    /// [`ValueError`] says what is wrong; [`ValueError::NotCanonical`] if only the spelling is.
    pub fn decode(bytes: &[u8]) -> Result<Self, ValueError> {
        let value = Self::decode_any(bytes)?;
        if value.encode()? == bytes { Ok(value) } else { Err(ValueError::NotCanonical) }
    }

    /// Decodes any well-formed spelling of a value and sorts its maps.
    ///
    /// # Errors
    ///
    /// [`ValueError`] says what is wrong.
    pub fn decode_any(bytes: &[u8]) -> Result<Self, ValueError> {
        let mut decoder = Decoder::new(bytes);
        let value = read(&mut decoder, Self::DEPTH_MAX)?;
        if decoder.position() == bytes.len() { Ok(value) } else { Err(ValueError::TrailingBytes) }
    }

    /// Encodes the value canonically.
    ///
    /// # Errors
    ///
    /// [`ValueError::IntegerRange`] and [`ValueError::DuplicateKey`], for values built by hand.
    pub fn encode(&self) -> Result<Vec<u8>, ValueError> {
        let mut bytes = Vec::new();
        write(self, &mut bytes)?;
        Ok(bytes)
    }

    /// The entry of a map with this text key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries
            .iter()
            .find(|(name, _)| matches!(name, Self::Text(text) if text == key))
            .map(|(_, v)| v)
    }
}

/// The canonical spelling of a well-formed value.
///
/// # Errors
///
/// [`ValueError`] says what is wrong with it.
pub fn canonical(bytes: &[u8]) -> Result<Vec<u8>, ValueError> {
    Value::decode_any(bytes)?.encode()
}

fn read(d: &mut Decoder<'_>, depth: u32) -> Result<Value, ValueError> {
    let malformed = |error: minicbor::decode::Error| ValueError::Malformed(error.to_string());
    let kind = d.datatype().map_err(malformed)?;
    Ok(match kind {
        Type::Null => {
            d.null().map_err(malformed)?;
            Value::Null
        }
        Type::Bool => Value::Bool(d.bool().map_err(malformed)?),
        Type::U8
        | Type::U16
        | Type::U32
        | Type::U64
        | Type::I8
        | Type::I16
        | Type::I32
        | Type::I64
        | Type::Int => Value::Integer(d.int().map_err(malformed)?.into()),
        Type::F16 => Value::Float(f64::from(d.f16().map_err(malformed)?)),
        Type::F32 => Value::Float(f64::from(d.f32().map_err(malformed)?)),
        Type::F64 => Value::Float(d.f64().map_err(malformed)?),
        Type::Bytes | Type::BytesIndef => {
            let mut bytes = Vec::new();
            for chunk in d.bytes_iter().map_err(malformed)? {
                bytes.extend_from_slice(chunk.map_err(malformed)?);
            }
            Value::Bytes(bytes)
        }
        Type::String | Type::StringIndef => {
            let mut text = String::new();
            for chunk in d.str_iter().map_err(malformed)? {
                text.push_str(chunk.map_err(malformed)?);
            }
            Value::Text(text)
        }
        Type::Array | Type::ArrayIndef => read_array(d, depth)?,
        Type::Map | Type::MapIndef => read_map(d, depth)?,
        Type::Tag => return Err(ValueError::Unsupported("tags")),
        _ => return Err(ValueError::Unsupported("such simple values")),
    })
}

fn read_array(d: &mut Decoder<'_>, depth: u32) -> Result<Value, ValueError> {
    let depth = depth.checked_sub(1).ok_or(ValueError::TooDeep)?;
    let mut left = d.array().map_err(|error| ValueError::Malformed(error.to_string()))?;
    let mut items = Vec::new();
    while more(d, &mut left)? {
        items.push(read(d, depth)?);
    }
    Ok(Value::Array(items))
}

fn read_map(d: &mut Decoder<'_>, depth: u32) -> Result<Value, ValueError> {
    let depth = depth.checked_sub(1).ok_or(ValueError::TooDeep)?;
    let mut left = d.map().map_err(|error| ValueError::Malformed(error.to_string()))?;
    let mut entries = Vec::new();
    while more(d, &mut left)? {
        let key = read(d, depth)?;
        entries.push((key.encode()?, key, read(d, depth)?));
    }
    entries.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    if entries.windows(2).any(|pair| matches!(pair, [(a, ..), (b, ..)] if a == b)) {
        return Err(ValueError::DuplicateKey);
    }
    Ok(Value::Map(entries.into_iter().map(|(_, key, value)| (key, value)).collect()))
}

/// Whether a container has another item; consumes the break of an indefinite one.
fn more(d: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, ValueError> {
    let malformed = |error: minicbor::decode::Error| ValueError::Malformed(error.to_string());
    match left {
        Some(0) => Ok(false),
        Some(count) => {
            *count -= 1;
            Ok(true)
        }
        None if d.datatype().map_err(malformed)? == Type::Break => {
            d.set_position(d.position() + 1);
            Ok(false)
        }
        None => Ok(true),
    }
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), ValueError> {
    const NEVER: &str = "encoding into memory cannot fail";
    let mut e = Encoder::new(&mut *out);
    match value {
        Value::Null => drop(e.null().expect(NEVER)),
        Value::Bool(bool) => drop(e.bool(*bool).expect(NEVER)),
        Value::Integer(integer) => {
            let integer =
                minicbor::data::Int::try_from(*integer).map_err(|_| ValueError::IntegerRange)?;
            e.int(integer).expect(NEVER);
        }
        Value::Float(float) => write_float(*float, out),
        Value::Bytes(bytes) => drop(e.bytes(bytes).expect(NEVER)),
        Value::Text(text) => drop(e.str(text).expect(NEVER)),
        Value::Array(items) => {
            e.array(items.len() as u64).expect(NEVER);
            items.iter().try_for_each(|item| write(item, out))?;
        }
        Value::Map(entries) => {
            e.map(entries.len() as u64).expect(NEVER);
            let mut spelled = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                spelled.push((key.encode()?, value));
            }
            spelled.sort_by(|(a, _), (b, _)| a.cmp(b));
            let mut last: Option<&[u8]> = None;
            for (key, value) in &spelled {
                if last.map(|last| last.cmp(key)) == Some(Ordering::Equal) {
                    return Err(ValueError::DuplicateKey);
                }
                last = Some(key);
                out.extend_from_slice(key);
                write(value, out)?;
            }
        }
    }
    Ok(())
}

/// Writes the shortest of the three widths that holds the number exactly.
fn write_float(float: f64, out: &mut Vec<u8>) {
    if float.is_nan() {
        return out.extend_from_slice(&[0xf9, 0x7e, 0x00]);
    }
    let half = half::f16::from_f64(float);
    #[expect(clippy::cast_possible_truncation, reason = "compared with the original below")]
    let single = float as f32;
    if half.to_f64().to_bits() == float.to_bits() {
        out.push(0xf9);
        out.extend_from_slice(&half.to_bits().to_be_bytes());
    } else if f64::from(single).to_bits() == float.to_bits() {
        out.push(0xfa);
        out.extend_from_slice(&single.to_bits().to_be_bytes());
    } else {
        out.push(0xfb);
        out.extend_from_slice(&float.to_bits().to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
