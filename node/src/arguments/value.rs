//! One value: a text read as a parameter's type says.
//!
//! Text and ids stand as they are, without quotes; lists and structures are JSON. `null` is nothing
//! where a type allows that.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use protocol::{
    Value,
    json::{JsonError, from_json},
    schema::{Field, Type, Variant},
};

use super::{near, spelling::type_name};

/// Why a text is no value of a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ValueError {
    /// It is not of the type.
    #[error("`{text}` is no {ty}{}", hinted(hint))]
    NotOf {
        /// The beginning of the text.
        text: String,
        /// The type.
        ty: String,
        /// How one is written.
        hint: String,
    },
    /// An integer that the type does not hold.
    #[error("{value} is no {ty}: it goes from {least} to {most}")]
    Range {
        /// The integer.
        value: i128,
        /// The type.
        ty: String,
        /// Its least.
        least: i128,
        /// Its greatest.
        most: i128,
    },
    /// A part of a structure is not of its type.
    #[error("{place}: {cause}")]
    Within {
        /// The part.
        place: String,
        /// What is wrong with it.
        cause: Box<Self>,
    },
    /// A structure has no such field, or an enumeration no such variant.
    #[error("{ty} has no `{name}`{}", near::suggestion(near.as_deref()))]
    Unknown {
        /// The structure.
        ty: String,
        /// What it lacks.
        name: String,
        /// What was perhaps meant.
        near: Option<String>,
    },
    /// A field without a value.
    #[error("`{name}` is missing in {ty}")]
    Missing {
        /// The structure.
        ty: String,
        /// The field.
        name: String,
    },
    /// JSON that no value can be.
    #[error(transparent)]
    Json(#[from] JsonError),
}

/// How much of a text an error repeats.
const SHOWN: usize = 40;

/// Reads a text as a value of a type.
pub(crate) fn read(text: &str, ty: &Type) -> Result<Value, ValueError> {
    let wrong = |hint: &str| Err(not_of(&text, ty, hint));
    match ty {
        Type::Option(_) if text == "null" => Ok(Value::Null),
        Type::Option(inner) => read(text, inner),
        Type::Null if text == "null" || text.is_empty() => Ok(Value::Null),
        Type::Null => wrong("it is null"),
        Type::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => wrong("true or false"),
        },
        Type::Integer { bits, signed } => match text.parse() {
            Ok(value) => in_range(value, *bits, *signed),
            Err(_) => wrong(""),
        },
        Type::Float => match text.parse() {
            Ok(value) => Ok(Value::Float(value)),
            Err(_) => wrong(""),
        },
        Type::Text => Ok(Value::Text(text.to_owned())),
        Type::Id(prefix) => check_id(text, prefix, ty),
        Type::Bytes => read_bytes(text, ty),
        Type::Choice { variants, .. } if !text.trim_start().starts_with('{') => {
            check_choice(Value::Text(text.to_owned()), ty, variants)
        }
        Type::Named(_) => match serde_json::from_str(text) {
            Ok(json) => Ok(from_json(&json, None)?),
            Err(_) => Ok(Value::Text(text.to_owned())),
        },
        Type::List(_)
        | Type::Tuple(_)
        | Type::Map(..)
        | Type::Record { .. }
        | Type::Choice { .. } => match serde_json::from_str(text) {
            Ok(json) => fit(from_json(&json, Some(ty))?, ty),
            Err(error) => wrong(&format!("it is written as JSON, and {error}")),
        },
    }
}

/// A value that came of JSON, if it is of a type.
fn fit(value: Value, ty: &Type) -> Result<Value, ValueError> {
    match (value, ty) {
        (value, Type::Named(_)) => Ok(value),
        (Value::Null, Type::Option(_) | Type::Null) => Ok(Value::Null),
        (value, Type::Option(inner)) => fit(value, inner),
        (value @ Value::Bool(_), Type::Bool)
        | (value @ Value::Float(_), Type::Float)
        | (value @ Value::Text(_), Type::Text)
        | (value @ Value::Bytes(_), Type::Bytes) => Ok(value),
        (Value::Integer(value), Type::Integer { bits, signed }) => in_range(value, *bits, *signed),
        (Value::Text(text), Type::Id(prefix)) => check_id(&text, prefix, ty),
        (Value::Array(items), Type::List(item)) => {
            let items = items.into_iter().enumerate();
            let items = items.map(|(at, value)| within(&format!("[{at}]"), fit(value, item)));
            items.collect::<Result<_, _>>().map(Value::Array)
        }
        (Value::Array(items), Type::Tuple(types)) if items.len() == types.len() => {
            let items = items.into_iter().zip(types).enumerate();
            let items = items.map(|(at, (value, ty))| within(&format!("[{at}]"), fit(value, ty)));
            items.collect::<Result<_, _>>().map(Value::Array)
        }
        (Value::Map(entries), Type::Map(_, of)) => {
            let entries = entries.into_iter().map(|(key, value)| {
                let place = shown(&key);
                Ok((key, within(&place, fit(value, of))?))
            });
            entries.collect::<Result<_, _>>().map(Value::Map)
        }
        (Value::Map(entries), Type::Record { name, fields }) => check_record(entries, name, fields),
        (value, Type::Choice { variants, .. }) => check_choice(value, ty, variants),
        (value, ty) => Err(not_of(&shown(&value), ty, "")),
    }
}

