use proptest::prelude::*;
use protocol::{Entry, Hash, PairNumber, Signed, codec};

use super::*;
use crate::fixture::{
    NETWORK, NOW, client, message, message_body, process, scheduler, spawn, spawn_body,
};

fn check(entry: &Entry) -> Checked {
    let body = match entry.clone() {
        Entry::Spawn(spawn) => CheckedBody::Spawn(Box::new(spawn.verify(NETWORK).unwrap())),
        Entry::Message(message) => CheckedBody::Message(Box::new(message.verify(NETWORK).unwrap())),
        other => panic!("not signed: {other:?}"),
    };
    Checked {
        id: entry.id(),
        entry: codec::encode(entry).into(),
        origin: None,
        looked_up: Timestamp::ZERO,
        body,
    }
}

/// A delivery whose id is told by `variant`.
fn delivery(source: u8, target: ProcessId, number: u64, variant: u8) -> Checked {
    let source = ProcessId::from_bytes([source; 32]);
    let proven = Proven::assume(source, target, PairNumber::new(number));
    let mut id = [variant; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let body = CheckedBody::Delivery(proven);
    Checked {
        id: EntryId::from_bytes(id),
        entry: vec![0].into(),
        origin: None,
        looked_up: Timestamp::ZERO,
        body,
    }
}

#[track_caller]
fn assigned(decision: Decision) -> Assignment {
    match decision {
        Decision::Assigned(assignment) => assignment,
        other => panic!("not assigned: {other:?}"),
    }
}

#[track_caller]
fn code(decision: &Decision) -> RefusalCode {
    match decision {
        Decision::Refused(refusal) | Decision::Old(refusal) | Decision::Final(refusal) => {
            refusal.code
        }
        other => panic!("not refused: {other:?}"),
    }
}

fn me() -> UnitId {
    scheduler().public().unit()
}

fn empty() -> Order {
    Order::resume(me(), [], [], [])
}

fn born() -> (Order, ProcessId) {
    let mut order = empty();
    assigned(order.handle(NOW, &check(&spawn(1, NOW))));
    order.commit(NOW);
    (order, process(1, NOW))
}

#[test]
fn slots_are_dense_and_the_chain_follows() {
    let (mut order, target) = born();
    let mut previous = order.log(&target).unwrap().head.chain;
    for nonce in 0..10 {
        let assignment = assigned(order.handle(NOW, &check(&message(target, nonce, NOW))));
        assert_eq!(assignment.slot, Slot::new(nonce + 1));
        assert!(assignment.follows(&previous));
        previous = assignment.chain;
    }
}

#[test]
fn the_first_slot_is_the_spawn() {
    let mut order = empty();
    let first = assigned(order.handle(NOW, &check(&spawn(1, NOW))));
    assert_eq!((first.slot, first.entry), (Slot::ZERO, process(1, NOW).spawn_entry()));
    assert!(first.follows(&Hash::ZERO));
}

#[test]
fn a_duplicate_has_the_original_place() {
    let (mut order, target) = born();
    let original = assigned(order.handle(NOW, &check(&message(target, 1, NOW))));
    order.handle(NOW, &check(&message(target, 2, NOW)));
    let place = Place { process: target, slot: original.slot };
    assert_eq!(order.handle(NOW, &check(&message(target, 1, NOW))), Decision::Duplicate(place));
    let birth = Place { process: target, slot: Slot::ZERO };
    assert_eq!(order.handle(NOW, &check(&spawn(1, NOW))), Decision::Duplicate(birth));
}

#[test]
fn log_time_never_goes_back() {
    let (mut order, target) = born();
    let earlier = Timestamp::new(NOW.get() - 1_000);
    let assignment = assigned(order.handle(earlier, &check(&message(target, 1, NOW))));
    assert_eq!(assignment.time, NOW);
}

#[test]
fn an_expired_message_is_left_to_the_index() {
    let (mut order, target) = born();
    let entry = check(&message(target, 1, NOW));
    let late = NOW.saturating_add(60_001);
    let decision = order.handle(late, &entry);
    assert!(matches!(decision, Decision::Old(_)));
    assert_eq!(code(&decision), RefusalCode::Expired);
    assigned(order.handle(NOW.saturating_add(60_000), &entry));
}

#[test]
fn an_expiry_too_far_ahead_is_refused() {
    let (mut order, target) = born();
    let at = |ahead| {
        let body = message_body(target, 1, NOW.saturating_add(ahead));
        check(&Entry::Message(Signed::sign(body, &client())))
    };
    assert_eq!(code(&order.handle(NOW, &at(EXPIRY_WINDOW + 1))), RefusalCode::ExpiryTooFar);
    assigned(order.handle(NOW, &at(Message::EXPIRY_MAX)));
    let far = Spawn { expiry: NOW.saturating_add(EXPIRY_WINDOW + 1), ..spawn_body(2, NOW) };
    let far = check(&Entry::Spawn(Signed::sign(far, &client())));
    assert_eq!(code(&order.handle(NOW, &far)), RefusalCode::ExpiryTooFar);
}

#[test]
fn ids_are_remembered_for_as_long_as_a_look_up_counts_behind_their_expiry() {
    let (mut order, target) = born();
    let entry = check(&message(target, 1, NOW));
    assigned(order.handle(NOW, &entry));
    let last = NOW.saturating_add(60_000);
    order.commit(last);
    assert!(matches!(order.handle(last, &entry), Decision::Duplicate(_)));
    order.commit(last.saturating_add(60_000));
    assert!(matches!(order.handle(last.saturating_add(60_000), &entry), Decision::Duplicate(_)));
    order.commit(last.saturating_add(80_000));
    assert_eq!(order.remembered(), 0);
    assert_eq!(code(&order.handle(last.saturating_add(80_000), &entry)), RefusalCode::Expired);
}

#[test]
fn an_entry_larger_than_the_limit_is_refused() {
    let (mut order, target) = born();
    let mut body = message_body(target, 1, NOW);
    body.tags = vec![protocol::Tag { name: "x".repeat(900), value: String::new() }];
    let entry = check(&Entry::Message(Signed::sign(body, &client())));
    assert_eq!(code(&order.handle(NOW, &entry)), RefusalCode::TooLarge);
}

#[test]
fn an_unknown_process_is_refused() {
    let mut order = empty();
    let target = process(1, NOW);
    let refused = order.handle(NOW, &check(&message(target, 1, NOW)));
    assert_eq!(code(&refused), RefusalCode::UnknownProcess);
    assert_eq!(code(&order.handle(NOW, &delivery(5, target, 0, 0))), RefusalCode::UnknownProcess);
}

#[test]
fn deliveries_come_exactly_in_pair_order() {
    let (mut order, target) = born();
    let early = order.handle(NOW, &delivery(5, target, 1, 0));
    assert_eq!(code(&early), RefusalCode::OutOfOrder);
    let Decision::Refused(refusal) = early else { panic!() };
    assert!(refusal.detail.contains("number 0"), "{}", refusal.detail);
    for number in 0..3 {
        assigned(order.handle(NOW, &delivery(5, target, number, 0)));
    }
    let again = order.handle(NOW, &delivery(5, target, 1, 0));
    assert!(matches!(again, Decision::Old(_)));
    assert_eq!(code(&again), RefusalCode::PairConflict);
    // Another pair counts on its own.
    assigned(order.handle(NOW, &delivery(6, target, 0, 0)));
}

#[test]
fn what_is_rolled_back_can_be_assigned_again() {
    let (mut order, target) = born();
    let entries = [
        check(&message(target, 1, NOW)),
        check(&spawn(2, NOW)),
        check(&message(process(2, NOW), 1, NOW)),
        delivery(5, target, 0, 0),
    ];
    let decide = |order: &mut Order| -> Vec<Decision> {
        entries.iter().map(|entry| order.handle(NOW, entry)).collect()
    };
    let first = decide(&mut order);
    order.roll_back();
    assert_eq!(decide(&mut order), first);
    first.into_iter().for_each(|decision| {
        assigned(decision);
    });
}

#[test]
fn a_resumed_order_continues_where_it_was() {
    let (mut order, target) = born();
    assigned(order.handle(NOW, &delivery(5, target, 0, 0)));
    let head = order.log(&target).unwrap().head;
    let stored = StoredLog {
        process: target,
        number: 0,
        born: NOW,
        spawn: spawn_body(1, NOW),
        changes: vec![],
        head,
    };
    let pair = (target, ProcessId::from_bytes([5; 32]));
    let mut resumed = Order::resume(me(), [stored], [(pair, PairNumber::new(1))], []);
    let next = delivery(5, target, 1, 0);
    assert_eq!(resumed.handle(NOW, &next), order.handle(NOW, &next));
}

/// Something that happens to an order.
#[derive(Debug, Clone)]
enum Step {
    Spawn(u64),
    Message { process: u64, nonce: u64 },
    Delivery { process: u64, source: u8, number: u64 },
    Wait(u64),
    Commit,
    RollBack,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3_u64).prop_map(Step::Spawn),
        (0..3_u64, 0..6_u64).prop_map(|(process, nonce)| Step::Message { process, nonce }),
        (0..3_u64, 0..2_u8, 0..5_u64).prop_map(|(process, source, number)| Step::Delivery {
            process,
            source,
            number
        }),
        (0..90_000_u64).prop_map(Step::Wait),
        Just(Step::Commit),
        Just(Step::RollBack),
    ]
}

