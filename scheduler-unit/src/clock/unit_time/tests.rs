use proptest::prelude::*;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);
const START: Duration = Duration::from_secs(1_700_000_000);

fn reading(monotonic: Duration, host: Duration) -> Reading {
    Reading { monotonic, host }
}

fn started() -> UnitTime {
    UnitTime::start(Duration::ZERO, reading(Duration::ZERO, START))
}

#[test]
fn a_small_difference_is_made_up_for_slowly() {
    for (host, after_1000) in [
        (START + Duration::from_secs(1), Duration::from_millis(1_000_500)),
        (START - Duration::from_secs(1), Duration::from_millis(999_500)),
    ] {
        let mut time = started();
        let passed = Duration::from_secs(1_000);
        assert_eq!(time.advance(reading(passed, host + passed)), START + after_1000);
        let passed = Duration::from_secs(2_000);
        assert_eq!(time.advance(reading(passed, host + passed)), host + passed);
        assert_eq!(time.offset(), Offset::Ahead(Duration::ZERO));
        assert_eq!(time.steps(), 0);
    }
}

#[test]
fn a_difference_at_the_tolerance_is_followed_and_one_beyond_is_not() {
    let passed = Duration::from_secs(2_000);
    for (off, followed) in [(TOLERANCE, true), (TOLERANCE + Duration::from_nanos(1), false)] {
        let slewed = if followed { passed / SLEW } else { Duration::ZERO };
        let ahead = started().advance(reading(passed, START + passed + off));
        assert_eq!(ahead, START + passed + slewed);
        let behind = started().advance(reading(passed, START + passed - off));
        assert_eq!(behind, START + passed - slewed);
    }
}

#[test]
fn a_days_step_either_way_changes_nothing() {
    for stepped in [START + DAY, START - DAY] {
        let mut time = started();
        for second in 1..=10_000 {
            let passed = Duration::from_secs(second);
            assert_eq!(time.advance(reading(passed, stepped + passed)), START + passed);
        }
        assert_eq!(time.steps(), 1);
        // The host's clock is put right again, which is a step as well.
        let passed = Duration::from_secs(10_001);
        assert_eq!(time.advance(reading(passed, START + passed)), START + passed);
        assert_eq!(time.steps(), 2);
    }
}

#[test]
fn a_host_ahead_at_the_start_is_believed() {
    let time = UnitTime::start(START, reading(Duration::ZERO, START + DAY));
    assert_eq!((time.now(), time.steps()), (START + DAY, 0));
}

#[test]
fn a_host_behind_at_the_start_leaves_the_time_at_the_floor() {
    let mut time = UnitTime::start(START, reading(Duration::ZERO, START - DAY));
    assert_eq!((time.now(), time.offset(), time.steps()), (START, Offset::Behind(DAY), 1));
    let passed = Duration::from_secs(60);
    assert_eq!(time.advance(reading(passed, START - DAY + passed)), START + passed);
}

#[test]
fn a_drift_beyond_the_tolerance_shows_and_is_no_step() {
    let mut time = started();
    // One part in a thousand: twice of what is made up for.
    for second in 1..=10_000 {
        let passed = Duration::from_secs(second);
        time.advance(reading(passed, START + passed + passed / 1_000));
    }
    assert_eq!(time.steps(), 0);
    assert!(matches!(time.offset(), Offset::Ahead(by) if by > TOLERANCE));
}

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..5_000_000_000_u64).prop_map(Duration::from_nanos),
        (0..200_000_u64).prop_map(Duration::from_secs),
        Just(Duration::MAX),
    ]
}

proptest! {
    #[test]
    fn time_never_goes_back_whatever_the_readings(
        floor in span(),
        readings in prop::collection::vec((span(), span()), 1..50),
    ) {
        let mut time = UnitTime::start(floor, reading(readings[0].0, readings[0].1));
        let mut last = time.now();
        prop_assert!(last >= floor);
        for (monotonic, host) in readings {
            let now = time.advance(reading(monotonic, host));
            prop_assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn the_rate_is_that_of_the_monotonic_clock_give_or_take_the_slew(
        readings in prop::collection::vec((0..10_000_000_u64, -3_000..3_000_i64), 1..50),
    ) {
        let (mut time, mut monotonic, mut last) = (started(), Duration::ZERO, START);
        for (micros, off) in readings {
            let passed = Duration::from_micros(micros);
            monotonic += passed;
            let off_by = Duration::from_millis(off.unsigned_abs());
            let right = START + monotonic;
            let host = if off < 0 { right - off_by } else { right + off_by };
            let now = time.advance(reading(monotonic, host));
            prop_assert!((now - last).abs_diff(passed) <= passed / SLEW);
            last = now;
        }
    }

    #[test]
    fn a_step_changes_nothing_believed_whenever_it_comes_and_goes(
        spans in prop::collection::vec((1..100_000_u64, any::<bool>()), 1..50),
        ahead in any::<bool>(),
    ) {
        let (mut time, mut monotonic) = (started(), Duration::ZERO);
        let (mut changes, mut before) = (0, false);
        for (millis, stepped) in spans {
            monotonic += Duration::from_millis(millis);
            let right = START + monotonic;
            let host = match (stepped, ahead) {
                (false, _) => right,
                (true, true) => right + DAY,
                (true, false) => right - DAY,
            };
            changes += u64::from(stepped != before);
            before = stepped;
            prop_assert_eq!(time.advance(reading(monotonic, host)), right);
            prop_assert_eq!(time.steps(), changes);
        }
    }
}
