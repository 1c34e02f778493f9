//! JSON and self-describing values, back and forth, without knowing the actor.
//!
//! Bytes are `{"$bytes": "base64"}`. Integers beyond 2^53 are decimal strings in JSON; on the way
//! back a schema tells which strings are integers.

use data_encoding::BASE64;
use serde_json::{Map, Number, Value as Json};

use crate::{
    Value,
    schema::{Method, Type},
};

/// Why JSON does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The arguments are neither an object nor a lone value for a lone parameter.
    #[error("arguments are a JSON object from parameter name to value, for example {{\"by\":3}}")]
    Arguments,
    /// Base64 is not base64.
    #[error("`$bytes` holds text that is not base64")]
    Base64,
    /// A number fits no integer or float.
    #[error("the number {0} cannot be represented")]
    Number(String),
    /// A string should be an integer and is not.
    #[error("`{0}` is not an integer")]
    Integer(String),
    /// JSON nested too deep.
    #[error("nested more than {} deep", Value::DEPTH_MAX)]
    TooDeep,
}

/// The integers that JSON numbers carry exactly everywhere.
const EXACT: i128 = 1 << 53;

/// Shows a value as JSON. Map keys that are not text are shown as their JSON text, arrays and maps
/// as `$cbor:` and their encoding in base64; numbers that JSON does not have become null.
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Integer(integer) if (-EXACT..=EXACT).contains(integer) => {
            Number::from_i128(*integer).map_or(Json::Null, Json::Number)
        }
        Value::Integer(integer) => Json::String(integer.to_string()),
        Value::Float(float) => Number::from_f64(*float).map_or(Json::Null, Json::Number),
        Value::Bytes(bytes) => {
            let text = Json::String(BASE64.encode(bytes));
            Json::Object(Map::from_iter([("$bytes".to_owned(), text)]))
        }
        Value::Text(text) => Json::String(text.clone()),
        Value::Array(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (name(key), to_json(value))).collect())
        }
    }
}

/// What a map key is called in JSON. As JSON text, keys within keys would have their quotes escaped
/// once more at every level, and double with each.
fn name(key: &Value) -> String {
    match key {
        Value::Text(text) => text.clone(),
        Value::Array(_) | Value::Map(_) => {
            format!("$cbor:{}", BASE64.encode(&key.encode().unwrap_or_default()))
        }
        scalar => to_json(scalar).to_string(),
    }
}

/// Shows encoded bytes as JSON, or as `{"$bytes": ...}` if they are no value.
pub fn bytes_to_json(bytes: &[u8]) -> Json {
    let value = Value::decode_any(bytes).unwrap_or_else(|_| Value::Bytes(bytes.to_vec()));
    to_json(&value)
}

/// Reads JSON as a value, guided by a type where one is known.
///
/// # Errors
///
/// [`JsonError`] says what does not fit.
pub fn from_json(json: &Json, ty: Option<&Type>) -> Result<Value, JsonError> {
    read(json, ty, Value::DEPTH_MAX)
}

/// Reads arguments: an object, null or nothing for no parameters, or a lone value where the method
/// has exactly one parameter.
///
/// # Errors
///
/// [`JsonError`] says what does not fit.
pub fn args_from_json(json: Option<&Json>, method: Option<&Method>) -> Result<Value, JsonError> {
    let params = method.map(|method| method.params.as_slice());
    match (json, params) {
        (None | Some(Json::Null), _) => Ok(Value::Map(Vec::new())),
        (Some(Json::Object(object)), _) if !is_lone_object(object, params) => {
            let typed =
                |name: &str| params?.iter().find(|param| param.name == name).map(|param| &param.ty);
            let entries = object.iter().map(|(name, value)| {
                Ok((Value::Text(name.clone()), from_json(value, typed(name))?))
            });
            entries.collect::<Result<_, _>>().map(Value::Map)
        }
        (Some(value), Some([only])) => {
            let value = from_json(value, Some(&only.ty))?;
            Ok(Value::Map(vec![(Value::Text(only.name.clone()), value)]))
        }
        _ => Err(JsonError::Arguments),
    }
}

/// Whether an object is the lone argument itself: one parameter, of which it is no field.
fn is_lone_object(object: &Map<String, Json>, params: Option<&[crate::schema::Param]>) -> bool {
    matches!(params, Some([only]) if !object.is_empty()
        && !object.contains_key(&only.name) && can_be_object(&only.ty))
}

/// Whether a value of a type is an object in JSON. Where it cannot be, an object with another name
/// is a parameter misspelt.
fn can_be_object(ty: &Type) -> bool {
    match ty {
        Type::Bytes
        | Type::Map(..)
        | Type::Named(_)
        | Type::Record { .. }
        | Type::Choice { .. } => true,
        Type::Option(inner) => can_be_object(inner),
        Type::Null
        | Type::Bool
        | Type::Integer { .. }
        | Type::Float
        | Type::Text
        | Type::List(_)
        | Type::Tuple(_)
        | Type::Id(_) => false,
    }
}

fn read(json: &Json, ty: Option<&Type>, depth: u32) -> Result<Value, JsonError> {
    let deeper = || depth.checked_sub(1).ok_or(JsonError::TooDeep);
    let ty = match ty {
        Some(Type::Option(inner)) => Some(&**inner),
        other => other,
    };
    match json {
        Json::Null => Ok(Value::Null),
        Json::Bool(bool) => Ok(Value::Bool(*bool)),
        Json::Number(number) => read_number(number, ty),
        Json::String(text) if matches!(ty, Some(Type::Integer { .. })) => {
            text.parse().map(Value::Integer).map_err(|_| JsonError::Integer(text.clone()))
        }
        Json::String(text) => Ok(Value::Text(text.clone())),
        Json::Array(items) => {
            let depth = deeper()?;
            let items = items.iter().enumerate();
            let items = items.map(|(at, item)| read(item, item_type(ty, at), depth));
            items.collect::<Result<_, _>>().map(Value::Array)
        }
        Json::Object(object) => match (object.len(), object.get("$bytes")) {
            (1, Some(Json::String(text))) => {
                BASE64.decode(text.as_bytes()).map(Value::Bytes).map_err(|_| JsonError::Base64)
            }
            _ => {
                let depth = deeper()?;
                let entries = object.iter().map(|(name, value)| {
                    Ok((Value::Text(name.clone()), read(value, entry_type(ty, name), depth)?))
                });
                entries.collect::<Result<_, _>>().map(Value::Map)
            }
        },
    }
}

/// The type of an item of an array, if it is known.
fn item_type(ty: Option<&Type>, at: usize) -> Option<&Type> {
    match ty? {
        Type::List(item) => Some(item),
        Type::Tuple(items) => items.get(at),
        _ => None,
    }
}

/// The type of an entry of a map, if it is known.
fn entry_type<'a>(ty: Option<&'a Type>, name: &str) -> Option<&'a Type> {
    match ty? {
        Type::Map(_, value) => Some(value),
        Type::Record { fields, .. } => {
            fields.iter().find(|field| field.name == name).map(|field| &field.ty)
        }
        Type::Choice { variants, .. } => {
            variants.iter().find(|variant| variant.name == name)?.content.as_ref()
        }
        _ => None,
    }
}

fn read_number(number: &Number, ty: Option<&Type>) -> Result<Value, JsonError> {
    let float = || number.as_f64().map(Value::Float);
    let value = match ty {
        Some(Type::Float) => float(),
        _ => number.as_i128().map(Value::Integer).or_else(float),
    };
    value.ok_or_else(|| JsonError::Number(number.to_string()))
}

#[cfg(test)]
mod tests;
