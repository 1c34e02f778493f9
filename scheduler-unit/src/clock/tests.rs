use super::*;

#[test]
fn a_clock_never_starts_behind_the_log() {
    let floor = Timestamp::new(u64::MAX / 2);
    let clock = Clock::start(floor);
    assert!(clock.now() >= floor);
    assert!(clock.offset() > 0);
}

#[test]
fn a_clock_without_a_log_starts_at_the_hosts_time() {
    let (before, clock) = (host_time(), Clock::start(Timestamp::ZERO));
    assert!((before..=host_time()).contains(&clock.started()));
}
