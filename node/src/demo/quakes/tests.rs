use super::*;

#[test]
fn the_file_holds_a_week_of_twelve_networks() {
    let events = read().unwrap();
    let totals = Totals::of(&events);
    assert_eq!((events.len(), totals.stations.len()), (1_707, 12));
    let counted: u64 = totals.stations.values().map(|station| station.count).sum();
    assert_eq!(counted, 1_707);
    assert!(totals.alerts.iter().all(|event| event.magnitude >= 4.5));
    assert!(totals.bulletin.len() < totals.alerts.len());
}

#[test]
fn an_event_counted_twice_or_lost_is_a_difference() {
    let events = read().unwrap();
    let totals = Totals::of(&events);
    assert!(totals.differences(&totals).is_empty());
    let lost = Totals::of(events.get(1..).unwrap());
    assert!(!totals.differences(&lost).is_empty());
    let mut doubled = events.clone();
    doubled.extend(totals.bulletin.first().cloned());
    assert_eq!(totals.differences(&Totals::of(&doubled)).len(), 3);
}
