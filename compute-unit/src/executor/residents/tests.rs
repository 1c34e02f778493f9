use protocol::UnitId;

use super::*;

fn hosted(number: u8) -> Arc<Hosted> {
    let scheduler = UnitId::from_bytes([0; 32]);
    Hosted::new(ProcessId::from_bytes([number; 32]), scheduler, None, None)
}

#[test]
fn who_was_used_longest_ago_leaves_first() {
    let mut residents = Residents::new(Room { processes: 2, bytes: 1_000 });
    let [a, b, c] = [hosted(1), hosted(2), hosted(3)];
    residents.touch(&a, 10);
    residents.touch(&b, 10);
    assert!(residents.next_to_leave().is_none());
    residents.touch(&a, 10);
    residents.touch(&c, 10);
    assert_eq!(residents.next_to_leave().unwrap().id, b.id);
    // It counts no more, but is there until it is removed.
    assert!(residents.next_to_leave().is_none());
    assert!(residents.is_leaving(&b.id) && residents.len() == 3);
    residents.remove(&b.id);
    assert_eq!(residents.len(), 2);
}

#[test]
fn bytes_count_as_well() {
    let mut residents = Residents::new(Room { processes: 10, bytes: 100 });
    let [a, b] = [hosted(1), hosted(2)];
    residents.touch(&a, 500);
    // The only one may be as large as it is.
    assert!(residents.next_to_leave().is_none());
    residents.touch(&b, 10);
    assert_eq!(residents.next_to_leave().unwrap().id, a.id);
    assert!(residents.next_to_leave().is_none());
}

#[test]
fn those_for_whom_something_waits_stay_if_they_can() {
    let mut residents = Residents::new(Room { processes: 1, bytes: 1_000 });
    let [a, b] = [hosted(1), hosted(2)];
    residents.touch(&a, 10);
    residents.touch(&b, 10);
    super::super::lock(&a.inbox).scheduled = true;
    assert_eq!(residents.next_to_leave().unwrap().id, b.id);
    super::super::lock(&b.inbox).scheduled = true;
    residents.touch(&b, 10);
    // All are busy: the one used longest ago goes, and comes back for its next turn.
    assert_eq!(residents.next_to_leave().unwrap().id, a.id);
}

#[test]
fn who_is_used_again_stays() {
    let mut residents = Residents::new(Room { processes: 1, bytes: 1_000 });
    let [a, b] = [hosted(1), hosted(2)];
    residents.touch(&a, 10);
    residents.touch(&b, 10);
    assert_eq!(residents.next_to_leave().unwrap().id, a.id);
    residents.touch(&a, 10);
    assert!(!residents.is_leaving(&a.id));
    assert_eq!(residents.next_to_leave().unwrap().id, b.id);
}

#[test]
fn idle_ones_leave_after_some_generations() {
    let mut residents = Residents::new(Room { processes: 10, bytes: 1_000 });
    let [a, b, c] = [hosted(1), hosted(2), hosted(3)];
    residents.touch(&a, 10);
    residents.touch(&c, 10);
    super::super::lock(&c.inbox).scheduled = true;
    assert!(residents.age(1, 10).is_empty());
    residents.touch(&b, 10);
    let left: Vec<_> = residents.age(1, 10).iter().map(|hosted| hosted.id).collect();
    assert_eq!(left, [a.id]);
}
