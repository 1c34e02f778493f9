use protocol::{PairNumber, ProcessId, RefusalCode, Slot};

use super::*;

mod absent;
mod sharing;
mod simulation;
mod skips;

fn process(byte: u8) -> ProcessId {
    ProcessId::from_bytes([byte; 32])
}

fn pair(target: u8) -> PairKey {
    PairKey { source: process(1), target: process(target) }
}

fn item(number: u64) -> Item<u64> {
    let (slot, number_) = (Slot::new(number + 10), PairNumber::new(number));
    Item { number: number_, slot, weight: 1, skippable: true, asks: false, payload: number }
}

fn n(number: u64) -> PairNumber {
    PairNumber::new(number)
}

/// The ticket under which most items are acknowledged.
const TICKET: u64 = 0;

const NOW: Duration = Duration::from_secs(100);

/// An outbox with items `numbers` of one pair whose scheduler accepts `next`.
fn open(numbers: std::ops::Range<u64>, next: u64) -> Outbox<u64> {
    let mut outbox = Outbox::new(Bounds::default());
    give(&mut outbox, numbers);
    assert_eq!(outbox.take_effects(), [Effect::AskNext { pair: pair(2), ticket: 0 }]);
    outbox.handle_next(NOW, (pair(2), 0), Ok(n(next)));
    outbox
}

fn give(outbox: &mut Outbox<u64>, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let item = item(number);
        let slot = item.slot;
        outbox.handle_item(pair(2), item);
        outbox.handle_slot(process(1), slot);
    }
}

fn submitted(outbox: &mut Outbox<u64>) -> Vec<(u64, u64, bool)> {
    let submitted = |effect| match effect {
        Effect::Submit { number, ticket, introduce, payload, .. } => {
            assert_eq!(number.get(), payload);
            (payload, ticket, introduce)
        }
        other => panic!("not a submission: {other:?}"),
    };
    outbox.take_effects().into_iter().map(submitted).collect()
}

#[test]
fn many_numbers_of_a_pair_are_in_flight_and_the_first_introduces_its_source() {
    let mut outbox = open(0..3, 0);
    assert_eq!(submitted(&mut outbox), [(0, 0, true), (1, 0, false), (2, 0, false)]);
}

#[test]
fn numbers_below_the_next_one_are_dropped_at_once() {
    let mut outbox = open(0..5, 3);
    assert_eq!(submitted(&mut outbox), [(3, 0, false), (4, 0, false)]);
    assert_eq!(outbox.take_cursors(), [(process(1), Slot::new(13))]);
    assert_eq!(outbox.delivered(), 0, "they were delivered before");
}

#[test]
fn the_cursor_waits_for_the_acknowledgement() {
    let mut outbox = open(0..3, 0);
    assert_eq!(outbox.take_cursors(), [(process(1), Slot::new(10))]);
    outbox.handle_assigned(pair(2), (n(1), TICKET));
    assert_eq!(outbox.take_cursors(), [(process(1), Slot::new(12))]);
    outbox.handle_assigned(pair(2), (n(2), TICKET));
    assert_eq!(outbox.take_cursors(), [(process(1), Slot::new(13))]);
    assert_eq!(outbox.take_cursors(), [], "nothing changed since");
    assert_eq!(outbox.delivered(), 3);
}

#[test]
fn a_repeated_item_is_not_submitted_again() {
    let mut outbox = open(0..2, 0);
    let _ = outbox.take_effects();
    give(&mut outbox, 0..2);
    outbox.handle_assigned(pair(2), (n(1), TICKET));
    give(&mut outbox, 0..3);
    assert_eq!(submitted(&mut outbox), [(2, 0, false)]);
}

#[test]
fn a_busy_target_delays_only_its_own_pair() {
    let mut outbox = open(0..2, 0);
    let _ = outbox.take_effects();
    let wait = Some(Duration::from_secs(7));
    outbox.handle_refused(NOW, pair(2), (n(0), 0), (RefusalCode::Busy, wait));
    outbox.handle_refused(NOW, pair(2), (n(1), 0), (RefusalCode::OutOfOrder, None));
    assert_eq!(outbox.take_effects(), [], "it waits");
    outbox.handle_item(pair(3), item(0));
    assert_eq!(outbox.take_effects(), [Effect::AskNext { pair: pair(3), ticket: 0 }]);
    assert_eq!(outbox.wake_at(), Some(NOW + Duration::from_secs(7)));
    outbox.handle_time(NOW + Duration::from_secs(6));
    assert_eq!(outbox.take_effects(), []);
    outbox.handle_time(NOW + Duration::from_secs(7));
    assert_eq!(submitted(&mut outbox), [(0, 1, true), (1, 1, false)]);
}

