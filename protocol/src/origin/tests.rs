use super::*;
use crate::{
    Assignment, ComputePolicy, ControlAction, Domain, Gas, ProfileId, ReceiptLeaf, SecretKey,
    Signed, Slot, Spawn, codec,
    examples::{
        self, COMPUTE, NETWORK, OTHER_COMPUTE, assignments, batch_body, delivery, key,
        origin_proof, outcome, policy, prove, provenance, receipt_leaf, receipt_of, source,
    },
};

fn known() -> Source {
    provenance().source(&source(), NETWORK).unwrap()
}

fn verify(proof: &OriginProof, delivery: &Delivery) -> Result<(), OriginProofError> {
    proof.verify(NETWORK, delivery.into(), None, false, PublicKey::verifies)
}

/// Changes the valid proof and expects it to be refused so.
#[track_caller]
fn tampered(change: impl FnOnce(&mut OriginProof), expected: &OriginProofError) {
    let mut proof = origin_proof();
    change(&mut proof);
    assert_eq!(verify(&proof, &delivery()).as_ref(), Err(expected));
}

#[test]
fn a_whole_chain_is_believed() {
    assert_eq!(verify(&origin_proof(), &delivery()), Ok(()));
}

#[test]
fn every_item_of_the_outbox_has_its_proof() {
    for item in outcome().outbox {
        let item_path = outcome().item_path(item.index).unwrap();
        let proof = OriginProof { item: item_path, ..origin_proof() };
        assert_eq!(verify(&proof, &Delivery { item, ..delivery() }), Ok(()));
    }
}

#[test]
fn a_known_source_needs_no_introduction() {
    let proof = OriginProof { introduction: None, ..origin_proof() };
    let verified =
        proof.verify(NETWORK, (&delivery()).into(), Some(&known()), false, PublicKey::verifies);
    assert_eq!(verified, Ok(()));
    assert_eq!(verify(&proof, &delivery()), Err(OriginProofError::Unknown));
}

#[test]
fn an_introduction_of_another_process_is_refused() {
    let mut proof = origin_proof();
    let introduction = proof.introduction.as_mut().unwrap();
    *introduction.spawn.last_mut().unwrap() ^= 1;
    assert!(matches!(verify(&proof, &delivery()), Err(OriginProofError::Introduction(_))));
}

#[test]
fn an_introduction_that_is_no_spawn_is_refused() {
    let spawn = vec![0x80];
    let process = ProcessId::from_bytes(*Domain::Spawn.digest(&[&spawn]).as_bytes());
    let refused = Provenance { spawn, changes: Vec::new() }.source(&process, NETWORK);
    assert_eq!(refused, Err(ProvenanceError::Spawn));
}

#[test]
fn an_introduction_with_a_bad_policy_is_refused() {
    let policy = ComputePolicy { quorum: 3, ..policy() };
    let spawn = codec::encode(&Spawn { policy, ..examples::spawn_body() });
    let process = ProcessId::from_bytes(*Domain::Spawn.digest(&[&spawn]).as_bytes());
    let refused = Provenance { spawn, changes: Vec::new() }.source(&process, NETWORK);
    assert_eq!(refused, Err(ProvenanceError::Spawn));
}

/// The source after a control at slot 2, behind the slot of the delivery.
fn after(action: ControlAction) -> Source {
    let mut known = known();
    known.advance(&examples::control_body(action), Slot::new(2));
    known
}

fn next_policy() -> ControlAction {
    let units = vec![key(OTHER_COMPUTE).public().unit()];
    let previous = Some(policy().digest());
    ControlAction::Policy(ComputePolicy { units, quorum: 1, version: 1, previous })
}

#[test]
fn a_slot_of_an_earlier_scheduler_keeps_its_proof() {
    let known = after(ControlAction::Move(key(9).public().unit()));
    let delivery = delivery();
    let check = |proof: OriginProof, known| {
        proof.verify(NETWORK, (&delivery).into(), Some(known), false, PublicKey::verifies)
    };
    assert_eq!(check(origin_proof(), &known), Ok(()));
    let mut sealed_before = self::known();
    let control = examples::control_body(ControlAction::Move(key(9).public().unit()));
    sealed_before.advance(&control, Slot::ZERO);
    let past = check(origin_proof(), &sealed_before);
    assert_eq!(past, Err(OriginProofError::Assignment));
}

