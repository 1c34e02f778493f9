use super::*;

fn bulletin() -> ActorRef<Bulletin> {
    Bulletin::at(ProcessId::from_bytes([1; 32]))
}

fn event(id: &str, time_ms: u64, magnitude: f64) -> Event {
    Event {
        time_ms,
        latitude: 0.0,
        longitude: 0.0,
        depth_km: 10.0,
        magnitude,
        magnitude_type: "mww".into(),
        network: "us".into(),
        id: id.into(),
        place: "at sea".into(),
        kind: "earthquake".into(),
    }
}

fn ids(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.id.as_str()).collect()
}

#[test]
fn the_ranking_does_not_depend_on_arrival() {
    let events = [event("a", 2, 5.0), event("b", 1, 5.0), event("c", 3, 6.4), event("d", 1, 5.0)];
    for turn in 0..events.len() {
        let mut alerts = Alerts::new(bulletin());
        for event in events.iter().cycle().skip(turn).take(events.len()) {
            alerts.raise(&Context::mock(), event.clone()).unwrap();
        }
        assert_eq!(ids(&alerts.ranking(None)), ["c", "b", "d", "a"]);
        assert_eq!(ids(&alerts.ranking(Some(2))), ["c", "b"]);
        assert_eq!(alerts.count(), 4);
    }
}

#[test]
fn only_the_strongest_go_to_the_bulletin() {
    let mut alerts = Alerts::new(bulletin());
    let cx = Context::mock();
    for (id, magnitude) in [("weak", 5.99), ("strong", 6.0)] {
        alerts.raise(&cx, event(id, 1, magnitude)).unwrap();
    }
    let tells = cx.tells();
    assert_eq!(tells.len(), 1);
    assert_eq!((tells[0].target, tells[0].method.as_str()), (bulletin().id(), "publish"));
    assert_eq!(tells[0].arg::<Event>("event"), Some(event("strong", 1, 6.0)));
}

#[test]
fn a_full_ranking_keeps_the_strongest() {
    let mut alerts = Alerts::new(bulletin());
    for magnitude in 0..=1_000_u16 {
        alerts.raise(&Context::mock(), event("x", 1, f64::from(magnitude) / 1_000.0)).unwrap();
    }
    assert_eq!((alerts.count(), alerts.ranking(None).len()), (1_001, RANKED_MAX));
    assert_eq!(alerts.ranking(None).last().map(|event| event.magnitude), Some(0.001));
}

#[test]
fn a_magnitude_is_a_number() {
    assert!(Alerts::new(bulletin()).raise(&Context::mock(), event("x", 1, f64::NAN)).is_err());
}
