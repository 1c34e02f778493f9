use super::*;
use crate::{codec, examples::guest};

#[test]
fn pointer_and_length_are_packed_as_documented() {
    assert_eq!(pack(1, 2), 0x1_0000_0002);
    assert_eq!(pack(u32::MAX, u32::MAX), -1);
    for (pointer, length) in [(0, 0), (1, 2), (0x8000_0000, 0), (u32::MAX, 1), (0, u32::MAX)] {
        assert_eq!(unpack(pack(pointer, length)), (pointer, length));
    }
}

#[test]
fn the_first_element_of_an_input_is_its_documented_kind() {
    let kinds: Vec<u8> = guest::inputs().iter().map(|input| codec::encode(input)[1]).collect();
    assert_eq!(kinds, [0, 1, 1, 2, 2, 3, 4, 5, 6, 4, 4]);
}

#[test]
fn the_first_element_of_an_effect_is_its_documented_number() {
    let kinds: Vec<u8> = guest::effects().iter().map(|effect| codec::encode(effect)[1]).collect();
    assert_eq!(kinds, [0, 1, 2, 2, 3, 4, 5, 6, 6, 7]);
}
