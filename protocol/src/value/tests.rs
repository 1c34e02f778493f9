use proptest::{collection::vec, prelude::*};

use super::*;

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The value has exactly this spelling.
#[track_caller]
fn spelled(value: &Value, expected: &str) {
    let bytes = hex(expected);
    assert_eq!(value.encode(), Ok(bytes.clone()), "{value:?}");
    assert_eq!(Value::decode(&bytes).as_ref(), Ok(value));
}

#[track_caller]
fn refused(bytes: &str, expected: &ValueError) {
    assert_eq!(Value::decode(&hex(bytes)).as_ref(), Err(expected), "{bytes}");
}

/// Another spelling of this value, which a lenient decoder reads.
#[track_caller]
fn not_canonical(bytes: &str, value: &Value) {
    refused(bytes, &ValueError::NotCanonical);
    assert_eq!(Value::decode_any(&hex(bytes)).as_ref(), Ok(value));
    assert_eq!(canonical(&hex(bytes)), value.encode());
}

#[test]
fn floats_take_the_shortest_width_that_holds_them() {
    for (float, bytes) in [
        (0.0, "f90000"),
        (-0.0, "f98000"),
        (1.0, "f93c00"),
        (1.5, "f93e00"),
        (65_504.0, "f97bff"),
        (100_000.0, "fa47c35000"),
        (3.402_823_466_385_288_6e38, "fa7f7fffff"),
        (1.0e300, "fb7e37e43c8800759c"),
        (5.960_464_477_539_063e-8, "f90001"),
        (0.000_061_035_156_25, "f90400"),
        (-4.0, "f9c400"),
        (1.1, "fb3ff199999999999a"),
        (-4.1, "fbc010666666666666"),
        (f64::INFINITY, "f97c00"),
        (f64::NEG_INFINITY, "f9fc00"),
        (f64::from_bits(1), "fb0000000000000001"),
    ] {
        spelled(&Value::Float(float), bytes);
    }
}

#[test]
fn there_is_one_nan() {
    let spelled = hex("f97e00");
    for bits in [f64::NAN.to_bits(), 0x7ff8_0000_0000_0001, 0xfff0_0000_0000_0001] {
        assert_eq!(Value::Float(f64::from_bits(bits)).encode().as_ref(), Ok(&spelled));
    }
    assert!(matches!(Value::decode(&spelled), Ok(Value::Float(float)) if float.is_nan()));
    for bytes in ["f97e01", "f9fe00", "fa7fc00000", "fb7ff8000000000000"] {
        refused(bytes, &ValueError::NotCanonical);
    }
}

#[test]
fn a_negative_zero_is_not_a_zero() {
    let decoded = Value::decode(&hex("f98000")).unwrap();
    assert!(matches!(decoded, Value::Float(float) if float.is_sign_negative()));
}

#[test]
fn floats_wider_than_needed_are_not_canonical() {
    not_canonical("fa3fc00000", &Value::Float(1.5));
    not_canonical("fb3ff8000000000000", &Value::Float(1.5));
    not_canonical("fb40f86a0000000000", &Value::Float(100_000.0));
}

#[test]
fn integers_take_the_shortest_width() {
    for (integer, bytes) in [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (255, "18ff"),
        (256, "190100"),
        (65_535, "19ffff"),
        (65_536, "1a00010000"),
        (i128::from(u32::MAX), "1affffffff"),
        (i128::from(u32::MAX) + 1, "1b0000000100000000"),
        (i128::from(u64::MAX), "1bffffffffffffffff"),
        (-1, "20"),
        (-24, "37"),
        (-25, "3818"),
        (-256, "38ff"),
        (-257, "390100"),
        (-(1 << 32), "3affffffff"),
        (-(1 << 32) - 1, "3b0000000100000000"),
        (-(1 << 64), "3bffffffffffffffff"),
    ] {
        spelled(&Value::Integer(integer), bytes);
    }
}

