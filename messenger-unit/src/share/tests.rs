use super::*;

const OWN: UnitId = UnitId::from_bytes([1; 32]);
const A: UnitId = UnitId::from_bytes([2; 32]);
const B: UnitId = UnitId::from_bytes([3; 32]);

fn process(number: u16) -> ProcessId {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    ProcessId::from_bytes(bytes)
}

fn crew(unit: UnitId, all: &[UnitId]) -> Crew {
    let others = all.iter().copied().filter(|other| *other != unit);
    Crew { unit, others: others.collect() }
}

/// A clock that is told forward a pace at a time, while some messengers answer.
struct Bench {
    now: Duration,
    share: Share,
    units: Vec<UnitId>,
}

impl Bench {
    fn new(units: &[UnitId]) -> Self {
        let mut bench = Self {
            now: Duration::ZERO,
            share: Share::new(OWN, Duration::ZERO),
            units: units.to_vec(),
        };
        bench.share.handle_units(&bench.units);
        bench
    }

    fn pass(&mut self, paces: u32, answering: &[UnitId]) {
        for _ in 0..paces {
            self.now += PACE;
            self.share.handle_units(&self.units);
            answering.iter().for_each(|unit| self.share.handle_answer(self.now, unit));
            self.share.handle_time(self.now);
        }
    }

    fn others(&self) -> Vec<UnitId> {
        self.share.crew().others().to_vec()
    }
}

#[test]
fn each_process_is_served_by_exactly_one_of_those_that_agree_who_is_up() {
    let all = [OWN, A, B];
    let crews = all.map(|unit| crew(unit, &all));
    let mut shares = [0_u16; 3];
    for number in 0..3_000 {
        let serving: Vec<_> = (0..3).filter(|at| crews[*at].serves(&process(number))).collect();
        let [at] = serving[..] else { panic!("{} serve it", serving.len()) };
        shares[at] += 1;
    }
    assert!(shares.iter().all(|share| (800..1_200).contains(share)), "about alike: {shares:?}");
}

#[test]
fn one_that_goes_leaves_its_own_processes_only_and_gets_them_back() {
    let (three, two) = (crew(OWN, &[OWN, A, B]), crew(OWN, &[OWN, A]));
    let gone = crew(B, &[OWN, A, B]);
    for number in 0..1_000 {
        let process = process(number);
        if three.serves(&process) {
            assert!(two.serves(&process), "nobody loses one by another's going");
        } else if two.serves(&process) {
            assert!(gone.serves(&process), "only what was served by who went is gained");
        }
    }
}

#[test]
fn a_messenger_alone_serves_everything() {
    let alone = Crew::alone(OWN);
    assert!(alone.is_alone());
    assert!((0..100).all(|number| alone.serves(&process(number))));
}

#[test]
fn nobody_counts_before_having_answered() {
    let mut bench = Bench::new(&[A, B]);
    assert_eq!(bench.others(), []);
    bench.pass(10, &[]);
    assert_eq!(bench.others(), []);
    bench.share.handle_answer(bench.now, &B);
    assert_eq!(bench.others(), [B], "at once");
}

#[test]
fn who_is_silent_for_three_seconds_is_gone_and_one_slow_answer_is_nothing() {
    let mut bench = Bench::new(&[A, B]);
    bench.pass(5, &[A, B]);
    bench.pass(2, &[B]);
    assert_eq!(bench.others(), [A, B]);
    bench.pass(1, &[B]);
    assert_eq!(bench.others(), [B]);
    bench.pass(1, &[A, B]);
    assert_eq!(bench.others(), [A, B]);
}

#[test]
fn a_messenger_that_stood_still_itself_blames_nobody() {
    let mut bench = Bench::new(&[A]);
    bench.pass(5, &[A]);
    bench.now += Duration::from_secs(3_600);
    bench.share.handle_time(bench.now);
    assert_eq!(bench.others(), [A]);
    bench.pass(3, &[]);
    assert_eq!(bench.others(), []);
}

#[test]
fn who_has_no_record_or_is_this_messenger_itself_does_not_count() {
    let mut bench = Bench::new(&[OWN, A]);
    bench.pass(1, &[OWN, A, B]);
    assert_eq!(bench.others(), [A]);
    bench.units.clear();
    bench.pass(1, &[A]);
    assert_eq!(bench.others(), []);
    assert_eq!(bench.share.watched().count(), 0);
}
