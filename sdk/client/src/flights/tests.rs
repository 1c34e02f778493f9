use std::time::Duration;

use super::*;
use crate::testing::World;

struct Bench {
    world: World,
    flights: Flights,
}

impl Bench {
    fn new() -> Self {
        Self { world: World::new(), flights: Flights::default() }
    }

    fn insert(&mut self, nonce: u64) -> Waiting {
        let entry = Entry::Message(self.world.message(nonce));
        let source = Arc::new(self.world.source());
        let expected = Expected { process: entry.target(), entry: entry.id(), source };
        self.flights.insert(Arc::new(entry), expected, None).unwrap()
    }

    fn taken(&mut self, bytes: usize) -> Vec<u64> {
        self.flights.take(bytes).into_iter().map(|(tag, _)| tag).collect()
    }
}

#[test]
fn a_session_sends_each_entry_once_and_the_next_one_all_that_have_not_landed() {
    let mut bench = Bench::new();
    let waiting: Vec<_> = (0..3).map(|nonce| bench.insert(nonce)).collect();
    assert_eq!(bench.taken(1), [1]);
    assert_eq!(bench.taken(usize::MAX), [2, 3]);
    assert!(bench.taken(usize::MAX).is_empty());

    bench.flights.failed(2, &ClientError::Closed);
    bench.flights.begin();
    assert_eq!(bench.taken(usize::MAX), [1, 3]);
    drop(waiting);
}

#[test]
fn an_outcome_waits_for_its_assignment() {
    let mut bench = Bench::new();
    let mut waiting = bench.insert(1);
    let expected = bench.flights.expected(waiting.tag).unwrap();
    let proof = bench.world.assign(expected.entry, 4);
    let executed = bench.world.execute(&proof.assignment);

    bench.flights.executed(waiting.tag, executed.clone());
    assert!(waiting.executed.try_recv().is_err());
    assert!(!bench.flights.is_empty());
    bench.flights.assigned(waiting.tag, proof.clone());
    assert_eq!(waiting.assigned.try_recv().unwrap().unwrap(), proof);
    assert_eq!(waiting.executed.try_recv().unwrap().unwrap(), executed);
    assert!(bench.flights.is_empty());
}

#[test]
fn an_outcome_of_another_log_is_not_handed_out() {
    let mut bench = Bench::new();
    let mut waiting = bench.insert(1);
    let expected = bench.flights.expected(waiting.tag).unwrap();
    let proof = bench.world.assign(expected.entry, 4);
    let mut elsewhere = proof.assignment;
    elsewhere.chain = Hash::ZERO;

    bench.flights.assigned(waiting.tag, proof);
    bench.flights.executed(waiting.tag, bench.world.execute(&elsewhere));
    let error = waiting.executed.try_recv().unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Unverified { .. }), "{error:?}");
}

#[test]
fn a_postponed_entry_is_sent_again_when_it_is_due_and_not_before() {
    let mut bench = Bench::new();
    let waiting = bench.insert(1);
    let start = Instant::now();
    let due = start + Duration::from_secs(5);
    assert_eq!(bench.taken(usize::MAX), [waiting.tag]);
    let busy = Refusal::new(protocol::RefusalCode::Busy, "as told by the test");
    bench.flights.postpone(waiting.tag, due, busy.clone());
    assert_eq!(bench.flights.put_off(waiting.tag), Some(busy));

    bench.flights.wake(start);
    assert!(bench.taken(usize::MAX).is_empty());
    assert_eq!(bench.flights.next_wake(), Some(due));
    bench.flights.wake(due);
    assert_eq!(bench.taken(usize::MAX), [waiting.tag]);
    assert_eq!(bench.flights.next_wake(), None);
}

#[test]
fn closing_fails_what_is_under_way_and_what_comes_after() {
    let mut bench = Bench::new();
    let mut waiting = bench.insert(1);
    bench.flights.close();
    assert_eq!(waiting.executed.try_recv().unwrap(), Err(ClientError::Closed));

    let entry = Entry::Message(bench.world.message(2));
    let source = Arc::new(bench.world.source());
    let expected = Expected { process: entry.target(), entry: entry.id(), source };
    let refused = bench.flights.insert(Arc::new(entry), expected, None);
    assert!(matches!(refused, Err(ClientError::Closed)));
}

#[test]
fn sizes_are_close_to_what_the_wire_takes() {
    let world = World::new();
    let entry = Entry::Message(world.message(1));
    let wire = protocol::codec::encode(&entry).len();
    assert!((wire..wire + 64).contains(&size(&entry)), "{wire} against {}", size(&entry));
}