#[test]
fn integers_wider_than_needed_are_not_canonical() {
    for (bytes, integer) in
        [("1817", 23), ("1900ff", 255), ("1a0000ffff", 65_535), ("3817", -24), ("3900ff", -256)]
    {
        not_canonical(bytes, &Value::Integer(integer));
    }
    not_canonical("1b00000000ffffffff", &Value::Integer(u32::MAX.into()));
}

#[test]
fn integers_beyond_cbor_cannot_be_encoded() {
    for integer in [1 << 64, -(1 << 64) - 1, i128::MAX, i128::MIN] {
        assert_eq!(Value::Integer(integer).encode(), Err(ValueError::IntegerRange));
    }
}

#[test]
fn simple_items_have_the_spellings_of_the_rfc() {
    spelled(&Value::Null, "f6");
    spelled(&Value::Bool(false), "f4");
    spelled(&Value::Bool(true), "f5");
    spelled(&Value::Bytes(vec![1, 2, 3, 4]), "4401020304");
    spelled(&text(""), "60");
    spelled(&text("\u{fc}"), "62c3bc");
    spelled(&text("\u{10151}"), "64f0908591");
    spelled(&Value::Array(Vec::new()), "80");
    spelled(&Value::Map(Vec::new()), "a0");
    let two = Value::Array(vec![Value::Integer(2), Value::Integer(3)]);
    spelled(&Value::Array(vec![Value::Integer(1), two]), "8201820203");
}

#[test]
fn what_values_do_not_have_is_refused() {
    refused("c001", &ValueError::Unsupported("tags"));
    refused("c249010000000000000000", &ValueError::Unsupported("tags"));
    for simple in ["f7", "e0", "f0", "f8ff"] {
        refused(simple, &ValueError::Unsupported("such simple values"));
    }
}

#[test]
fn indefinite_lengths_are_not_canonical() {
    let one = || vec![Value::Integer(1)];
    not_canonical("9f01ff", &Value::Array(one()));
    not_canonical("bf0101ff", &Value::Map(vec![(Value::Integer(1), Value::Integer(1))]));
    not_canonical("5f41014102ff", &Value::Bytes(vec![1, 2]));
    not_canonical("7f6161ff", &text("a"));
    assert!(Value::decode_any(&hex("bf01ff")).is_err(), "a key without a value");
    assert!(Value::decode_any(&hex("ff")).is_err(), "a break of nothing");
}

#[test]
fn map_keys_are_in_the_order_of_their_bytes() {
    // RFC 8949 section 4.2.1: 10, 100, -1, "z", "aa", [100], [-1], false.
    let keys = [
        Value::Integer(10),
        Value::Integer(100),
        Value::Integer(-1),
        text("z"),
        text("aa"),
        Value::Array(vec![Value::Integer(100)]),
        Value::Array(vec![Value::Integer(-1)]),
        Value::Bool(false),
    ];
    let sorted = Value::Map(keys.iter().map(|key| (key.clone(), Value::Null)).collect());
    spelled(&sorted, "a80af61864f620f6617af6626161f6811864f68120f6f4f6");
    let reversed = Value::Map(keys.iter().rev().map(|key| (key.clone(), Value::Null)).collect());
    assert_eq!(reversed.encode(), sorted.encode());
}

#[test]
fn unsorted_maps_are_not_canonical() {
    let sorted = [(text("a"), Value::Integer(1)), (text("b"), Value::Integer(2))];
    not_canonical("a2616202616101", &Value::Map(sorted.to_vec()));
}

#[test]
fn one_key_twice_is_refused() {
    refused("a2616101616102", &ValueError::DuplicateKey);
    assert_eq!(Value::decode_any(&hex("a20101180102")), Err(ValueError::DuplicateKey));
    let twice = Value::Map(vec![(text("a"), Value::Null), (text("a"), Value::Null)]);
    assert_eq!(twice.encode(), Err(ValueError::DuplicateKey));
}

#[test]
fn text_is_utf8() {
    assert!(matches!(Value::decode(&hex("61ff")), Err(ValueError::Malformed(_))));
    assert!(matches!(Value::decode(&hex("63eda080")), Err(ValueError::Malformed(_))));
}

