use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use protocol::{TimerKind, Timestamp, codec};
use tempfile::TempDir;

use super::*;
use crate::{feed::Feed, published::Published, store::Store, testing::receipts};

fn process(seed: u8) -> ProcessId {
    ProcessId::from_bytes([seed; 32])
}

fn timer(seed: u8, slot: u64, occurrence: u64) -> Timer {
    let (slot, due) = (Slot::new(slot), Timestamp::new(occurrence));
    let kind = if occurrence > 0 { TimerKind::Timer } else { TimerKind::AskTimeout };
    Timer { process: process(seed), slot, index: 0, occurrence, kind, due }
}

struct Bench {
    directory: TempDir,
    published: Published,
    /// What must be told.
    model: BTreeMap<AgendaKey, Timer>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let published = open(&directory);
        Self { directory, published, model: BTreeMap::new() }
    }

    fn publish(&mut self, change: AgendaChange) {
        let AgendaChange { process, whole, waits, closed } = &change;
        if *whole {
            self.model.retain(|key, _| key.process != *process);
        }
        self.model.extend(waits.iter().map(|timer| (key(timer), *timer)));
        for (slot, index) in closed {
            self.model.remove(&AgendaKey { process: *process, slot: *slot, index: *index });
        }
        let frame = receipts::frame(vec![]);
        let bytes = Bytes::from(codec::encode(&frame));
        self.published.feed.publish(frame, bytes, vec![change]);
    }

    fn keep(&self) {
        let frames = self.published.feed.unstored(usize::MAX);
        self.published.store.append(&[], &frames).unwrap();
        let next = self.published.store.next_frame().unwrap();
        self.published.feed.mark_stored(next);
    }

    fn restart(&mut self) {
        self.keep();
        // A database is open once at a time.
        self.published = open(&tempfile::tempdir().unwrap());
        self.published = open(&self.directory);
    }

    /// Everything, in pages of this size.
    fn told(&self, most: usize) -> Vec<Timer> {
        let (mut told, mut after) = (Vec::new(), None);
        loop {
            let page = self.published.agenda(after, most).unwrap();
            assert!(page.timers.len() == most || !page.more);
            told.extend(page.timers);
            if !page.more {
                return told;
            }
            after = told.last().map(key);
        }
    }

    #[track_caller]
    fn check(&self) {
        let expected: Vec<Timer> = self.model.values().copied().collect();
        for most in [1, 2, 100] {
            assert_eq!(self.told(most), expected);
        }
    }
}

fn open(directory: &TempDir) -> Published {
    let store = Arc::new(Store::open(directory.path()).unwrap());
    let feed = Arc::new(Feed::resume(store.next_frame().unwrap()));
    Published { store, feed }
}

fn waits(timer: Timer) -> AgendaChange {
    AgendaChange { process: timer.process, whole: false, waits: vec![timer], closed: vec![] }
}

fn closes(timer: Timer) -> AgendaChange {
    let closed = vec![(timer.slot, timer.index)];
    AgendaChange { process: timer.process, whole: false, waits: vec![], closed }
}

#[test]
fn what_is_waited_for_survives_a_restart() {
    let mut bench = Bench::new();
    bench.publish(waits(timer(1, 1, 0)));
    bench.publish(waits(timer(2, 1, 5)));
    bench.publish(waits(timer(1, 2, 0)));
    bench.check();
    bench.restart();
    bench.check();
    bench.publish(closes(timer(1, 1, 0)));
    bench.publish(waits(timer(2, 1, 6)));
    bench.check();
    bench.restart();
    bench.check();
    assert_eq!(bench.model.len(), 2);
}

#[test]
fn what_takes_the_place_of_void_slots_tells_everything() {
    let mut bench = Bench::new();
    for slot in 1..=3 {
        bench.publish(waits(timer(1, slot, 0)));
        bench.publish(waits(timer(2, slot, 0)));
    }
    bench.keep();
    bench.publish(waits(timer(1, 4, 0)));
    let waits = vec![timer(1, 1, 0), timer(1, 5, 2)];
    bench.publish(AgendaChange { process: process(1), whole: true, waits, closed: vec![] });
    bench.check();
    bench.restart();
    bench.check();
    assert_eq!(bench.model.len(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn memory_and_disk_tell_the_same(
        steps in proptest::collection::vec((0..5_u8, 1..3_u8, 1..4_u64, 0..3_u64), 1..40)
    ) {
        let mut bench = Bench::new();
        for (step, process, slot, occurrence) in steps {
            let timer = timer(process, slot, occurrence);
            match step {
                0 | 1 => bench.publish(waits(timer)),
                2 => bench.publish(closes(timer)),
                3 => bench.publish(AgendaChange { whole: true, ..waits(timer) }),
                _ => bench.keep(),
            }
            bench.check();
        }
    }
}
