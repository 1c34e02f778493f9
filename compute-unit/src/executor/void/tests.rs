use std::{
    sync::mpsc::{Receiver, sync_channel},
    time::Duration,
};

use bytes::Bytes;
use protocol::{Limits, Position, SecretKey, api::TailFrame, codec};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::*;
use crate::{
    Engine,
    archive::Archive,
    checkpoint::{CheckpointStore, Writer},
    crew::Crew,
    executor::{Batch, Executor, Interval, Parts, Pushed, Room},
    feed::Feed,
    fixture::actor,
    given::{Given, GivenFrame},
    metrics::Metrics,
    module::Modules,
    published::Published,
    publisher::Assigning,
    publisher::{Publication, seal},
    reports::Reports,
    resuming::{Left, resumes},
    store::Store,
    tail::{Moves, Tail},
    testing::{Log, NETWORK},
};

/// An executor whose publications are published, and the tail of a new scheduler.
struct Bench {
    executor: Executor,
    crew: Crew,
    queue: Receiver<Publication>,
    metrics: Arc<Metrics>,
    published: Published,
    checkpoints: Arc<CheckpointStore>,
    reports: Arc<Reports>,
    log: Log,
    wasm: Vec<u8>,
    tail: Tail,
    moves: Arc<Moves>,
    seen: u64,
    _directory: TempDir,
}

fn next_scheduler() -> SecretKey {
    SecretKey::from_seed(&[8; 32])
}

/// What a run of a unit has of its own.
type Run = (Executor, Crew, Receiver<Publication>, Arc<Metrics>);

fn start(wasm: &[u8], published: &Published, store: &Arc<CheckpointStore>) -> Run {
    let (publisher, queue) = sync_channel(4_096);
    let crew = Crew::default();
    let metrics = Arc::<Metrics>::default();
    let modules = Arc::new(Modules::new(Engine::new().unwrap(), Modules::KEPT));
    modules.compile(wasm).unwrap();
    let parts = Parts {
        publisher,
        backlog: Arc::default(),
        writer: Writer::start(&crew, Arc::clone(store), Arc::clone(&metrics)).unwrap(),
        store: Arc::clone(store),
        published: published.clone(),
        modules,
        room: Room { processes: 1_000, bytes: usize::MAX },
        interval: Interval { slots: 2, gas: u64::MAX, bytes: u64::MAX },
        metrics: Arc::clone(&metrics),
    };
    let executor = Executor::start((&crew, 1), parts).unwrap();
    (executor, crew, queue, metrics)
}

/// The tail of the scheduler that takes over.
fn new_tail(log: &Log) -> Tail {
    let unit = log.compute.public().unit();
    Tail::new(unit, next_scheduler().public().unit(), NETWORK, true)
}