#[test]
fn bytes_after_the_end_are_refused() {
    refused("0000", &ValueError::TrailingBytes);
    refused("8000", &ValueError::TrailingBytes);
}

fn nested(depth: u32) -> Value {
    (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}

#[test]
fn values_nest_64_deep_and_no_deeper() {
    let deepest = nested(64);
    assert_eq!(Value::decode(&deepest.encode().unwrap()), Ok(deepest));
    let deeper = nested(65).encode().unwrap();
    assert_eq!(Value::decode(&deeper), Err(ValueError::TooDeep));
    let maps = [[0xa1, 0x00].repeat(65), vec![0xf6]].concat();
    assert_eq!(Value::decode(&maps), Err(ValueError::TooDeep));
    let keys = [vec![0xa1; 65], vec![0xf6; 66]].concat();
    assert_eq!(Value::decode(&keys), Err(ValueError::TooDeep));
}

#[test]
fn deep_nesting_does_not_take_the_stack() {
    for header in [[0x81].as_slice(), &[0x9f], &[0xa1], &[0xbf], &[0xa1, 0x00]] {
        let bomb = header.repeat(1_000_000);
        assert_eq!(Value::decode(&bomb), Err(ValueError::TooDeep));
        assert_eq!(Value::decode_any(&bomb), Err(ValueError::TooDeep));
    }
}

#[test]
fn announced_lengths_take_no_memory() {
    for bytes in [
        "5bffffffffffffffff",
        "7bffffffffffffffff",
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "5b7fffffffffffffff00",
        "9b00000000ffffffff00",
        "bb00000000ffffffff0000",
    ] {
        assert!(matches!(Value::decode(&hex(bytes)), Err(ValueError::Malformed(_))), "{bytes}");
    }
}

#[test]
fn a_map_is_read_by_text_keys() {
    let map = Value::Map(vec![(Value::Integer(1), Value::Null), (text("by"), Value::Integer(3))]);
    assert_eq!(map.get("by"), Some(&Value::Integer(3)));
    assert_eq!(map.get("1"), None);
    assert_eq!(Value::Null.get("by"), None);
}

/// Values whose floats compare equal to themselves.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<u64>().prop_map(|integer| Value::Integer(integer.into())),
        any::<u64>().prop_map(|integer| Value::Integer(-1 - i128::from(integer))),
        any::<f64>().prop_filter("not a NaN", |float| !float.is_nan()).prop_map(Value::Float),
        any::<f32>()
            .prop_filter("not a NaN", |float| !float.is_nan())
            .prop_map(|float| { Value::Float(float.into()) }),
        vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        ".{0,20}".prop_map(Value::Text),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::Array),
            vec((inner.clone(), inner), 0..6).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_encodes_decodes_to_the_same(value in any_value()) {
        // A random map may have a key twice, which does not encode.
        if let Ok(bytes) = value.encode() {
            let decoded = Value::decode(&bytes).unwrap();
            assert_eq!(decoded.encode(), Ok(bytes.clone()));
            for length in 0..bytes.len() {
                assert!(Value::decode(&bytes[..length]).is_err());
            }
            for byte in [0x00, 0x60, 0xf6, 0xff] {
                assert!(Value::decode(&[bytes.as_slice(), &[byte]].concat()).is_err());
            }
        }
    }

    #[test]
    fn what_decodes_encodes_to_the_same(bytes in vec(any::<u8>(), 0..64)) {
        if let Ok(value) = Value::decode(&bytes) {
            assert_eq!(value.encode(), Ok(bytes));
        }
    }

    #[test]
    fn changed_bytes_decode_to_their_own_value_or_not_at_all(
        value in any_value(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        if let Ok(mut bytes) = value.encode() {
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if let Ok(value) = Value::decode(&bytes) {
                assert_eq!(value.encode(), Ok(bytes));
            }
        }
    }

    #[test]
    fn canonical_is_idempotent(bytes in vec(any::<u8>(), 0..64)) {
        if let Ok(once) = canonical(&bytes) {
            assert_eq!(canonical(&once), Ok(once.clone()));
            assert!(Value::decode(&once).is_ok());
        }
    }
}
