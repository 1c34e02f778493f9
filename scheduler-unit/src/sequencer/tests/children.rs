//! Children that cannot be: refused for good, and in nobody's way.

use protocol::{
    Acceptance, Domain, Hash, ItemBody, PairNumber, Principal, ProcessId, ProfileId, RefusalCode,
    Slot, Spawn, Timestamp, codec,
};

use super::kinds::{born, restarted, speak};
use crate::{
    fixture::{
        NETWORK, NOW, key, message, process, scheduler, spawn_body, speaker::tell, submission,
    },
    sequencer::testing::Told,
    store::testing::FaultDisk,
};

/// A refusal that may not last.
#[track_caller]
fn passing(told: &Told) -> RefusalCode {
    match told {
        Told::Refused(code) => *code,
        other => panic!("not refused for now: {other:?}"),
    }
}

/// The process of the bytes of a spawn, and the item that carries them.
fn item_of(bytes: Vec<u8>) -> (ProcessId, ItemBody) {
    let digest = Domain::Spawn.digest(&[&bytes]);
    (ProcessId::from_bytes(*digest.as_bytes()), ItemBody::Spawn(bytes, None))
}

/// What a parent may wish for.
fn child_of(parent: ProcessId, change: impl FnOnce(&mut Spawn)) -> (ProcessId, ItemBody) {
    let mut spawn = Spawn { sender: Principal::Process(parent), ..spawn_body(5, NOW) };
    change(&mut spawn);
    item_of(codec::encode(&spawn))
}

#[test]
fn a_child_that_cannot_be_is_refused_for_good_and_its_pair_goes_on() {
    let parent = process(1, NOW);
    let accepted = |spawn: &mut Spawn| {
        let stranger = Acceptance::sign(&key(9), NETWORK, &spawn.module, &spawn.profile);
        spawn.acceptance.signature = stranger.signature;
    };
    let profile = |spawn: &mut Spawn| spawn.profile = ProfileId::from_bytes(*Hash::ZERO.as_bytes());
    let sender = |spawn: &mut Spawn| spawn.sender = Principal::Process(process(7, NOW));
    let flawed = [
        (child_of(parent, accepted), RefusalCode::BadAcceptance),
        (child_of(parent, profile), RefusalCode::UnknownProfile),
        (child_of(parent, sender), RefusalCode::BadBody),
        (item_of(b"no spawn at all".to_vec()), RefusalCode::BadBody),
        (child_of(parent, |spawn| spawn.expiry = Timestamp::ZERO), RefusalCode::Expired),
    ];
    for ((child, body), code) in flawed {
        for index in [false, true] {
            let disk = FaultDisk::new();
            let mut bench = born(&disk, &[1]);
            let skip = ItemBody::Skip(PairNumber::new(3));
            let items = vec![
                (child, Some(0), body.clone()),
                (child, Some(1), body.clone()),
                (child, Some(2), tell()),
                (child, None, skip),
                (child, Some(4), tell()),
            ];
            let speaker = speak(&bench, 1, items);
            let early = bench.one(speaker.delivery(0, 2));
            assert_eq!(passing(&early), RefusalCode::UnknownProcess);
            assert_eq!(bench.one(speaker.delivery(0, 0)).final_code(), code);
            assert!(matches!(bench.one(speaker.delivery(0, 0)), Told::LookUp), "no second leaf");
            if index {
                bench.index();
            }
            let mut bench = restarted(&disk, bench);
            assert!(matches!(bench.one(speaker.delivery(0, 0)), Told::LookUp));
            assert_eq!(passing(&bench.one(speaker.delivery(0, 4))), RefusalCode::UnknownProcess);
            assert_eq!(passing(&bench.one(speaker.skip(0, 3))), RefusalCode::UnknownProcess);
            bench.one(speaker.delivery(0, 1)).final_code();
            let told = bench.one(speaker.delivery(0, 2)).final_code();
            assert_eq!(told, RefusalCode::UnknownProcess, "nobody will ever hear it");
            bench.one(speaker.skip(0, 3)).final_code();
            bench.one(speaker.delivery(0, 4)).final_code();
            let next = bench.archive().next_number(&parent, &child).unwrap();
            assert_eq!(next, Some(PairNumber::new(5)));
            let first = bench.archive().refusal(&speaker.delivery(0, 0).entry.id()).unwrap();
            first.unwrap().verify(NETWORK, &scheduler().public().unit()).unwrap();
            bench.index();
            assert_eq!(bench.archive().index.batches().unwrap(), 6);
            let bench = restarted(&disk, bench);
            assert_eq!(bench.archive().next_number(&parent, &child).unwrap(), next);
            assert_eq!(bench.archive().next_number(&child, &child).unwrap(), None);
        }
    }
}

