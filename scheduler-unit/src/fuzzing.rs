//! What fuzzers drive: the order of logs against a model of it, and batches as they lie on disk.

mod model;
mod operations;

use bytes::Bytes;
use protocol::{
    MerkleTree, Refusal,
    api::{SubmitFrame, TailFrame},
    codec,
};

use crate::{segment::Segment, store::Derived, submit::Received};

pub use operations::order;

/// Takes bytes apart as a frame of submissions.
///
/// # Panics
///
/// If that finds anything else than decoding them as a whole.
pub fn submissions(bytes: &[u8]) {
    let apart = Received::read(&Bytes::copy_from_slice(bytes)).and_then(|received| {
        let decoded = received.into_iter().map(Received::decode);
        decoded.map(|said| Ok(said?.submission)).collect::<Result<Vec<_>, Refusal>>()
    });
    let whole = codec::decode::<SubmitFrame>(bytes).map(|frame| frame.submissions);
    // A basis is read when a link leads to it.
    let has_basis = bytes.first() == Some(&0x82);
    assert!(apart.is_ok() || whole.is_err());
    assert!(apart.as_ref().ok() == whole.as_ref().ok() || has_basis && whole.is_err());
}

/// Reads bytes as a stored batch: whatever a disk makes of them, they are read or called damaged.
///
/// # Panics
///
/// If readers disagree about the bytes.
pub fn segment(bytes: &[u8]) {
    let derived = Derived::default().add(0, bytes);
    let Ok(segment) = Segment::read(bytes) else {
        assert!(derived.is_err(), "what cannot be read cannot be indexed");
        return;
    };
    let root = segment.tree().ok().as_ref().map(MerkleTree::root);
    for record in &segment.records {
        let (process, slot) = (record.assignment.process, record.assignment.slot);
        let found = segment.record(&process, slot).expect("it is there");
        if let Ok(Some(proof)) = segment.proof(&process, slot) {
            assert_eq!(proof.assignment, found.assignment);
            assert_eq!(segment.batch().ok().as_ref(), Some(&proof.batch));
            let ours = segment.tree().ok().and_then(|tree| tree.path(found.index));
            assert_eq!(ours.as_ref(), Some(&proof.path));
            assert!(root.is_some());
        }
    }
    // A frame of a tail is the batch with some of its records.
    if let Ok(mut frame) = codec::decode::<TailFrame>(bytes) {
        assert_eq!(segment.with_records(&segment.records, &segment.refusals), bytes);
        if let Some((last, kept)) = segment.records.split_last() {
            assert_eq!(frame.records.pop().map(|record| record.assignment), Some(last.assignment));
            assert_eq!(segment.with_records(kept, &segment.refusals), codec::encode(&frame));
        }
    }
}
