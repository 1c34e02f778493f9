use super::*;
use crate::examples::{
    self, NETWORK, assignment_proof, assignments, batch_body, key, prove, scheduler, unit,
};

#[test]
fn slots_follow_each_other() {
    let log = assignments();
    assert!(log[0].follows(&Hash::ZERO));
    assert!(log[1].follows(&log[0].chain));
    assert!(log[2].follows(&log[1].chain));
    assert!(!log[2].follows(&log[0].chain));
    assert!(!log[1].follows(&Hash::ZERO));
}

#[test]
fn the_chain_commits_to_the_entry_and_its_place() {
    let [first, second, _] = assignments().try_into().unwrap();
    for changed in [
        Assignment { epoch: Epoch::new(1), ..second },
        Assignment { slot: Slot::new(2), ..second },
        Assignment { time: second.time.saturating_add(1), ..second },
        Assignment { entry: EntryId::from_bytes([0; 32]), ..second },
        Assignment { chain: Hash::ZERO, ..second },
    ] {
        assert!(!changed.follows(&first.chain), "{changed:?}");
    }
}

#[test]
fn the_chain_hash_is_the_digest_of_documented_bytes() {
    let first = assignments()[0];
    let bytes = [
        [0_u8; 32].as_slice(),
        &0_u64.to_le_bytes(),
        &0_u64.to_le_bytes(),
        &first.time.get().to_le_bytes(),
        first.entry.as_bytes(),
    ]
    .concat();
    assert_eq!(*first.chain.as_bytes(), blake3::derive_key("antiphon v1 chain", &bytes));
}

#[test]
fn every_assignment_of_a_batch_is_proven() {
    let log = assignments();
    for (index, assignment) in (0..).zip(&log) {
        let proof = prove(&log, index);
        assert_eq!(proof.assignment, *assignment);
        assert_eq!(proof.verify(NETWORK, &scheduler().public().unit()), Ok(()));
    }
}

#[test]
fn a_proof_for_another_scheduler_is_refused() {
    assert!(!assignment_proof().leads_to_batch_of(&unit(9)));
    assert!(assignment_proof().verify(NETWORK, &unit(9)).is_err());
}

#[test]
fn an_assignment_that_is_not_in_the_batch_is_refused() {
    let scheduler = scheduler().public().unit();
    let mut altered = assignment_proof();
    altered.assignment.time = Timestamp::ZERO;
    assert!(matches!(altered.verify(NETWORK, &scheduler), Err(VerifyError::BadBody(_))));
    let mut moved = assignment_proof();
    moved.path.index = 0;
    assert!(matches!(moved.verify(NETWORK, &scheduler), Err(VerifyError::BadBody(_))));
}

#[test]
fn the_count_of_leaves_is_the_one_that_is_signed() {
    // A path of the first of three leaves also fits a tree of four: only the header tells.
    let log = assignments();
    let mut proof = prove(&log, 0);
    proof.path.count = 4;
    assert_eq!(proof.path.root_from(log[0].leaf()), Some(proof.batch.unverified().root));
    assert!(!proof.leads_to_batch_of(&scheduler().public().unit()));
}

#[test]
fn a_batch_signed_by_another_key_is_refused() {
    let mut proof = assignment_proof();
    let header = proof.batch.unverified().clone();
    proof.batch = Signed::sign(header, &key(9));
    let scheduler = scheduler().public().unit();
    assert!(proof.leads_to_batch_of(&scheduler));
    assert_eq!(proof.verify(NETWORK, &scheduler), Err(VerifyError::WrongSigner));
}

#[test]
fn a_proof_of_another_network_is_refused() {
    let scheduler = scheduler().public().unit();
    let verified = assignment_proof().verify(NetworkId::from_bytes([0; 32]), &scheduler);
    assert_eq!(verified, Err(VerifyError::WrongNetwork));
}

#[test]
fn a_final_refusal_is_never_an_assignment() {
    let refusal = examples::statements::refusal_leaf();
    let bytes = codec::encode(&refusal);
    assert_ne!(refusal.leaf(), Domain::AssignmentLeaf.digest(&[&bytes]));
    let tree = crate::MerkleTree::new(vec![assignments()[0].leaf(), refusal.leaf()]);
    let header = batch_body(tree.root(), 2);
    assert_eq!(tree.path(1).unwrap().root_from(refusal.leaf()), Some(header.root));
}
