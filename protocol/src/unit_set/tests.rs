use super::*;
use crate::codec;

fn unit(number: u16) -> UnitId {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    UnitId::from_bytes(bytes)
}

#[test]
fn a_set_has_one_spelling_whatever_the_order_of_its_units() {
    let set = UnitSet::new([unit(3), unit(1), unit(3), unit(2)]);
    assert_eq!(set.as_slice(), [unit(1), unit(2), unit(3)]);
    assert_eq!(set, UnitSet::new([unit(2), unit(3), unit(1)]));
    assert!(set.contains(&unit(2)) && !set.contains(&unit(4)));
}

#[test]
fn units_out_of_order_or_twice_are_refused() {
    for units in [vec![unit(2), unit(1)], vec![unit(1), unit(1)]] {
        assert!(codec::decode::<UnitSet>(&codec::encode(&units)).is_err(), "{units:?}");
    }
}

#[test]
fn a_set_has_at_most_4096_units() {
    let units = |count| (0..count).map(unit).collect::<Vec<_>>();
    let full = codec::decode::<UnitSet>(&codec::encode(&units(4_096))).unwrap();
    assert_eq!(full.as_slice().len(), UnitSet::UNITS_MAX);
    assert!(codec::decode::<UnitSet>(&codec::encode(&units(4_097))).is_err());
    assert_eq!(UnitSet::new(units(4_097)), full);
}
