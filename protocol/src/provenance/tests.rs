use super::*;
use crate::{
    Assignment, BatchHeader, EntryId, Hash, Kind, MerkleTree, ReceiptLeaf, SecretKey, Timestamp,
    V1, chain_hash,
    examples::{
        self, COMPUTE, NETWORK, OTHER_COMPUTE, client, control, control_body, key, policy,
        provenance, receipt_leaf, receipt_of, scheduler, source, unit,
    },
};

/// The unit that orders the log after the first.
const NEXT: u8 = 9;

fn action_policy(units: &[u8]) -> ControlAction {
    let units = units.iter().map(|seed| unit(*seed)).collect();
    let previous = Some(policy().digest());
    ControlAction::Policy(ComputePolicy { units, quorum: 1, version: 1, previous })
}

/// Proves that a scheduler assigned an entry.
fn assign(epoch: u64, slot: u64, entry: Hash, by: &SecretKey) -> AssignmentProof {
    let (epoch, slot) = (Epoch::new(epoch), Slot::new(slot));
    let entry = EntryId::from_bytes(*entry.as_bytes());
    let time = Timestamp::new(5);
    let chain = chain_hash(&Hash::ZERO, epoch, slot, time, &entry);
    let assignment = Assignment { process: source(), epoch, slot, time, entry, chain };
    let tree = MerkleTree::new(vec![assignment.leaf()]);
    let header = BatchHeader {
        version: V1,
        kind: Kind,
        network: NETWORK,
        scheduler: by.public().unit(),
        number: 1,
        time,
        count: 1,
        root: tree.root(),
    };
    let path = tree.path(0).unwrap();
    AssignmentProof { assignment, path, batch: Signed::sign(header, by) }
}

/// A change by a control that is the last slot of its epoch.
fn sealed(action: ControlAction, epoch: u64, slot: u64, by: &SecretKey) -> Change {
    let control = control(action);
    let sealed = assign(epoch, slot, control.digest(), by);
    Change { control, sealed, attested: None }
}

/// A takeover behind a slot of epoch 0, attested by these units.
fn takeover(slot: u64, units: &[u8]) -> Change {
    let head = assign(0, slot, Hash::from_bytes([3; 32]), &scheduler());
    let (slot, chain) = (head.assignment.slot, head.assignment.chain);
    let control = control(ControlAction::Takeover { scheduler: unit(NEXT), slot, chain });
    let leaf = ReceiptLeaf { slot, chain, ..receipt_leaf() };
    let attested = units.iter().map(|unit| receipt_of(leaf.clone(), &key(*unit))).collect();
    Change { control, sealed: head, attested: Some(attested) }
}

fn read(changes: Vec<Change>) -> Result<Source, ProvenanceError> {
    Provenance { changes, ..provenance() }.source(&source(), NETWORK)
}

#[test]
fn a_log_without_changes_is_one_epoch_of_its_spawn() {
    let known = read(vec![]).unwrap();
    assert_eq!((known.scheduler(), known.epoch(), known.changes()), (unit(2), Epoch::ZERO, 0));
    assert_eq!(known.scheduler_of(Epoch::ZERO, Slot::new(1 << 40)), Some(unit(2)));
    assert_eq!(known.scheduler_of(Epoch::new(1), Slot::new(1)), None);
    assert_eq!(known.policy(), &policy());
}

#[test]
fn a_move_ends_the_word_of_the_old_scheduler_at_its_slot() {
    let known = read(vec![sealed(ControlAction::Move(unit(NEXT)), 0, 4, &scheduler())]).unwrap();
    assert_eq!((known.scheduler(), known.epoch()), (unit(NEXT), Epoch::new(1)));
    let of = |epoch, slot| known.scheduler_of(Epoch::new(epoch), Slot::new(slot));
    assert_eq!((of(0, 4), of(0, 5)), (Some(unit(2)), None));
    assert_eq!((of(1, 4), of(1, 5)), (None, Some(unit(NEXT))));
    let epochs: Vec<_> = known.epochs().collect();
    assert_eq!(epochs, [(unit(2), Slot::ZERO), (unit(NEXT), Slot::new(5))]);
    assert_eq!(known.schedulers(), [unit(NEXT), unit(2)]);
}

#[test]
fn a_new_policy_follows_from_the_one_before() {
    let known = read(vec![sealed(action_policy(&[OTHER_COMPUTE]), 0, 4, &scheduler())]).unwrap();
    assert_eq!(known.scheduler(), unit(2));
    assert!(known.names(&unit(OTHER_COMPUTE), false) && !known.names(&unit(COMPUTE), false));
    assert!(known.names(&unit(COMPUTE), true));
    let ControlAction::Policy(next) = action_policy(&[OTHER_COMPUTE]) else { panic!() };
    for wrong in [
        ComputePolicy { version: 2, ..next.clone() },
        ComputePolicy { previous: None, ..next.clone() },
        ComputePolicy { previous: Some(Hash::ZERO), ..next },
    ] {
        let change = sealed(ControlAction::Policy(wrong), 0, 4, &scheduler());
        assert_eq!(read(vec![change]), Err(ProvenanceError::Policy));
    }
}

