use proptest::prelude::*;

use super::*;

/// Both ways of checking agree on whether bytes are canonical.
fn agree(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (built, checked) = (Value::decode(bytes), check_value(bytes));
    prop_assert_eq!(built.is_ok(), checked.is_ok(), "{:?} {:?}", built, checked);
    if let Ok(value) = built {
        let map = matches!(value, Value::Map(_));
        prop_assert_eq!(checked, Ok(if map { ValueKind::Map } else { ValueKind::Other }));
    }
    Ok(())
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|i| Value::Integer(i.into())),
        (0_i128..70_000).prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Float),
        any::<f32>().prop_map(|f| Value::Float(f.into())),
        (-9_i8..9).prop_map(|f| Value::Float(f.into())),
        proptest::collection::vec(any::<u8>(), 0..30).prop_map(Value::Bytes),
        "[a-zé]{0,5}".prop_map(Value::Text),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::vec((inner.clone(), inner), 0..6).prop_map(Value::Map),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_judged_alike(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        agree(&bytes)?;
    }

    #[test]
    fn values_and_damaged_values_are_judged_alike(
        value in values(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let Ok(mut bytes) = value.encode() else { return Ok(()) };
        agree(&bytes)?;
        let at = at.index(bytes.len());
        bytes[at] = byte;
        agree(&bytes)?;
    }
}

#[test]
fn a_nesting_bomb_and_a_huge_count_end_at_once() {
    assert_eq!(check_value(&[0x81; 100_000]), Err(ValueError::TooDeep));
    let mut huge = vec![0x9b];
    huge.extend([0xff; 8]);
    assert!(matches!(check_value(&huge), Err(ValueError::Malformed(_))));
}
