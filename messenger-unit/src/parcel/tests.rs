use protocol::{PairPosition, Timestamp};

use super::*;

fn item(index: u32, pair: bool, body: ItemBody) -> OutboxItem {
    let position = PairPosition { number: PairNumber::new(index.into()), previous: None };
    let target = ProcessId::from_bytes([2; 32]);
    OutboxItem { index, target, pair: pair.then_some(position), body, hint: None }
}

fn outbox() -> Vec<OutboxItem> {
    let (method, args) = ("hear".to_owned(), vec![0xa0]);
    let (due, token) = (Timestamp::new(9), 1);
    let answer = AskAnswer::Value(vec![0xf6]);
    vec![
        item(0, true, ItemBody::Tell { method: method.clone(), args: args.clone() }),
        item(1, true, ItemBody::Ask { method: method.clone(), args: args.clone(), deadline: due }),
        item(2, true, ItemBody::Reply { slot: Slot::ZERO, index: 0, answer: answer.clone() }),
        item(3, true, ItemBody::Spawn(vec![1], Some(due))),
        item(4, false, ItemBody::Skip(PairNumber::new(1))),
        item(5, false, ItemBody::Timer { token, due, every: None, catch_up: false, method, args }),
        item(6, false, ItemBody::CancelTimer { token }),
        item(7, false, ItemBody::Answered { call: Slot::ZERO, answer }),
    ]
}

#[test]
fn what_is_for_others_is_delivered_whatever_its_kind() {
    let outbox = outbox();
    let indices: Vec<_> = deliveries(&outbox).map(|item| item.index).collect();
    assert_eq!(indices, [0, 1, 2, 3]);
    assert_eq!(Contents::of(&outbox), Contents { parcels: 5, rest: 1 });
    assert_eq!(outbox.iter().filter(|item| is_dated(item)).count(), 4);
}

#[test]
fn what_names_another_position_or_no_number_is_not() {
    let mut outbox = outbox();
    outbox.iter_mut().for_each(|item| item.index += 1);
    assert_eq!(deliveries(&outbox).count(), 0);
    assert_eq!(Contents::of(&outbox).parcels, 0);
    outbox.iter_mut().for_each(|item| {
        item.index -= 1;
        item.pair = None;
    });
    assert_eq!(deliveries(&outbox).count(), 0);
}
