use super::*;
use crate::explorer::testing::unit;

/// A unit that counts so.
fn counting(role: Role, seed: u8, counters: &[(&str, u64)]) -> UnitFacts {
    let mut facts = unit(role, seed, true);
    let status = facts.status.as_mut().unwrap();
    status.counters = counters.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    facts
}

fn scheduler(assigned: u64) -> UnitFacts {
    counting(Role::Scheduler, 2, &[("assigned", assigned)])
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_rate_is_what_a_counter_grew_by_over_the_time_between() {
    let (mut paces, now) = (Paces::default(), Instant::now());
    assert_eq!(paces.read(now, &[scheduler(100)]).assigned, None, "there is nothing to compare");
    assert_eq!(paces.read(now + SECOND, &[scheduler(150)]).assigned, None, "it is too soon");
    let rate = paces.read(now + 4 * SECOND, &[scheduler(300)]).assigned.unwrap();
    assert_eq!((rate.per_second, rate.over, rate.units), (50.0, 4 * SECOND, (1, 1)));
}

#[test]
fn whoever_asks_often_gets_the_rate_of_the_last_seconds() {
    let (mut paces, now) = (Paces::default(), Instant::now());
    let mut last = None;
    for second in 0..60_u32 {
        // Twice as fast in the second half.
        let assigned = u64::from(second) * 10 + u64::from(second.saturating_sub(30)) * 10;
        last = paces.read(now + second * SECOND, &[scheduler(assigned)]).assigned;
    }
    let last = last.unwrap();
    assert_eq!(last.per_second, 20.0);
    assert!(last.over <= 5 * SECOND, "{last:?}");
}

#[test]
fn a_unit_that_started_again_or_counts_backwards_has_no_rate() {
    let (mut paces, now) = (Paces::default(), Instant::now());
    paces.read(now, &[scheduler(100)]);
    assert_eq!(paces.read(now + 3 * SECOND, &[scheduler(90)]).assigned, None);
    let mut again = scheduler(500);
    again.status.as_mut().unwrap().started = Timestamp::new(1_900_000_000_000);
    assert_eq!(paces.read(now + 9 * SECOND, &[again]).assigned, None);
}

#[test]
fn units_that_do_not_say_are_told_from_those_that_do() {
    let (mut paces, now) = (Paces::default(), Instant::now());
    let one = |executed| {
        counting(Role::Compute, 3, &[("slots_executed", executed), ("slots_waiting", 7)])
    };
    paces.read(now, &[one(0), unit(Role::Compute, 4, false)]);
    let pace = paces.read(now + 2 * SECOND, &[one(10), unit(Role::Compute, 4, false)]);
    let rate = pace.executed.unwrap();
    assert_eq!((rate.per_second, rate.units), (5.0, (1, 2)));
    assert_eq!((pace.assigned, pace.waiting), (None, (Some(7), None)));
}

#[test]
fn commits_are_told_by_the_buckets_that_they_fell_into_since() {
    let (mut paces, now) = (Paces::default(), Instant::now());
    let commits = |fast: u64, slow: u64, slower: u64| {
        let counters = [
            ("batches", fast + slow + slower),
            ("commit_le_micros:500", fast),
            ("commit_le_micros:2500", fast + slow),
        ];
        counting(Role::Scheduler, 2, &counters)
    };
    assert_eq!(paces.read(now, &[commits(1_000, 0, 0)]).commit, None);
    let pace = paces.read(now + 2 * SECOND, &[commits(1_060, 40, 0)]);
    assert_eq!(pace.commit, Some((Within::Micros(500), Within::Micros(2_500))));
    // Compared with the first answer still.
    let pace = paces.read(now + 3 * SECOND, &[commits(1_060, 40, 90)]);
    assert_eq!(pace.commit, Some((Within::Micros(2_500), Within::More(2_500))));
    let text = figures(&pace).into_string();
    assert!(text.contains("≤ 2.5 ms") && text.contains("&gt; 2.5 ms"), "{text}");
}

#[test]
fn a_stranger_that_counts_without_end_is_kept_short() {
    let (mut paces, now) = (Paces::default(), Instant::now());
    let names: Vec<String> = (0..1_000).map(|bound| format!("commit_le_micros:{bound}")).collect();
    let counters: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), u64::MAX)).collect();
    let facts = [counting(Role::Scheduler, 2, &counters)];
    paces.read(now, &facts);
    paces.read(now + 2 * SECOND, &facts);
    assert!(paces.0.values().all(|known| known.newest.counters.len() <= 64));
    paces.read(now + 3 * SECOND, &[]);
    assert!(paces.0.is_empty(), "it is known no more");
}