#[test]
fn waits_double_up_to_a_limit_that_is_longer_for_targets_nobody_knows() {
    let longest = |code| *waits(code).last().unwrap();
    assert_eq!(waits(RefusalCode::Unreachable)[..3], [100, 200, 400].map(Duration::from_millis));
    assert_eq!(longest(RefusalCode::Unreachable), Duration::from_secs(30));
    assert_eq!(longest(RefusalCode::UnknownProcess), Duration::from_secs(600));
}

/// How long a pair waits after each of many refusals.
fn waits(code: RefusalCode) -> Vec<Duration> {
    let mut outbox = open(0..1, 0);
    let mut now = NOW;
    let mut waits = Vec::new();
    for ticket in 0..20 {
        let _ = outbox.take_effects();
        outbox.handle_refused(now, pair(2), (n(0), ticket), (code, None));
        let wake = outbox.wake_at().expect("it waits");
        waits.push(wake - now);
        now = wake;
        outbox.handle_time(now);
    }
    waits
}

#[test]
fn a_source_of_many_pairs_does_not_keep_another_from_asking() {
    let mut outbox = Outbox::new(Bounds { inquiries: 1, ..Bounds::default() });
    for target in 2..100 {
        outbox.handle_item(pair(target), item(0));
    }
    let other = PairKey { source: process(200), target: process(2) };
    outbox.handle_item(other, item(0));
    assert_eq!(outbox.take_effects(), [Effect::AskNext { pair: pair(2), ticket: 0 }]);
    outbox.handle_next(NOW, (pair(2), 0), Err(RefusalCode::UnknownProcess));
    outbox.handle_next(NOW, (pair(3), 0), Err(RefusalCode::UnknownProcess));
    let asked = outbox.take_effects();
    assert!(asked.contains(&Effect::AskNext { pair: other, ticket: 0 }), "{asked:?}");
}

#[test]
fn while_memory_is_short_pairs_that_nobody_answered_hold_nothing() {
    let mut outbox = Outbox::new(Bounds { items: 10, inquiries: 1, ..Bounds::default() });
    for target in 2..200 {
        outbox.handle_item(pair(target), item(0));
        outbox.handle_slot(process(1), item(0).slot);
    }
    let waiting = outbox.waiting();
    assert_eq!((waiting.items, waiting.spilled), (5, 193));
    assert!(!outbox.is_full(), "others are still read");
    assert_eq!(outbox.take_cursors(), [(process(1), Slot::new(10))], "nothing is forgotten");
}

#[test]
fn an_introduction_is_sent_when_it_is_asked_for() {
    let mut outbox = open(4..6, 4);
    assert_eq!(submitted(&mut outbox), [(4, 0, false), (5, 0, false)]);
    for number in [4, 5] {
        let refusal = (RefusalCode::IntroductionNeeded, None);
        outbox.handle_refused(NOW, pair(2), (n(number), 0), refusal);
    }
    assert_eq!(submitted(&mut outbox), [(4, 1, true), (5, 1, true)]);
    outbox.handle_assigned(pair(2), (n(5), TICKET));
    give(&mut outbox, 6..7);
    assert_eq!(submitted(&mut outbox), [(6, 1, false)]);
}

#[test]
fn after_a_disconnect_the_pair_resumes_at_the_next_number() {
    let mut outbox = open(0..3, 0);
    let _ = outbox.take_effects();
    for _ in 0..3 {
        outbox.handle_disconnected(pair(2), 0);
    }
    assert_eq!(outbox.take_effects(), [Effect::AskNext { pair: pair(2), ticket: 1 }]);
    outbox.handle_next(NOW, (pair(2), 1), Ok(n(2)));
    assert_eq!(submitted(&mut outbox), [(2, 1, false)]);
}

#[test]
fn an_answer_older_than_an_acknowledgement_moves_nothing_back() {
    let mut outbox = open(0..3, 0);
    let _ = outbox.take_effects();
    outbox.handle_disconnected(pair(2), 0);
    let _ = outbox.take_effects();
    outbox.handle_assigned(pair(2), (n(1), TICKET));
    outbox.handle_next(NOW, (pair(2), 1), Ok(n(0)));
    assert_eq!(submitted(&mut outbox), [(2, 1, false)]);
}

