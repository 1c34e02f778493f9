use std::sync::Arc;

use bytes::Bytes;
use protocol::{Limits, SecretKey, api::TailFrame};
use tempfile::TempDir;

use super::*;
use crate::{archive::Archive, given::Given, testing::Log};

/// A unit's archive, and a log of which some frames are on disk and others in memory.
struct Bench {
    log: Log,
    store: Arc<Store>,
    archive: Archive,
    number: u64,
    _directory: TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(directory.path()).unwrap());
        let given = Arc::new(Given::resume(store.next_given().unwrap()));
        let archive = Archive { store: Arc::clone(&store), given };
        let log = Log::new(b"module", Limits::DEFAULT);
        Self { log, store, archive, number: 0, _directory: directory }
    }

    /// A frame of so many messages, the spawn first where the log begins.
    fn frame(&mut self, count: usize) -> (TailFrame, Run) {
        let spawn = (self.number == 0).then(|| protocol::Entry::Spawn(self.log.spawn.clone()));
        let messages = (0..count).map(|_| self.log.message("m", &[0xa0]));
        let entries: Vec<_> = spawn.into_iter().chain(messages).collect();
        let frame = self.log.frame(&entries);
        let slots: Vec<Slot> = frame.records.iter().map(|record| record.assignment.slot).collect();
        let opens = self.number == 0;
        let run =
            Run { process: self.log.process, first: slots[0], last: *slots.last().unwrap(), opens };
        self.number += 1;
        (frame, run)
    }

    fn store(&mut self, count: usize) {
        let number = self.number;
        let (frame, run) = self.frame(count);
        let bytes = Bytes::from(codec::encode(&frame));
        let scheduler = self.log.scheduler.public().unit();
        let given = GivenFrame::new(number, scheduler, bytes, vec![run]);
        self.store.append(&[Arc::new(given)], &[]).unwrap();
    }

    async fn note(&mut self, count: usize) {
        let (frame, run) = self.frame(count);
        let bytes = Bytes::from(codec::encode(&frame));
        let scheduler = self.log.scheduler.public().unit();
        self.archive.given.note(scheduler, bytes, vec![run], vec![]).await;
    }

    fn slots(&self, from: u64) -> Vec<u64> {
        let mut reading = self.archive.read(self.log.process, Slot::new(from));
        let mut slots = Vec::new();
        while let Some(frame) = reading.next().unwrap() {
            let frame: TailFrame = codec::decode(&frame).unwrap();
            slots.extend(frame.records.iter().map(|record| record.assignment.slot.get()));
        }
        slots
    }
}

#[tokio::test]
async fn a_log_is_shown_from_any_slot_out_of_memory_and_disk() {
    let mut bench = Bench::new();
    bench.store(3);
    bench.store(2);
    bench.archive = Archive {
        store: Arc::clone(&bench.store),
        given: Arc::new(Given::resume(bench.store.next_given().unwrap())),
    };
    bench.note(1).await;
    bench.note(2).await;
    assert_eq!(bench.slots(0), (0..=8).collect::<Vec<_>>());
    assert_eq!(bench.slots(3), (3..=8).collect::<Vec<_>>());
    assert_eq!(bench.slots(7), [7, 8]);
    assert_eq!(bench.slots(9), Vec::<u64>::new());
    let scheduler = bench.log.scheduler.public().unit();
    for slot in 0..=8 {
        let proof = bench.archive.proof(&bench.log.process, Slot::new(slot)).unwrap().unwrap();
        assert_eq!(proof.assignment.slot, Slot::new(slot));
        assert_eq!(proof.verify(crate::testing::NETWORK, &scheduler), Ok(()));
    }
    assert_eq!(bench.archive.proof(&bench.log.process, Slot::new(9)).unwrap(), None);
    // What moves to disk is shown once.
    let noted = bench.archive.given.unstored();
    bench.store.append(&noted, &[]).unwrap();
    assert_eq!(bench.slots(2), (2..=8).collect::<Vec<_>>());
    bench.archive.given.mark_stored(4);
    assert_eq!(bench.archive.given.unstored().len(), 0);
    assert_eq!(bench.slots(0), (0..=8).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_later_frame_begins_with_takes_the_place_of_what_was_void() {
    let mut bench = Bench::new();
    bench.store(2);
    let fork = bench.log.head();
    bench.store(3);
    bench.log.back_to(fork);
    bench.log.scheduler = SecretKey::from_seed(&[8; 32]);
    bench.archive = Archive {
        store: Arc::clone(&bench.store),
        given: Arc::new(Given::resume(bench.store.next_given().unwrap())),
    };
    bench.note(1).await;
    bench.note(1).await;
    assert_eq!(bench.slots(0), [0, 1, 2, 3, 4]);
    let of = |slot| {
        let proof = bench.archive.proof(&bench.log.process, Slot::new(slot)).unwrap();
        proof.map(|proof| proof.batch.unverified().scheduler)
    };
    let (old, new) = (SecretKey::from_seed(&[2; 32]), SecretKey::from_seed(&[8; 32]));
    assert_eq!(of(2), Some(old.public().unit()));
    assert_eq!(of(3), Some(new.public().unit()));
    assert_eq!(of(5), None, "what was there is void");
    let noted = bench.archive.given.unstored();
    bench.store.append(&noted, &[]).unwrap();
    bench.archive.given.mark_stored(u64::MAX);
    assert_eq!(bench.slots(0), [0, 1, 2, 3, 4]);
    let end = bench.store.pieces(&bench.log.process, (Slot::new(5), 0), 10).unwrap();
    assert_eq!(end.len(), 0);
}

#[test]
fn heads_are_told_of_the_logs_that_a_scheduler_has_ordered() {
    let mut bench = Bench::new();
    bench.store(2);
    let scheduler = bench.log.scheduler.public().unit();
    let page = bench.store.heads_of(&scheduler, (None, 10), &BTreeMap::new()).unwrap();
    assert_eq!((page.heads.len(), page.more), (0, false), "nothing is executed");
    let stranger = SecretKey::from_seed(&[8; 32]).public().unit();
    assert_eq!(
        bench.store.heads_of(&stranger, (None, 10), &BTreeMap::new()).unwrap().heads.len(),
        0
    );
}

#[test]
fn a_given_frame_that_is_missing_is_an_error_and_not_a_panic() {
    let bench = Bench::new();
    assert!(matches!(bench.store.given(3), Err(StoreError::Given(3))));
}
