use protocol::schema::Type as Schema;
use syn::parse_str;

use super::*;

fn parts(spelling: &str) -> Parts {
    let mut parts = Parts::default();
    write(&parse_str(spelling).unwrap(), None, &mut parts);
    parts
}

fn shape(spelling: &str) -> Schema {
    minicbor::decode(parts(spelling).known().expect("it needs no other type")).unwrap()
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
fn a_tuple_is_its_parts_in_order() {
    let expected = Schema::Tuple(vec![Schema::Integer { bits: 8, signed: false }, Schema::Text]);
    assert_eq!(shape("(u8, String)"), expected);
}

#[test]
fn other_types_are_asked_and_else_keep_their_spelling() {
    for (spelling, name) in [
        ("crate::Event", "crate::Event"),
        ("Vec<Pair<u8, Vec<u8>>>", "Pair<u8, Vec<u8>>"),
        ("Option<<T as Of>::It>", "<TasOf>::It"),
    ] {
        let parts = parts(spelling);
        assert_eq!(parts.known(), None);
        let code = parts.joined().to_string();
        let named = minicbor::to_vec(Schema::Named(name.to_owned())).unwrap();
        assert!(code.contains(&Literal::byte_string(&named).to_string()), "{code}");
        assert!(code.contains("Probe"), "{code}");
    }
    assert_eq!(shape("[u8; 4]"), Schema::Named("[u8;4]".to_owned()));
}

#[test]
fn a_type_that_is_being_described_is_in_its_own_shape_by_name() {
    let mut parts = Parts::default();
    let node = Ident::new("Node", proc_macro2::Span::call_site());
    write(&parse_str("Vec<Node>").unwrap(), Some(&node), &mut parts);
    let expected = Schema::List(Box::new(Schema::Named("Node".to_owned())));
    assert_eq!(minicbor::decode::<Schema>(parts.known().unwrap()).unwrap(), expected);
}
