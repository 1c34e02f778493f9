use super::*;

#[test]
fn the_last_of_every_so_many_slots_has_a_root() {
    let rooted = |slot| last_rooted(Slot::new(slot)).map(Slot::get);
    assert_eq!((rooted(0), rooted(254), rooted(u64::MAX)), (None, None, None));
    assert_eq!((rooted(255), rooted(256), rooted(510)), (Some(255), Some(255), Some(255)));
    assert_eq!(rooted(511), Some(511));
}
