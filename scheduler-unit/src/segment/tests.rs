use proptest::prelude::*;
use protocol::{Entry, api::TailFrame, codec};

use super::*;
use crate::fixture::{NETWORK, NOW, Teller, opened, process, scheduler, spawn, submission};
use crate::{sequencer::testing::Bench, store::testing::FaultDisk};

/// The bytes of a batch with two spawns and a delivery.
fn segment() -> Vec<u8> {
    let disk = FaultDisk::new();
    let mut bench = Bench::new(opened(&disk));
    let teller = Teller::new(process(1, NOW), 1);
    bench.submit(vec![
        submission(0, spawn(1, NOW)),
        submission(1, spawn(2, NOW)),
        teller.delivery(2, 0),
    ]);
    bench.archive().log.segment(0).unwrap()
}

#[test]
fn a_segment_is_a_canonical_tail_frame() {
    let bytes = segment();
    let frame: TailFrame = codec::decode(&bytes).unwrap();
    let segment = Segment::read(&bytes).unwrap();
    assert_eq!(segment.batch().unwrap(), frame.batch);
    assert_eq!(segment.tree().unwrap(), MerkleTree::new(frame.leaves.clone()));
    assert_eq!(segment.records.len(), frame.records.len());
    for (record, expected) in segment.records.iter().zip(&frame.records) {
        assert_eq!(record.index, expected.index);
        assert_eq!(record.assignment, expected.assignment);
        assert_eq!(record.entry, expected.entry);
        assert_eq!(record.origin, expected.origin.as_ref().map(|origin| origin.as_slice()));
        codec::decode::<Entry>(record.entry).unwrap();
    }
}

#[test]
fn a_part_of_a_segment_is_a_canonical_tail_frame() {
    let bytes = segment();
    let segment = Segment::read(&bytes).unwrap();
    assert_eq!(segment.with_records(&segment.records, &[]), bytes);
    let part = segment.with_records(&segment.records[1..2], &[]);
    let frame: TailFrame = codec::decode(&part).unwrap();
    assert_eq!((frame.records.len(), frame.records[0].index), (1, 1));
    assert_eq!(frame.leaves.len(), 3);
}

#[test]
fn every_record_has_its_proof() {
    let bytes = segment();
    let segment = Segment::read(&bytes).unwrap();
    for record in &segment.records {
        let (process, slot) = (record.assignment.process, record.assignment.slot);
        let proof = segment.proof(&process, slot).unwrap().unwrap();
        proof.verify(NETWORK, &scheduler().public().unit()).unwrap();
    }
}

#[test]
fn damage_is_reported_and_never_panics() {
    let bytes = segment();
    for length in 0..bytes.len() {
        assert!(matches!(Segment::read(&bytes[..length]), Err(StoreError::Damaged(_))));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Segment::read(&bytes);
    }
}

#[test]
fn a_slot_that_none_can_follow_is_damage() {
    let mut frame: TailFrame = codec::decode(&segment()).unwrap();
    frame.records[1].assignment.slot = Slot::new(u64::MAX);
    let bytes = codec::encode(&frame);
    assert!(matches!(Segment::read(&bytes), Err(StoreError::Damaged(_))));
    assert!(crate::store::Derived::default().add(0, &bytes).is_err());
}

#[test]
fn what_is_built_is_the_frame_of_tails() {
    let bytes = segment();
    let frame: TailFrame = codec::decode(&bytes).unwrap();
    let mut builder = Builder::default();
    for record in &frame.records {
        let origin = record.origin.clone().map(|proof| Origin::Whole(Vec::from(proof).into()));
        builder.add(record.index, &record.assignment, &record.entry, origin.as_ref());
    }
    assert_eq!(builder.finish(&frame.batch, &frame.leaves, &[]), bytes);
    assert_eq!(
        codec::decode::<TailFrame>(&builder.finish(&frame.batch, &[], &[])).unwrap().records,
        []
    );
}
