use protocol::{
    Entry, Hash, NetworkId, OriginProof, ProcessId, RefusalCode, SecretKey, Slot, Timer, TimerKind,
    Timestamp,
    api::{ExecutedEntry, Submission, SubmitEvent, SubmitFrame},
    codec,
};

use super::*;

fn timer(index: u32) -> Entry {
    Entry::Timer(Timer {
        process: ProcessId::from_bytes([1; 32]),
        slot: Slot::new(3),
        index,
        occurrence: 0,
        kind: TimerKind::Timer,
        due: Timestamp::new(5),
    })
}

#[test]
fn a_frame_is_what_the_owned_type_encodes_to() {
    for count in [0, 1, 23, 24, 300] {
        let submissions: Vec<_> =
            (0..count).map(|index| Submission::bare(index.into(), timer(index))).collect();
        let mut builder = FrameBuilder::default();
        for Submission { tag, entry, .. } in &submissions {
            assert!(builder.push(*tag, entry, None::<&OriginProof>, None, None));
        }
        assert_eq!(builder.take(), codec::encode(&SubmitFrame { submissions, basis: None }));
        assert!(builder.is_empty());
    }
}

#[test]
fn what_no_frame_can_hold_is_not_added() {
    let mut builder = FrameBuilder::default();
    assert!(builder.push(1, &timer(0), None::<&OriginProof>, None, None));
    let huge = minicbor::bytes::ByteVec::from(vec![0; FrameBuilder::MAX]);
    assert!(!builder.push(2, &huge, None::<&OriginProof>, None, None));
    let submissions = vec![Submission::bare(1, timer(0))];
    assert_eq!(builder.take(), codec::encode(&SubmitFrame { submissions, basis: None }));
}

#[test]
fn events_are_what_the_owned_types_encode_to() {
    let refusal = Refusal::new(RefusalCode::Busy, "later");
    let borrowed = codec::encode(&EventRef::Refused { tag: 9, refusal: &refusal });
    assert_eq!(borrowed, codec::encode(&SubmitEvent::Refused { tag: 9, refusal }));

    let key = SecretKey::from_seed(&[1; 32]);
    let outcome = Outcome {
        version: protocol::V1,
        process: ProcessId::from_bytes([1; 32]),
        slot: Slot::new(3),
        entry: timer(0).id(),
        reply: protocol::Reply::Later,
        gas: protocol::Gas::new(1),
        logs: Vec::new(),
        events: Vec::new(),
        outbox: Vec::new(),
    };
    let leaf = ReceiptLeaf {
        process: outcome.process,
        slot: outcome.slot,
        chain: Hash::ZERO,
        profile: protocol::ProfileId::from_bytes([2; 32]),
        outcome: outcome.digest(),
        gas: outcome.gas,
        previous: None,
        state_root: None,
    };
    let tree = protocol::MerkleTree::new(vec![leaf.leaf()]);
    let batch = ReceiptBatch {
        version: protocol::V1,
        kind: protocol::Kind,
        network: NetworkId::from_bytes([7; 32]),
        unit: key.public().unit(),
        count: 1,
        root: tree.root(),
        engine: String::new(),
    };
    let (batch, path) = (Signed::sign(batch, &key), tree.path(0).unwrap());
    let entry = ExecutedRef { tag: 4, outcome: &outcome, leaf: &leaf, path: &path };
    let borrowed = codec::encode(&EventRef::Executed { batch: &batch, entries: &[entry] });
    let entries = vec![ExecutedEntry { tag: 4, outcome, leaf, path }];
    assert_eq!(borrowed, codec::encode(&SubmitEvent::Executed { batch, entries }));
}
