//! Example requests, answers and frames of long-lived streams.

use crate::{
    Assignment, Entry, Hash, MerkleTree, OriginBasis, OriginLink, PairNumber, Profile,
    ReceiptBatch, Refusal, RefusalCode, RefusalProof, Role, Signed, Slot, UnitSet,
    api::{
        Acknowledgement, Adopted, Adoption, Blobs, CheckpointAnswer, Cursor, Executed,
        ExecutedEntry, ExecutedHead, FinalRefusal, FollowFrame, FollowSlot, HeadPage, LogPage,
        LogRecord, ModuleBytes, NextNumber, Opening, OutcomePage, PairUse, ProcessEntry,
        ProcessPage, Records, RefusalRecord, Request, Response, Stored, Submission, SubmitEvent,
        SubmitFrame, TailFrame, TailRecord, TailReport, UnitStatus,
    },
    codec,
};

use super::{
    COMPUTE, OTHER_COMPUTE, TIME, assignment_proof, assignments, batch_body, byte_vec, control,
    control_actions, delivery, entries, key, module, origin_proof, other_process, outcome,
    provenance, receipt, scheduler, source, spawn, statements, states, unit,
};

/// One request of each kind, by number.
pub(crate) fn requests() -> Vec<Request> {
    let (process, slot) = (source(), Slot::new(1));
    vec![
        Request::Status,
        Request::Records,
        Request::Head { process, nonce: Hash::from_bytes([0x99; 32]) },
        Request::Log { process, from: slot, limit: 100 },
        Request::Find(entries()[1].id()),
        Request::Proof { process, slot },
        Request::Pair { source: process, target: other_process() },
        Request::Processes { offset: 10, limit: 100 },
        Request::Describe(process),
        Request::PutModule(b"\0asm\x01\0\0\0".to_vec()),
        Request::GetModule(module()),
        Request::Accept { module: b"\0asm\x01\0\0\0".to_vec(), profile: Profile::v1().id() },
        Request::View(statements::view_request()),
        Request::Outcomes { process, from: slot, limit: 100 },
        Request::Await { process, slot },
        Request::Checkpoint { process, at: Some(slot) },
        Request::Blobs { process, addresses: vec![Hash::of_blob(b"a"), Hash::of_blob(b"b")] },
        Request::Adopt(Box::new(adoption())),
        Request::Heads { scheduler: unit(2), after: Some(process), limit: 100 },
        Request::Statement {
            source: process,
            target: other_process(),
            number: PairNumber::new(2),
            entry: entries()[2].id(),
        },
        Request::Refused(entries()[1].id()),
    ]
}

pub(crate) fn refusals() -> Vec<Refusal> {
    let busy = Refusal::new(RefusalCode::Busy, "too much waits; try again");
    let all = RefusalCode::ALL.iter().map(|code| Refusal::new(*code, "why"));
    all.chain([Refusal { retry_after: Some(250), ..busy }]).collect()
}

pub(crate) fn responses() -> Vec<Response> {
    let done = Response::Done(codec::encode(&Stored { module: module() }));
    refusals().into_iter().map(Response::Refused).chain([done]).collect()
}

/// One opening of each kind, by number; two tails.
pub(crate) fn openings() -> Vec<Opening> {
    let cursors = vec![Cursor { process: source(), slot: Slot::new(2) }];
    let follow = Opening::Follow { cursors: cursors.clone() };
    let tail = |present| Opening::Tail { cursors: cursors.clone(), present };
    let present = UnitSet::new([unit(COMPUTE), unit(OTHER_COMPUTE)]);
    let log = Opening::Log { process: source(), from: Slot::new(1) };
    vec![Opening::Submit, tail(None), tail(Some(present)), follow, Opening::Watch, log]
}

/// What authorises a takeover behind slot 1.
pub(crate) fn adoption() -> Adoption {
    let control = control(control_actions().pop().unwrap());
    Adoption { control, attested: vec![receipt()], from: vec![unit(COMPUTE)] }
}

