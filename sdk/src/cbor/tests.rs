use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use protocol::{ProcessId, canonical};
use serde::de::DeserializeOwned;

use super::*;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Dot,
    Circle(f64),
    Segment(i8, i8),
    Named { name: String, corners: Option<u32> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Drawing {
    title: String,
    id: ProcessId,
    shapes: Vec<Shape>,
    layers: BTreeMap<i64, (bool, char)>,
    nothing: (),
}

fn drawing() -> Drawing {
    let named = |corners| Shape::Named { name: "a very long name beyond 23 bytes".into(), corners };
    Drawing {
        title: "drawing".into(),
        id: ProcessId::from_bytes([7; 32]),
        shapes: vec![
            Shape::Dot,
            Shape::Circle(0.1),
            Shape::Segment(-1, 127),
            named(Some(3)),
            named(None),
        ],
        layers: BTreeMap::from([(-5, (true, 'ä')), (300, (false, 'z')), (2, (true, '0'))]),
        nothing: (),
    }
}

#[track_caller]
fn round_trips<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let bytes = to_vec(value).unwrap();
    assert_eq!(canonical(&bytes).as_ref(), Ok(&bytes), "not canonical: {value:?}");
    assert_eq!(from_slice::<T>(&bytes).as_ref(), Ok(value));
}

#[test]
fn every_shape_of_serde_round_trips_and_is_canonical() {
    round_trips(&drawing());
    round_trips(&u64::MAX);
    round_trips(&i64::MIN);
    round_trips(&Some(vec![Some(1_u8), None]));
    round_trips(&HashMap::from([("b".to_owned(), 1_u8), ("aa".into(), 2), ("a".into(), 3)]));
}

#[test]
fn map_keys_are_sorted_by_their_encoded_bytes() {
    #[derive(Serialize)]
    struct Fields {
        bb: u8,
        c: u8,
        a: u8,
    }
    let bytes = to_vec(&Fields { bb: 1, c: 2, a: 3 }).unwrap();
    assert_eq!(bytes, [0xa3, 0x61, b'a', 3, 0x61, b'c', 2, 0x62, b'b', b'b', 1]);
}

#[test]
fn floats_take_the_shortest_exact_width() {
    assert_eq!(to_vec(&1.5).unwrap(), [0xf9, 0x3e, 0x00]);
    assert_eq!(to_vec(&0.1_f32).unwrap().len(), 5);
    assert_eq!(to_vec(&0.1_f64).unwrap().len(), 9);
    assert_eq!(to_vec(&f64::NAN).unwrap(), [0xf9, 0x7e, 0x00]);
    assert_eq!(to_vec(&-f64::NAN).unwrap(), [0xf9, 0x7e, 0x00]);
    round_trips(&-0.0_f64);
    round_trips(&f32::MIN_POSITIVE);
    assert_eq!(from_slice::<f32>(&to_vec(&1.5_f64).unwrap()), Ok(1.5));
}

#[test]
fn integers_are_taken_for_floats() {
    assert_eq!(from_slice::<f64>(&to_vec(&-5).unwrap()), Ok(-5.0));
}

#[test]
fn integers_beyond_64_bits_are_refused() {
    assert_eq!(to_vec(&i128::from(i64::MIN)).unwrap(), to_vec(&i64::MIN).unwrap());
    assert_eq!(to_vec(&u128::from(u64::MAX)).unwrap(), to_vec(&u64::MAX).unwrap());
    let least = -1 - i128::from(u64::MAX);
    assert_eq!(from_slice(&to_vec(&least).unwrap()), Ok(least));
    assert_eq!(to_vec(&(least - 1)), Err(Error::RANGE));
    assert_eq!(to_vec(&(u128::from(u64::MAX) + 1)), Err(Error::RANGE));
}

#[test]
fn a_map_with_one_key_twice_is_refused() {
    struct Twice;
    impl Serialize for Twice {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            s.collect_map([("a", 1), ("b", 2), ("a", 3)])
        }
    }
    assert_eq!(to_vec(&Twice), Err(Error::TWICE));
}

#[test]
fn messages_say_what_was_found_and_what_was_expected() {
    let error = |bytes: &[u8]| from_slice::<u8>(bytes).unwrap_err().to_string();
    assert_eq!(error(&to_vec("x").unwrap()), "expected u8, found the text `x`");
    assert_eq!(error(&to_vec(&300).unwrap()), "expected u8, found the integer 300");
    assert_eq!(error(&to_vec(&0.5).unwrap()), "expected u8, found a float");
    assert_eq!(error(&[0x19, 1]), Error::MALFORMED.to_string());
    assert_eq!(error(&[1, 1]), Error::TRAILING.to_string());
    assert_eq!(error(&[0xc1, 1]), Error::KIND.to_string());
    assert_eq!(error(&[0x9f, 0xff]), Error::INDEFINITE.to_string());
}

#[test]
fn a_tuple_is_read_whole() {
    let three = to_vec(&[1, 2, 3]).unwrap();
    assert!(from_slice::<(u8, u8)>(&three).is_err());
    assert!(from_slice::<(u8, u8, u8, u8)>(&three).is_err());
    assert!(
        from_slice::<Shape>(&to_vec(&BTreeMap::from([("Segment", [1, 2, 3])])).unwrap()).is_err()
    );
}

#[test]
fn nesting_ends_at_the_limit_of_values() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Nest(Vec<Self>);
    let nested = |depth: usize| (1..depth).fold(Nest(Vec::new()), |nest, _| Nest(vec![nest]));
    round_trips(&nested(64));
    assert_eq!(to_vec(&nested(65)), Err(Error::TOO_DEEP));
    let mut bytes = vec![0x81; 64];
    bytes.push(0x80);
    assert_eq!(from_slice::<Nest>(&bytes), Err(Error::TOO_DEEP));
}

#[test]
fn a_length_beyond_the_input_takes_no_memory() {
    let huge = [0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert!(from_slice::<Vec<u64>>(&huge).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = from_slice::<Drawing>(&bytes);
        let _ = from_slice::<Shape>(&bytes);
        let _ = from_slice::<Vec<Option<f32>>>(&bytes);
    }

    #[test]
    fn damaged_bytes_never_panic(at in 0_usize..200, byte in any::<u8>()) {
        let mut bytes = to_vec(&drawing()).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = from_slice::<Drawing>(&bytes);
    }

    #[test]
    fn maps_of_any_size_are_canonical(keys in prop::collection::hash_map("[a-z]{0,8}", any::<u8>(), 0..200)) {
        let bytes = to_vec(&keys).unwrap();
        prop_assert_eq!(canonical(&bytes).unwrap(), bytes.clone());
        prop_assert_eq!(from_slice::<HashMap<String, u8>>(&bytes).unwrap(), keys);
    }

    #[test]
    fn floats_round_trip(float in any::<f64>()) {
        let bytes = to_vec(&float).unwrap();
        prop_assert_eq!(canonical(&bytes).unwrap(), bytes.clone());
        prop_assert_eq!(from_slice::<f64>(&bytes).unwrap().to_bits(), float.to_bits());
    }
}
