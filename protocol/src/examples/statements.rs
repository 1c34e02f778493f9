//! Example statements that stand in no log: records, heads, views, faults.

use crate::{
    Change, ComputePolicy, ControlAction, EntryId, Epoch, Failure, FailureKind, Fault, Gas, Hash,
    HeadStatement, Kind, Receipt, ReceiptLeaf, RefusalCode, RefusalLeaf, Reply, Role, Signed, Slot,
    Timestamp, UnitRecord, V1, ViewAnswer, ViewRequest,
};

use super::{
    COMPUTE, NETWORK, OTHER_COMPUTE, TIME, args, assignment_proof, assignments, control, key,
    message, policy, prove, receipt, receipt_leaf, receipt_of, scheduler, source, unit,
};

/// Who vouches for the units of the examples.
pub(crate) const OPERATOR: u8 = 5;

pub(crate) fn unit_record_body() -> UnitRecord {
    let me = unit(COMPUTE);
    UnitRecord {
        version: V1,
        kind: Kind,
        network: NETWORK,
        unit: me,
        role: Role::Compute,
        operator: key(OPERATOR).public().operator(),
        vouch: UnitRecord::vouch(&key(OPERATOR), NETWORK, &me, Role::Compute),
        addresses: vec!["127.0.0.1:4433".to_owned(), "[::1]:4433".to_owned()],
        sequence: 3,
        expires: TIME.saturating_add(3_600_000),
    }
}

pub(crate) fn unit_record() -> Signed<UnitRecord> {
    Signed::sign(unit_record_body(), &key(COMPUTE))
}

pub(crate) fn view_request() -> ViewRequest {
    ViewRequest {
        process: source(),
        method: "get".to_owned(),
        args: args(),
        nonce: Hash::from_bytes([0x99; 32]),
        at_least: Some(Slot::new(1)),
    }
}

pub(crate) fn view_answer_of(reply: Reply) -> Signed<ViewAnswer> {
    let body = ViewAnswer {
        version: V1,
        kind: Kind,
        network: NETWORK,
        unit: unit(COMPUTE),
        request: view_request().digest(),
        process: source(),
        slot: Slot::new(2),
        chain: assignments()[2].chain,
        reply,
    };
    Signed::sign(body, &key(COMPUTE))
}

/// One answer with each form of reply.
pub(crate) fn view_answers() -> Vec<Signed<ViewAnswer>> {
    let failure = Reply::Failure(Failure::of(FailureKind::OutOfGas));
    [Reply::Value(vec![0x03]), failure, Reply::Later].map(view_answer_of).to_vec()
}

pub(crate) fn head() -> Signed<HeadStatement> {
    let body = HeadStatement {
        version: V1,
        kind: Kind,
        network: NETWORK,
        scheduler: scheduler().public().unit(),
        process: source(),
        epoch: Epoch::ZERO,
        slot: Slot::new(2),
        chain: assignments()[2].chain,
        time: TIME.saturating_add(30),
        nonce: Hash::from_bytes([0x99; 32]),
    };
    Signed::sign(body, &scheduler())
}

pub(crate) fn refusal_leaf() -> RefusalLeaf {
    RefusalLeaf {
        process: source(),
        entry: message().verify(NETWORK).unwrap().entry_id(),
        code: RefusalCode::Expired,
        floor: TIME.saturating_add(60_000),
    }
}

/// A policy with a predecessor.
pub(crate) fn next_policy() -> ComputePolicy {
    ComputePolicy { quorum: 2, version: 1, previous: Some(policy().digest()), ..policy() }
}

/// A receipt of another unit that states other gas for the same slot.
pub(crate) fn conflicting_receipt() -> Receipt {
    let leaf = ReceiptLeaf { gas: Gas::new(1_235), ..receipt_leaf() };
    receipt_of(leaf, &key(OTHER_COMPUTE))
}

/// Slot 1 of the source, assigned at another time.
pub(crate) fn conflicting_assignment() -> Fault {
    let mut others = assignments();
    others[1].time = Timestamp::new(others[1].time.get() + 1);
    Fault::Assignments(Box::new(assignment_proof()), Box::new(prove(&others, 1)))
}

/// One fault of each kind.
pub(crate) fn faults() -> Vec<Fault> {
    let receipts = Fault::Receipts(Box::new(receipt()), Box::new(conflicting_receipt()));
    vec![conflicting_assignment(), receipts, past_seal()]
}

/// The control that moved [`source`] to another scheduler in slot 1, and what sealed epoch 0.
pub(crate) fn change() -> Change {
    let control = control(ControlAction::Move(unit(9)));
    let mut log = assignments();
    log[1].entry = EntryId::from_bytes(*control.digest().as_bytes());
    Change { control, sealed: prove(&log, 1), attested: None }
}

/// A slot behind the control that ended its epoch.
fn past_seal() -> Fault {
    let Change { control, sealed, .. } = change();
    let later = Box::new(prove(&assignments(), 2));
    Fault::PastSeal { control: Box::new(control), sealed: Box::new(sealed), later }
}
