use protocol::api::WaitingState;

use super::*;

fn cursor(outbox: &mut Outbox<u64>) -> Option<Slot> {
    let cursors = outbox.take_cursors();
    cursors.into_iter().find(|(source, _)| *source == process(1)).map(|(_, slot)| slot)
}

fn lose(outbox: &mut Outbox<u64>) {
    outbox.handle_lost(&[process(1)].into());
}

#[test]
fn a_process_that_is_lost_keeps_its_cursor_whatever_comes_by() {
    let mut outbox = open(0..3, 0);
    outbox.handle_assigned(pair(2), (n(0), TICKET));
    lose(&mut outbox);
    assert_eq!(outbox.waiting().items, 0, "its items are the other's");
    outbox.handle_slot(process(1), Slot::new(20));
    assert_eq!(outbox.next_slot(&process(1)), Slot::new(21), "its outcomes still come by");
    assert_eq!(cursor(&mut outbox), Some(Slot::new(11)));
    assert!(outbox.handle_cursor(process(1), Slot::new(13)));
    assert_eq!(cursor(&mut outbox), Some(Slot::new(13)));
}

#[test]
fn a_process_that_is_gained_is_awaited_from_the_cursor_heard() {
    let mut outbox = open(0..3, 0);
    lose(&mut outbox);
    outbox.handle_cursor(process(1), Slot::new(11));
    outbox.handle_slot(process(1), Slot::new(20));
    outbox.handle_gained([process(1)]);
    assert_eq!(outbox.next_slot(&process(1)), Slot::new(11));
    assert_eq!(cursor(&mut outbox), Some(Slot::new(11)));
    assert!(!outbox.handle_cursor(process(1), Slot::new(20)), "nobody else tells how far it is");
    assert_eq!(outbox.next_slot(&process(1)), Slot::new(11));
}

#[test]
fn what_was_in_flight_when_a_process_was_lost_answers_nothing_after_it_is_gained() {
    let mut outbox = open(0..3, 0);
    let _ = outbox.take_effects();
    lose(&mut outbox);
    outbox.handle_gained([process(1)]);
    give(&mut outbox, 0..3);
    assert_eq!(outbox.take_effects(), [Effect::AskNext { pair: pair(2), ticket: 1 }]);
    outbox.handle_refused(NOW, pair(2), (n(0), 0), (RefusalCode::TooLarge, None));
    outbox.handle_next(NOW, (pair(2), 0), Ok(n(2)));
    assert_eq!(outbox.take_effects(), []);
    outbox.handle_next(NOW, (pair(2), 1), Ok(n(1)));
    assert_eq!(submitted(&mut outbox), [(1, 1, false), (2, 1, false)]);
}

#[test]
fn a_cursor_of_slots_that_have_become_void_counts_for_nothing() {
    let mut outbox = Outbox::<u64>::new(Bounds::default());
    lose(&mut outbox);
    outbox.handle_cursor(process(1), Slot::new(30));
    outbox.handle_takeover(process(1), Slot::new(12));
    assert_eq!(cursor(&mut outbox), Some(Slot::new(12)));
    outbox.handle_cursor(process(1), Slot::new(31));
    assert_eq!(cursor(&mut outbox), Some(Slot::new(12)), "who said so may not know of it yet");
}

#[test]
fn a_cursor_of_an_unknown_process_is_kept_for_later() {
    let mut outbox = Outbox::<u64>::new(Bounds::default());
    assert!(outbox.handle_cursor(process(1), Slot::new(30)));
    assert_eq!(outbox.next_slot(&process(1)), Slot::ZERO, "its outcomes are followed all the same");
    outbox.handle_slot(process(1), Slot::new(50));
    outbox.handle_gained([process(1)]);
    assert_eq!(outbox.next_slot(&process(1)), Slot::new(30));
}

#[test]
fn only_processes_that_are_served_are_told_of() {
    let mut outbox = open(0..1, 0);
    outbox.handle_slot(process(7), Slot::new(4));
    lose(&mut outbox);
    let served: Vec<_> = outbox.served_cursors().collect();
    assert_eq!(served, [(process(7), Slot::new(5))]);
}

#[test]
fn what_waits_is_listed_with_why_blocked_pairs_first() {
    let mut outbox = open(0..3, 0);
    let _ = outbox.take_effects();
    for target in [3, 4] {
        outbox.handle_item(pair(target), item(0));
        let ask = outbox.take_effects();
        assert_eq!(ask, [Effect::AskNext { pair: pair(target), ticket: 0 }]);
    }
    outbox.handle_next(NOW, (pair(3), 0), Err(RefusalCode::Unreachable));
    outbox.handle_next(NOW, (pair(4), 0), Ok(n(0)));
    outbox.handle_refused(NOW, pair(4), (n(0), 0), (RefusalCode::TooLarge, None));
    let page = outbox.page(NOW, None, 10);
    assert_eq!(page.total, 3);
    let states: Vec<_> = page.pairs.iter().map(|pair| (pair.target, pair.state)).collect();
    let reason = RefusalCode::Unreachable;
    let retrying = |retry_in| WaitingState::Retrying { reason, retry_in };
    let expected = [
        (process(4), WaitingState::Blocked(RefusalCode::TooLarge)),
        (process(3), retrying(100)),
        (process(2), WaitingState::Moving),
    ];
    assert_eq!(states, expected);
    let moving = page.pairs[2];
    assert_eq!((moving.number, moving.slot, moving.count), (n(0), Some(Slot::new(10)), 3));
    let later = NOW + Duration::from_millis(100);
    outbox.handle_time(later);
    let again = outbox.page(later, Some(process(1)), 2);
    assert_eq!((again.pairs.len(), again.total), (2, 3));
    assert_eq!(again.pairs[1].state, retrying(0), "it tries again, and is not said to move");
    assert_eq!(outbox.page(NOW, Some(process(9)), 10).total, 0);
}

#[test]
fn items_that_are_not_in_memory_are_counted() {
    let mut outbox = Outbox::<u64>::new(Bounds { pair_items: 2, ..Bounds::default() });
    give(&mut outbox, 0..9);
    let page = outbox.page(NOW, None, 10);
    assert_eq!(page.pairs[0].count, 9);
}
