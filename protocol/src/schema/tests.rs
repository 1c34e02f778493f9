use super::*;
use crate::{codec, examples::guest};

fn nested(depth: u32) -> Type {
    (1..depth).fold(Type::Bool, |inner, _| Type::List(Box::new(inner)))
}

#[test]
fn types_nest_to_the_limit_and_no_deeper() {
    let deepest = nested(Type::DEPTH_MAX);
    assert_eq!(codec::decode(&codec::encode(&deepest)), Ok(deepest));
    let deeper = codec::encode(&nested(Type::DEPTH_MAX + 1));
    assert!(codec::decode::<Type>(&deeper).is_err());
}

#[test]
fn deep_nesting_does_not_take_the_stack() {
    for header in [[0x82, 0x06], [0x82, 0x07], [0x83, 0x08]] {
        assert!(codec::decode::<Type>(&header.repeat(500_000)).is_err());
    }
}

#[test]
fn a_type_has_exactly_its_fields() {
    assert_eq!(codec::decode(&[0x81, 0x01]), Ok(Type::Bool));
    assert!(codec::decode::<Type>(&[0x82, 0x01, 0xf6]).is_err());
    assert!(codec::decode::<Type>(&[0x81, 0x06]).is_err());
    assert!(codec::decode::<Type>(&[0x81, 0x0b]).is_err());
}

#[test]
fn a_method_is_found_by_its_name() {
    let schema = guest::schema();
    assert_eq!(schema.method("get").map(|method| method.kind), Some(MethodKind::View));
    assert_eq!(schema.method("got"), None);
}
