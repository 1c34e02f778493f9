//! The objects of the protocol that arrive from strangers.
//!
//! Signatures are taken to hold, so that a fuzzer reaches what stands behind them.

use std::fmt::Debug;

use protocol::{
    Acceptance, AssignmentProof, BatchHeader, Body, Change, ComputePolicy, Control, Delivery,
    Entry, Fault, Hash, HeadStatement, ItemBody, Message, OriginProof, Outcome, PairStatement,
    Proof, ProofFile, Provenance, PublicKey, Receipt, ReceiptBatch, RefusalLeaf, Signature, Signed,
    Spawn, Timestamp, UnitRecord, ViewAnswer, ViewRequest,
    api::{
        Adopted, AgendaPage, Blobs, FollowFrame, HeadPage, Kept, LogPage, ModuleBytes, NextNumber,
        Opening, OutboxPage, OutcomePage, ProcessPage, Records, Request, Response, Stored,
        Submission, SubmitEvent, SubmitFrame, TailFrame, TailReport, UnitStatus,
    },
    codec,
};

use crate::{Family, NETWORK, choose, decode, plain, seeds};

/// What logs are made of.
pub(crate) const ENTRIES: Family = &[
    ("Entry", entry),
    ("Signed<Control>", signed::<Control>),
    ("Signed<Message>", signed::<Message>),
    ("Signed<Spawn>", signed::<Spawn>),
    ("Signed<PairStatement>", signed::<PairStatement>),
    ("ComputePolicy", policy),
    ("Acceptance", plain::<Acceptance>),
];

/// What units say to each other.
pub(crate) const FRAMES: Family = &[
    ("SubmitFrame", submit_frame),
    ("Submission", plain::<Submission>),
    ("SubmitEvent", plain::<SubmitEvent>),
    ("TailFrame", plain::<TailFrame>),
    ("FollowFrame", plain::<FollowFrame>),
    ("Request", plain::<Request>),
    ("Response", plain::<Response>),
    ("Opening", plain::<Opening>),
    ("LogPage", plain::<LogPage>),
    ("OutcomePage", plain::<OutcomePage>),
    ("ProcessPage", plain::<ProcessPage>),
    ("Records", plain::<Records>),
    ("UnitStatus", plain::<UnitStatus>),
    ("Blobs", plain::<Blobs>),
    ("ModuleBytes", plain::<ModuleBytes>),
    ("NextNumber", plain::<NextNumber>),
    ("Adopted", plain::<Adopted>),
    ("HeadPage", plain::<HeadPage>),
    ("TailReport", plain::<TailReport>),
    ("Stored", plain::<Stored>),
    ("AgendaPage", plain::<AgendaPage>),
    ("OutboxPage", plain::<OutboxPage>),
    ("Kept", plain::<Kept>),
    ("ViewRequest", view_request),
];

/// What is believed for its proof.
pub(crate) const PROOFS: Family = &[
    ("AssignmentProof", assignment_proof),
    ("OriginProof", origin_proof),
    ("Provenance", provenance),
    ("Change", plain::<Change>),
    ("Outcome", outcome),
    ("Receipt", receipt),
    ("Proof", proof_file),
    ("Fault", proof_file),
    ("RefusalLeaf", plain::<RefusalLeaf>),
    ("Signed<UnitRecord>", unit_record),
    ("Signed<BatchHeader>", signed::<BatchHeader>),
    ("Signed<ReceiptBatch>", signed::<ReceiptBatch>),
    ("Signed<HeadStatement>", signed::<HeadStatement>),
    ("Signed<ViewAnswer>", signed::<ViewAnswer>),
    ("PublicKey", plain::<PublicKey>),
];

pub(crate) fn entries(bytes: &[u8]) {
    choose(ENTRIES, bytes);
}

pub(crate) fn entry_seeds() -> Vec<Vec<u8>> {
    [seeds::vectors(ENTRIES), seeds::entries()].concat()
}

pub(crate) fn frames(bytes: &[u8]) {
    choose(FRAMES, bytes);
}

pub(crate) fn frame_seeds() -> Vec<Vec<u8>> {
    let (agenda, outbox, requests) = seeds::pages();
    let seed = |name: &str, bytes: Vec<u8>| {
        let place = FRAMES.iter().position(|(of, _)| *of == name).expect("it is in the family");
        [vec![u8::try_from(place).expect("a family is small")], bytes].concat()
    };
    let mut seeds = seeds::vectors(FRAMES);
    seeds.push(seed("AgendaPage", codec::encode(&agenda)));
    seeds.push(seed("OutboxPage", codec::encode(&outbox)));
    seeds.push(seed("Kept", codec::encode(&Kept { count: 3 })));
    seeds.extend(requests.iter().map(|request| seed("Request", codec::encode(request))));
    seeds
}

pub(crate) fn proofs(bytes: &[u8]) {
    choose(PROOFS, bytes);
}

pub(crate) fn proof_seeds() -> Vec<Vec<u8>> {
    seeds::vectors(PROOFS)
}

/// A scheduler takes it apart in place, and finds what a decoder of the whole finds.
fn submit_frame(bytes: &[u8]) {
    plain::<SubmitFrame>(bytes);
    scheduler_unit::fuzzing::submissions(bytes);
}

fn holds(_: &PublicKey, _: &Hash, _: &Signature) -> bool {
    true
}

