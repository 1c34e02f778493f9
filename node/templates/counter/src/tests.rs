use antiphon::Sim;

use super::*;

#[test]
fn anybody_adds_and_sees_the_sum() {
    let mut sim = Sim::seeded(1);
    let counter = sim.spawn::<Counter>(args! { start: 5 });
    assert_eq!(sim.send(counter.add(3)), Ok(8));
    assert_eq!(sim.view(&counter.get()), Ok(8));
}

#[test]
fn a_sum_that_does_not_fit_changes_nothing() {
    let mut counter = Counter::new(u64::MAX);
    assert_eq!(counter.add(&Context::mock(), 1).unwrap_err().code(), Error::REFUSED);
    assert_eq!(counter.get(), u64::MAX);
}

#[test]
fn who_added_stands_in_the_log() {
    let cx = Context::mock().sent_by(ProcessId::from_bytes([1; 32]));
    Counter::new(0).add(&cx, 3).unwrap();
    assert_eq!(cx.logged(), [format!("3 more, by {}", cx.sender())]);
}