#[test]
fn a_new_controller_alone_orders_the_next_change() {
    let heir = key(7);
    let account = Principal::Account(heir.public().account());
    let first = sealed(ControlAction::Controller(account), 0, 4, &scheduler());
    let body = Control { sender: account, ..control_body(ControlAction::Move(unit(NEXT))) };
    let signed = Signed::sign(body, &heir);
    let moved = assign(1, 6, signed.digest(), &scheduler());
    let second = Change { control: signed, sealed: moved, attested: None };
    assert_eq!(read(vec![first.clone(), second]).unwrap().scheduler(), unit(NEXT));
    let by_the_old = sealed(ControlAction::Move(unit(NEXT)), 1, 6, &scheduler());
    assert_eq!(read(vec![first, by_the_old]), Err(ProvenanceError::NotController));
    let renounced = sealed(ControlAction::Controller(Principal::Anonymous), 0, 4, &scheduler());
    let body =
        Control { sender: Principal::Anonymous, ..control_body(ControlAction::Move(unit(NEXT))) };
    let nobody = Signed::sign(body, &client());
    let sealed = assign(1, 6, nobody.digest(), &scheduler());
    let nobody = Change { control: nobody, sealed, attested: None };
    assert_eq!(read(vec![renounced, nobody]), Err(ProvenanceError::NotController));
}

#[test]
fn a_change_that_its_scheduler_did_not_seal_is_refused() {
    let change = |by: &SecretKey| sealed(ControlAction::Move(unit(NEXT)), 0, 4, by);
    assert_eq!(read(vec![change(&key(NEXT))]), Err(ProvenanceError::Seal));
    let other_entry = Change {
        sealed: assign(0, 4, Hash::from_bytes([1; 32]), &scheduler()),
        ..change(&scheduler())
    };
    assert_eq!(read(vec![other_entry]), Err(ProvenanceError::Seal));
    let later = sealed(ControlAction::Move(unit(NEXT)), 1, 4, &scheduler());
    assert_eq!(read(vec![later]), Err(ProvenanceError::Seal));
}

#[test]
fn a_control_that_ends_no_epoch_or_is_of_a_stranger_is_refused() {
    let stop = sealed(ControlAction::Stop, 0, 4, &scheduler());
    assert_eq!(read(vec![stop]), Err(ProvenanceError::NoChange));
    let mut change = sealed(ControlAction::Move(unit(NEXT)), 0, 4, &scheduler());
    change.control = Signed::sign(control_body(ControlAction::Move(unit(NEXT))), &key(8));
    assert_eq!(read(vec![change]), Err(ProvenanceError::NotController));
    let body = Control {
        target: examples::other_process(),
        ..control_body(ControlAction::Move(unit(NEXT)))
    };
    let mut change = sealed(ControlAction::Move(unit(NEXT)), 0, 4, &scheduler());
    change.control = Signed::sign(body, &client());
    assert_eq!(read(vec![change]), Err(ProvenanceError::OtherProcess));
}

#[test]
fn a_takeover_voids_what_the_lost_scheduler_ordered_behind_it() {
    let known = read(vec![takeover(4, &[COMPUTE])]).unwrap();
    assert_eq!(known.scheduler(), unit(NEXT));
    assert_eq!(known.scheduler_of(Epoch::ZERO, Slot::new(4)), Some(unit(2)));
    assert_eq!(known.scheduler_of(Epoch::ZERO, Slot::new(5)), None);
    assert_eq!(known.scheduler_of(Epoch::new(1), Slot::new(5)), Some(unit(NEXT)));
}

#[test]
fn a_takeover_needs_a_quorum_of_receipts_of_its_slot() {
    let refused = Err(ProvenanceError::Attestation);
    assert_eq!(read(vec![takeover(4, &[])]), refused);
    assert_eq!(read(vec![takeover(4, &[8])]), refused);
    assert_eq!(read(vec![takeover(4, &[COMPUTE, COMPUTE])]), refused);
    let mut change = takeover(4, &[COMPUTE]);
    change.attested = takeover(5, &[COMPUTE]).attested;
    assert_eq!(read(vec![change]), refused);
    let mut change = takeover(4, &[COMPUTE]);
    change.sealed = takeover(5, &[COMPUTE]).sealed;
    assert_eq!(read(vec![change]), Err(ProvenanceError::Seal));
}

#[test]
fn a_takeover_may_follow_a_move_whose_scheduler_ordered_nothing() {
    let head = sealed(ControlAction::Move(unit(NEXT)), 0, 4, &scheduler());
    let end = head.sealed.assignment;
    let (slot, chain) = (end.slot, end.chain);
    let control = control(ControlAction::Takeover { scheduler: unit(8), slot, chain });
    let leaf = ReceiptLeaf { slot, chain, ..receipt_leaf() };
    let attested = Some(vec![receipt_of(leaf, &key(COMPUTE))]);
    let change = Change { control, sealed: head.sealed.clone(), attested };
    let known = read(vec![head, change]).unwrap();
    assert_eq!((known.scheduler(), known.epoch()), (unit(8), Epoch::new(2)));
    assert_eq!(known.scheduler_of(Epoch::new(1), Slot::new(5)), None);
    assert_eq!(known.scheduler_of(Epoch::new(2), Slot::new(5)), Some(unit(8)));
}
