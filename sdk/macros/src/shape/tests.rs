use protocol::schema::Type as Schema;
use syn::parse_str;

use super::*;

fn shape(spelling: &str) -> Schema {
    of(&parse_str(spelling).unwrap())
}

#[test]
fn scalars_and_containers_have_their_shape() {
    let integer = |bits, signed| Schema::Integer { bits, signed };
    let cases = [
        ("()", Schema::Null),
        ("bool", Schema::Bool),
        ("u8", integer(8, false)),
        ("i64", integer(64, true)),
        ("f32", Schema::Float),
        ("std::string::String", Schema::Text),
        ("serde_bytes::ByteBuf", Schema::Bytes),
        ("Option<Vec<u16>>", Schema::Option(Box::new(Schema::List(Box::new(integer(16, false)))))),
        (
            "std::collections::BTreeMap<String, bool>",
            Schema::Map(Box::new(Schema::Text), Box::new(Schema::Bool)),
        ),
        ("ProcessId", Schema::Id("proc".to_owned())),
        ("ActorRef<Counter>", Schema::Id("proc".to_owned())),
        ("AccountId", Schema::Id("acct".to_owned())),
    ];
    for (spelling, expected) in cases {
        assert_eq!(shape(spelling), expected, "{spelling}");
    }
}

#[test]
fn other_types_keep_their_spelling() {
    assert_eq!(shape("crate::Event"), Schema::Named("crate::Event".to_owned()));
    assert_eq!(shape("Pair<u8, Vec<u8>>"), Schema::Named("Pair<u8, Vec<u8>>".to_owned()));
    assert_eq!(shape("(u8, String)"), Schema::Named("(u8, String)".to_owned()));
}
