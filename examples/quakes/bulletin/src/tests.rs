use super::*;

fn event(id: &str, time_ms: u64) -> Event {
    Event {
        time_ms,
        latitude: 0.0,
        longitude: 0.0,
        depth_km: 10.0,
        magnitude: 6.1,
        magnitude_type: "mww".into(),
        network: "us".into(),
        id: id.into(),
        place: "at sea".into(),
        kind: "earthquake".into(),
    }
}

#[test]
fn events_stand_in_the_order_they_happened() {
    let mut bulletin = Bulletin::new();
    let cx = Context::mock();
    for (id, time) in [("c", 2), ("b", 2), ("a", 3), ("d", 1)] {
        bulletin.publish(&cx, event(id, time));
    }
    let ids: Vec<String> = bulletin.items().into_iter().map(|event| event.id).collect();
    assert_eq!(ids, ["d", "b", "c", "a"]);
    assert_eq!(cx.logged().first().map(String::as_str), Some("magnitude 6.1 at sea"));
}

#[test]
fn the_oldest_leave_a_full_bulletin() {
    let mut bulletin = Bulletin::new();
    for time in 0..=1_000 {
        bulletin.publish(&Context::mock(), event("x", time));
    }
    assert_eq!(bulletin.items().len(), ITEMS_MAX);
    assert_eq!(bulletin.items().first().map(|event| event.time_ms), Some(1));
}
