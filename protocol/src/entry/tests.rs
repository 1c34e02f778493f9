use std::collections::BTreeSet;

use super::*;
use crate::{
    Hash, PairPosition,
    examples::{
        self, client, delivery, entries, key, other_process, pair_statement, source, timer,
    },
};

#[test]
fn entries_of_all_kinds_have_different_ids() {
    let ids: BTreeSet<EntryId> = entries().iter().map(Entry::id).collect();
    assert_eq!(ids.len(), 7);
}

#[test]
fn a_delivery_and_a_skip_of_one_item_have_different_ids() {
    assert_ne!(delivery().delivery_id(), delivery().skip_id());
}

#[test]
fn every_entry_knows_whose_log_it_belongs_to() {
    let targets: Vec<ProcessId> = entries().iter().map(Entry::target).collect();
    let (own, other) = (source(), other_process());
    assert_eq!(targets, [own, own, other, other, own, own, own]);
}

#[test]
fn a_birth_carries_its_spawn_whoever_wanted_it() {
    let signed = examples::spawn();
    let bytes = signed.body_bytes().to_vec();
    let mut born = delivery();
    born.item.body = ItemBody::Spawn(bytes.clone(), None);
    assert_eq!(Entry::Spawn(signed).spawn_bytes(), Some(bytes.as_slice()));
    assert_eq!(Entry::Delivery(born).spawn_bytes(), Some(bytes.as_slice()));
    assert_eq!(Entry::Delivery(delivery()).spawn_bytes(), None);
}

#[test]
fn a_process_is_named_by_its_spawn() {
    let spawn = Entry::Spawn(examples::spawn());
    assert_eq!(spawn.target().spawn_entry(), spawn.id());
}

#[test]
fn the_id_of_a_signed_entry_excludes_its_signature() {
    let body = examples::message_body();
    let other = Entry::Message(Signed::sign(body.clone(), &key(9)));
    assert_eq!(other.id(), Entry::Message(Signed::sign(body, &client())).id());
}

#[test]
fn the_id_of_a_signed_entry_covers_its_whole_body() {
    let id = Entry::Message(examples::message()).id();
    for body in [
        Message { nonce: 0, ..examples::message_body() },
        Message { tags: Vec::new(), ..examples::message_body() },
        Message { network: NetworkId::from_bytes([0; 32]), ..examples::message_body() },
    ] {
        assert_ne!(Entry::Message(Signed::sign(body, &client())).id(), id);
    }
}

#[test]
fn the_id_of_a_delivery_covers_source_slot_and_item() {
    let mut number = delivery();
    number.item.pair = Some(PairPosition { number: PairNumber::new(1), previous: None });
    let mut index = delivery();
    index.item.index += 1;
    let mut target = delivery();
    target.item.target = source();
    let mut hint = delivery();
    hint.item.hint = None;
    let slot = Delivery { slot: Slot::new(2), ..delivery() };
    let origin = Delivery { source: other_process(), ..delivery() };
    let all = [delivery(), number, index, target, hint, slot, origin];
    let ids: BTreeSet<EntryId> = all.iter().map(Delivery::delivery_id).collect();
    assert_eq!(ids.len(), all.len());
}

#[test]
fn the_id_of_a_timer_is_its_place_and_occurrence() {
    let id = Entry::Timer(timer()).id();
    for same in [
        Timer { due: Timestamp::ZERO, ..timer() },
        Timer { kind: TimerKind::AskTimeout, ..timer() },
    ] {
        assert_eq!(Entry::Timer(same).id(), id);
    }
    for other in [
        Timer { process: other_process(), ..timer() },
        Timer { slot: Slot::ZERO, ..timer() },
        Timer { index: 0, ..timer() },
        Timer { occurrence: 0, ..timer() },
    ] {
        assert_ne!(Entry::Timer(other).id(), id);
    }
}

#[test]
fn the_id_of_an_answer_is_the_question_and_not_the_verdict() {
    let answer = |verdict| Entry::Answer(Answer { statement: pair_statement(verdict) }).id();
    let id = answer(Verdict::Assigned(Slot::new(5)));
    assert_eq!(answer(Verdict::Refused(RefusalCode::Expired)), id);
    let statement = PairStatement {
        number: PairNumber::new(9),
        ..examples::pair_statement_body(Verdict::Assigned(Slot::new(5)))
    };
    let statement = Signed::sign(statement, &examples::scheduler());
    assert_ne!(Entry::Answer(Answer { statement }).id(), id);
}

#[test]
fn an_id_is_the_digest_of_documented_bytes() {
    let bytes = [
        source().as_bytes().as_slice(),
        &1_u64.to_le_bytes(),
        &4_u32.to_le_bytes(),
        &2_u64.to_le_bytes(),
    ]
    .concat();
    let digest = Hash::from_bytes(blake3::derive_key("antiphon v1 timer", &bytes));
    assert_eq!(Entry::Timer(timer()).id(), EntryId::from_bytes(*digest.as_bytes()));
}

#[test]
fn a_timer_is_an_occurrence_of_what_its_slot_emitted() {
    let items = examples::outbox();
    let of = |index: u32, occurrence, kind, ahead| {
        let due = examples::TIME.saturating_add(ahead);
        Timer { index, occurrence, kind, due, ..timer() }
    };
    let item = |index: u32| &items[index as usize];
    let (recurring, ask) = (TimerKind::Timer, TimerKind::AskTimeout);
    assert!(of(6, 0, recurring, 5_000).is_of(item(6)));
    assert!(of(6, 3, recurring, 20_000).is_of(item(6)));
    assert!(of(1, 0, ask, 60_000).is_of(item(1)));
    for wrong in [
        of(6, 3, recurring, 20_001),
        of(6, u64::MAX, recurring, 5_000),
        of(5, 0, recurring, 5_000),
        of(6, 0, ask, 5_000),
    ] {
        assert!(!wrong.is_of(item(6)), "{wrong:?}");
    }
    let nowhere = TimerKind::NoTarget;
    assert!(of(1, 1, nowhere, 60_000).is_of(item(1)));
    for wrong in [
        of(1, 1, ask, 60_000),
        of(1, 0, ask, 59_999),
        of(1, 0, recurring, 60_000),
        of(1, 0, nowhere, 60_000),
        of(1, 1, nowhere, 59_999),
    ] {
        assert!(!wrong.is_of(item(1)), "{wrong:?}");
    }
    assert!(!of(6, 1, nowhere, 5_000).is_of(item(6)), "only asks have targets");
}

#[test]
fn the_ends_of_an_ask_are_two_entries() {
    let end = |occurrence, kind| Entry::Timer(Timer { occurrence, kind, ..timer() }).id();
    assert_ne!(end(0, TimerKind::AskTimeout), end(1, TimerKind::NoTarget));
}
