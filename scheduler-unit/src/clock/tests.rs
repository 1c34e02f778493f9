use super::{testing::Clocks, *};
use crate::fixture::NOW;

fn seen(clock: &Clock) -> [u64; 3] {
    clock.list().map(|(_, value)| value)
}

#[test]
fn a_clock_never_starts_behind_the_log() {
    let floor = Timestamp::new(u64::MAX / 2);
    let clock = Clock::start(floor);
    assert!(clock.now() >= floor);
    let [ahead, behind, steps] = seen(&clock);
    assert!(behind > 0);
    assert_eq!((ahead, steps), (0, 1));
}

#[test]
fn a_clock_without_a_log_starts_at_the_hosts_time() {
    let host = || timestamp(Machine::new().read().host);
    let (before, clock) = (host(), Clock::start(Timestamp::ZERO));
    assert!((before..=host()).contains(&clock.started()));
}

#[test]
fn a_step_shows_with_its_direction_and_changes_nothing() {
    let clocks = Clocks::at(NOW);
    let clock = clocks.start(Timestamp::ZERO);
    assert_eq!(seen(&clock), [0, 0, 0]);
    clocks.step(-86_400_000);
    clocks.pass(1_000);
    assert_eq!(seen(&clock), [0, 86_400_000, 1]);
    clocks.step(2 * 86_400_000);
    assert_eq!(seen(&clock), [86_400_000, 0, 2]);
    assert_eq!(clock.now(), NOW.saturating_add(1_000));
    clocks.step(-86_400_000);
    assert_eq!(seen(&clock), [0, 0, 3]);
}