#[test]
fn a_number_refused_without_proof_blocks_its_pair_and_keeps_the_cursor() {
    let mut outbox = open(0..4, 0);
    let _ = outbox.take_effects();
    outbox.handle_refused(NOW, pair(2), (n(1), 0), (RefusalCode::TooLarge, None));
    outbox.handle_assigned(pair(2), (n(0), TICKET));
    give(&mut outbox, 4..9);
    assert_eq!(outbox.take_effects(), []);
    let waiting = outbox.waiting();
    assert_eq!((waiting.items, waiting.blocked[&RefusalCode::TooLarge]), (1, 1));
    assert_eq!(outbox.take_cursors(), [(process(1), Slot::new(11))]);
}

#[test]
fn a_number_refused_for_good_is_used_up_and_the_pair_goes_on() {
    let mut outbox = open(0..3, 0);
    let _ = outbox.take_effects();
    outbox.handle_assigned(pair(2), (n(0), TICKET));
    outbox.handle_final(pair(2), (n(1), TICKET), RefusalCode::TooLarge);
    outbox.handle_assigned(pair(2), (n(2), TICKET));
    give(&mut outbox, 3..4);
    assert_eq!(submitted(&mut outbox), [(3, 0, false)]);
    let waiting = outbox.waiting();
    assert_eq!((waiting.refused[&RefusalCode::TooLarge], waiting.blocked.len()), (1, 0));
    assert_eq!(outbox.delivered(), 2, "the refused one is not delivered");
    assert_eq!(outbox.take_cursors(), [(process(1), Slot::new(13))]);
}

fn again(ticket: u64, source: bool, target: bool) -> [Effect<u64>; 1] {
    [Effect::LookAgain { pair: pair(2), ticket, doubt: Doubt { source, target } }]
}

#[test]
fn a_target_that_has_moved_is_looked_for_at_once_and_then_with_patience() {
    let mut outbox = open(0..2, 0);
    let _ = outbox.take_effects();
    for number in 0..2 {
        outbox.handle_refused(NOW, pair(2), (n(number), 0), (RefusalCode::Moved, None));
    }
    assert_eq!(outbox.take_effects(), again(1, false, true));
    outbox.handle_next(NOW, (pair(2), 1), Err(RefusalCode::Moved));
    assert_eq!(outbox.take_effects(), [], "it waits");
    outbox.handle_time(NOW + Duration::from_secs(1));
    assert_eq!(outbox.take_effects(), again(2, false, true));
    outbox.handle_next(NOW, (pair(2), 2), Ok(n(0)));
    assert_eq!(submitted(&mut outbox), [(0, 2, true), (1, 2, false)]);
}

#[test]
fn receipts_of_units_that_no_longer_count_are_fetched_anew() {
    let mut outbox = open(4..6, 4);
    let _ = outbox.take_effects();
    outbox.handle_refused(NOW, pair(2), (n(4), 0), (RefusalCode::WrongPolicy, None));
    assert_eq!(outbox.take_effects(), again(1, true, false));
    outbox.handle_next(NOW, (pair(2), 1), Ok(n(4)));
    let fetch = Effect::Fetch { pair: pair(2), ticket: 1, from: Slot::new(14), number: n(4) };
    assert_eq!(outbox.take_effects(), [fetch]);
    outbox.handle_fetched(NOW, (pair(2), 1), Ok(vec![item(4), item(5)]));
    assert_eq!(submitted(&mut outbox), [(4, 1, true), (5, 1, true)]);
}

#[test]
fn a_target_that_has_gone_back_is_told_again_what_it_has_lost() {
    let mut outbox = open(0..3, 0);
    let _ = outbox.take_effects();
    outbox.handle_assigned(pair(2), (n(2), TICKET));
    give(&mut outbox, 3..4);
    let _ = outbox.take_effects();
    outbox.handle_refused(NOW, pair(2), (n(3), 0), (RefusalCode::OutOfOrder, None));
    let _ = outbox.take_effects();
    outbox.handle_next(NOW, (pair(2), 1), Ok(n(1)));
    let fetch = Effect::Fetch { pair: pair(2), ticket: 2, from: Slot::ZERO, number: n(1) };
    assert_eq!(outbox.take_effects(), [fetch]);
    outbox.handle_fetched(NOW, (pair(2), 2), Ok(vec![item(1), item(2), item(3)]));
    let sent: Vec<_> = submitted(&mut outbox).into_iter().map(|(number, ..)| number).collect();
    assert_eq!(sent, [1, 2, 3]);
}

