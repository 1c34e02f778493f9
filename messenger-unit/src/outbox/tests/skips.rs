//! Numbers that their source gives up.

use super::*;

const SLOT: Slot = Slot::new(50);

/// The payload of the skip of a number.
const SKIP: u64 = 900;

fn skip(outbox: &mut Outbox<u64>, number: u64) {
    outbox.handle_skip(pair(2), n(number), (SLOT, SKIP + number));
}

/// What is submitted, and which numbers are settled.
fn effects(outbox: &mut Outbox<u64>) -> (Vec<u64>, Vec<u64>) {
    let (mut submitted, mut settled) = (Vec::new(), Vec::new());
    for effect in outbox.take_effects() {
        match effect {
            Effect::Submit { payload, .. } => submitted.push(payload),
            Effect::Settle { number, slot, payload, .. } => {
                assert_eq!((slot, payload), (SLOT, Some(SKIP + number.get())));
                settled.push(number.get());
            }
            other => panic!("neither of both: {other:?}"),
        }
    }
    (submitted, settled)
}

#[test]
fn a_skip_takes_the_place_of_its_item_after_a_refusal() {
    let mut outbox = open(0..3, 0);
    assert_eq!(effects(&mut outbox), (vec![0, 1, 2], vec![]));
    skip(&mut outbox, 1);
    assert_eq!(effects(&mut outbox), (vec![], vec![]), "the item is in flight");
    outbox.handle_refused(NOW, pair(2), (n(0), 0), (RefusalCode::Busy, None));
    outbox.handle_time(NOW + BUSY_WAIT);
    assert_eq!(effects(&mut outbox), (vec![0, SKIP + 1, 2], vec![]));
    outbox.handle_assigned(pair(2), (n(2), 1));
    assert_eq!(effects(&mut outbox), (vec![], vec![1]));
    assert_eq!(outbox.waiting().skips, 0);
}

#[test]
fn a_skip_of_what_is_accepted_is_settled_and_never_submitted() {
    let mut outbox = open(0..3, 0);
    let _ = outbox.take_effects();
    skip(&mut outbox, 0);
    outbox.handle_assigned(pair(2), (n(0), TICKET));
    assert_eq!(effects(&mut outbox), (vec![], vec![0]));
    skip(&mut outbox, 0);
    assert_eq!(effects(&mut outbox), (vec![], vec![0]), "it came late");
}

#[test]
fn the_cursor_waits_until_a_skip_is_settled() {
    let mut outbox = open(0..1, 0);
    skip(&mut outbox, 0);
    outbox.handle_slot(process(1), SLOT);
    outbox.handle_slot(process(1), Slot::new(70));
    outbox.handle_assigned(pair(2), (n(0), TICKET));
    assert_eq!(outbox.take_cursors(), [(process(1), SLOT)]);
    outbox.release(process(1), SLOT);
    assert_eq!(outbox.take_cursors(), [(process(1), Slot::new(71))]);
}

#[test]
fn a_skip_of_an_unknown_pair_asks_whether_its_number_has_come() {
    for (next, expected) in [(4, None), (3, Some((Slot::ZERO, n(3))))] {
        let mut outbox = Outbox::new(Bounds::default());
        skip(&mut outbox, 3);
        assert_eq!(outbox.take_effects(), [Effect::AskNext { pair: pair(2), ticket: 0 }]);
        outbox.handle_next(NOW, (pair(2), 0), Ok(n(next)));
        match expected {
            None => assert_eq!(effects(&mut outbox), (vec![], vec![3])),
            Some((from, number)) => {
                let fetch = Effect::Fetch { pair: pair(2), ticket: 0, from, number };
                assert_eq!(outbox.take_effects(), [fetch]);
                outbox.handle_fetched(NOW, (pair(2), 0), Ok(vec![item(3)]));
                assert_eq!(effects(&mut outbox), (vec![SKIP + 3], vec![]));
            }
        }
    }
}