fn check_record(
    entries: Vec<(Value, Value)>,
    ty: &str,
    fields: &[Field],
) -> Result<Value, ValueError> {
    let has = |field: &Field| entries.iter().any(|(key, _)| is(key, &field.name));
    if let Some(missing) = fields.iter().find(|field| !field.optional && !has(field)) {
        return Err(ValueError::Missing { ty: ty.to_owned(), name: missing.name.clone() });
    }
    let entries = entries.into_iter().map(|(key, value)| {
        let Some(field) = fields.iter().find(|field| is(&key, &field.name)) else {
            let (ty, name) = (ty.to_owned(), shown(&key));
            let near = near::nearest(&name, fields.iter().map(|field| field.name.as_str()));
            return Err(ValueError::Unknown { ty, name, near });
        };
        Ok((key, within(&field.name, fit(value, &field.ty))?))
    });
    entries.collect::<Result<_, _>>().map(Value::Map)
}

/// A variant: its name as text, or a map with the name as its one key.
fn check_choice(value: Value, ty: &Type, variants: &[Variant]) -> Result<Value, ValueError> {
    let find = |name: &str| {
        let found = variants.iter().find(|variant| variant.name == name);
        found.ok_or_else(|| ValueError::Unknown {
            ty: type_name(ty),
            name: cut(name),
            near: near::nearest(name, variants.iter().map(|variant| variant.name.as_str())),
        })
    };
    match value {
        Value::Text(name) => match &find(&name)?.content {
            None => Ok(Value::Text(name)),
            Some(_) => {
                Err(not_of(&name, ty, &format!("`{name}` holds something: '{{\"{name}\":...}}'")))
            }
        },
        Value::Map(entries) => {
            let [(Value::Text(name), content)] = entries.as_slice() else {
                return Err(not_of(&"{...}", ty, "a map with one variant"));
            };
            match &find(name)?.content {
                Some(of) => {
                    let content = within(name, fit(content.clone(), of))?;
                    Ok(Value::Map(vec![(Value::Text(name.clone()), content)]))
                }
                None => Err(not_of(name, ty, "it holds nothing: write the name alone")),
            }
        }
        other => Err(not_of(&shown(&other), ty, "")),
    }
}

/// An integer, if a type of so many bits holds it. Wider ones than 64 bits are cut to what a value
/// carries.
fn in_range(value: i128, bits: u8, signed: bool) -> Result<Value, ValueError> {
    let bits = u32::from(bits.min(64));
    let span = 1_i128 << bits;
    let (least, most) = if signed { (-(span / 2), span / 2 - 1) } else { (0, span - 1) };
    if (least..=most).contains(&value) {
        return Ok(Value::Integer(value));
    }
    let ty = format!("{}{bits}", if signed { 'i' } else { 'u' });
    Err(ValueError::Range { value, ty, least, most })
}

/// An id, which has a prefix and only small letters and digits. Whether it is spelled right is the
/// actor's to say.
fn check_id(text: &str, prefix: &str, ty: &Type) -> Result<Value, ValueError> {
    let rest = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('1'));
    let fits = |rest: &str| {
        !rest.is_empty() && rest.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    match rest {
        Some(rest) if fits(rest) => Ok(Value::Text(text.to_owned())),
        _ => Err(not_of(&text, ty, "")),
    }
}

/// Bytes in hex after `0x`, in base64 after `base64:`, or as JSON shows them.
fn read_bytes(text: &str, ty: &Type) -> Result<Value, ValueError> {
    let read = if let Some(hex) = text.strip_prefix("0x") {
        HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()
    } else if let Some(base64) = text.strip_prefix("base64:") {
        BASE64.decode(base64.as_bytes()).ok()
    } else if let Ok(json) = serde_json::from_str(text) {
        match from_json(&json, Some(ty))? {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    } else {
        None
    };
    let hint = "write 0x and hex digits, or base64: and base64";
    read.map(Value::Bytes).ok_or_else(|| not_of(&text, ty, hint))
}

fn within(place: &str, read: Result<Value, ValueError>) -> Result<Value, ValueError> {
    read.map_err(|cause| ValueError::Within { place: place.to_owned(), cause: Box::new(cause) })
}

fn not_of(text: &impl fmt::Display, ty: &Type, hint: &str) -> ValueError {
    let text = cut(&text.to_string());
    ValueError::NotOf { text, ty: type_name(ty), hint: hint.to_owned() }
}

fn is(key: &Value, name: &str) -> bool {
    matches!(key, Value::Text(text) if text == name)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => cut(text),
        other => cut(&protocol::json::to_json(other).to_string()),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or(text)),
        None => text.to_owned(),
    }
}

fn hinted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

#[cfg(test)]
mod tests;