#[test]
fn an_equal_second_child_is_refused_for_good_and_the_first_one_hears_on() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1]);
    let (child, body) = child_of(process(1, NOW), |_| {});
    let items = vec![
        (child, Some(0), body.clone()),
        (child, Some(1), body.clone()),
        (child, Some(2), tell()),
    ];
    let speaker = speak(&bench, 1, items);
    let early = bench.one(speaker.delivery(0, 1));
    assert_eq!(passing(&early), RefusalCode::OutOfOrder, "the first one may still be born");
    bench.one(speaker.delivery(0, 0)).assignment();
    assert_eq!(bench.one(speaker.delivery(0, 1)).final_code(), RefusalCode::BadBody);
    let mut bench = restarted(&disk, bench);
    assert!(matches!(bench.one(speaker.delivery(0, 0)), Told::LookUp));
    assert!(matches!(bench.one(speaker.delivery(0, 1)), Told::LookUp));
    assert_eq!(bench.one(speaker.delivery(0, 2)).assignment().slot, Slot::new(1));
    bench.one(submission(0, message(child, 1, NOW))).assignment();
}

#[test]
fn what_its_parent_was_refused_stays_used_up_when_somebody_else_has_the_child() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1, 2]);
    let (child, body) = child_of(process(2, NOW), |_| {});
    let thief = vec![(child, Some(0), body.clone()), (child, Some(1), tell())];
    let thief = speak(&bench, 1, thief);
    let parent = speak(&bench, 2, vec![(child, Some(0), body)]);
    assert_eq!(bench.one(thief.delivery(0, 0)).final_code(), RefusalCode::BadBody);
    bench.one(parent.delivery(0, 0)).assignment();
    bench.index();
    let mut bench = restarted(&disk, bench);
    assert_eq!(bench.one(thief.delivery(0, 1)).assignment().slot, Slot::new(1));
    bench.index();
    let bench = restarted(&disk, bench);
    let next = bench.archive().next_number(&process(1, NOW), &child).unwrap();
    assert_eq!(next, Some(PairNumber::new(2)));
}

#[test]
fn a_spawn_that_is_not_its_targets_is_refused_by_the_targets_scheduler_alone() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1, 2]);
    let (here, elsewhere) = (process(2, NOW), process(8, NOW));
    let (_, body) = child_of(process(1, NOW), |_| {});
    let other = child_of(process(1, NOW), |spawn| spawn.scheduler = key(9).public().unit());
    let module = protocol::ModuleId::of(b"not stored");
    let lacking = child_of(process(1, NOW), |spawn| {
        spawn.module = module;
        spawn.acceptance =
            Acceptance::sign(&crate::fixture::compute(), NETWORK, &module, &spawn.profile);
    });
    let items = vec![
        (here, Some(0), body.clone()),
        (here, Some(1), tell()),
        (elsewhere, Some(0), body),
        (other.0, Some(0), other.1.clone()),
        (other.0, Some(1), other.1),
        (lacking.0, Some(0), lacking.1),
    ];
    let speaker = speak(&bench, 1, items);
    assert_eq!(bench.one(speaker.delivery(0, 0)).final_code(), RefusalCode::BadBody);
    assert_eq!(bench.one(speaker.delivery(0, 1)).assignment().slot, Slot::new(1));
    assert_eq!(passing(&bench.one(speaker.delivery(0, 2))), RefusalCode::UnknownProcess);
    assert_eq!(passing(&bench.one(speaker.delivery(0, 3))), RefusalCode::WrongScheduler);
    assert_eq!(passing(&bench.one(speaker.delivery(0, 4))), RefusalCode::UnknownProcess);
    assert_eq!(passing(&bench.one(speaker.delivery(0, 5))), RefusalCode::UnknownModule);
}
