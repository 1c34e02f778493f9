use protocol::{
    Value,
    schema::{Field, Method, MethodKind, Param, Type, Variant},
};

use super::{Given, Wrong, fields, mark, read};
use crate::explorer::testing::{HOSTILE, assert_harmless};

const U64: Type = Type::Integer { bits: 64, signed: false };

fn optional(ty: Type) -> Type {
    Type::Option(Box::new(ty))
}

fn method(types: Vec<(&str, Type)>) -> Method {
    let param = |(name, ty): (&str, Type)| Param { name: name.to_owned(), ty };
    Method {
        name: "call".to_owned(),
        kind: MethodKind::Message,
        params: types.into_iter().map(param).collect(),
        returns: Type::Null,
        docs: String::new(),
        errors: Vec::new(),
    }
}

fn choice(names: &[&str], content: Option<Type>) -> Type {
    let variant = |name: &&str| Variant { name: (*name).to_owned(), content: content.clone() };
    Type::Choice { name: "Side".to_owned(), variants: names.iter().map(variant).collect() }
}

fn record() -> Type {
    let field = |name: &str, optional| Field { name: name.to_owned(), ty: U64, optional };
    Type::Record { name: "Point".to_owned(), fields: vec![field("x", false), field("y", true)] }
}

/// A form with these texts.
fn given(method: &Method, texts: &[&str]) -> Given {
    let texts = texts.iter().enumerate();
    let texts = texts.map(|(number, text)| (format!("p{number}"), (*text).to_owned()));
    Given::of(texts.chain([("mark".to_owned(), mark(method))]).collect())
}

fn shown(method: &Method) -> String {
    fields(method, &Given::default(), &Wrong::default()).into_string()
}

#[test]
fn every_type_has_a_labelled_field_of_its_kind() {
    let fields = shown(&method(vec![("by", U64)]));
    assert!(fields.contains(r#"<label for="p0"><code>by</code></label>"#), "{fields}");
    assert!(fields.contains(r#"inputmode="numeric""#) && fields.contains("u64"), "{fields}");
    let fields = shown(&method(vec![("sure", Type::Bool)]));
    assert!(fields.contains("<select") && fields.contains(r#"<option value="true">"#), "{fields}");
    let fields = shown(&method(vec![("side", choice(&["left", "right"], None))]));
    assert!(fields.contains(r#"<option value="right">right</option>"#), "{fields}");
    for (ty, spelled) in [
        (choice(&["left"], Some(U64)), "{&quot;left&quot;: u64}, as JSON"),
        (record(), "Point {&quot;x&quot;: u64, &quot;y&quot;?: u64}"),
        (Type::List(Box::new(U64)), "[u64]"),
        (Type::Text, "text"),
    ] {
        let fields = shown(&method(vec![("what", ty)])).replace("</code>", "");
        assert!(fields.contains("<textarea") && fields.contains(spelled), "{fields}");
    }
    let fields = shown(&method(vec![("raw", optional(Type::Bytes))]));
    assert!(fields.contains("0x and hex digits") && fields.contains("optional"), "{fields}");
}

#[test]
fn what_a_schema_says_is_no_markup_and_no_name_of_a_field() {
    let hostile = || Type::Named(HOSTILE.to_owned());
    let method = method(vec![
        (HOSTILE, hostile()),
        (HOSTILE, choice(&[HOSTILE], None)),
        (HOSTILE, choice(&[HOSTILE], Some(hostile()))),
        (HOSTILE, Type::Id(HOSTILE.to_owned())),
    ]);
    assert_harmless(&shown(&method));
    let errors = read(&method, &given(&method, &["", "<script>", "\u{202e}", "x"])).unwrap_err();
    let page = fields(&method, &given(&method, &["<script>"; 4]), &errors).into_string();
    assert_harmless(&page);
}

#[test]
fn texts_are_read_by_type_and_what_is_optional_is_left_out() {
    let method = method(vec![
        ("by", U64),
        ("sure", optional(Type::Bool)),
        ("note", Type::Text),
        ("also", optional(Type::Text)),
        ("side", choice(&["left", "right"], None)),
        ("raw", Type::Bytes),
        ("at", record()),
    ]);
    let texts = [" 3 ", "", "two\r\nlines ", "", "left", "0x00ff", "{\"x\": 1}"];
    let args = read(&method, &given(&method, &texts)).unwrap();
    let entry = |name: &str, value| (Value::Text(name.to_owned()), value);
    let point = Value::Map(vec![entry("x", Value::Integer(1))]);
    let expected = vec![
        entry("by", Value::Integer(3)),
        entry("note", Value::Text("two\nlines ".to_owned())),
        entry("side", Value::Text("left".to_owned())),
        entry("raw", Value::Bytes(vec![0, 255])),
        entry("at", point),
    ];
    assert_eq!(args, Value::Map(expected));
}

#[test]
fn what_is_wrong_stands_beside_its_field_with_the_text_kept() {
    let method = method(vec![("by", U64), ("to", Type::Text), ("at", U64)]);
    let given = given(&method, &["three", "a \"friend\"", ""]);
    let wrong = read(&method, &given).unwrap_err();
    assert_eq!(wrong.fields.keys().copied().collect::<Vec<_>>(), [0, 2]);
    let page = fields(&method, &given, &wrong).into_string();
    assert!(page.contains(r#"value="three""#) && page.contains("a &quot;friend&quot;"), "{page}");
    assert!(page.contains("`three` is no u64") && page.contains("A value is needed"), "{page}");
    assert_eq!(page.matches(r#"aria-invalid="true""#).count(), 2);
    assert_eq!(page.matches(" autofocus").count(), 1, "the first of them");
}

#[test]
fn a_form_that_was_made_for_another_method_is_not_read() {
    let (old, new) = (method(vec![("by", U64)]), method(vec![("to", U64)]));
    let wrong = read(&new, &given(&old, &["3"])).unwrap_err();
    assert!(wrong.outdated && wrong.fields.is_empty());
    assert!(read(&new, &Given::of(vec![("p0".to_owned(), "3".to_owned())])).unwrap_err().outdated);
    assert!(read(&new, &given(&new, &["3"])).is_ok());
}
