use antiphon::Sim;

use super::*;

fn entry(key: impl ToString, value: impl ToString) -> Entry {
    (key.to_string(), value.to_string())
}

#[test]
fn values_are_read_changed_and_removed() {
    let mut sim = Sim::seeded(1);
    let store = sim.spawn::<Store>(args! {});
    assert_eq!(sim.send(store.put("b".into(), "1".into())), Ok(true));
    assert_eq!(sim.send(store.put("b".into(), "22".into())), Ok(false));
    assert_eq!(sim.send(store.put_all(vec![entry("a", ""), entry("c", "3")])), Ok(2));
    assert_eq!(sim.view(&store.get("b".into())), Ok(Some("22".into())));
    assert_eq!(sim.view(&store.get("a".into())), Ok(Some(String::new())));
    assert_eq!(sim.send(store.remove("b".into())), Ok(true));
    assert_eq!(sim.send(store.remove("b".into())), Ok(false));
    assert_eq!(sim.view(&store.get("b".into())), Ok(None));
    assert_eq!(sim.view(&store.len()), Ok(2));
}

#[test]
fn whatever_is_refused_changes_nothing() {
    let mut store = Store::new();
    let cx = Context::mock();
    for bad in [entry("", "1"), entry("a\0", "1"), entry("a", "\0"), entry("k".repeat(129), "1")] {
        assert!(store.put_all(&cx, vec![entry("good", "1"), bad]).is_err());
    }
    let stranger = cx.sent_by(ProcessId::from_bytes([1; 32]));
    assert!(store.put(&stranger, "a".into(), "1".into()).is_err());
    assert!(store.remove(&stranger, "a".into()).is_err());
    assert!(store.is_empty());
}

#[test]
fn a_store_does_what_a_sorted_map_does() {
    let (mut store, mut map, cx) = (Store::new(), BTreeMap::new(), Context::mock());
    let mut random = 1_u64;
    for round in 0..5_000_u64 {
        // A linear congruential generator; its upper bits are random enough.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round);
        let key = (random >> 32).rem_euclid(700).to_string();
        if random >> 63 == 0 || round < 1_000 {
            let value = "v".repeat((random >> 40).rem_euclid(50) as usize);
            let new = map.insert(key.clone(), value.clone()).is_none();
            assert_eq!(store.put(&cx, key, value), Ok(new));
        } else {
            let there = map.remove(&key).is_some();
            assert_eq!(store.remove(&cx, key), Ok(there));
        }
    }
    let all: Vec<Entry> = map.clone().into_iter().collect();
    assert_eq!(store.scan(String::new(), None, SCAN_MAX), all);
    assert_eq!(store.len(), map.len() as u64);
    let (from, until) = ("25".to_owned(), "4".to_owned());
    let some: Vec<Entry> =
        map.range(from.clone()..until.clone()).map(|(k, v)| entry(k, v)).collect();
    assert_eq!(store.scan(from.clone(), Some(until), SCAN_MAX), some);
    assert_eq!(store.scan(from, None, 3), some[..3]);
}

#[test]
fn long_values_have_a_page_each() {
    let (mut store, cx) = (Store::new(), Context::mock());
    for key in ["b", "a", "c"] {
        store.put(&cx, key.into(), key.repeat(2_000)).unwrap();
    }
    for key in ["a", "b", "c"] {
        assert_eq!(store.get(key.into()), Some(key.repeat(2_000)));
    }
    assert_eq!(store.scan(String::new(), None, 9).len(), 3);
}

#[test]
fn a_million_entries_are_written_and_scanned() {
    let (mut store, cx) = (Store::new(), Context::mock());
    for batch in 0..100_u64 {
        // Each batch goes everywhere.
        let entries = (0..10_000).map(|n| entry(format!("{:07}", n * 100 + batch), n));
        assert_eq!(store.put_all(&cx, entries.collect()), Ok(10_000));
    }
    assert_eq!(store.len(), 1_000_000);
    let (mut seen, mut from) = (0, String::new());
    loop {
        let page = store.scan(from, None, SCAN_MAX);
        let Some((last, _)) = page.last() else { break };
        from = format!("{last}\u{1}");
        seen += page.len();
    }
    assert_eq!(seen, 1_000_000);
}
