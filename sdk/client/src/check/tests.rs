use protocol::{ComputePolicy, SecretKey, Slot, Spawn};

use super::*;
use crate::testing::{NETWORK, World};

fn entry(world: &World) -> EntryId {
    protocol::Entry::Message(world.message(1)).id()
}

#[track_caller]
fn refused(result: Result<(), ClientError>) {
    assert!(matches!(result, Err(ClientError::Unverified { .. })), "{result:?}");
}

#[test]
fn an_assignment_holds_only_for_its_entry_its_scheduler_and_its_network() {
    let world = World::new();
    let (process, entry, source) = (world.process, entry(&world), world.source());
    let proof = world.assign(entry, 1);
    let checker = Checker::new(NETWORK);
    checker.assignment((process, entry), &source, &proof).unwrap();

    refused(checker.assignment((process, EntryId::from_bytes([1; 32])), &source, &proof));
    let scheduler = SecretKey::from_seed(&[8; 32]).public().unit();
    let stranger = Source::of_spawn(&Spawn { scheduler, ..world.spawn.clone() });
    refused(checker.assignment((process, entry), &stranger, &proof));
    let elsewhere = Checker::new(NetworkId::from_bytes([1; 32]));
    refused(elsewhere.assignment((process, entry), &source, &proof));
    let mut moved = proof.clone();
    moved.assignment.slot = Slot::new(2);
    refused(checker.assignment((process, entry), &source, &moved));
}

#[test]
fn a_forged_batch_is_refused_even_after_the_real_one_held() {
    let world = World::new();
    let (process, entry, source) = (world.process, entry(&world), world.source());
    let checker = Checker::new(NETWORK);
    let proof = world.assign(entry, 1);
    checker.assignment((process, entry), &source, &proof).unwrap();

    let mut forged = proof;
    let header = forged.batch.unverified().clone();
    forged.batch = Signed::sign(header, &SecretKey::from_seed(&[8; 32]));
    refused(checker.assignment((process, entry), &source, &forged));
}

#[test]
fn an_outcome_counts_only_with_a_receipt_of_the_policy_for_just_it() {
    let world = World::new();
    let source = world.source();
    let checker = Checker::new(NETWORK);
    let executed = world.execute(&world.assign(entry(&world), 1).assignment);
    checker.executed(world.process, &source, &executed).unwrap();

    let mut other = executed.clone();
    other.outcome.reply = protocol::Reply::Later;
    refused(checker.executed(world.process, &source, &other));
    let units = vec![world.scheduler.public().unit()];
    let policy = ComputePolicy { units, ..world.spawn.policy.clone() };
    let stranger = Source::of_spawn(&Spawn { policy, ..world.spawn.clone() });
    refused(checker.executed(world.process, &stranger, &executed));
    let mut elsewhere = executed.clone();
    elsewhere.receipt.path.index = 1;
    refused(checker.executed(world.process, &source, &elsewhere));
    refused(checker.executed(ProcessId::from_bytes([3; 32]), &source, &executed));
}

#[test]
fn a_view_answers_this_question_and_no_older_one() {
    let world = World::new();
    let source = world.source();
    let checker = Checker::new(NETWORK);
    let mut request = ViewRequest {
        process: world.process,
        method: "get".to_owned(),
        args: vec![0xa0],
        nonce: Hash::ZERO,
        at_least: Some(Slot::new(4)),
    };
    let answer = world.answer(&request);
    checker.view(&request, &source, &answer).unwrap();

    request.nonce = Hash::from_bytes([1; 32]);
    refused(checker.view(&request, &source, &answer));
    request.at_least = Some(Slot::new(5));
    refused(checker.view(&request, &source, &world.answer(&request)));
}

#[test]
fn the_memory_of_signatures_is_bounded() {
    let checker = Checker::new(NETWORK);
    let key = SecretKey::from_seed(&[1; 32]);
    for number in 0..Checker::REMEMBERED_MAX + 3 {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        let digest = Hash::from_bytes(bytes);
        assert!(checker.holds((key.public(), digest, key.sign(&digest))));
    }
    let held = checker.held.lock().unwrap();
    assert_eq!(held.order.len(), Checker::REMEMBERED_MAX);
    assert_eq!(held.known.len(), Checker::REMEMBERED_MAX);
}
