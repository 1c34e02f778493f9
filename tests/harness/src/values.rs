//! Self-describing values, JSON, identifiers and addresses: what people and actors write.

use std::{fmt::Display, str::FromStr};

use protocol::{
    AccountId, EntryId, ModuleId, NetworkId, OperatorId, ProcessId, ProfileId, UnitId, Value,
    ValueError, ValueKind, canonical, check_value,
    json::{args_from_json, bytes_to_json, from_json, to_json},
    schema::Schema,
};
use transport::UnitAddress;

use crate::{Family, choose, decode, seeds};

pub(crate) const VALUES: Family = &[
    ("Value", value),
    ("Json", json),
    ("Identifier", identifier),
    ("Schema", schema),
    ("IdentifierBytes", identifier_bytes),
];

pub(crate) fn values(bytes: &[u8]) {
    choose(VALUES, bytes);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::vectors(VALUES);
    for json in
        [r#"{"by":3,"to":[null,true,-1.5e300]}"#, r#"{"$bytes":"AAEC"}"#, "18446744073709551616"]
    {
        seeds.push([&[1], json.as_bytes()].concat());
    }
    let unit = UnitId::from_bytes([7; 32]).to_string();
    seeds.push([&[2], unit.as_bytes()].concat());
    seeds.push([&[2], format!("{unit}@127.0.0.1:9000").as_bytes()].concat());
    seeds.push([vec![4], vec![7; 32]].concat());
    seeds
}

fn value(bytes: &[u8]) {
    let any = Value::decode_any(bytes);
    let exact = Value::decode(bytes);
    match check_value(bytes) {
        Ok(kind) => {
            let value = exact.as_ref().expect("what is checked decodes");
            assert_eq!(kind == ValueKind::Map, matches!(value, Value::Map(_)));
        }
        Err(_) => assert!(exact.is_err(), "what decodes is checked: {exact:?}"),
    }
    bytes_to_json(bytes);
    let Ok(value) = any else {
        assert!(canonical(bytes).is_err());
        return;
    };
    let spelled = value.encode().expect("what was decoded encodes");
    assert_eq!(canonical(bytes).as_ref(), Ok(&spelled));
    assert_eq!(canonical(&spelled).as_ref(), Ok(&spelled));
    match exact {
        Ok(_) => assert_eq!(spelled, bytes),
        Err(error) => {
            assert_eq!(error, ValueError::NotCanonical);
            assert_ne!(spelled, bytes);
        }
    }
    let json = to_json(&value);
    if let Ok(again) = from_json(&json, None) {
        assert_eq!(to_json(&again), json);
        again.encode().expect("JSON has neither a key twice nor an integer of its own");
    }
}

fn json(bytes: &[u8]) {
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let _ = args_from_json(Some(&json), None);
    if let Ok(value) = from_json(&json, None)
        && let Ok(spelled) = value.encode()
    {
        assert_eq!(to_json(&Value::decode(&spelled).expect("canonical")), to_json(&value));
    }
}

/// A schema, and the arguments of its methods: the rest of the input is read as JSON.
fn schema(bytes: &[u8]) {
    let Some(schema) = decode::<Schema>(bytes) else { return };
    let samples = [r#"{"by":"12"}"#, "[[1],{\"a\":\"99999999999999999999\"}]", "\"-1\"", "null"];
    for method in &schema.methods {
        assert!(schema.method(&method.name).is_some());
        for sample in samples {
            let json = serde_json::from_str(sample).expect("the samples are JSON");
            if let Ok(value) = args_from_json(Some(&json), Some(method)) {
                // Its integers may be out of range.
                let _ = value.encode();
            }
        }
    }
}

fn identifier(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let kinds = [
        spelling::<AccountId>(text),
        spelling::<EntryId>(text),
        spelling::<ModuleId>(text),
        spelling::<NetworkId>(text),
        spelling::<OperatorId>(text),
        spelling::<ProcessId>(text),
        spelling::<ProfileId>(text),
        spelling::<UnitId>(text),
    ];
    let read = kinds.iter().filter(|read| **read).count();
    assert!(read <= 1, "{text} is of two kinds");
    if let Ok(address) = UnitAddress::from_str(text) {
        assert_eq!(UnitAddress::from_str(&address.to_string()), Ok(address));
    }
}

/// Whether the text is an identifier of a kind; if so, it is the one spelling.
fn spelling<T: FromStr + Display>(text: &str) -> bool {
    let Ok(id) = text.parse::<T>() else { return false };
    assert_eq!(id.to_string(), text);
    true
}

/// An identifier whose spelling has a byte changed is none.
fn identifier_bytes(bytes: &[u8]) {
    let Some((id, rest)) = bytes.split_first_chunk::<32>() else { return };
    let text = ProcessId::from_bytes(*id).to_string();
    assert_eq!(text.parse(), Ok(ProcessId::from_bytes(*id)));
    identifier(text.as_bytes());
    let [at, change, ..] = rest else { return };
    let mut damaged = text.clone().into_bytes();
    let at = usize::from(*at) % damaged.len();
    if let Some(byte) = damaged.get_mut(at) {
        *byte ^= change & 0x7f;
    }
    let damaged = String::from_utf8(damaged).expect("still ASCII");
    assert_eq!(damaged.parse::<ProcessId>().is_ok(), damaged == text, "{damaged}");
}