impl Bench {
    fn new() -> Self {
        let answer = (r#"(data (i32.const 512) "\82\82\00\41\f6\80")"#, "i64.const 2199023255558");
        let wasm = actor(answer.0, answer.1);
        let directory = tempfile::tempdir().unwrap();
        let checkpoints = Arc::new(CheckpointStore::open(directory.path(), 4).unwrap());
        let store = Arc::new(Store::open(directory.path()).unwrap());
        let published = Published { store, feed: Arc::new(Feed::resume(0)) };
        let (executor, crew, queue, metrics) = start(&wasm, &published, &checkpoints);
        let log = Log::new(&wasm, Limits::DEFAULT);
        executor.host(log.process, log.scheduler.public().unit(), None, None);
        let (tail, reports) = (new_tail(&log), Arc::default());
        Self {
            executor,
            crew,
            queue,
            metrics,
            published,
            checkpoints,
            reports,
            log,
            wasm,
            tail,
            moves: Arc::default(),
            seen: 0,
            _directory: directory,
        }
    }

    /// Stores what is published.
    fn keep(&self) {
        let frames = self.published.feed.unstored(usize::MAX);
        self.published.store.append(&[], &frames).unwrap();
        self.published.feed.mark_stored(self.published.store.next_frame().unwrap());
    }

    fn stop(&self) {
        self.executor.stop();
        assert!(self.crew.wait(Duration::from_secs(60)), "no thread is lost");
    }

    /// Ends the run and begins another one with what is stored. Where the process goes on.
    fn restart(&mut self) -> Option<Position> {
        self.stop();
        let store = Arc::clone(&self.published.store);
        let feed = Arc::new(Feed::resume(store.next_frame().unwrap()));
        self.published = Published { store, feed };
        let run = start(&self.wasm, &self.published, &self.checkpoints);
        (self.executor, self.crew, self.queue, self.metrics) = run;
        (self.tail, self.seen) = (new_tail(&self.log), 0);
        let store = Arc::clone(&self.published.store);
        let given = Arc::new(Given::resume(store.next_given().unwrap()));
        let (heads, archive) = (store.heads().unwrap(), Archive { store, given });
        let left = Left {
            published: &self.published,
            archive: &archive,
            checkpoints: &self.checkpoints,
            heads: &heads,
        };
        self.moves = Arc::default();
        let resumes = resumes(left, &self.moves, &self.executor).unwrap();
        let (process, scheduler) = (self.log.process, next_scheduler().public().unit());
        self.executor.host(process, scheduler, heads.get(&process).copied(), None);
        for resume in resumes.get(&scheduler).into_iter().flatten() {
            self.tail.resume_at(process, &resume.lineage, resume.position);
        }
        resumes.into_values().flatten().next().map(|resume| resume.position)
    }

    /// Ends the run, and loses all checkpoints.
    fn lose_checkpoints(&self) {
        self.stop();
        while let Some(slot) = self.newest_checkpoint() {
            self.checkpoints.discard(&self.log.process, slot).unwrap();
        }
    }

    fn newest_checkpoint(&self) -> Option<Slot> {
        self.checkpoints.newest_slot(&self.log.process, Slot::new(u64::MAX)).unwrap()
    }

    /// Waits until there is a checkpoint of the last slot.
    fn save(&self) {
        while self.newest_checkpoint() != Some(self.log.head().0) {
            self.executor.sweep();
            std::thread::yield_now();
        }
    }

    /// Has frames executed, as often as the log has to be read again, until these slots and no
    /// others are published.
    fn follow(&mut self, frames: &[&TailFrame], slots: &[u64]) {
        let mut published = Vec::new();
        let mut again = true;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while published.len() < slots.len() {
            if std::mem::take(&mut again) {
                frames.iter().for_each(|frame| _ = self.bring(frame));
            }
            match self.queue.recv_timeout(Duration::from_millis(1)) {
                Ok(publication) => published.push(self.publish_one(publication)),
                Err(_) => {
                    assert!(tokio::time::Instant::now() < deadline, "only {published:?}");
                    for (process, rewind) in self.executor.rewinds(&mut self.seen, |_| true) {
                        self.tail.rewind(&process, rewind.to);
                        again = true;
                    }
                }
            }
        }
        assert_eq!(published, slots);
        assert_eq!(self.metrics.processes_halted.get(), 0);
    }

    /// Notes a frame as given to this unit, on its disk.
    fn note(&self, frame: &TailFrame, opens: bool) {
        let number = self.published.store.next_given().unwrap();
        let slots = frame.records.iter().map(|record| record.assignment.slot);
        let (first, last) = (slots.clone().min().unwrap(), slots.max().unwrap());
        let run = crate::given::Run { process: self.log.process, first, last, opens };
        let scheduler = frame.batch.unverified().scheduler;
        let bytes = Bytes::from(codec::encode(frame));
        let mut given = GivenFrame::new(number, scheduler, bytes, vec![run]);
        let controls = frame.records.iter().filter_map(|record| {
            let Entry::Control(control) = codec::decode(&record.entry).unwrap() else {
                return None;
            };
            Some((self.log.process, record.assignment.slot, codec::encode(&control)))
        });
        given.controls = controls.collect();
        self.published.store.append(&[Arc::new(given)], &[]).unwrap();
    }

    /// The chain hash of a slot as it is published.
    fn chain(&self, slot: u64) -> Option<Hash> {
        self.published.chain(&self.log.process, Slot::new(slot))
    }

    /// Queues a frame that the new scheduler has handed on, or signed; how many slots were taken.
    fn bring(&mut self, frame: &TailFrame) -> usize {
        let room = Arc::new(Semaphore::new(1 << 20));
        let checked = self.tail.handle_frame(&codec::encode(frame)).unwrap();
        let (header, tree, reports) = (checked.header, checked.tree, Arc::clone(&self.reports));
        let batch = Arc::new(Batch { assigning: Arc::new(Assigning { header, tree }), reports });
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
        let next = |_| self.queue.recv_timeout(Duration::from_secs(60)).unwrap();
        (0..count).map(next).map(|publication| self.publish_one(publication)).collect()
    }

    fn publish_one(&self, publication: Publication) -> u64 {
        let slot = publication.executed.leaf.slot.get();
        let frame = seal(&self.log.compute, NETWORK, vec![publication]);
        let bytes = Bytes::from(codec::encode(&frame));
        self.published.feed.publish(frame, bytes, vec![]);
        slot
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

    fn messages(&mut self, count: usize) -> TailFrame {
        let entries: Vec<Entry> = (0..count).map(|_| self.log.message("m", &[0xa0])).collect();
        self.log.frame(&entries)
    }

    /// Lets the next scheduler take over behind a slot.
    fn take_over(&mut self, (slot, chain): (Slot, Hash)) -> TailFrame {
        self.log.back_to((slot, chain));
        let scheduler = next_scheduler().public().unit();
        let control = self.log.control(ControlAction::Takeover { scheduler, slot, chain });
        self.log.turn(Some(&next_scheduler()));
        // It serves the log without what is void.
        self.tail = new_tail(&self.log);
        self.log.frame(&[control])
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop();
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
    let takeover = bench.take_over(fork);
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
    assert_eq!(bench.chain(3), Some(fork.1));
    assert_eq!(bench.chain(4), Some(takeover.records[0].assignment.chain));
    assert_eq!(bench.chain(6), Some(later.records[1].assignment.chain));
    assert_eq!(bench.chain(7), None, "what was there is void");
    assert_eq!(bench.metrics.processes_voided.get(), 1);
    assert_eq!(bench.metrics.processes_halted.get(), 0);
    // The newest checkpoint is of slots that count.
    bench.stop();
    assert!(bench.newest_checkpoint().is_none_or(|slot| slot <= Slot::new(6)));
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
    assert_eq!((bench.bring(&first), bench.bring(&counts), bench.bring(&takeover)), (0, 0, 0));
    assert_eq!(bench.rewound(), Rewind { to: None, alone: true });
    assert_eq!((bench.bring(&first), bench.bring(&counts), bench.bring(&takeover)), (1, 1, 1));
    assert_eq!(bench.publish(3), [0, 1, 2]);
    assert_eq!(bench.chain(1), Some(counts.records[0].assignment.chain));
    assert_eq!(bench.chain(3), None);
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

/// A log whose slot 1 a lost scheduler has signed twice: the frames that count, with so many slots
/// behind slot 0, and the takeover.
fn fork_behind_0(bench: &mut Bench, executed: usize, counting: usize) -> [TailFrame; 3] {
    let spawn = Entry::Spawn(bench.log.spawn.clone());
    let first = bench.log.frame(&[spawn]);
    let before = bench.log.head();
    let other = bench.messages(executed);
    let slots: Vec<u64> = (0..).take(executed + 1).collect();
    bench.follow(&[&first, &other], &slots);
    bench.log.back_to(before);
    let entries: Vec<Entry> =
        (0..counting).map(|_| bench.log.message("another", &[0xa0])).collect();
    let counts = bench.log.frame(&entries);
    let takeover = bench.take_over(bench.log.head());
    [first, counts, takeover]
}

/// How much a unit has executed of what does not count, and how much there is of what does: what was
/// published ends behind the takeover, right before it, or earlier.
const FORKS: [(usize, usize); 4] = [(3, 1), (2, 2), (1, 1), (1, 3)];

#[test]
fn a_log_that_a_lost_scheduler_had_forked_is_executed_from_the_start_by_whoever_was_behind() {
    for (executed, counting) in FORKS {
        let mut bench = Bench::new();
        let [first, counts, takeover] = fork_behind_0(&mut bench, executed, counting);
        let slots: Vec<u64> = (0..).take(counting + 2).collect();
        bench.follow(&[&first, &counts, &takeover], &slots);
        assert_eq!(bench.chain(1), Some(counts.records[0].assignment.chain));
    }
}

mod restarts;
