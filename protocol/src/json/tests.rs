use serde_json::json;

use super::*;
use crate::schema::{Field, MethodKind, Param, Variant};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::Map(entries.iter().map(|(name, value)| (text(name), value.clone())).collect())
}

fn integer() -> Type {
    Type::Integer { bits: 64, signed: false }
}

fn method(params: &[(&str, Type)]) -> Method {
    let params = params.iter();
    let params = params.map(|(name, ty)| Param { name: (*name).to_owned(), ty: ty.clone() });
    Method {
        name: "add".to_owned(),
        kind: MethodKind::Message,
        params: params.collect(),
        returns: Type::Null,
        docs: String::new(),
        errors: Vec::new(),
    }
}

/// The value is shown as this JSON, which is read back as the value.
#[track_caller]
fn both_ways(value: &Value, json: &Json) {
    assert_eq!(&to_json(value), json);
    assert_eq!(from_json(json, None).as_ref(), Ok(value));
}

#[test]
fn json_and_values_convert_without_a_schema() {
    both_ways(&Value::Null, &json!(null));
    both_ways(&Value::Bool(true), &json!(true));
    both_ways(&Value::Integer(-3), &json!(-3));
    both_ways(&Value::Float(1.5), &json!(1.5));
    both_ways(&text("a"), &json!("a"));
    both_ways(&Value::Array(vec![Value::Integer(1), text("b")]), &json!([1, "b"]));
    both_ways(&map(&[("by", Value::Integer(3))]), &json!({"by": 3}));
}

#[test]
fn a_whole_float_stays_a_float() {
    both_ways(&Value::Float(3.0), &json!(3.0));
}

#[test]
fn bytes_are_base64_in_an_object_of_their_own() {
    both_ways(&Value::Bytes(vec![1, 2, 3, 255]), &json!({"$bytes": "AQID/w=="}));
    let bad = json!({"$bytes": "AQID/w"});
    assert_eq!(from_json(&bad, None), Err(JsonError::Base64));
    let more = json!({"$bytes": "AQID", "other": 1});
    let expected = map(&[("$bytes", text("AQID")), ("other", Value::Integer(1))]);
    assert_eq!(from_json(&more, None), Ok(expected));
}

#[test]
fn integers_beyond_53_bits_are_decimal_strings() {
    let edge = 1_i128 << 53;
    assert_eq!(to_json(&Value::Integer(edge)), json!(9_007_199_254_740_992_u64));
    assert_eq!(to_json(&Value::Integer(edge + 1)), json!("9007199254740993"));
    assert_eq!(to_json(&Value::Integer(-edge)), json!(-9_007_199_254_740_992_i64));
    assert_eq!(to_json(&Value::Integer(-edge - 1)), json!("-9007199254740993"));
    let largest = Value::Integer(u64::MAX.into());
    assert_eq!(from_json(&to_json(&largest), Some(&integer())), Ok(largest));
}

#[test]
fn a_string_is_an_integer_only_where_the_schema_says_so() {
    let json = json!("12");
    assert_eq!(from_json(&json, None), Ok(text("12")));
    assert_eq!(from_json(&json, Some(&Type::Text)), Ok(text("12")));
    assert_eq!(from_json(&json, Some(&integer())), Ok(Value::Integer(12)));
    let optional = Type::Option(Box::new(integer()));
    assert_eq!(from_json(&json, Some(&optional)), Ok(Value::Integer(12)));
    assert_eq!(from_json(&json!(null), Some(&optional)), Ok(Value::Null));
    let refused = from_json(&json!("twelve"), Some(&integer()));
    assert_eq!(refused, Err(JsonError::Integer("twelve".to_owned())));
}

#[test]
fn types_reach_into_lists_and_maps() {
    let list = Type::List(Box::new(integer()));
    let expected = Value::Array(vec![Value::Integer(1), Value::Integer(2)]);
    assert_eq!(from_json(&json!([1, "2"]), Some(&list)), Ok(expected));
    let numbers = Type::Map(Box::new(Type::Text), Box::new(integer()));
    let expected = map(&[("a", Value::Integer(7))]);
    assert_eq!(from_json(&json!({"a": "7"}), Some(&numbers)), Ok(expected));
}

#[test]
fn a_number_is_a_float_where_the_schema_says_so() {
    assert_eq!(from_json(&json!(3), Some(&Type::Float)), Ok(Value::Float(3.0)));
    assert_eq!(from_json(&json!(3), None), Ok(Value::Integer(3)));
}

#[test]
fn an_identifier_is_text() {
    let id = crate::examples::source().to_string();
    let read = from_json(&json!(id.clone()), Some(&Type::Id("proc".to_owned())));
    assert_eq!(read, Ok(text(&id)));
}

#[test]
fn what_json_lacks_is_shown_as_well_as_it_can_be() {
    assert_eq!(to_json(&Value::Float(f64::NAN)), json!(null));
    assert_eq!(to_json(&Value::Float(f64::INFINITY)), json!(null));
    let keys = Value::Map(vec![(Value::Integer(1), text("one")), (Value::Bool(true), text("yes"))]);
    assert_eq!(to_json(&keys), json!({"1": "one", "true": "yes"}));
}

