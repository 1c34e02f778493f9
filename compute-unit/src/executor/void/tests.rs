use std::{
    sync::mpsc::{Receiver, sync_channel},
    time::Duration,
};

use bytes::Bytes;
use protocol::{Limits, SecretKey, codec};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::*;
use crate::{
    Engine,
    checkpoint::{CheckpointStore, Writer},
    crew::Crew,
    executor::{Batch, Executor, Interval, Parts, Pushed, Room},
    feed::Feed,
    fixture::actor,
    metrics::Metrics,
    module::Modules,
    published::Published,
    publisher::{Publication, seal},
    reports::Reports,
    store::Store,
    tail::Tail,
    testing::{Log, NETWORK},
};

/// An executor whose publications are published, and the tail of a new scheduler.
struct Bench {
    executor: Executor,
    crew: Crew,
    queue: Receiver<Publication>,
    metrics: Arc<Metrics>,
    feed: Arc<Feed>,
    reports: Arc<Reports>,
    log: Log,
    tail: Tail,
    seen: u64,
    _directory: TempDir,
}

fn next_scheduler() -> SecretKey {
    SecretKey::from_seed(&[8; 32])
}

impl Bench {
    fn new() -> Self {
        let answer = (r#"(data (i32.const 512) "\82\82\00\41\f6\80")"#, "i64.const 2199023255558");
        let wasm = actor(answer.0, answer.1);
        let directory = tempfile::tempdir().unwrap();
        let (publisher, queue) = sync_channel(4_096);
        let crew = Crew::default();
        let metrics = Arc::<Metrics>::default();
        let modules = Arc::new(Modules::new(Engine::new().unwrap(), Modules::KEPT));
        modules.compile(&wasm).unwrap();
        let store = Arc::new(CheckpointStore::open(directory.path(), 4).unwrap());
        let feed = Arc::new(Feed::resume(0));
        let outcomes = Arc::new(Store::open(directory.path()).unwrap());
        let parts = Parts {
            publisher,
            backlog: Arc::default(),
            writer: Writer::start(&crew, Arc::clone(&store), Arc::clone(&metrics)).unwrap(),
            store,
            published: Published { store: outcomes, feed: Arc::clone(&feed) },
            modules,
            room: Room { processes: 1_000, bytes: usize::MAX },
            interval: Interval { slots: 2, gas: u64::MAX, bytes: u64::MAX },
            metrics: Arc::clone(&metrics),
        };
        let executor = Executor::start((&crew, 1), parts).unwrap();
        let log = Log::new(&wasm, Limits::DEFAULT);
        executor.host(log.process, log.scheduler.public().unit(), None, None);
        let unit = log.compute.public().unit();
        let tail = Tail::new(unit, next_scheduler().public().unit(), NETWORK, true);
        let reports = Arc::default();
        Self {
            executor,
            crew,
            queue,
            metrics,
            feed,
            reports,
            log,
            tail,
            seen: 0,
            _directory: directory,
        }
    }

    /// Queues a frame that the new scheduler has handed on, or signed; how many slots were taken.
    fn bring(&mut self, frame: &protocol::api::TailFrame) -> usize {
        let room = Arc::new(Semaphore::new(1 << 20));
        let checked = self.tail.handle_frame(&codec::encode(frame)).unwrap();
        let (header, tree, reports) = (checked.header, checked.tree, Arc::clone(&self.reports));
        let batch = Arc::new(Batch { header, tree, reports });
        let push = |slot: crate::tail::Checked| {
            self.executor.push(super::super::Work {
                assignment: slot.record.assignment,
                entry: slot.entry,
                index: slot.record.index,
                batch: Arc::clone(&batch),
                share: Arc::clone(&room).try_acquire_many_owned(1_000).unwrap(),
            })
        };
        checked.slots.into_iter().map(push).filter(|pushed| *pushed == Pushed::Queued).count()
    }

    /// Publishes so many slots, as they come.
    fn publish(&self, count: usize) -> Vec<u64> {
        let publish = |_| {
            let publication = self.queue.recv_timeout(Duration::from_secs(60)).unwrap();
            let slot = publication.executed.leaf.slot.get();
            let frame = seal(&self.log.compute, NETWORK, vec![publication]);
            let bytes = Bytes::from(codec::encode(&frame));
            self.feed.publish(frame, bytes);
            slot
        };
        (0..count).map(publish).collect()
    }

    /// Waits until the log has to be read again.
    fn rewound(&mut self) -> Rewind {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut drained = self.executor.drained();
        loop {
            drained.borrow_and_update();
            let rewinds = self.executor.rewinds(&mut self.seen, |_| true);
            if let Some((process, rewind)) = rewinds.first() {
                self.tail.rewind(process, rewind.to);
                return *rewind;
            }
            runtime.block_on(drained.changed()).unwrap();
        }
    }

    fn messages(&mut self, count: usize) -> protocol::api::TailFrame {
        let entries: Vec<Entry> = (0..count).map(|_| self.log.message("m", &[0xa0])).collect();
        self.log.frame(&entries)
    }

    /// Lets the next scheduler take over behind a slot.
    fn take_over(&mut self, (slot, chain): (Slot, protocol::Hash)) -> protocol::api::TailFrame {
        self.log.back_to((slot, chain));
        let scheduler = next_scheduler().public().unit();
        let control = self.log.control(ControlAction::Takeover { scheduler, slot, chain });
        self.log.turn(Some(&next_scheduler()));
        self.log.frame(&[control])
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.executor.stop();
        assert!(self.crew.wait(Duration::from_secs(60)), "no thread is lost");
    }
}

#[test]
fn void_slots_are_executed_again_as_they_are_now_and_nothing_before_them_is_published_twice() {
    let mut bench = Bench::new();
    let spawn = Entry::Spawn(bench.log.spawn.clone());
    let first = bench.log.frame(&[spawn]);
    let second = bench.messages(3);
    let fork = bench.log.head();
    let void = bench.messages(4);
    assert_eq!((bench.bring(&first), bench.bring(&second), bench.bring(&void)), (1, 3, 4));
    assert_eq!(bench.publish(8), (0..=7).collect::<Vec<_>>());
    // The new scheduler serves the log without what is void.
    let takeover = bench.take_over(fork);
    bench.tail.rewind(&bench.log.process, None);
    assert_eq!((bench.bring(&first), bench.bring(&second), bench.bring(&takeover)), (0, 0, 0));
    let rewind = bench.rewound();
    assert!(!rewind.alone && rewind.to.is_none_or(|to| to.slot <= fork.0), "{rewind:?}");
    let mut taken = 0;
    for frame in [&first, &second, &takeover] {
        taken += bench.bring(frame);
    }
    assert!(taken >= 1);
    let later = bench.messages(2);
    assert_eq!(bench.bring(&later), 2);
    assert_eq!(bench.publish(3), [4, 5, 6]);
    let chain = |slot| bench.executor.shared.published.chain(&bench.log.process, Slot::new(slot));
    assert_eq!(chain(3), Some(fork.1));
    assert_eq!(chain(4), Some(takeover.records[0].assignment.chain));
    assert_eq!(chain(6), Some(later.records[1].assignment.chain));
    assert_eq!(chain(7), None, "what was there is void");
    assert_eq!(bench.metrics.processes_voided.get(), 1);
    assert_eq!(bench.metrics.processes_halted.get(), 0);
    // The newest checkpoint is of slots that count.
    let store = &bench.executor.shared.store;
    let newest = store.newest_slot(&bench.log.process, Slot::new(u64::MAX)).unwrap();
    assert!(newest.is_none_or(|slot| slot <= Slot::new(6)));
}

#[test]
fn a_log_that_the_lost_scheduler_had_forked_before_is_executed_from_the_start() {
    let mut bench = Bench::new();
    let spawn = Entry::Spawn(bench.log.spawn.clone());
    let first = bench.log.frame(&[spawn]);
    let before = bench.log.head();
    let other = bench.messages(3);
    assert_eq!((bench.bring(&first), bench.bring(&other)), (1, 3));
    assert_eq!(bench.publish(4), [0, 1, 2, 3]);
    bench.log.back_to(before);
    let entry = bench.log.message("another", &[0xa0]);
    let counts = bench.log.frame(&[entry]);
    let takeover = bench.take_over(bench.log.head());
    bench.tail.rewind(&bench.log.process, None);
    assert_eq!((bench.bring(&first), bench.bring(&counts), bench.bring(&takeover)), (0, 0, 0));
    assert_eq!(bench.rewound(), Rewind { to: None, alone: true });
    assert_eq!((bench.bring(&first), bench.bring(&counts), bench.bring(&takeover)), (1, 1, 1));
    assert_eq!(bench.publish(3), [0, 1, 2]);
    let chain = |slot| bench.executor.shared.published.chain(&bench.log.process, Slot::new(slot));
    assert_eq!(chain(1), Some(counts.records[0].assignment.chain));
    assert_eq!(chain(3), None);
}

#[test]
fn the_scheduler_whose_batch_it_was_hears_how_far_a_log_is_executed() {
    let mut bench = Bench::new();
    let spawn = Entry::Spawn(bench.log.spawn.clone());
    let first = bench.log.frame(&[spawn]);
    let second = bench.messages(2);
    bench.bring(&first);
    bench.bring(&second);
    bench.publish(3);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut last = None;
    while last != Some(Slot::new(3)) {
        let report = runtime.block_on(bench.reports.next());
        last = report.executed.first().map(|cursor| cursor.slot);
    }
    assert_eq!(bench.executor.executed(&bench.log.process), Some(Slot::new(3)));
}
