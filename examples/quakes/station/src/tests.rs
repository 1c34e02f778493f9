use super::*;

fn alerts() -> ActorRef<Alerts> {
    Alerts::at(ProcessId::from_bytes([1; 32]))
}

fn event(time_ms: u64, magnitude: f64) -> Event {
    Event {
        time_ms,
        latitude: 0.0,
        longitude: 0.0,
        depth_km: 10.0,
        magnitude,
        magnitude_type: "ml".into(),
        network: "ak".into(),
        id: format!("ak{time_ms}"),
        place: "Alaska".into(),
        kind: "earthquake".into(),
    }
}

fn station() -> Station {
    Station::new("ak".into(), alerts())
}

#[test]
fn a_station_keeps_count_maximum_and_the_last_ten() {
    let mut station = station();
    for time in 0..12_u32 {
        let magnitude = if time == 3 { 4.0 } else { -0.5 };
        let count = station.report(&Context::mock(), event(time.into(), magnitude));
        assert_eq!(count, Ok(u64::from(time) + 1));
    }
    let summary = station.summary();
    assert_eq!((summary.count, summary.maximum), (12, Some(4.0)));
    let times: Vec<u64> = summary.last.iter().map(|event| event.time_ms).collect();
    assert_eq!(times, Vec::from_iter(2..12));
}

#[test]
fn a_negative_magnitude_can_be_the_maximum() {
    let mut station = station();
    station.report(&Context::mock(), event(1, -0.5)).unwrap();
    assert_eq!(station.summary().maximum, Some(-0.5));
}

#[test]
fn strong_events_are_told_to_alerts_with_all_they_are() {
    let mut station = station();
    let cx = Context::mock();
    station.report(&cx, event(1, 4.49)).unwrap();
    station.report(&cx, event(2, 4.5)).unwrap();
    let tells = cx.tells();
    assert_eq!(tells.len(), 1);
    assert_eq!((tells[0].target, tells[0].method.as_str()), (alerts().id(), "raise"));
    assert_eq!(tells[0].arg::<Event>("event"), Some(event(2, 4.5)));
}

#[test]
fn events_of_other_networks_and_without_magnitude_are_refused() {
    let mut station = station();
    let foreign = Event { network: "us".into(), ..event(1, 7.0) };
    let cx = Context::mock();
    assert!(station.report(&cx, foreign).is_err());
    assert!(station.report(&cx, event(1, f64::INFINITY)).is_err());
    assert_eq!((station.summary().count, cx.tells()), (0, vec![]));
}
