use protocol::{
    Assignment, Delivery, Entry, Epoch, ItemBody, OutboxItem, PairNumber, PairPosition, Signed,
    Spawn, chain_hash, codec,
};

use super::*;
use crate::testing::World;

/// A log of a spawn and two messages.
fn log(world: &World) -> Vec<LogRecord> {
    let spawn = Entry::Spawn(Signed::sign(world.spawn.clone(), &world.account));
    let entries = [spawn, Entry::Message(world.message(1)), Entry::Message(world.message(2))];
    entries
        .into_iter()
        .zip(0..)
        .scan(Hash::ZERO, |chain, (entry, slot)| {
            let (epoch, time, slot) = (Epoch::ZERO, Timestamp::new(5 + slot), Slot::new(slot));
            *chain = chain_hash(chain, epoch, slot, time, &entry.id());
            let (process, id, chain) = (world.process, entry.id(), *chain);
            let assignment = Assignment { process, epoch, slot, time, entry: id, chain };
            Some(LogRecord { assignment, entry })
        })
        .collect()
}

/// The slot at which a log breaks, and how.
fn broken(world: &World, log: &[LogRecord]) -> Option<(u64, &'static str)> {
    let before = Some((Hash::ZERO, Timestamp::ZERO, Epoch::ZERO));
    let mut place = Place::new(world.process, Slot::ZERO, before);
    for record in log {
        match place.behind(record) {
            Ok(next) => place = next,
            Err(what) => return Some((place.next.get(), what)),
        }
    }
    None
}

#[test]
fn a_log_that_follows_is_whole() {
    let world = World::new();
    assert_eq!(broken(&world, &log(&world)), None);
}

#[test]
fn each_rule_is_told_with_its_slot() {
    type Change = fn(&mut Vec<LogRecord>);
    let changes: [(Change, u64, &str); 6] = [
        (|log| log[1].assignment.chain = Hash::ZERO, 1, "the chain hash does not follow"),
        (|log| log[2].assignment.time = Timestamp::new(9), 2, "the chain hash does not follow"),
        (|log| log[1].entry = log[2].entry.clone(), 1, "the entry is not the one"),
        (|log| drop(log.remove(1)), 1, "the slots are not dense"),
        (|log| drop(log.remove(0)), 0, "the slots are not dense"),
        (
            |log| {
                log[1] = LogRecord {
                    assignment: Assignment { slot: Slot::new(1), ..log[0].assignment },
                    entry: log[0].entry.clone(),
                };
            },
            1,
            "slot 0, and no other, is the spawn",
        ),
    ];
    let world = World::new();
    for (change, slot, what) in changes {
        let mut log = log(&world);
        change(&mut log);
        let found = broken(&world, &log).expect("the log is broken");
        assert_eq!(found.0, slot, "{what}: {}", found.1);
        assert!(found.1.starts_with(what), "{what}: {}", found.1);
    }
}

#[test]
fn a_child_begins_with_the_delivery_of_its_own_spawn() {
    let born = |bytes: Vec<u8>, world: &World| {
        let (source, slot) = (ProcessId::from_bytes([9; 32]), Slot::new(3));
        let body = ItemBody::Spawn(bytes, None);
        let pair = Some(PairPosition { number: PairNumber::ZERO, previous: None });
        let item = OutboxItem { index: 0, target: world.process, pair, body, hint: None };
        let entry = Entry::Delivery(Delivery { source, slot, item });
        let mut record = log(world).remove(0);
        record.assignment.entry = entry.id();
        vec![LogRecord { entry, ..record }]
    };
    let world = World::new();
    let bytes = codec::encode(&world.spawn);
    let first = Place::new(world.process, Slot::ZERO, None);
    assert!(first.behind(&born(bytes, &world)[0]).is_ok());
    let other = codec::encode(&Spawn { nonce: 77, ..world.spawn.clone() });
    let told = first.behind(&born(other, &world)[0]).err();
    assert_eq!(told, Some("the spawn is that of another process"));
}

#[test]
fn an_epoch_that_is_passed_over_breaks_a_log_whose_hashes_follow() {
    let world = World::new();
    let mut log = log(&world);
    let (before, last) = (log[1].assignment.chain, &mut log[2].assignment);
    last.epoch = Epoch::new(2);
    last.chain = chain_hash(&before, last.epoch, last.slot, last.time, &last.entry);
    let what = "the epoch is neither the same nor the next";
    assert_eq!(broken(&world, &log), Some((2, what)));
}

#[test]
fn time_that_goes_back_breaks_a_log_whose_hashes_follow() {
    let world = World::new();
    let mut log = log(&world);
    let (before, last) = (log[1].assignment.chain, &mut log[2].assignment);
    last.time = Timestamp::new(1);
    last.chain = chain_hash(&before, last.epoch, last.slot, last.time, &last.entry);
    assert_eq!(broken(&world, &log), Some((2, "the time goes back")));
}
