use super::*;

fn mark(next: u64) -> Mark {
    Mark::beginning(Slot::new(next), 0)
}

fn told(slot: u64, bytes: usize) -> Told {
    Told { slot: Slot::new(slot), data: "x".repeat(bytes).into(), mark: mark(slot + 1) }
}

fn slot_at(kept: &Kept, number: u64) -> Option<u64> {
    match kept.at(number) {
        Found::Told(told) => Some(told.slot.get()),
        Found::Later | Found::Gone => None,
    }
}

#[test]
fn what_is_kept_is_found_by_number_and_by_mark() {
    let mut kept = Kept::new(mark(5));
    assert_eq!(kept.place_of(|mark| mark.next_slot() == Slot::new(5)), Some(0));
    assert_eq!(kept.push(told(5, 1)), 1);
    assert_eq!(kept.push(told(6, 1)), 2);
    assert_eq!((slot_at(&kept, 0), slot_at(&kept, 1)), (Some(5), Some(6)));
    assert!(matches!(kept.at(2), Found::Later));
    for (next, place) in [(4, None), (5, Some(0)), (6, Some(1)), (7, Some(2)), (8, None)] {
        assert_eq!(kept.place_of(|mark| mark.next_slot() == Slot::new(next)), place, "{next}");
    }
    assert_eq!(kept.end(), mark(7));
}

#[test]
fn whoever_begins_where_a_takeover_stepped_back_to_gets_what_came_behind_it() {
    let mut kept = Kept::new(mark(5));
    for slot in [5, 6, 7, 6, 7] {
        kept.push(told(slot, 1));
    }
    let place = kept.place_of(|mark| mark.next_slot() == Slot::new(7)).unwrap();
    assert_eq!((place, slot_at(&kept, place)), (4, Some(7)));
}

#[test]
fn the_oldest_go_when_there_are_too_many_or_too_large_ones_and_the_newest_stays() {
    let mut kept = Kept::new(mark(0));
    for slot in 0..=u64::try_from(KEPT_MAX).unwrap() {
        kept.push(told(slot, 1));
    }
    assert!(matches!(kept.at(0), Found::Gone));
    assert_eq!(slot_at(&kept, 1), Some(1));
    assert_eq!(kept.place_of(|mark| mark.next_slot() == Slot::new(1)), Some(1));
    assert_eq!(kept.place_of(|mark| mark.next_slot() == Slot::new(0)), None);
    let next = kept.push(told(2_000, KEPT_BYTES_MAX + 1));
    assert_eq!(slot_at(&kept, next - 1), Some(2_000));
    assert!(matches!(kept.at(next - 2), Found::Gone));
    kept.push(told(2_001, 1));
    assert_eq!(slot_at(&kept, next), Some(2_001));
}
