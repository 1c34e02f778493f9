use std::collections::BTreeMap;

use proptest::prelude::*;
use protocol::TimerKind;

use super::*;

const NOW: Timestamp = Timestamp::new(1_000_000);

fn process(byte: u8) -> ProcessId {
    ProcessId::from_bytes([byte; 32])
}

fn key(slot: u64, index: u32) -> AgendaKey {
    AgendaKey { process: process(1), slot: Slot::new(slot), index }
}

fn at(after: u64) -> Timestamp {
    NOW.saturating_add(after)
}

fn item(index: u32, body: ItemBody) -> OutboxItem {
    OutboxItem { index, target: process(1), pair: None, body, hint: None }
}

fn ask(deadline: Timestamp) -> OutboxItem {
    item(0, ItemBody::Ask { method: "hear".to_owned(), args: vec![0xa0], deadline })
}

fn timer(token: u64, due: Timestamp, every: Option<u64>, catch_up: bool) -> OutboxItem {
    let (method, args) = ("tick".to_owned(), vec![0xa0]);
    item(0, ItemBody::Timer { token, due, every, catch_up, method, args })
}

fn agenda() -> Agenda {
    Agenda::new(Bounds { dates: 8, flights: 2 })
}

fn give(agenda: &mut Agenda, slot: u64, item: &OutboxItem) {
    agenda.handle_item(NOW, (process(1), Slot::new(slot), NOW), item);
}

/// What fires at a time: the slots and occurrences, and the tickets.
fn fired(agenda: &mut Agenda, now: Timestamp) -> Vec<(u64, u64, u64)> {
    agenda.handle_time(now);
    let fire = |effect| match effect {
        Effect::Fire { key, ticket, occurrence, .. } => (key.slot.get(), occurrence, ticket),
        Effect::Review => panic!("nothing was lost"),
    };
    agenda.take_effects().into_iter().map(fire).collect()
}

#[test]
fn a_date_fires_when_it_is_due_and_not_before() {
    let mut agenda = agenda();
    give(&mut agenda, 1, &ask(at(500)));
    give(&mut agenda, 2, &timer(7, at(300), None, false));
    assert_eq!(agenda.wake_at(), Some(at(300)));
    assert_eq!(fired(&mut agenda, at(299)), []);
    assert_eq!(fired(&mut agenda, at(300)), [(2, 0, 1)]);
    assert_eq!(fired(&mut agenda, at(900)), [(1, 0, 2)]);
    assert_eq!(fired(&mut agenda, at(900)), [], "both are under way");
}

#[test]
fn what_is_closed_never_fires() {
    let mut agenda = agenda();
    give(&mut agenda, 1, &ask(at(500)));
    agenda.handle_closed(key(1, 0));
    assert_eq!(agenda.wake_at(), None);
    assert_eq!(agenda.waiting().dates, 0);
}

#[test]
fn a_later_timer_with_its_token_replaces_a_timer_and_a_cancellation_ends_it() {
    let mut agenda = agenda();
    give(&mut agenda, 2, &timer(7, at(500), None, false));
    give(&mut agenda, 1, &timer(7, at(100), None, false));
    assert_eq!(agenda.wake_at(), Some(at(500)), "what comes late replaces nothing");
    give(&mut agenda, 3, &timer(7, at(700), None, false));
    give(&mut agenda, 3, &timer(7, at(700), None, false));
    assert_eq!(agenda.wake_at(), Some(at(700)));
    give(&mut agenda, 4, &item(0, ItemBody::CancelTimer { token: 8 }));
    assert_eq!(agenda.waiting().dates, 1);
    give(&mut agenda, 4, &item(0, ItemBody::CancelTimer { token: 7 }));
    assert_eq!(agenda.waiting().dates, 0);
}

#[test]
fn what_is_stated_once_more_is_asked_for_before_it_fires() {
    let mut agenda = agenda();
    let again = |agenda: &mut Agenda, slot, item: &OutboxItem| {
        agenda.handle_repeated(NOW, (process(1), Slot::new(slot)), item);
    };
    give(&mut agenda, 2, &timer(7, at(5_000), None, false));
    again(&mut agenda, 1, &timer(7, at(4_000), None, false));
    again(&mut agenda, 2, &timer(7, at(5_000), None, false));
    assert_eq!(agenda.waiting().dates, 1, "it is known, and so is what has replaced the first");
    again(&mut agenda, 3, &timer(8, at(4_500), None, false));
    again(&mut agenda, 4, &ask(NOW));
    assert_eq!(agenda.wake_at(), Some(at(GRACE)), "what closes it may come by, too");
    agenda.handle_closed(key(4, 0));
    agenda.handle_time(at(5_000));
    let doubtful = |effect: &Effect| match effect {
        Effect::Fire { key, doubtful, .. } => (key.slot.get(), *doubtful),
        Effect::Review => panic!("nothing was lost"),
    };
    let fired: Vec<_> = agenda.take_effects().iter().map(doubtful).collect();
    assert_eq!(fired, [(3, true), (2, false)]);
}