#[test]
fn a_birth_is_not_passed_over() {
    let mut outbox = Outbox::new(Bounds::default());
    outbox.handle_item(pair(2), Item { skippable: false, ..item(0) });
    skip(&mut outbox, 0);
    assert_eq!(outbox.take_effects(), [Effect::AskNext { pair: pair(2), ticket: 0 }]);
    outbox.handle_next(NOW, (pair(2), 0), Ok(n(0)));
    assert_eq!(effects(&mut outbox), (vec![0], vec![]));
}

#[test]
fn a_skip_frees_a_pair_that_its_item_blocks() {
    let mut outbox = open(0..2, 0);
    let _ = outbox.take_effects();
    outbox.handle_refused(NOW, pair(2), (n(1), TICKET), (RefusalCode::TooLarge, None));
    give(&mut outbox, 2..4);
    assert_eq!(outbox.waiting().blocked, BTreeMap::new(), "0 is still on its way");
    skip(&mut outbox, 1);
    assert_eq!(effects(&mut outbox), (vec![0, SKIP + 1], vec![]));
    outbox.handle_assigned(pair(2), (n(1), 1));
    let fetch = Effect::Fetch { pair: pair(2), ticket: 1, from: Slot::new(11), number: n(2) };
    let settle =
        Effect::Settle { pair: pair(2), number: n(1), slot: SLOT, payload: Some(SKIP + 1) };
    assert_eq!(outbox.take_effects(), [settle, fetch]);
}

/// Lets the target accept 0 to 4 in vain of skips; which are settled by the skip, and which by its slot.
fn settled(outbox: &mut Outbox<u64>) -> Vec<(u64, Option<u64>)> {
    outbox.handle_next(NOW, (pair(2), 0), Ok(n(5)));
    let settled = outbox.take_effects().into_iter().map(|effect| match effect {
        Effect::Settle { number, slot: SLOT, payload, .. } => (number.get(), payload),
        other => panic!("nothing else is done: {other:?}"),
    });
    settled.collect()
}

#[test]
fn of_skips_that_there_is_no_room_for_the_slots_are_kept_as_far_as_there_is_room() {
    let bounds = Bounds { skips: 2, notes: 2, ..Bounds::default() };
    let mut outbox = Outbox::new(bounds);
    (0..5).for_each(|number| skip(&mut outbox, number));
    assert_eq!((outbox.waiting().skips, outbox.waiting().skips_ignored), (4, 1));
    let _ = outbox.take_effects();
    let expected = [(0, Some(SKIP)), (1, Some(SKIP + 1)), (2, None), (3, None)];
    assert_eq!(settled(&mut outbox), expected);
    assert_eq!(outbox.waiting().skips, 0);
}

#[test]
fn what_is_given_up_without_a_proof_that_counts_is_delivered_and_settled() {
    let mut outbox = open(0..2, 0);
    let _ = outbox.take_effects();
    skip(&mut outbox, 1);
    outbox.handle_refused(NOW, pair(2), (n(0), TICKET), (RefusalCode::WrongPolicy, None));
    let [Effect::LookAgain { ticket, .. }] = outbox.take_effects()[..] else { panic!("it looks") };
    outbox.handle_next(NOW, (pair(2), ticket), Ok(n(0)));
    let [Effect::Fetch { ticket, .. }] = outbox.take_effects()[..] else { panic!("it fetches") };
    outbox.handle_fetched(NOW, (pair(2), ticket), Ok(vec![item(0), item(1)]));
    assert_eq!(effects(&mut outbox), (vec![0, 1], vec![]));
    outbox.handle_assigned(pair(2), (n(1), ticket));
    let settle = Effect::Settle { pair: pair(2), number: n(1), slot: SLOT, payload: None };
    assert_eq!(outbox.take_effects(), [settle]);
}

#[test]
fn a_takeover_lets_go_of_what_was_given_up_in_void_slots() {
    let mut outbox = open(0..2, 0);
    let _ = outbox.take_effects();
    skip(&mut outbox, 1);
    outbox.handle_takeover(process(1), SLOT);
    assert_eq!(outbox.waiting().skips, 0);
}