#[test]
fn a_retired_unit_counts_only_in_what_stands_in_a_log() {
    let known = after(next_policy());
    let check = |unit: u8, ever| {
        let proof = with_receipt(receipt_leaf(), &key(unit));
        let delivery = delivery();
        proof.verify(NETWORK, (&delivery).into(), Some(&known), ever, PublicKey::verifies)
    };
    assert_eq!(check(COMPUTE, false), Err(OriginProofError::Policy));
    assert_eq!(check(COMPUTE, true), Ok(()));
    assert_eq!((check(OTHER_COMPUTE, false), check(OTHER_COMPUTE, true)), (Ok(()), Ok(())));
    assert_eq!(check(9, true), Err(OriginProofError::Policy));
}

#[test]
fn an_epoch_that_is_not_known_asks_for_an_introduction() {
    let mut assignments = assignments();
    assignments[1].epoch = crate::Epoch::new(1);
    let assignment = prove(&assignments, 1);
    let proof = OriginProof { assignment, introduction: None, ..origin_proof() };
    let delivery = delivery();
    let check = |proof: &OriginProof| {
        proof.verify(NETWORK, (&delivery).into(), Some(&known()), false, PublicKey::verifies)
    };
    assert_eq!(check(&proof), Err(OriginProofError::Unknown));
    let introduced = OriginProof { introduction: Some(provenance()), ..proof };
    assert_eq!(check(&introduced), Err(OriginProofError::Assignment));
}

#[test]
fn another_item_is_refused() {
    for change in [
        |delivery: &mut Delivery| delivery.item.hint = None,
        |delivery: &mut Delivery| delivery.item.target = source(),
        |delivery: &mut Delivery| delivery.item.pair = None,
    ] {
        let mut changed = delivery();
        change(&mut changed);
        assert_eq!(verify(&origin_proof(), &changed), Err(OriginProofError::Receipts));
    }
    let mut moved = delivery();
    moved.item.index = 1;
    assert_eq!(verify(&origin_proof(), &moved), Err(OriginProofError::Item));
}

#[test]
fn another_source_or_slot_is_refused() {
    let slot = Delivery { slot: Slot::new(2), ..delivery() };
    assert_eq!(verify(&origin_proof(), &slot), Err(OriginProofError::Assignment));
    let other = Delivery { source: examples::other_process(), ..delivery() };
    assert!(matches!(verify(&origin_proof(), &other), Err(OriginProofError::Introduction(_))));
    let other =
        origin_proof().verify(NETWORK, (&other).into(), Some(&known()), false, PublicKey::verifies);
    assert_eq!(other, Err(OriginProofError::Assignment));
}

#[test]
fn a_path_that_does_not_fit_the_item_is_refused() {
    tampered(|proof| proof.item.siblings.truncate(1), &OriginProofError::Item);
    tampered(|proof| proof.item.index += 1, &OriginProofError::Item);
    tampered(|proof| proof.item.siblings[0] = Hash::ZERO, &OriginProofError::Receipts);
}

#[test]
fn an_item_at_the_end_of_the_range_is_refused() {
    let mut delivery = delivery();
    delivery.item.index = u32::MAX;
    assert_eq!(verify(&origin_proof(), &delivery), Err(OriginProofError::Item));
}

#[test]
fn an_assignment_outside_of_its_batch_is_refused() {
    let refused = &OriginProofError::Assignment;
    tampered(|proof| proof.assignment.path.index = 0, refused);
    tampered(|proof| proof.assignment.assignment.time = crate::Timestamp::ZERO, refused);
    tampered(|proof| proof.assignment = prove(&assignments(), 2), refused);
}

#[test]
fn a_batch_of_another_scheduler_is_refused() {
    let stranger = key(9);
    tampered(
        |proof| {
            let batch = proof.assignment.batch.unverified().clone();
            let batch = crate::BatchHeader { scheduler: stranger.public().unit(), ..batch };
            proof.assignment.batch = Signed::sign(batch, &stranger);
        },
        &OriginProofError::Assignment,
    );
}

