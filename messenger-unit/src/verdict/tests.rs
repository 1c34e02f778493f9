use proptest::prelude::*;
use protocol::ProcessId;

use super::*;

const NOW: Duration = Duration::from_secs(9);

fn place(number: u64) -> Place {
    let [source, target] = [1, 2].map(|byte| ProcessId::from_bytes([byte; 32]));
    (PairKey { source, target }, PairNumber::new(number))
}

fn verdicts() -> Verdicts<u64> {
    Verdicts::new(Bounds { cases: 4, flights: 2 })
}

fn told(verdicts: &mut Verdicts<u64>) -> Vec<u64> {
    let number = |effect| match effect {
        Effect::Tell(_, payload) => Some(payload),
        Effect::Release(..) => None,
    };
    verdicts.take_effects().into_iter().filter_map(number).collect()
}

#[test]
fn a_number_has_one_case_that_releases_all_it_holds() {
    let mut verdicts = verdicts();
    verdicts.handle_case(NOW, place(1), 1, None);
    verdicts.handle_case(NOW, place(1), 9, Some(Slot::new(5)));
    assert_eq!(told(&mut verdicts), [1]);
    verdicts.handle_told(NOW, place(1), Ok(()));
    assert_eq!(verdicts.take_effects(), [Effect::Release(place(1).0, Slot::new(5))]);
    assert_eq!(verdicts.waiting(), Waiting { cases: 0, told: 1, given_up: 0 });
}

#[test]
fn as_many_are_under_way_as_there_is_room_for() {
    let mut verdicts = verdicts();
    (0..3).for_each(|number| verdicts.handle_case(NOW, place(number), number, None));
    assert_eq!(told(&mut verdicts), [0, 1]);
    assert_eq!(verdicts.wake_at(), None);
    verdicts.handle_told(NOW, place(0), Ok(()));
    assert_eq!(told(&mut verdicts), [2]);
}

#[test]
fn who_cannot_be_reached_is_asked_again_and_never_given_up() {
    let mut verdicts = verdicts();
    verdicts.handle_case(NOW, place(0), 0, None);
    let (mut now, mut waits) = (NOW, Vec::new());
    for _ in 0..100 {
        assert_eq!(told(&mut verdicts), [0]);
        verdicts.handle_told(now, place(0), Err((RefusalCode::Unreachable, None)));
        let wake = verdicts.wake_at().unwrap();
        waits.push((wake - now).as_millis());
        now = wake;
        verdicts.handle_time(now);
    }
    assert_eq!(waits[..3], [100, 200, 400]);
    assert_eq!(waits[99], WAIT_MAX.as_millis());
}

#[test]
fn what_nobody_knows_or_takes_is_given_up() {
    for (code, tries) in [(RefusalCode::NotFound, UNKNOWN_MAX + 1), (RefusalCode::Stopped, 1)] {
        let mut verdicts = verdicts();
        verdicts.handle_case(NOW, place(0), 0, Some(Slot::ZERO));
        let (mut now, mut count) = (NOW, 0);
        loop {
            assert_eq!(told(&mut verdicts), [0]);
            count += 1;
            verdicts.handle_told(now, place(0), Err((code, None)));
            let Some(wake) = verdicts.wake_at() else { break };
            now = wake;
            verdicts.handle_time(now);
        }
        assert_eq!(count, tries);
        assert_eq!(verdicts.take_effects(), [Effect::Release(place(0).0, Slot::ZERO)]);
        assert_eq!(verdicts.waiting().given_up, 1);
    }
}

#[test]
fn what_there_is_no_room_for_holds_nothing() {
    let mut verdicts = verdicts();
    (0..4).for_each(|number| verdicts.handle_case(NOW, place(number), number, None));
    let _ = verdicts.take_effects();
    verdicts.handle_case(NOW, place(4), 4, Some(Slot::new(3)));
    assert_eq!(verdicts.take_effects(), [Effect::Release(place(4).0, Slot::new(3))]);
}

proptest! {
    #[test]
    fn every_hold_is_released_once_and_memory_stays_bounded(
        steps in proptest::collection::vec((0_u8..4, 0_u64..6), 1..200),
    ) {
        let mut verdicts = verdicts();
        let (mut now, mut held, mut flying) = (NOW, 0_usize, Vec::new());
        for (what, number) in steps.into_iter().chain(std::iter::repeat_n((9, 0), 2_000)) {
            match what {
                0 => {
                    held += 1;
                    verdicts.handle_case(now, place(number), number, Some(Slot::new(number)));
                }
                1 => now += Duration::from_millis(number * 100),
                _ => {
                    now += Duration::from_secs(1);
                    verdicts.handle_time(now);
                    if let Some(place) = flying.pop() {
                        let busy = Err((RefusalCode::Busy, None));
                        verdicts.handle_told(now, place, if what == 2 { busy } else { Ok(()) });
                    }
                }
            }
            for effect in verdicts.take_effects() {
                match effect {
                    Effect::Tell(place, _) => {
                        prop_assert!(!flying.contains(&place));
                        flying.push(place);
                    }
                    Effect::Release(..) => held -= 1,
                }
            }
            prop_assert!(flying.len() <= 2 && verdicts.cases.len() <= 4);
        }
        prop_assert_eq!((held, verdicts.waiting().cases), (0, 0));
    }
}
