//! Asks of a target that no scheduler knows.

use super::*;

fn ask(number: u64) -> Item<u64> {
    Item { asks: true, ..item(number) }
}

/// Lets the pair look for its target in vain; the asks that shall end.
fn look(outbox: &mut Outbox<u64>, now: Duration, ticket: u64) -> Vec<u64> {
    outbox.handle_next(now, (pair(2), ticket), Err(RefusalCode::UnknownProcess));
    let effects = outbox.take_effects();
    let asks = effects.into_iter().map(|effect| match effect {
        Effect::NoTarget { pair: of, asks } if of == pair(2) => asks,
        other => panic!("nothing else is done: {other:?}"),
    });
    asks.flatten().collect()
}

/// The ticket under which the pair looks for its target.
fn looks(outbox: &mut Outbox<u64>) -> Option<u64> {
    match outbox.take_effects()[..] {
        [] => None,
        [Effect::AskNext { ticket, .. } | Effect::LookAgain { ticket, .. }] => Some(ticket),
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn every_ask_of_an_unknown_target_ends_and_no_tell_does() {
    let mut outbox = Outbox::new(Bounds::default());
    for item in [item(0), ask(1), item(2), ask(3)] {
        outbox.handle_item(pair(2), item);
    }
    assert_eq!(looks(&mut outbox), Some(0));
    assert_eq!(look(&mut outbox, NOW, 0), [1, 3]);
    outbox.handle_skip(pair(2), n(1), (Slot::new(50), 900));
    let until = outbox.wake_at().unwrap();
    outbox.handle_time(until);
    assert_eq!(looks(&mut outbox), Some(1));
    assert_eq!(look(&mut outbox, until, 1), [3], "1 has ended");
    assert_eq!(outbox.waiting().items, 4, "the target may yet be born");
}

#[test]
fn only_a_target_that_nobody_knows_ends_asks() {
    let mut outbox = Outbox::new(Bounds::default());
    outbox.handle_item(pair(2), ask(0));
    assert_eq!(looks(&mut outbox), Some(0));
    outbox.handle_next(NOW, (pair(2), 0), Err(RefusalCode::Unreachable));
    assert_eq!(outbox.take_effects(), []);
}

#[test]
fn a_child_that_is_to_be_born_is_no_unknown_target() {
    let mut outbox = Outbox::new(Bounds::default());
    outbox.handle_item(pair(2), Item { skippable: false, ..item(0) });
    outbox.handle_item(pair(2), ask(1));
    assert_eq!(looks(&mut outbox), Some(0));
    assert_eq!(look(&mut outbox, NOW, 0), [0; 0]);
}

#[test]
fn a_new_ask_does_not_wait_until_a_target_that_was_long_unknown_is_looked_for() {
    let mut outbox = Outbox::new(Bounds::default());
    outbox.handle_item(pair(2), item(0));
    let mut now = NOW;
    for failure in 0..=LOOKS {
        assert_eq!(looks(&mut outbox), Some(u64::from(failure)));
        assert_eq!(look(&mut outbox, now, failure.into()), [0; 0]);
        if failure < LOOKS {
            now = outbox.wake_at().unwrap();
            outbox.handle_time(now);
        }
    }
    outbox.handle_item(pair(2), item(1));
    assert_eq!(looks(&mut outbox), None, "nobody waits for a tell");
    outbox.handle_item(pair(2), ask(2));
    let ticket = looks(&mut outbox).unwrap();
    assert_eq!(look(&mut outbox, now, ticket), [2]);
    outbox.handle_item(pair(2), ask(3));
    assert_eq!(looks(&mut outbox), None, "it looks again soon");
}
