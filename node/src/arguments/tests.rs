use std::io;

use proptest::prelude::*;

use super::*;

const U64: Type = Type::Integer { bits: 64, signed: false };

/// Somebody with answers ready.
struct Clerk {
    answers: Vec<&'static str>,
    heard: Vec<String>,
}

impl Clerk {
    fn new(answers: &[&'static str]) -> Self {
        Self { answers: answers.iter().rev().copied().collect(), heard: Vec::new() }
    }
}

impl Asker for Clerk {
    fn can_ask(&self) -> bool {
        true
    }

    fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        self.heard.push(question.to_owned());
        Ok(self.answers.pop().map(str::to_owned))
    }

    fn tell(&mut self, text: &str) {
        self.heard.push(text.to_owned());
    }
}

fn method(params: &[(&str, Type)]) -> Method {
    let param = |(name, ty): &(&str, Type)| Param { name: (*name).to_owned(), ty: ty.clone() };
    Method {
        name: "add".to_owned(),
        kind: protocol::schema::MethodKind::Message,
        params: params.iter().map(param).collect(),
        returns: Type::Null,
        docs: String::new(),
        errors: Vec::new(),
    }
}

fn add() -> Method {
    method(&[("by", U64), ("note", Type::Option(Box::new(Type::Text)))])
}

fn words(line: &str) -> Result<Words, ArgumentError> {
    Words::of(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

fn read(line: &str, method: &Method) -> Result<Value, ArgumentError> {
    words(line)?.read(Some(method), &mut Nobody)
}

fn map(entries: &[(&str, Value)]) -> Value {
    let entry = |(name, value): &(&str, Value)| (Value::Text((*name).to_owned()), value.clone());
    Value::Map(entries.iter().map(entry).collect())
}

#[test]
fn words_with_names_are_read_by_the_schema() {
    let by = ("by", Value::Integer(3));
    assert_eq!(read("by=3", &add()), Ok(map(std::slice::from_ref(&by))));
    let note = ("note", Value::Text("a=b".to_owned()));
    assert_eq!(read("by=3 note=a=b", &add()), Ok(map(&[by, note])));
}

#[test]
fn one_word_without_a_name_is_json_as_before() {
    let by = map(&[("by", Value::Integer(3))]);
    assert_eq!(read(r#"{"by":3}"#, &add()), Ok(by));
    assert_eq!(read("3", &method(&[("by", U64)])), Ok(map(&[("by", Value::Integer(3))])));
    let typed = read(r#"{"by":"three"}"#, &add()).unwrap_err();
    assert!(matches!(typed, ArgumentError::Json(_)), "{typed}");
    // The actor says what is missing in JSON.
    assert_eq!(read("{}", &add()), Ok(Value::Map(Vec::new())));
    let error = read("{by:3}", &add()).unwrap_err().to_string();
    assert!(error.ends_with("try by=3 note=word"), "{error}");
}

#[test]
fn a_wrong_name_tells_the_parameters_and_the_nearest() {
    let error = read("byy=3", &add()).unwrap_err().to_string();
    assert_eq!(error, "no parameter `byy` in add(by: u64, note: text?): did you mean `by`?");
    let error = read("amount=3", &add()).unwrap_err().to_string();
    assert_eq!(error, "no parameter `amount` in add(by: u64, note: text?)");
}

#[test]
fn a_wrong_type_tells_the_parameters() {
    let error = read("by=three", &add()).unwrap_err().to_string();
    assert_eq!(error, "by: `three` is no u64, in add(by: u64, note: text?)");
}

#[test]
fn what_is_missing_is_named_where_nobody_can_be_asked() {
    let two = method(&[("from", U64), ("to", U64), ("note", Type::Option(Box::new(Type::Text)))]);
    let error = read("", &two).unwrap_err().to_string();
    assert_eq!(error, "`from`, `to` are missing, in add(from: u64, to: u64, note: text?)");
    let error = read("note=x", &add()).unwrap_err().to_string();
    assert!(error.starts_with("`by` is missing"), "{error}");
    assert_eq!(read("", &method(&[])), Ok(Value::Map(Vec::new())));
}

#[test]
fn what_is_missing_is_asked_for_and_again_if_it_does_not_fit() {
    let mut clerk = Clerk::new(&["three", "3"]);
    let read = words("").unwrap().read(Some(&add()), &mut clerk);
    assert_eq!(read, Ok(map(&[("by", Value::Integer(3))])));
    assert_eq!(clerk.heard, ["by (u64): ", "`three` is no u64", "by (u64): "]);
}

#[test]
fn whoever_gives_no_answer_is_not_asked_for_ever() {
    let mut clerk = Clerk::new(&["a", "b", "c", "3"]);
    let error = words("").unwrap().read(Some(&add()), &mut clerk).unwrap_err();
    assert!(matches!(error, ArgumentError::Misfit { .. }), "{error}");
    let error = words("").unwrap().read(Some(&add()), &mut Clerk::new(&[])).unwrap_err();
    assert!(matches!(error, ArgumentError::Missing { .. }), "{error}");
}

#[test]
fn names_without_values_and_twice_are_refused() {
    assert!(matches!(words("by=3 4"), Err(ArgumentError::Unnamed { word }) if word == "4"));
    assert!(matches!(words("by=3 by=4"), Err(ArgumentError::Twice { name }) if name == "by"));
    assert!(matches!(words("=3").unwrap(), Words::Json(_)));
}

#[test]
fn without_a_schema_words_are_json_or_text() {
    let read = words("by=3 to=bob").unwrap().read(None, &mut Nobody).unwrap();
    assert_eq!(read, map(&[("by", Value::Integer(3)), ("to", Value::Text("bob".to_owned()))]));
    let read = words("").unwrap().read(None, &mut Nobody).unwrap();
    assert_eq!(read, Value::Map(Vec::new()));
}

proptest! {
    #[test]
    fn no_words_panic(given in prop::collection::vec(".{0,20}", 0..4)) {
        if let Ok(words) = Words::of(&given) {
            let _ = words.read(Some(&add()), &mut Nobody);
            let _ = words.read(None, &mut Nobody);
        }
    }

    #[test]
    fn a_value_may_hold_anything(value in any::<String>()) {
        let text = method(&[("text", Type::Text)]);
        let read = Words::of(&[format!("text={value}")]).unwrap().read(Some(&text), &mut Nobody);
        prop_assert_eq!(read, Ok(map(&[("text", Value::Text(value))])));
    }
}