pub(crate) fn adopted() -> Adopted {
    Adopted { next: Slot::new(2), done: true }
}

pub(crate) fn head_page() -> HeadPage {
    let chain = assignments()[1].chain;
    let head = ExecutedHead { process: source(), slot: Slot::new(1), chain };
    HeadPage { heads: vec![head], more: false }
}

pub(crate) fn tail_report() -> TailReport {
    TailReport {
        executed: vec![Cursor { process: source(), slot: Slot::new(2) }],
        superseded: vec![provenance()],
    }
}

/// A message refused for good, second of two leaves.
pub(crate) fn refusal_proof() -> RefusalProof {
    let leaves = vec![assignments()[1].leaf(), statements::refusal_leaf().leaf()];
    let tree = MerkleTree::new(leaves);
    let batch = Signed::sign(batch_body(tree.root(), 2), &scheduler());
    RefusalProof { refusal: statements::refusal_leaf(), path: tree.path(1).unwrap(), batch }
}

pub(crate) fn submit_frame() -> SubmitFrame {
    let submissions = (0..).zip(entries()).map(|(tag, entry)| {
        let origin = (entry.id() == delivery().delivery_id()).then(|| Box::new(origin_proof()));
        Submission { origin, ..Submission::bare(tag, entry) }
    });
    SubmitFrame { submissions: submissions.collect(), basis: None }
}

/// A delivery whose proof is a link to the frame's basis.
pub(crate) fn linked_submit_frame() -> SubmitFrame {
    let (basis, link) = origin_link();
    let entry = Entry::Delivery(delivery());
    let submission = Submission { link: Some(Box::new(link)), ..Submission::bare(7, entry) };
    SubmitFrame { submissions: vec![submission], basis: Some(basis) }
}

/// The proof of the delivery, shared out.
pub(crate) fn origin_link() -> (OriginBasis, OriginLink) {
    let (basis, mut links) = OriginBasis::of(&[origin_proof()]).unwrap();
    (basis, links.pop().unwrap())
}

/// One event of each kind, by number.
pub(crate) fn submit_events() -> Vec<SubmitEvent> {
    let proof = assignment_proof();
    let assigned = Acknowledgement { tag: 1, assignment: proof.assignment, path: proof.path };
    let receipt = receipt();
    let executed =
        ExecutedEntry { tag: 1, outcome: outcome(), leaf: receipt.leaf, path: receipt.path };
    vec![
        SubmitEvent::Assigned { batch: proof.batch, entries: vec![assigned] },
        SubmitEvent::Refused { tag: 2, refusal: refusals().remove(0) },
        SubmitEvent::Executed { batch: receipt.batch, entries: vec![executed] },
        final_event(),
        SubmitEvent::Delivered { tags: vec![4, 5] },
    ]
}

fn final_event() -> SubmitEvent {
    let RefusalProof { refusal, path, batch } = refusal_proof();
    let detail = "its expiry is past".to_owned();
    SubmitEvent::Final { batch, entries: vec![FinalRefusal { tag: 3, refusal, path, detail }] }
}

/// A frame with a final refusal of a delivery, whose number is used up.
pub(crate) fn refusing_frame() -> TailFrame {
    let RefusalProof { refusal, batch, .. } = refusal_proof();
    let pair = Some(PairUse { source: source(), number: PairNumber::new(4) });
    let record = TailRecord {
        index: 0,
        assignment: assignments()[1],
        entry: codec::encode(&entries()[1]),
        origin: None,
        link: None,
    };
    TailFrame {
        batch,
        leaves: vec![assignments()[1].leaf(), refusal.leaf()],
        records: vec![record],
        refusals: Some(vec![RefusalRecord { index: 1, refusal, pair }]),
        basis: None,
    }
}