#[test]
fn a_batch_signed_by_another_key_is_refused() {
    tampered(
        |proof| {
            let batch = proof.assignment.batch.unverified().clone();
            proof.assignment.batch = Signed::sign(batch, &key(9));
        },
        &OriginProofError::Signature,
    );
}

fn with_receipt(leaf: ReceiptLeaf, unit: &SecretKey) -> OriginProof {
    OriginProof { receipts: vec![receipt_of(leaf, unit)], ..origin_proof() }
}

#[test]
fn any_unit_of_the_policy_may_state_the_outcome() {
    let proof = with_receipt(receipt_leaf(), &key(OTHER_COMPUTE));
    assert_eq!(verify(&proof, &delivery()), Ok(()));
}

#[test]
fn a_receipt_of_a_unit_outside_of_the_policy_is_refused() {
    let proof = with_receipt(receipt_leaf(), &key(9));
    assert_eq!(verify(&proof, &delivery()), Err(OriginProofError::Policy));
}

#[test]
fn a_receipt_of_something_else_is_refused() {
    let leaf = receipt_leaf;
    for leaf in [
        ReceiptLeaf { process: examples::other_process(), ..leaf() },
        ReceiptLeaf { slot: Slot::new(2), ..leaf() },
        ReceiptLeaf { chain: Hash::ZERO, ..leaf() },
        ReceiptLeaf { profile: ProfileId::from_bytes([0; 32]), ..leaf() },
        ReceiptLeaf { outcome: Hash::ZERO, ..leaf() },
    ] {
        let proof = with_receipt(leaf, &key(COMPUTE));
        assert_eq!(verify(&proof, &delivery()), Err(OriginProofError::Receipts));
    }
}

#[test]
fn a_receipt_outside_of_its_batch_is_refused() {
    tampered(|proof| proof.receipts[0].leaf.gas = Gas::ZERO, &OriginProofError::Receipts);
    tampered(|proof| proof.receipts[0].path.count = 4, &OriginProofError::Receipts);
}

#[test]
fn a_receipt_signed_by_another_key_is_refused() {
    tampered(
        |proof| {
            let receipt = &mut proof.receipts[0];
            receipt.batch = Signed::sign(receipt.batch.unverified().clone(), &key(9));
        },
        &OriginProofError::Signature,
    );
}

#[test]
fn exactly_a_quorum_of_different_units_must_agree() {
    let policy = ComputePolicy { quorum: 2, ..policy() };
    let source = Source::of_spawn(&Spawn { policy, ..examples::spawn_body() });
    let verify = |units: &[u8]| {
        let receipts = units.iter().map(|unit| receipt_of(receipt_leaf(), &key(*unit))).collect();
        let proof = OriginProof { receipts, ..origin_proof() };
        proof.verify(NETWORK, (&delivery()).into(), Some(&source), false, PublicKey::verifies)
    };
    assert_eq!(verify(&[COMPUTE, OTHER_COMPUTE]), Ok(()));
    for units in
        [[].as_slice(), &[COMPUTE], &[COMPUTE, COMPUTE], &[COMPUTE, OTHER_COMPUTE, COMPUTE]]
    {
        assert_eq!(verify(units), Err(OriginProofError::Receipts), "{units:?}");
    }
}

#[test]
fn another_network_is_refused() {
    let other = NetworkId::from_bytes([0; 32]);
    let verified =
        origin_proof().verify(other, (&delivery()).into(), None, false, PublicKey::verifies);
    assert_eq!(verified, Err(OriginProofError::Signature));
}

#[test]
fn a_count_of_leaves_that_the_batch_does_not_sign_is_refused() {
    let assignments = assignments();
    let mut proof = prove(&assignments, 1);
    let root = crate::merkle_root(assignments.iter().map(Assignment::leaf).collect());
    proof.batch = Signed::sign(batch_body(root, 4), &examples::scheduler());
    tampered(|origin| origin.assignment = proof, &OriginProofError::Assignment);
}