#[test]
fn a_date_of_long_ago_waits_for_its_end_and_is_asked_for_before_it_fires() {
    let mut agenda = agenda();
    let long_ago = Timestamp::new(5);
    agenda.handle_item(NOW, (process(1), Slot::ZERO, long_ago), &ask(long_ago));
    assert_eq!(agenda.wake_at(), Some(at(GRACE)));
    agenda.handle_time(at(GRACE));
    let effects = agenda.take_effects();
    let [Effect::Fire { ticket, doubtful: true, .. }] = effects[..] else { panic!("{effects:?}") };
    agenda.handle_fired(at(GRACE), (key(0, 0), ticket), Fired::Gone);
    assert_eq!(agenda.waiting().dates, 0);
    // What is due at once is not taken for old.
    give(&mut agenda, 1, &timer(1, Timestamp::new(0), None, false));
    assert_eq!(fired(&mut agenda, NOW), [(1, 0, 2)]);
}

#[test]
fn a_scheduler_whose_clock_is_behind_is_waited_for() {
    let mut agenda = agenda();
    give(&mut agenda, 1, &ask(at(0)));
    assert_eq!(fired(&mut agenda, NOW), [(1, 0, 1)]);
    let early = Fired::Refused(RefusalCode::NotDue, Some(70), None);
    agenda.handle_fired(NOW, (key(1, 0), 1), early);
    assert_eq!(fired(&mut agenda, at(69)), []);
    assert_eq!(fired(&mut agenda, at(70)), [(1, 0, 2)]);
}

#[test]
fn failures_wait_longer_and_longer_and_lose_nothing() {
    let mut agenda = agenda();
    give(&mut agenda, 1, &ask(NOW));
    let mut now = NOW;
    let mut waits = Vec::new();
    for ticket in 1..=200 {
        assert_eq!(fired(&mut agenda, now), [(1, 0, ticket)]);
        let away = Fired::Refused(RefusalCode::Unreachable, None, None);
        agenda.handle_fired(now, (key(1, 0), ticket), away);
        let wake = agenda.wake_at().unwrap();
        waits.push(wake.get() - now.get());
        now = wake;
    }
    assert_eq!(waits[..3], [100, 200, 400]);
    assert_eq!(waits[199], WAIT_MAX);
}

#[test]
fn what_cannot_be_proven_is_let_go_in_the_end() {
    for code in [RefusalCode::NotFound, RefusalCode::BadOrigin, RefusalCode::TooLarge] {
        let mut agenda = agenda();
        give(&mut agenda, 1, &ask(NOW));
        let mut tries = 0;
        while let Some(wake) = agenda.wake_at() {
            let [(_, _, ticket)] = fired(&mut agenda, wake)[..] else { panic!("it fires") };
            agenda.handle_fired(wake, (key(1, 0), ticket), Fired::Refused(code, None, None));
            tries += 1;
        }
        assert_eq!(tries, if code == RefusalCode::TooLarge { 1 } else { UNPROVEN_MAX + 1 });
        assert_eq!(agenda.waiting().unproven, 1);
    }
}

#[test]
fn what_was_taken_is_asked_for_again_unless_it_is_closed() {
    let mut agenda = agenda();
    give(&mut agenda, 1, &ask(NOW));
    let mut now = NOW;
    for ticket in 1..=4 {
        assert_eq!(fired(&mut agenda, now), [(1, 0, ticket)]);
        agenda.handle_fired(now, (key(1, 0), ticket), Fired::Taken(None));
        now = now.saturating_add(RECHECK);
    }
    assert_eq!(agenda.waiting(), Waiting { dates: 0, taken: 4, unproven: 0 });
}

#[test]
fn a_recurring_timer_goes_on_with_the_next_occurrence() {
    let mut agenda = agenda();
    give(&mut agenda, 1, &timer(1, at(0), Some(50), false));
    assert_eq!(fired(&mut agenda, at(120)), [(1, 0, 1)]);
    let next = Some(Occurrence { number: 3, due: at(150) });
    agenda.handle_fired(at(121), (key(1, 0), 1), Fired::Taken(next));
    assert_eq!(fired(&mut agenda, at(149)), []);
    assert_eq!(fired(&mut agenda, at(150)), [(1, 3, 2)]);
    // Somebody else was faster.
    let next = Some(Occurrence { number: 4, due: at(200) });
    let over = Fired::Refused(RefusalCode::Expired, None, next);
    agenda.handle_fired(at(151), (key(1, 0), 2), over);
    assert_eq!(fired(&mut agenda, at(200)), [(1, 4, 3)]);
    // The scheduler has gone back, and makes up for what was lost.
    let early = Fired::Refused(RefusalCode::OutOfOrder, None, None);
    agenda.handle_fired(at(201), (key(1, 0), 3), early);
    assert_eq!(fired(&mut agenda, at(201)), [(1, 3, 4)]);
}