#[test]
fn bytes_that_are_no_value_are_shown_as_bytes() {
    assert_eq!(bytes_to_json(&[0x03]), json!(3));
    assert_eq!(bytes_to_json(&[0xff]), json!({"$bytes": "/w=="}));
    assert_eq!(bytes_to_json(&[]), json!({"$bytes": ""}));
}

#[test]
fn arguments_are_an_object_by_parameter_name() {
    let add = method(&[("by", integer()), ("note", Type::Text)]);
    let read = args_from_json(Some(&json!({"by": "3", "note": "4"})), Some(&add));
    assert_eq!(read, Ok(map(&[("by", Value::Integer(3)), ("note", text("4"))])));
}

#[test]
fn no_parameters_are_nothing_null_or_an_empty_object() {
    let empty = Ok(map(&[]));
    for json in [None, Some(json!(null)), Some(json!({}))] {
        assert_eq!(args_from_json(json.as_ref(), Some(&method(&[]))), empty);
        assert_eq!(args_from_json(json.as_ref(), None), empty);
        // One parameter may be left out, too: whether it has to be there is the actor's affair.
        let lone = method(&[("by", Type::Option(Box::new(integer())))]);
        assert_eq!(args_from_json(json.as_ref(), Some(&lone)), empty);
    }
}

#[test]
fn a_lone_value_is_the_one_parameter() {
    let add = method(&[("by", integer())]);
    let expected = Ok(map(&[("by", Value::Integer(3))]));
    for json in [json!(3), json!("3"), json!({"by": 3})] {
        assert_eq!(args_from_json(Some(&json), Some(&add)), expected, "{json}");
    }
}

#[test]
fn a_lone_object_is_the_one_parameter_unless_it_names_it() {
    let put = method(&[("reading", Type::Named("Reading".to_owned()))]);
    let reading = json!({"value": 3});
    let expected = Ok(map(&[("reading", map(&[("value", Value::Integer(3))]))]));
    assert_eq!(args_from_json(Some(&reading), Some(&put)), expected);
    assert_eq!(args_from_json(Some(&json!({"reading": {"value": 3}})), Some(&put)), expected);
}

#[test]
fn an_object_that_cannot_be_the_one_parameter_misspells_its_name() {
    let add = method(&[("by", Type::Option(Box::new(integer())))]);
    let misspelt = args_from_json(Some(&json!({"bye": 3})), Some(&add));
    assert_eq!(misspelt, Ok(map(&[("bye", Value::Integer(3))])));
}

#[test]
fn a_lone_value_fits_no_other_number_of_parameters() {
    let two = method(&[("a", integer()), ("b", integer())]);
    for method in [None, Some(&method(&[])), Some(&two)] {
        let refused = args_from_json(Some(&json!(3)), method);
        assert_eq!(refused, Err(JsonError::Arguments));
    }
}

#[test]
fn json_nests_as_deep_as_values_and_no_deeper() {
    let nested = |depth| (0..depth).fold(json!(null), |inner, _| json!([inner]));
    let deepest = from_json(&nested(64), None).unwrap();
    assert_eq!(Value::decode(&deepest.encode().unwrap()), Ok(deepest));
    assert_eq!(from_json(&nested(65), None), Err(JsonError::TooDeep));
}

#[test]
fn what_is_read_encodes_as_arguments() {
    let args =
        args_from_json(Some(&json!({"b": 1, "aa": 2, "a": [1, {"x": null}]})), None).unwrap();
    let bytes = args.encode().unwrap();
    assert!(matches!(Value::decode(&bytes), Ok(Value::Map(entries)) if entries.len() == 3));
}

#[test]
fn a_key_that_is_a_container_is_shown_as_its_encoding() {
    let key = Value::Array(vec![Value::Integer(1), text("a")]);
    let value = Value::Map(vec![(key, Value::Null), (Value::Integer(2), Value::Bool(true))]);
    assert_eq!(to_json(&value), json!({ "$cbor:ggFhYQ==": null, "2": true }));
}

#[test]
fn keys_within_keys_do_not_grow_with_every_level() {
    let mut key = text("a");
    for _ in 1..Value::DEPTH_MAX {
        key = Value::Map(vec![(key, Value::Null)]);
    }
    let value = Value::Map(vec![(key, Value::Null)]);
    let bytes = value.encode().unwrap();
    assert!(bytes_to_json(&bytes).to_string().len() < 4 * bytes.len());
}

#[test]
fn the_fields_of_a_structure_are_read_by_their_types() {
    let field = |name: &str| Field { name: name.to_owned(), ty: integer(), optional: false };
    let point = Type::Record { name: "Point".to_owned(), fields: vec![field("x")] };
    let variant = Variant { name: "Dot".to_owned(), content: Some(point.clone()) };
    let shape = Type::Choice { name: "Shape".to_owned(), variants: vec![variant] };
    let both = Type::Tuple(vec![point, shape]);
    let json = json!([{"x": "7", "y": "7"}, {"Dot": {"x": "8"}}, "9"]);
    let dot = map(&[("Dot", map(&[("x", Value::Integer(8))]))]);
    let expected =
        Value::Array(vec![map(&[("x", Value::Integer(7)), ("y", text("7"))]), dot, text("9")]);
    assert_eq!(from_json(&json, Some(&both)), Ok(expected));
}