/// Checks what was committed: dense, chained, time never back, nothing twice.
fn check_logs(committed: &[Assignment]) {
    let mut ends: HashMap<ProcessId, (u64, Hash, Timestamp)> = HashMap::new();
    let mut seen = std::collections::HashSet::new();
    for assignment in committed {
        let end = ends.entry(assignment.process).or_insert((0, Hash::ZERO, Timestamp::ZERO));
        assert_eq!(assignment.slot, Slot::new(end.0));
        assert!(assignment.follows(&end.1) && assignment.time >= end.2);
        assert!(seen.insert((assignment.process, assignment.entry)), "assigned twice");
        *end = (end.0 + 1, assignment.chain, assignment.time);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sequence_of_submissions_breaks_a_log(steps in prop::collection::vec(step(), 1..60)) {
        let mut order = empty();
        let (mut now, mut committed, mut fresh) = (NOW, Vec::new(), Vec::new());
        for step in steps {
            let entry = match step {
                Step::Spawn(nonce) => check(&spawn(nonce, NOW)),
                Step::Message { process: of, nonce } => {
                    check(&message(process(of, NOW), nonce, NOW))
                }
                Step::Delivery { process: of, source, number } => {
                    delivery(source, process(of, NOW), number, source)
                }
                Step::Wait(millis) => {
                    now = now.saturating_add(millis);
                    continue;
                }
                Step::Commit => {
                    order.commit(now);
                    committed.append(&mut fresh);
                    continue;
                }
                Step::RollBack => {
                    order.roll_back();
                    fresh.clear();
                    continue;
                }
            };
            if let Decision::Assigned(assignment) = order.handle(now, &entry) {
                fresh.push(assignment);
            }
        }
        order.commit(now);
        committed.append(&mut fresh);
        check_logs(&committed);
    }
}