pub(crate) fn tail_frame() -> TailFrame {
    let record = |index: u32, entry: Vec<u8>, origin| TailRecord {
        index,
        assignment: assignments()[index as usize],
        entry,
        origin,
        link: None,
    };
    let origin = byte_vec(codec::encode(&origin_proof()));
    TailFrame {
        batch: assignment_proof().batch,
        leaves: assignments().iter().map(Assignment::leaf).collect(),
        records: vec![
            record(1, codec::encode(&entries()[1]), None),
            record(2, codec::encode(&entries()[2]), Some(origin)),
        ],
        refusals: None,
        basis: None,
    }
}

/// The same, where the proof of the delivery is a link to the frame's basis.
pub(crate) fn linked_tail_frame() -> TailFrame {
    let (basis, link) = origin_link();
    let mut frame = tail_frame();
    frame.records[1].origin = None;
    frame.records[1].link = Some(Box::new(link));
    TailFrame { basis: Some(basis), ..frame }
}

pub(crate) fn follow_frame() -> FollowFrame {
    let receipt = receipt();
    let slot = |assignment| FollowSlot {
        outcome: outcome(),
        leaf: receipt.leaf.clone(),
        path: Some(receipt.path.clone()),
        assignment,
        closed: None,
        place: None,
    };
    let slots = vec![slot(None), slot(Some(assignment_proof()))];
    FollowFrame { batch: receipt.batch.clone(), slots, assignments: None }
}

/// A frame that has all leaves of its batch.
pub(crate) fn whole_follow_frame() -> FollowFrame {
    let (basis, link) = origin_link();
    let leaf = receipt().leaf;
    let tree = MerkleTree::new(vec![leaf.leaf()]);
    let batch =
        ReceiptBatch { count: 1, root: tree.root(), ..receipt().batch.unverified().clone() };
    let slot = FollowSlot {
        outcome: outcome(),
        leaf,
        path: None,
        assignment: None,
        closed: None,
        place: Some(link.assignment.place),
    };
    let batch = Signed::sign(batch, &key(COMPUTE));
    FollowFrame { batch, slots: vec![slot], assignments: Some(basis.assignments) }
}

pub(crate) fn unit_status() -> UnitStatus {
    UnitStatus {
        unit: unit(COMPUTE),
        role: Role::Compute,
        software: "0.1.0".to_owned(),
        started: TIME,
        counters: vec![("executed".to_owned(), 3), ("hosted".to_owned(), 1)],
    }
}

pub(crate) fn records() -> Records {
    Records { records: vec![statements::unit_record()] }
}

pub(crate) fn log_page() -> LogPage {
    let records = assignments().into_iter().zip(entries());
    let records = records.map(|(assignment, entry)| LogRecord { assignment, entry }).collect();
    LogPage { records, next: Slot::new(3) }
}

pub(crate) fn next_number() -> NextNumber {
    NextNumber { number: PairNumber::new(2) }
}

pub(crate) fn process_page() -> ProcessPage {
    let spawn = spawn().body_bytes().to_vec();
    let entry =
        ProcessEntry { process: source(), spawn, next: Slot::new(3), time: TIME, moved: None };
    ProcessPage { processes: vec![entry], total: 1 }
}

pub(crate) fn module_bytes() -> ModuleBytes {
    ModuleBytes { module: b"\0asm\x01\0\0\0".to_vec() }
}

pub(crate) fn outcome_page() -> OutcomePage {
    let executed = vec![Executed { outcome: outcome(), receipt: receipt() }];
    OutcomePage { executed, next: Slot::new(2) }
}

pub(crate) fn checkpoint_answer() -> CheckpointAnswer {
    let checkpoint = states::checkpoint();
    CheckpointAnswer {
        statement: states::statement(&checkpoint),
        checkpoint: codec::encode(&checkpoint),
    }
}

pub(crate) fn blobs() -> Blobs {
    Blobs { blobs: vec![byte_vec(b"a".to_vec()), byte_vec(b"b".to_vec())] }
}
