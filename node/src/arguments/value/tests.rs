use proptest::prelude::*;

use super::*;

const U8: Type = Type::Integer { bits: 8, signed: false };
const I64: Type = Type::Integer { bits: 64, signed: true };

fn point() -> Type {
    let field = |name: &str, optional| Field { name: name.to_owned(), ty: I64, optional };
    Type::Record { name: "Point".to_owned(), fields: vec![field("x", false), field("y", true)] }
}

fn colour() -> Type {
    let variant = |name: &str, content| Variant { name: name.to_owned(), content };
    let variants = vec![variant("Red", None), variant("Other", Some(Type::Text))];
    Type::Choice { name: "Colour".to_owned(), variants }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn scalars_are_written_without_quotes() {
    for (written, ty, value) in [
        ("3", &U8, Value::Integer(3)),
        ("-3", &I64, Value::Integer(-3)),
        ("true", &Type::Bool, Value::Bool(true)),
        ("1.5", &Type::Float, Value::Float(1.5)),
        ("3", &Type::Float, Value::Float(3.0)),
        ("3", &Type::Text, text("3")),
        ("a=b c", &Type::Text, text("a=b c")),
        ("", &Type::Text, text("")),
        ("0x00FF", &Type::Bytes, Value::Bytes(vec![0, 255])),
        ("base64:AP8=", &Type::Bytes, Value::Bytes(vec![0, 255])),
        (r#"{"$bytes":"AP8="}"#, &Type::Bytes, Value::Bytes(vec![0, 255])),
        ("proc1qq", &Type::Id("proc".to_owned()), text("proc1qq")),
        ("null", &Type::Null, Value::Null),
    ] {
        assert_eq!(read(written, ty), Ok(value), "{written}");
    }
}

#[test]
fn what_is_of_another_type_is_refused_with_the_type() {
    for (written, ty, said) in [
        ("three", &U8, "`three` is no u8"),
        ("256", &U8, "256 is no u8: it goes from 0 to 255"),
        ("-1", &U8, "-1 is no u8"),
        ("1.5", &U8, "`1.5` is no u8"),
        ("yes", &Type::Bool, "`yes` is no bool: true or false"),
        ("far", &Type::Float, "`far` is no float"),
        ("word", &Type::Bytes, "`word` is no bytes"),
        ("0x0", &Type::Bytes, "`0x0` is no bytes"),
        ("bob", &Type::Id("acct".to_owned()), "`bob` is no acct1..."),
        ("[", &Type::List(Box::new(U8)), "`[` is no [u8]"),
    ] {
        let error = read(written, ty).unwrap_err().to_string();
        assert!(error.starts_with(said), "{written}: {error}");
    }
}

#[test]
fn an_option_is_null_or_what_it_holds() {
    let option = Type::Option(Box::new(Type::Text));
    assert_eq!(read("null", &option), Ok(Value::Null));
    assert_eq!(read("word", &option), Ok(text("word")));
    assert!(read("x", &Type::Option(Box::new(U8))).is_err());
}

#[test]
fn lists_and_structures_are_json_of_the_types_within() {
    let list = Type::List(Box::new(U8));
    let numbers = Value::Array(vec![Value::Integer(1), Value::Integer(2)]);
    assert_eq!(read("[1, 2]", &list), Ok(numbers));
    assert!(read("[1, 256]", &list).unwrap_err().to_string().starts_with("[1]: 256"));
    let both = Type::Tuple(vec![U8, Type::Text]);
    assert!(read(r#"[1, "a"]"#, &both).is_ok());
    assert!(read("[1]", &both).is_err());

    assert!(read(r#"{"x": 1}"#, &point()).is_ok());
    let error = |written| read(written, &point()).unwrap_err().to_string();
    assert_eq!(error(r#"{"y": 1}"#), "`x` is missing in Point");
    assert_eq!(error(r#"{"x": 1, "xx": 1}"#), "Point has no `xx`: did you mean `x`?");
    assert_eq!(error(r#"{"x": "a"}"#), "`a` is not an integer");
    assert_eq!(error(r#"{"x": true}"#), "x: `true` is no i64");
}

#[test]
fn a_variant_is_its_name_or_a_map() {
    assert_eq!(read("Red", &colour()), Ok(text("Red")));
    assert!(read(r#"{"Other": "mauve"}"#, &colour()).is_ok());
    let error = |written| read(written, &colour()).unwrap_err().to_string();
    assert_eq!(error("Rde"), "Colour has no `Rde`: did you mean `Red`?");
    assert!(error("Other").contains("holds something"));
    assert!(error(r#"{"Red": 1}"#).contains("holds nothing"));
    assert!(error(r#"{"Other": 1}"#).starts_with("Other: `1` is no text"));
}

#[test]
fn a_type_that_is_only_named_takes_json_or_text() {
    let named = Type::Named("Money".to_owned());
    assert_eq!(read("3", &named), Ok(Value::Integer(3)));
    assert_eq!(read("three", &named), Ok(text("three")));
}

fn types() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        Just(Type::Null),
        Just(Type::Bool),
        Just(Type::Float),
        Just(Type::Text),
        Just(Type::Bytes),
        Just(Type::Id("proc".to_owned())),
        Just(Type::Named("T".to_owned())),
        (any::<u8>(), any::<bool>()).prop_map(|(bits, signed)| Type::Integer { bits, signed }),
        Just(point()),
        Just(colour()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|ty| Type::Option(Box::new(ty))),
            inner.clone().prop_map(|ty| Type::List(Box::new(ty))),
            inner.clone().prop_map(|ty| Type::Map(Box::new(Type::Text), Box::new(ty))),
            prop::collection::vec(inner, 0..3).prop_map(Type::Tuple),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_panics(written in ".{0,60}", ty in types()) {
        let _ = read(&written, &ty);
    }

    #[test]
    fn no_json_panics(number in any::<i64>(), word in "[a-zA-Z$]{0,6}", ty in types()) {
        for written in [
            format!("[{number}, \"{word}\"]"),
            format!("{{\"{word}\": {number}}}"),
            format!("{{\"x\": {{\"{word}\": [null, true]}}}}"),
        ] {
            let _ = read(&written, &ty);
        }
    }

    #[test]
    fn an_integer_is_read_exactly_if_its_type_holds_it(value in any::<i128>(), bits in 1_u8..=64) {
        for signed in [false, true] {
            let read = read(&value.to_string(), &Type::Integer { bits, signed });
            let held = match signed {
                false => value >= 0 && value < 1 << bits,
                true => value >= -(1 << (bits - 1)) && value < 1 << (bits - 1),
            };
            prop_assert_eq!(read.ok(), held.then_some(Value::Integer(value)));
        }
    }

    #[test]
    fn text_stands_as_it_is(written in any::<String>()) {
        prop_assert_eq!(read(&written, &Type::Text), Ok(Value::Text(written)));
    }
}
