//! Controls that end an epoch, on the scheduler that ordered it.

use protocol::{
    ComputePolicy, ControlAction, Epoch, Hash, Principal, Provenance, RefusalCode, Slot,
};

use super::kinds::{born, restarted, speak};
use crate::{
    fixture::{
        NETWORK, NOW, compute, control, key, message, process, scheduler, spawn_body,
        speaker::{Speaker, tell},
        submission,
    },
    order::Place,
    sequencer::testing::{Bench, Told},
    store::testing::FaultDisk,
};

/// The policy after the first, of one unit.
fn next_policy(unit: u8) -> ComputePolicy {
    let before = spawn_body(1, NOW).policy;
    let units = vec![key(unit).public().unit()];
    ComputePolicy { units, quorum: 1, version: 1, previous: Some(before.digest()) }
}

fn described(bench: &Bench) -> Provenance {
    bench.archive().provenance(&process(1, NOW)).unwrap().unwrap()
}

#[test]
fn each_control_that_changes_who_stands_for_a_log_ends_its_epoch() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1]);
    let target = process(1, NOW);
    let policy = ControlAction::Policy(next_policy(7));
    let first = bench.one(submission(1, control(target, 1, policy))).assignment();
    assert_eq!((first.epoch, first.slot), (Epoch::ZERO, Slot::new(1)));
    let between = bench.one(submission(2, message(target, 1, NOW))).assignment();
    assert_eq!((between.epoch, between.slot), (Epoch::new(1), Slot::new(2)));
    let mut bench = restarted(&disk, bench);
    let moved = ControlAction::Move(key(9).public().unit());
    let last = bench.one(submission(3, control(target, 2, moved))).assignment();
    assert_eq!((last.epoch, last.slot), (Epoch::new(1), Slot::new(3)));
    for _ in 0..2 {
        let late = bench.one(submission(4, message(target, 2, NOW)));
        assert_eq!(late.code(), RefusalCode::Moved);
        let again = control(target, 3, ControlAction::Move(scheduler().public().unit()));
        assert_eq!(bench.one(submission(5, again)).code(), RefusalCode::Moved);
        let source = described(&bench).source(&target, NETWORK).unwrap();
        assert_eq!((source.scheduler(), source.epoch()), (key(9).public().unit(), Epoch::new(2)));
        assert!(source.names(&key(7).public().unit(), false));
        // What was ordered can still be read.
        assert!(bench.archive().record(&Place { process: target, slot: last.slot }).is_ok());
        bench = restarted(&disk, bench);
    }
    assert!(matches!(bench.one(submission(6, message(target, 1, NOW))), Told::LookUp));
}

#[test]
fn a_policy_follows_from_the_one_before() {
    let mut bench = born(&FaultDisk::new(), &[1]);
    let target = process(1, NOW);
    for (nonce, wrong) in [
        ComputePolicy { version: 2, ..next_policy(7) },
        ComputePolicy { version: 0, ..next_policy(7) },
        ComputePolicy { previous: Some(Hash::ZERO), ..next_policy(7) },
    ]
    .into_iter()
    .enumerate()
    {
        let nonce = u64::try_from(nonce).unwrap();
        let told = bench.one(submission(1, control(target, nonce, ControlAction::Policy(wrong))));
        assert_eq!(told.final_code(), RefusalCode::BadPolicy);
    }
    let good = ControlAction::Policy(next_policy(7));
    bench.one(submission(2, control(target, 9, good))).assignment();
}

#[test]
fn a_renounced_process_obeys_nobody() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1]);
    let target = process(1, NOW);
    let renounce = ControlAction::Controller(Principal::Anonymous);
    bench.one(submission(1, control(target, 1, renounce))).assignment();
    let mut bench = restarted(&disk, bench);
    let told = bench.one(submission(2, control(target, 2, ControlAction::Stop)));
    assert_eq!(told.final_code(), RefusalCode::NotController);
    bench.one(submission(3, message(target, 1, NOW))).assignment();
}

#[test]
fn a_takeover_does_not_come_as_a_submission() {
    let mut bench = born(&FaultDisk::new(), &[1]);
    let scheduler = scheduler().public().unit();
    let action = ControlAction::Takeover { scheduler, slot: Slot::ZERO, chain: Hash::ZERO };
    let told = bench.one(submission(1, control(process(1, NOW), 1, action)));
    assert_eq!(told.code(), RefusalCode::BadHandover);
}

#[test]
fn receipts_of_a_retired_unit_count_for_nothing_once_the_policy_is_known() {
    let disk = FaultDisk::new();
    let mut bench = born(&disk, &[1, 2]);
    let (source, target) = (process(1, NOW), process(2, NOW));
    let items = || vec![(target, Some(0), tell()), (target, Some(1), tell())];
    let retired = speak(&bench, 1, items());
    bench.one(retired.delivery(1, 0)).assignment();
    let policy = ControlAction::Policy(next_policy(7));
    bench.one(submission(2, control(source, 1, policy))).assignment();
    for _ in 0..2 {
        assert_eq!(bench.one(retired.delivery(3, 1)).code(), RefusalCode::WrongPolicy);
        bench = restarted(&disk, bench);
    }
    // The new unit's word counts, for old slots too.
    let place = Place { process: source, slot: Slot::ZERO };
    let assignment = bench.archive().proof(&place).unwrap().unwrap();
    let present = Speaker::new(assignment, items(), &key(7));
    bench.one(present.delivery(4, 1)).assignment();
    assert_ne!(compute().public().unit(), key(7).public().unit());
}