#[test]
fn the_latest_occurrence_is_submitted_or_each_of_them() {
    let of = |catch_up, next, now| {
        let (occurrence, kind) =
            Occurrence::of(&timer(1, NOW, Some(50), catch_up), next, now).unwrap();
        assert_eq!(kind, TimerKind::Timer);
        assert_eq!(occurrence.due, at(occurrence.number * 50));
        occurrence.number
    };
    assert_eq!(of(false, 0, at(0)), 0);
    assert_eq!(of(false, 0, at(149)), 2);
    assert_eq!(of(false, 9, at(149)), 9);
    assert_eq!(of(true, 1, at(1_000)), 1);
    let never = timer(1, Timestamp::new(u64::MAX), Some(1), true);
    assert_eq!(Occurrence::of(&never, 1, NOW), None);
    let broken = timer(1, NOW, Some(0), false);
    assert_eq!(Occurrence::of(&broken, 0, NOW), None);
    let (occurrence, kind) = Occurrence::of(&ask(at(7)), 3, NOW).unwrap();
    assert_eq!((occurrence, kind), (Occurrence { number: 0, due: at(7) }, TimerKind::AskTimeout));
    assert_eq!(occurrence.after(&ask(at(7))), None);
}

#[test]
fn a_page_adds_what_is_missing_and_tells_which_occurrence_is_next() {
    let mut agenda = agenda();
    give(&mut agenda, 1, &timer(1, at(0), Some(50), true));
    let page = |slot, number, due| Occurrence { number, due }.timer(key(slot, 0), TimerKind::Timer);
    agenda.handle_page(&[page(1, 4, at(200)), page(2, 0, at(10))]);
    assert_eq!(fired(&mut agenda, at(10)), [(1, 4, 1), (2, 0, 2)]);
}

#[test]
fn a_takeover_lets_go_of_what_is_void_and_asks_for_the_rest_again() {
    let mut agenda = agenda();
    for slot in 1..4 {
        give(&mut agenda, slot, &ask(at(60_000)));
    }
    agenda.handle_void(NOW, process(1), Slot::new(2));
    assert_eq!(agenda.waiting().dates, 1);
    assert_eq!(agenda.wake_at(), Some(at(REVIEW_WAIT)));
    agenda.handle_time(at(REVIEW_WAIT));
    assert_eq!(agenda.take_effects(), [Effect::Review]);
    assert_eq!(agenda.wake_at(), Some(at(60_000)));
}

#[test]
fn when_memory_is_short_the_first_are_kept_and_the_rest_is_asked_for_later() {
    let mut agenda = agenda();
    for slot in 0..20 {
        give(&mut agenda, slot, &ask(at(2_000 - slot * 10)));
    }
    assert_eq!(agenda.waiting().dates, 8);
    assert_eq!(agenda.wake_at(), Some(at(1_810)));
    (12..16).for_each(|slot| agenda.handle_closed(key(slot, 0)));
    agenda.handle_time(NOW);
    assert_eq!(agenda.take_effects(), [Effect::Review]);
    agenda.handle_time(NOW);
    assert_eq!(agenda.take_effects(), []);
}

proptest! {
    /// Whatever comes in whatever order: memory stays bounded, a date is under way once at a time
    /// and never before it is due, and in the end everything fires or is closed.
    #[test]
    fn every_date_fires_once_at_a_time_and_memory_stays_bounded(
        steps in proptest::collection::vec((0_u8..8, 0_u64..6, 0_u64..400), 1..300),
    ) {
        let mut agenda = agenda();
        let mut now = NOW;
        let mut flying: BTreeMap<u64, AgendaKey> = BTreeMap::new();
        for (what, slot, time) in steps {
            match what {
                0 => give(&mut agenda, slot, &ask(at(time))),
                1 => give(&mut agenda, slot, &timer(slot % 2, at(time), Some(time), true)),
                2 => agenda.handle_closed(key(slot, 0)),
                3 => agenda.handle_void(now, process(1), Slot::new(slot)),
                4 => {
                    let occurrence = Occurrence { number: time, due: at(time) };
                    agenda.handle_page(&[occurrence.timer(key(slot, 1), TimerKind::Timer)]);
                }
                5 => now = now.saturating_add(time),
                _ => {
                    let fired = match time % 4 {
                        0 => Fired::Taken(None),
                        1 => Fired::Taken(Some(Occurrence { number: time, due: at(time) })),
                        2 => Fired::Gone,
                        _ => Fired::Refused(RefusalCode::Busy, Some(time), None),
                    };
                    if let Some((ticket, key)) = flying.pop_first() {
                        agenda.handle_fired(now, (key, ticket), fired);
                    }
                }
            }
            agenda.handle_time(now);
            for effect in agenda.take_effects() {
                if let Effect::Fire { key, ticket, .. } = effect {
                    prop_assert!(flying.insert(ticket, key).is_none());
                }
            }
            prop_assert!(flying.len() <= 2);
            prop_assert!(agenda.dates.len() <= 8);
            prop_assert!(agenda.tokens.len() <= agenda.dates.len());
            prop_assert_eq!(agenda.flights, flying.len());
            let waiting = agenda.dates.values().filter(|date| date.flight.is_none()).count();
            prop_assert_eq!(agenda.wakes.len(), waiting);
            prop_assert!(agenda.wake_at().is_none_or(|wake| wake > now));
        }
    }
}