#[test]
fn a_takeover_of_a_target_is_checked_even_where_nothing_waits() {
    let mut outbox = open(0..3, 0);
    let _ = outbox.take_effects();
    outbox.handle_assigned(pair(2), (n(2), TICKET));
    outbox.handle_takeover(process(2), Slot::new(7));
    assert_eq!(outbox.take_effects(), [Effect::AskNext { pair: pair(2), ticket: 1 }]);
    outbox.handle_assigned(pair(2), (n(2), TICKET));
    outbox.handle_next(NOW, (pair(2), 1), Ok(n(2)));
    let fetch = Effect::Fetch { pair: pair(2), ticket: 2, from: Slot::ZERO, number: n(2) };
    assert_eq!(
        outbox.take_effects(),
        [fetch],
        "an acknowledgement of the old log counts for nothing"
    );
}

#[test]
fn what_a_source_emitted_in_void_slots_is_let_go_of_and_awaited_anew() {
    let mut outbox = open(0..4, 0);
    let _ = outbox.take_effects();
    outbox.handle_takeover(process(1), Slot::new(12));
    assert_eq!(outbox.next_slot(&process(1)), Slot::new(12));
    assert_eq!(outbox.take_effects(), [Effect::AskNext { pair: pair(2), ticket: 1 }]);
    outbox.handle_next(NOW, (pair(2), 1), Ok(n(0)));
    let sent: Vec<_> = submitted(&mut outbox).into_iter().map(|(number, ..)| number).collect();
    assert_eq!(sent, [0, 1]);
    give(&mut outbox, 2..3);
    assert_eq!(submitted(&mut outbox), [(2, 1, false)]);
}

#[test]
fn a_conflict_about_a_number_accepted_long_ago_is_no_conflict() {
    let mut outbox = open(0..2, 0);
    let _ = outbox.take_effects();
    outbox.handle_refused(NOW, pair(2), (n(0), 0), (RefusalCode::PairConflict, None));
    assert_eq!(outbox.take_effects(), [Effect::AskNext { pair: pair(2), ticket: 1 }]);
    outbox.handle_next(NOW, (pair(2), 1), Ok(n(1)));
    assert_eq!(submitted(&mut outbox), [(1, 1, false)]);
    outbox.handle_refused(NOW, pair(2), (n(1), 1), (RefusalCode::PairConflict, None));
    let _ = outbox.take_effects();
    outbox.handle_next(NOW, (pair(2), 2), Ok(n(1)));
    let _ = outbox.take_effects();
    outbox.handle_refused(NOW, pair(2), (n(1), 2), (RefusalCode::PairConflict, None));
    assert_eq!(outbox.waiting().blocked[&RefusalCode::PairConflict], 1);
}

#[test]
fn missing_numbers_are_fetched() {
    let mut outbox = open(0..1, 0);
    let _ = outbox.take_effects();
    give(&mut outbox, 3..4);
    outbox.handle_assigned(pair(2), (n(0), TICKET));
    let fetch = Effect::Fetch { pair: pair(2), ticket: 0, from: Slot::new(10), number: n(1) };
    assert_eq!(outbox.take_effects(), [fetch]);
    assert_eq!(outbox.take_cursors(), [(process(1), Slot::new(10))]);
    outbox.handle_fetched(NOW, (pair(2), 0), Ok(vec![item(0), item(1), item(2), item(3)]));
    assert_eq!(submitted(&mut outbox), [(1, 0, false), (2, 0, false), (3, 0, false)]);
    outbox.handle_assigned(pair(2), (n(3), TICKET));
    assert_eq!(outbox.take_cursors(), [(process(1), Slot::new(14))]);
}

#[test]
fn a_pair_holds_a_bounded_number_of_items_in_memory() {
    let bounds = Bounds { pair_items: 2, ..Bounds::default() };
    let mut outbox = Outbox::new(bounds);
    give(&mut outbox, 0..1_000);
    let waiting = outbox.waiting();
    assert_eq!((waiting.items, waiting.spilled), (2, 1));
}

#[test]
fn who_waits_for_an_unreachable_unit_tries_as_soon_as_it_is_back() {
    let mut outbox = Outbox::new(Bounds::default());
    give(&mut outbox, 0..1);
    let _ = outbox.take_effects();
    outbox.handle_next(NOW, (pair(2), 0), Err(RefusalCode::Unreachable));
    assert_eq!(outbox.take_effects(), []);
    outbox.handle_reachable();
    assert_eq!(outbox.take_effects(), again(1, false, true));
    assert_eq!(outbox.wake_at(), None);
}

#[test]
fn pairs_in_which_nothing_waits_are_forgotten_beyond_a_limit() {
    let bounds = Bounds { idle_pairs: 1, ..Bounds::default() };
    let mut outbox = Outbox::new(bounds);
    for target in 2..10 {
        outbox.handle_item(pair(target), item(0));
        outbox.handle_next(NOW, (pair(target), 0), Ok(n(1)));
    }
    assert_eq!(outbox.waiting().pairs, 1);
}
