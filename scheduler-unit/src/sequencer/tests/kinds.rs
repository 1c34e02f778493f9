//! Entries of every kind, through verification and sequencing.

use std::sync::Arc;

use protocol::{
    Answer, Entry, ItemBody, Kind, PairNumber, PairStatement, Principal, ProcessId, RefusalCode,
    SecretKey, Signed, Slot, Spawn, V1, Verdict,
    api::{Cursor, Submission},
    codec,
};

use crate::{
    fixture::{
        NETWORK, NOW, client, compute, control, key, message, opened, other_scheduler, process,
        reopen, scheduler, spawn, spawn_body,
        speaker::{Speaker, ask, tell, timer},
        submission,
    },
    order::Place,
    sequencer::testing::{Bench, Told},
    store::testing::FaultDisk,
};

/// A process of this scheduler with its spawn in slot 0.
pub(super) fn born(disk: &Arc<FaultDisk>, nonces: &[u64]) -> Bench {
    let mut bench = Bench::new(opened(disk));
    for nonce in nonces {
        bench.one(submission(0, spawn(*nonce, NOW))).assignment();
    }
    bench
}

/// The same unit after a crash.
pub(super) fn restarted(disk: &Arc<FaultDisk>, bench: Bench) -> Bench {
    let clocks = bench.clocks.clone();
    bench.archive().close();
    drop(bench);
    Bench::at(reopen(disk).unwrap(), clocks)
}

/// What slot 0 of a process emitted.
pub(super) fn speak(
    bench: &Bench,
    nonce: u64,
    items: Vec<(ProcessId, Option<u64>, ItemBody)>,
) -> Speaker {
    let place = Place { process: process(nonce, NOW), slot: Slot::ZERO };
    let assignment = bench.archive().proof(&place).unwrap().unwrap();
    Speaker::new(assignment, items, &compute())
}

#[test]
fn a_skip_takes_the_place_of_the_number_that_is_next_and_of_no_other() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1, 2]);
    let target = process(2, NOW);
    let skip = |number| (target, None, ItemBody::Skip(PairNumber::new(number)));
    let items = vec![
        (target, Some(0), tell()),
        skip(0),
        skip(1),
        skip(2),
        (target, Some(1), tell()),
        (target, Some(2), tell()),
        (target, Some(3), tell()),
    ];
    let speaker = speak(&bench, 1, items);
    assert_eq!(bench.one(speaker.skip(0, 2)).code(), RefusalCode::OutOfOrder, "0 may still come");
    bench.one(speaker.delivery(1, 0)).assignment();
    assert!(matches!(bench.one(speaker.skip(2, 1)), Told::LookUp), "its number has come");
    assert_eq!(bench.one(speaker.skip(3, 3)).code(), RefusalCode::OutOfOrder, "1 may still come");
    bench.one(speaker.skip(4, 2)).assignment();
    assert!(matches!(bench.one(speaker.skip(5, 2)), Told::LookUp), "it is a duplicate");
    assert!(matches!(bench.one(speaker.delivery(6, 4)), Told::LookUp), "it was passed over");
    let mut bench = restarted(&disk, bench);
    assert_eq!(bench.one(speaker.delivery(7, 6)).code(), RefusalCode::OutOfOrder);
    bench.one(speaker.skip(8, 3)).assignment();
    assert!(matches!(bench.one(speaker.delivery(9, 5)), Told::LookUp));
    bench.one(speaker.delivery(10, 6)).assignment();
    // An item is what it is: a skip is no delivery, a tell no skip.
    assert_eq!(bench.one(speaker.delivery(11, 1)).code(), RefusalCode::BadBody);
    assert_eq!(bench.one(speaker.skip(12, 0)).code(), RefusalCode::BadBody);
}

#[test]
fn a_timer_comes_when_it_is_due_and_once() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1]);
    let own = process(1, NOW);
    let due = NOW.saturating_add(5_000);
    let items = vec![(own, None, timer(due, None, false)), (own, Some(0), ask(due))];
    let speaker = speak(&bench, 1, items);
    for index in 0..2 {
        let early = bench.one(speaker.timer(0, index, 0, due));
        assert_eq!(early.code(), RefusalCode::NotDue);
        let forged = bench.one(speaker.timer(0, index, 0, NOW));
        assert_eq!(forged.code(), RefusalCode::BadOrigin, "it was set for another time");
        let again = bench.one(speaker.timer(0, index, 1, due));
        assert_eq!(again.code(), RefusalCode::BadOrigin, "it does not recur");
    }
    bench.clocks.pass(5_000);
    bench.one(speaker.timer(1, 0, 0, due)).assignment();
    bench.one(speaker.timer(2, 1, 0, due)).assignment();
    assert!(matches!(bench.one(speaker.timer(3, 0, 0, due)), Told::LookUp));
    let mut bench = restarted(&disk, bench);
    bench.clocks.pass(3_600_000);
    assert!(matches!(bench.one(speaker.timer(4, 0, 0, due)), Told::LookUp), "however late");
    assert!(matches!(bench.one(speaker.timer(5, 1, 0, due)), Told::LookUp));
}

