use super::*;
use crate::{
    Assignment, Gas, Hash, ProfileId, ReceiptLeaf, Signed, Slot,
    examples::{
        self, COMPUTE, NETWORK, OTHER_COMPUTE, assignment_proof, assignments, key, prove, receipt,
        receipt_leaf, receipt_of, scheduler, statements, unit,
    },
};

fn receipts(first: Receipt, second: Receipt) -> Result<Vec<UnitId>, FaultError> {
    Fault::Receipts(Box::new(first), Box::new(second)).culprits(NETWORK)
}

fn assigned(first: AssignmentProof, second: AssignmentProof) -> Result<Vec<UnitId>, FaultError> {
    Fault::Assignments(Box::new(first), Box::new(second)).culprits(NETWORK)
}

fn other(change: impl FnOnce(&mut ReceiptLeaf)) -> Receipt {
    let mut leaf = receipt_leaf();
    change(&mut leaf);
    receipt_of(leaf, &key(OTHER_COMPUTE))
}

#[test]
fn two_outcomes_of_one_slot_name_both_units() {
    let expected = Ok(vec![unit(COMPUTE), unit(OTHER_COMPUTE)]);
    assert_eq!(receipts(receipt(), other(|leaf| leaf.outcome = Hash::ZERO)), expected);
    assert_eq!(receipts(receipt(), other(|leaf| leaf.gas = Gas::ZERO)), expected);
    assert_eq!(receipts(receipt(), other(|leaf| leaf.state_root = Some(Hash::ZERO))), expected);
}

#[test]
fn a_unit_that_contradicts_itself_is_named_once() {
    let leaf = ReceiptLeaf { outcome: Hash::ZERO, ..receipt_leaf() };
    let second = receipt_of(leaf, &key(COMPUTE));
    assert_eq!(receipts(receipt(), second), Ok(vec![unit(COMPUTE)]));
}

#[test]
fn equal_receipts_are_no_fault() {
    assert_eq!(receipts(receipt(), receipt()), Err(FaultError::NoConflict));
    assert_eq!(receipts(receipt(), other(|_| ())), Err(FaultError::NoConflict));
}

#[test]
fn an_absent_state_root_contradicts_nothing() {
    let absent = other(|leaf| leaf.state_root = None);
    assert_eq!(receipts(receipt(), absent), Err(FaultError::NoConflict));
}

#[test]
fn receipts_of_different_questions_are_no_fault() {
    for change in [
        (|leaf| leaf.process = examples::other_process()) as fn(&mut ReceiptLeaf),
        |leaf| leaf.slot = Slot::new(2),
        |leaf| leaf.chain = Hash::ZERO,
        |leaf| leaf.profile = ProfileId::from_bytes([0; 32]),
    ] {
        let second = other(|leaf| {
            leaf.outcome = Hash::ZERO;
            change(leaf);
        });
        assert_eq!(receipts(receipt(), second), Err(FaultError::NoConflict));
    }
}

#[test]
fn a_receipt_that_does_not_hold_proves_nothing() {
    let mut loose = statements::conflicting_receipt();
    loose.leaf.gas = Gas::ZERO;
    assert_eq!(receipts(receipt(), loose), Err(FaultError::Receipt(ReceiptError::Path)));
    let mut forged = statements::conflicting_receipt();
    forged.batch = Signed::sign(forged.batch.unverified().clone(), &key(9));
    let expected = FaultError::Receipt(ReceiptError::Batch(VerifyError::WrongSigner));
    assert_eq!(receipts(receipt(), forged.clone()), Err(expected));
    assert_eq!(receipts(forged, receipt()), Err(expected));
}

fn reassigned(change: impl FnOnce(&mut Assignment)) -> AssignmentProof {
    let mut others = assignments();
    change(&mut others[1]);
    prove(&others, 1)
}

#[test]
fn a_slot_assigned_twice_names_its_scheduler() {
    let twice = statements::conflicting_assignment();
    assert_eq!(twice.culprits(NETWORK), Ok(vec![scheduler().public().unit()]));
    let entry = reassigned(|second| second.entry = crate::EntryId::from_bytes([0; 32]));
    assert_eq!(assigned(assignment_proof(), entry), Ok(vec![scheduler().public().unit()]));
}

#[test]
fn one_assignment_in_two_batches_is_no_fault() {
    let again = prove(&assignments()[..2], 1);
    assert_ne!(again, assignment_proof());
    assert_eq!(assigned(assignment_proof(), again), Err(FaultError::NoConflict));
}

#[test]
fn assignments_of_different_places_are_no_fault() {
    for change in [
        (|second| second.process = examples::other_process()) as fn(&mut Assignment),
        |second| second.slot = Slot::new(2),
        |second| second.epoch = crate::Epoch::new(1),
    ] {
        let second = reassigned(change);
        assert_eq!(assigned(assignment_proof(), second), Err(FaultError::NoConflict));
    }
}

#[test]
fn an_assignment_of_another_scheduler_proves_nothing() {
    let mut second = reassigned(|second| second.time = crate::Timestamp::ZERO);
    let body = crate::BatchHeader { scheduler: unit(9), ..second.batch.unverified().clone() };
    second.batch = Signed::sign(body, &key(9));
    assert!(matches!(assigned(assignment_proof(), second), Err(FaultError::Statement(_))));
}

#[test]
fn a_fault_of_another_network_proves_nothing() {
    let other = NetworkId::from_bytes([0; 32]);
    for fault in statements::faults() {
        assert!(fault.culprits(NETWORK).is_ok());
        assert!(fault.culprits(other).is_err());
    }
}

#[test]
fn a_slot_behind_the_seal_of_its_epoch_names_the_scheduler() {
    let fault = || statements::faults().remove(2);
    assert_eq!(fault().culprits(NETWORK), Ok(vec![scheduler().public().unit()]));
    let Fault::PastSeal { control, sealed, later } = fault() else { panic!() };
    let before = Fault::PastSeal {
        control: control.clone(),
        sealed: sealed.clone(),
        later: Box::new(prove(&assignments(), 0)),
    };
    assert_eq!(before.culprits(NETWORK), Err(FaultError::NoConflict));
    let stop = examples::control(ControlAction::Stop);
    let no_end = Fault::PastSeal { control: Box::new(stop), sealed, later: later.clone() };
    assert_eq!(no_end.culprits(NETWORK), Err(FaultError::NoConflict));
    let other = Fault::PastSeal { control, sealed: Box::new(assignment_proof()), later };
    assert_eq!(other.culprits(NETWORK), Err(FaultError::NoConflict));
}
