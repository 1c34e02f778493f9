use super::*;

const A: UnitId = UnitId::from_bytes([1; 32]);
const B: UnitId = UnitId::from_bytes([2; 32]);

/// A clock that is told forward a pace at a time, while some units answer.
struct Bench {
    now: Duration,
    liveness: Liveness,
    units: Vec<UnitId>,
}

impl Bench {
    fn new(units: &[UnitId]) -> Self {
        let mut liveness = Liveness::new(Duration::ZERO);
        liveness.handle_units(Duration::ZERO, units);
        liveness.handle_time(Duration::ZERO);
        Self { now: Duration::ZERO, liveness, units: units.to_vec() }
    }

    /// Lets paces pass in which these units answer, with so many slots waiting.
    fn pass(&mut self, paces: u32, answering: &[(UnitId, u64)]) {
        for _ in 0..paces {
            self.now += self.liveness.pace();
            self.liveness.handle_units(self.now, &self.units);
            for (unit, waiting) in answering {
                self.liveness.handle_answer(self.now, unit, *waiting);
            }
            self.liveness.handle_time(self.now);
        }
    }

    fn present(&self) -> Option<Vec<UnitId>> {
        self.liveness.present().map(|present| present.as_slice().to_vec())
    }
}

#[test]
fn all_are_presumed_up_until_this_unit_has_listened_for_a_while() {
    let mut bench = Bench::new(&[A, B]);
    bench.pass(PATIENCE_PACES - 1, &[(A, 0)]);
    assert_eq!(bench.present(), None);
    bench.pass(1, &[(A, 0)]);
    assert_eq!(bench.present(), Some(vec![A]), "nobody has heard of B");
}

#[test]
fn a_unit_that_falls_silent_is_gone_and_one_slow_answer_is_nothing() {
    let mut bench = Bench::new(&[A]);
    bench.pass(10, &[(A, 0)]);
    bench.pass(PATIENCE_PACES - 1, &[]);
    assert_eq!(bench.present(), Some(vec![A]));
    bench.pass(1, &[(A, 0)]);
    bench.pass(PATIENCE_PACES - 1, &[]);
    assert_eq!(bench.present(), Some(vec![A]));
    bench.pass(1, &[]);
    assert_eq!(bench.present(), Some(vec![]));
}

#[test]
fn a_newcomer_has_the_same_time_to_answer() {
    let mut bench = Bench::new(&[]);
    bench.pass(10, &[]);
    assert_eq!(bench.present(), Some(vec![]));
    bench.units.push(B);
    bench.pass(PATIENCE_PACES, &[]);
    assert_eq!(bench.present(), Some(vec![B]));
    bench.pass(1, &[]);
    assert_eq!(bench.present(), Some(vec![]));
}

#[test]
fn a_unit_that_returns_is_up_once_it_has_caught_up() {
    let mut bench = Bench::new(&[A]);
    bench.pass(10, &[]);
    assert_eq!(bench.present(), Some(vec![]));
    bench.pass(20, &[(A, WAITING_MAX + 1)]);
    assert_eq!(bench.present(), Some(vec![]), "it answers, and executes what it missed");
    bench.pass(SETTLING_PACES - 1, &[(A, WAITING_MAX)]);
    bench.pass(1, &[(A, WAITING_MAX + 1)]);
    bench.pass(SETTLING_PACES - 1, &[(A, 0)]);
    assert_eq!(bench.present(), Some(vec![]), "it had more to do in between");
    bench.pass(1, &[(A, 0)]);
    assert_eq!(bench.present(), Some(vec![A]));
    bench.pass(1, &[(A, 1_000_000)]);
    assert_eq!(bench.present(), Some(vec![A]), "a busy unit is up");
}

#[test]
fn a_unit_that_flickers_stays_gone() {
    let mut bench = Bench::new(&[A]);
    bench.pass(10, &[]);
    for _ in 0..5 {
        bench.pass(SETTLING_PACES - 1, &[(A, 0)]);
        bench.pass(PATIENCE_PACES, &[]);
        assert_eq!(bench.present(), Some(vec![]));
    }
}

#[test]
fn a_unit_that_stood_still_itself_blames_nobody() {
    let mut bench = Bench::new(&[A, B]);
    bench.pass(10, &[(A, 0), (B, 0)]);
    bench.now += Duration::from_secs(3_600);
    bench.liveness.handle_time(bench.now);
    assert_eq!(bench.present(), Some(vec![A, B]));
    bench.pass(PATIENCE_PACES, &[(A, 0)]);
    assert_eq!(bench.present(), Some(vec![A]));
}

#[test]
fn a_unit_without_a_record_is_asked_as_long_as_it_answers() {
    let mut bench = Bench::new(&[A]);
    bench.pass(10, &[(A, 0)]);
    bench.units.clear();
    bench.pass(10, &[(A, 0)]);
    assert_eq!(bench.present(), Some(vec![A]));
    bench.pass(PATIENCE_PACES + 1, &[]);
    assert_eq!(bench.present(), Some(vec![]));
    assert_eq!(bench.liveness.watched().count(), 0, "it is forgotten");
}

#[test]
fn many_units_are_asked_more_seldom() {
    let units: Vec<UnitId> = (0..=250).map(|byte| UnitId::from_bytes([byte; 32])).collect();
    assert_eq!(Bench::new(&units[..100]).liveness.pace(), PACE);
    assert_eq!(Bench::new(&units).liveness.pace(), PACE * 3);
}