#[test]
fn a_recurring_timer_goes_forward_and_catches_up_if_it_shall() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1]);
    let own = process(1, NOW);
    let items = vec![
        (own, None, timer(NOW, Some(1_000), true)),
        (own, None, timer(NOW, Some(1_000), false)),
    ];
    let speaker = speak(&bench, 1, items);
    let at = |occurrence: u64| NOW.saturating_add(occurrence * 1_000);
    bench.clocks.pass(10_000);
    let fire = |bench: &mut Bench, index, occurrence| {
        bench.one(speaker.timer(occurrence, index, occurrence, at(occurrence)))
    };
    assert_eq!(fire(&mut bench, 0, 1).code(), RefusalCode::OutOfOrder, "0 is missing");
    fire(&mut bench, 0, 0).assignment();
    fire(&mut bench, 0, 1).assignment();
    fire(&mut bench, 1, 4).assignment();
    assert!(matches!(fire(&mut bench, 1, 3), Told::LookUp), "it was missed, and never comes");
    assert_eq!(fire(&mut bench, 1, 11).code(), RefusalCode::NotDue);
    let mut bench = restarted(&disk, bench);
    assert_eq!(fire(&mut bench, 0, 3).code(), RefusalCode::OutOfOrder, "2 is missing");
    fire(&mut bench, 0, 2).assignment();
    assert!(matches!(fire(&mut bench, 1, 2), Told::LookUp));
    fire(&mut bench, 1, 5).assignment();
}

#[test]
fn a_timer_of_another_process_is_not_this_ones() {
    let mut bench = born(&FaultDisk::new(), &[1, 2]);
    let (own, other) = (process(1, NOW), process(2, NOW));
    let speaker = speak(&bench, 1, vec![(own, None, timer(NOW, None, false))]);
    let mut stolen = speaker.timer(0, 0, 0, NOW);
    let Entry::Timer(entry) = &mut stolen.entry else { panic!() };
    entry.process = other;
    assert_eq!(bench.one(stolen).code(), RefusalCode::BadOrigin);
}

fn answer(signer: &SecretKey, asker: ProcessId, target: ProcessId, number: u64) -> Submission {
    let body = PairStatement {
        version: V1,
        kind: Kind,
        network: NETWORK,
        scheduler: signer.public().unit(),
        source: asker,
        target,
        number: PairNumber::new(number),
        verdict: Verdict::Refused(RefusalCode::TooLarge),
    };
    submission(0, Entry::Answer(Answer { statement: Signed::sign(body, signer) }))
}

#[test]
fn an_answer_is_of_the_targets_scheduler_and_comes_once() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1, 2]);
    let asker = process(1, NOW);
    // The target lives here, so the word is this scheduler's own.
    let here = |number| answer(&scheduler(), asker, process(2, NOW), number);
    bench.one(here(0)).assignment();
    bench.one(here(1)).assignment();
    assert!(matches!(bench.one(here(0)), Told::LookUp));
    let mut bench = restarted(&disk, bench);
    bench.clocks.pass(3_600_000);
    assert!(matches!(bench.one(here(1)), Told::LookUp), "however late");
    let stranger = answer(&key(9), asker, process(2, NOW), 2);
    assert_eq!(bench.one(stranger).code(), RefusalCode::BadOrigin);
    // Of a target elsewhere somebody must say who orders it.
    let body = Spawn { scheduler: other_scheduler().public().unit(), ..spawn_body(7, NOW) };
    let spawned = Signed::sign(body, &client());
    let target = Entry::Spawn(spawned.clone()).target();
    let mut elsewhere = answer(&other_scheduler(), asker, target, 0);
    assert_eq!(bench.one(elsewhere.clone()).code(), RefusalCode::IntroductionNeeded);
    let spawn = spawned.body_bytes().to_vec();
    elsewhere.introduction = Some(Box::new(protocol::Provenance { spawn, changes: Vec::new() }));
    bench.one(elsewhere).assignment();
}

