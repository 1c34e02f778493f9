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
    let headers: [&[u8]; 6] = [
        &[0x82, 0x06],
        &[0x82, 0x07],
        &[0x83, 0x08],
        &[0x83, 0x0b, 0x60, 0x81, 0x83, 0x60],
        &[0x83, 0x0c, 0x60, 0x81, 0x82, 0x60],
        &[0x82, 0x0d, 0x81],
    ];
    for header in headers {
        assert!(codec::decode::<Type>(&header.repeat(500_000)).is_err());
    }
}

#[test]
fn a_type_has_exactly_its_fields() {
    assert_eq!(codec::decode(&[0x81, 0x01]), Ok(Type::Bool));
    assert!(codec::decode::<Type>(&[0x82, 0x01, 0xf6]).is_err());
    assert!(codec::decode::<Type>(&[0x81, 0x06]).is_err());
    assert!(codec::decode::<Type>(&[0x81, 0x0b]).is_err());
    assert!(codec::decode::<Type>(&[0x81, 0x0e]).is_err());
}

#[test]
fn a_length_that_is_a_lie_takes_no_memory() {
    for kind in [&[0x82, 0x0d][..], &[0x83, 0x0b, 0x60], &[0x83, 0x0c, 0x60]] {
        let bytes = [kind, &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat();
        assert!(codec::decode::<Type>(&bytes).is_err());
    }
}

#[test]
fn what_is_not_listed_is_absent() {
    let method = Method {
        name: "get".to_owned(),
        kind: MethodKind::View,
        params: Vec::new(),
        returns: Type::Null,
        docs: String::new(),
        errors: Vec::new(),
    };
    let bytes = codec::encode(&method);
    assert_eq!(bytes.first(), Some(&0x85));
    assert_eq!(codec::decode(&bytes), Ok(method));
    let [_, rest @ ..] = &*bytes else { unreachable!() };
    let spelt_out = [&[0x86], rest, &[0x80]].concat();
    assert!(codec::decode::<Method>(&spelt_out).is_err());
}

#[test]
fn a_method_is_found_by_its_name() {
    let schema = guest::schema();
    assert_eq!(schema.method("get").map(|method| method.kind), Some(MethodKind::View));
    assert_eq!(schema.method("got"), None);
}