fn signed<T: Body + PartialEq + Debug>(bytes: &[u8]) {
    if let Some(signed) = decode::<Signed<T>>(bytes) {
        let body = signed.body_bytes().to_vec();
        assert_eq!(codec::encode(signed.unverified()), body);
        assert_eq!(Signed::from_parts(body, *signed.authority()).as_ref(), Ok(&signed));
        // Whether it holds or not, it does not panic.
        let _ = signed.verify_by(NETWORK, &signed.digest(), holds);
    }
}

fn entry(bytes: &[u8]) {
    let Some(entry) = decode::<Entry>(bytes) else { return };
    let (id, target) = (entry.id(), entry.target());
    match &entry {
        Entry::Spawn(spawn) => {
            assert_eq!(target.spawn_entry(), id);
            signed::<Spawn>(&codec::encode(spawn));
            policy(&codec::encode(&spawn.unverified().policy));
        }
        Entry::Message(message) => {
            assert_eq!(target, message.unverified().target);
            signed::<Message>(&codec::encode(message));
        }
        Entry::Control(control) => signed::<Control>(&codec::encode(control)),
        Entry::Answer(answer) => signed::<PairStatement>(&codec::encode(&answer.statement)),
        Entry::Delivery(delivery) | Entry::Skip(delivery) => {
            delivery.item.leaf();
            if let ItemBody::Spawn(bytes, _) = &delivery.item.body
                && let Some(spawn) = decode::<Spawn>(bytes)
            {
                let _ = spawn.check();
                policy(&codec::encode(&spawn.policy));
            }
            assert_eq!(target, delivery.item.target);
        }
        // Unsigned, and its id is checked by whoever knows the process.
        _ => {}
    }
}

fn policy(bytes: &[u8]) {
    let Some(policy) = decode::<ComputePolicy>(bytes) else { return };
    let process = protocol::ProcessId::from_bytes(*policy.digest().as_bytes());
    if policy.check().is_ok() {
        let ranked = policy.ranked(&process);
        assert_eq!(ranked.len(), policy.units.len());
        let executing = ranked.iter().filter(|unit| policy.ranking(&process).executes(unit, None));
        assert_eq!(executing.count(), usize::from(policy.quorum));
    }
}

fn view_request(bytes: &[u8]) {
    if let Some(request) = decode::<ViewRequest>(bytes) {
        request.digest();
        let _ = request.check();
    }
}

fn assignment_proof(bytes: &[u8]) {
    let Some(proof) = decode::<AssignmentProof>(bytes) else { return };
    let scheduler = proof.batch.unverified().scheduler;
    let _ = proof.verify(NETWORK, &scheduler);
    let _ = proof.assignment.follows(&Hash::ZERO);
}

/// The proof of a delivery that begins where the proof says that it does.
fn origin_proof(bytes: &[u8]) {
    let Some(proof) = decode::<OriginProof>(bytes) else { return };
    let assignment = proof.assignment.assignment;
    let delivery = Delivery {
        source: assignment.process,
        slot: assignment.slot,
        item: seeds::delivery().item,
    };
    let _ = proof.verify(NETWORK, (&delivery).into(), None, false, holds);
    let _ = proof.verify(NETWORK, (&seeds::delivery()).into(), None, true, holds);
}

fn provenance(bytes: &[u8]) {
    if let Some(provenance) = decode::<Provenance>(bytes) {
        let process = protocol::Domain::Spawn.digest(&[&provenance.spawn]);
        let process = protocol::ProcessId::from_bytes(*process.as_bytes());
        if let Ok(source) = provenance.source(&process, NETWORK) {
            assert_eq!(source.policy().check(), Ok(()));
        }
    }
}

fn outcome(bytes: &[u8]) {
    let Some(outcome) = decode::<Outcome>(bytes) else { return };
    let digest = outcome.digest();
    for (index, item) in (0..).zip(&outcome.outbox) {
        if let Some(path) = outcome.item_path(index) {
            assert_eq!(path.root_from(item.leaf()), Some(digest));
        }
    }
}

fn receipt(bytes: &[u8]) {
    if let Some(receipt) = decode::<Receipt>(bytes) {
        let _ = receipt.verify(NETWORK);
    }
}

fn proof_file(bytes: &[u8]) {
    match ProofFile::decode(bytes) {
        Ok(ProofFile::Fault(fault)) => {
            assert_eq!(decode::<Fault>(bytes).as_ref(), Some(&fault));
            if let Ok(culprits) = fault.culprits(NETWORK) {
                assert!(!culprits.is_empty());
            }
        }
        Ok(ProofFile::Proof(proof)) => {
            assert_eq!(decode::<Proof>(bytes).as_ref(), Some(&proof));
            match proof {
                Proof::Page(page) => drop(page.verify(NETWORK)),
                Proof::Key(key) => drop(key.verify(NETWORK)),
                Proof::Assignment(_) | Proof::Receipt(_) => {}
                Proof::Refusal(proof) => {
                    let _ = proof.verify(NETWORK, &proof.batch.unverified().scheduler);
                }
            }
        }
        Err(_) => {
            assert_eq!(decode::<Fault>(bytes), None);
            assert_eq!(decode::<Proof>(bytes), None);
        }
    }
}

fn unit_record(bytes: &[u8]) {
    if let Some(record) = decode::<Signed<UnitRecord>>(bytes) {
        let _ = record.check_record(NETWORK, Timestamp::ZERO);
        signed::<UnitRecord>(bytes);
    }
}