#[test]
fn a_child_is_born_by_the_delivery_of_its_spawn() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1]);
    let parent = process(1, NOW);
    let body = |sender| Spawn { sender, ..spawn_body(5, NOW) };
    let item = |spawn: &Spawn, number| {
        let bytes = codec::encode(spawn);
        let child = Entry::Spawn(Signed::sign(spawn.clone(), &client())).target();
        (child, Some(number), ItemBody::Spawn(bytes, None))
    };
    let good = item(&body(Principal::Process(parent)), 0);
    let child = good.0;
    let foreign = item(&body(Principal::Process(child)), 0);
    let late = item(&Spawn { nonce: 6, ..body(Principal::Process(parent)) }, 1);
    let elsewhere = Spawn { scheduler: key(9).public().unit(), ..body(Principal::Process(parent)) };
    let items = vec![good, foreign, late, item(&elsewhere, 0), (child, Some(1), tell())];
    let speaker = speak(&bench, 1, items);
    assert_eq!(bench.one(speaker.delivery(0, 4)).code(), RefusalCode::UnknownProcess);
    let slot = bench.one(speaker.delivery(1, 0)).assignment();
    assert_eq!((slot.process, slot.slot), (child, Slot::ZERO));
    assert!(matches!(bench.one(speaker.delivery(2, 0)), Told::LookUp));
    let refused = bench.one(speaker.delivery(3, 1)).final_code();
    assert_eq!(refused, RefusalCode::BadBody, "not its parent");
    assert_eq!(bench.one(speaker.delivery(4, 2)).code(), RefusalCode::OutOfOrder, "not number 0");
    assert_eq!(bench.one(speaker.delivery(5, 3)).code(), RefusalCode::WrongScheduler);
    let mut bench = restarted(&disk, bench);
    bench.one(speaker.delivery(6, 4)).assignment();
    bench.one(submission(7, message(child, 1, NOW))).assignment();
}

#[test]
fn what_was_waited_for_is_admitted_to_a_full_process() {
    let mut bench = Bench::new(opened(&FaultDisk::new()));
    for nonce in [1, 2] {
        let mut body = spawn_body(nonce, NOW);
        body.limits.pending = 2;
        bench.one(submission(0, Entry::Spawn(Signed::sign(body, &client())))).assignment();
    }
    let full = |nonce| {
        let mut body = spawn_body(nonce, NOW);
        body.limits.pending = 2;
        Entry::Spawn(Signed::sign(body, &client())).target()
    };
    let (one, two) = (full(1), full(2));
    let place = Place { process: one, slot: Slot::ZERO };
    let assignment = bench.archive().proof(&place).unwrap().unwrap();
    let reply = ItemBody::Reply {
        slot: Slot::ZERO,
        index: 0,
        answer: protocol::AskAnswer::Value(vec![0x03]),
    };
    let items = vec![
        (two, Some(0), reply.clone()),
        (two, Some(1), ask(NOW)),
        (two, Some(2), reply),
        (one, None, timer(NOW, None, false)),
    ];
    let speaker = Speaker::new(assignment, items, &compute());
    for target in [one, two] {
        bench.one(submission(1, message(target, 1, NOW))).assignment();
        let more = bench.one(submission(2, message(target, 2, NOW)));
        assert_eq!(more.code(), RefusalCode::Busy);
    }
    // Each waits for the other's reply: neither keeps it out.
    bench.one(speaker.delivery(3, 0)).assignment();
    assert_eq!(bench.one(speaker.delivery(4, 1)).code(), RefusalCode::Busy, "a call waits");
    bench.one(speaker.timer(5, 3, 0, NOW)).assignment();
    bench.one(submission(6, control(one, 1, protocol::ControlAction::Stop))).assignment();
    // What was executed makes room.
    bench.sequencer.inbox.report(Cursor { process: two, slot: Slot::new(3) });
    bench.one(speaker.delivery(7, 1)).assignment();
    bench.one(speaker.delivery(8, 2)).assignment();
    bench.sequencer.inbox.report(Cursor { process: two, slot: Slot::new(1) });
    let more = bench.one(submission(9, message(two, 2, NOW)));
    assert_eq!(more.code(), RefusalCode::Busy, "an older report takes nothing back");
}
