mod upgrades;

use std::{
    sync::mpsc::{Receiver, sync_channel},
    time::Duration,
};

use protocol::{Limits, PublicKey, RefusalCode, codec};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::{entering::VIEWS_MAX, turn::QUANTUM, *};
use crate::{
    Engine,
    feed::Feed,
    fixture::{actor, wasm},
    publisher::Assigning,
    store::Store,
    tail::Tail,
    testing::{Log, NETWORK},
};

/// Answers null.
const ANSWER: (&str, &str) =
    (r#"(data (i32.const 512) "\82\82\00\41\f6\80")"#, "i64.const 2199023255558");
/// Is born, then never ends.
const SPIN: &str = "(if (i32.load8_u offset=1 (local.get $ptr)) (then (loop $a (br $a))))";

/// More gas than anybody waits for.
const ENDLESS: u64 = 10_000_000_000;

/// An executor that executes one process at a time, and what it publishes.
struct Bench {
    executor: Executor,
    crew: Crew,
    published: Receiver<Publication>,
    modules: Arc<Modules>,
    metrics: Arc<Metrics>,
    _directory: TempDir,
}

/// Room for as many processes as a test has.
const ROOM: Room = Room { processes: 1_000, bytes: usize::MAX };
/// No checkpoint but of processes that leave.
const NEVER: Interval = Interval { slots: u64::MAX, gas: u64::MAX, bytes: u64::MAX };

impl Bench {
    fn new() -> Self {
        Self::with(ROOM, NEVER)
    }

    fn with(room: Room, interval: Interval) -> Self {
        Self::at(tempfile::tempdir().unwrap(), room, interval)
    }

    fn at(directory: TempDir, room: Room, interval: Interval) -> Self {
        let (publisher, published) = sync_channel(4_096);
        let crew = Crew::default();
        let metrics = Arc::<Metrics>::default();
        let modules = Arc::new(Modules::new(Engine::new().unwrap(), Modules::KEPT));
        let store = Arc::new(CheckpointStore::open(directory.path(), 4).unwrap());
        let parts = Parts {
            publisher,
            backlog: Arc::default(),
            published: Published {
                store: Arc::new(Store::open(directory.path()).unwrap()),
                feed: Arc::new(Feed::resume(0)),
            },
            writer: Writer::start(&crew, Arc::clone(&store), Arc::clone(&metrics)).unwrap(),
            store,
            modules: Arc::clone(&modules),
            room,
            interval,
            metrics: Arc::clone(&metrics),
        };
        let executor = Executor::start((&crew, 1), parts).unwrap();
        Self { executor, crew, published, modules, metrics, _directory: directory }
    }

    fn next(&self) -> (ProcessId, u64) {
        let leaf = self.published.recv_timeout(Duration::from_secs(60)).unwrap().executed.leaf;
        (leaf.process, leaf.slot.get())
    }

    fn host(&self, log: &Log, work: Vec<Work>) {
        self.executor.host(log.process, log.scheduler.public().unit(), None, None);
        work.into_iter().for_each(|work| _ = self.executor.push(work));
    }

    fn load(&self, wasm: &[u8]) {
        let module = self.modules.compile(wasm).unwrap();
        self.executor.provide(&module.id(), Ok(()));
    }

    /// Hosts and loads a log with so many messages.
    fn run(&self, wasm: &[u8], gas: u64, messages: usize) -> Log {
        let mut log = Log::new(wasm, limits(gas));
        let slots = work(&mut log, messages);
        self.host(&log, slots);
        self.load(wasm);
        log
    }

    fn view(&self, log: &Log, at_least: Option<u64>) -> oneshot::Receiver<Result<Viewed, Refusal>> {
        let (answer, answered) = oneshot::channel();
        let (method, at_least) = ("any".to_owned(), at_least.map(Slot::new));
        self.executor.view(&log.process, ViewJob { method, args: vec![0xa0], at_least, answer });
        answered
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.executor.stop();
        assert!(self.crew.wait(Duration::from_secs(60)), "no thread is lost");
    }
}

/// The slots of a log: its spawn and so many messages.
fn work(log: &mut Log, messages: usize) -> Vec<Work> {
    let spawn = Entry::Spawn(log.spawn.clone());
    let messages = (0..messages).map(|_| log.message("m", &[0xa0]));
    let entries: Vec<Entry> = std::iter::once(spawn).chain(messages).collect();
    work_of(log, &entries)
}

/// The slots of a log that begins with these entries.
fn work_of(log: &mut Log, entries: &[Entry]) -> Vec<Work> {
    let frame = log.frame(entries);
    let unit = |key: &PublicKey| key.unit();
    let (me, scheduler) = (unit(&log.compute.public()), unit(&log.scheduler.public()));
    let checked = Tail::new(me, scheduler, NETWORK, true).handle_frame(&codec::encode(&frame));
    let checked = checked.unwrap();
    let reports = Arc::default();
    let batch = Arc::new(Batch {
        assigning: Arc::new(Assigning { header: checked.header, tree: checked.tree }),
        reports,
    });
    let room = Arc::new(Semaphore::new(1 << 20));
    let work = checked.slots.into_iter().map(|slot| Work {
        assignment: slot.record.assignment,
        entry: slot.entry,
        index: slot.record.index,
        batch: Arc::clone(&batch),
        share: Arc::clone(&room).try_acquire_many_owned(1_000).unwrap(),
    });
    work.collect()
}

/// An actor whose messages use all of their gas.
fn spin() -> Vec<u8> {
    actor(ANSWER.0, &format!("{SPIN} {}", ANSWER.1))
}

fn limits(gas: u64) -> Limits {
    Limits { gas, ..Limits::DEFAULT }
}

#[test]
fn a_view_that_waits_for_the_last_slot_of_a_turn_is_answered() {
    let bench = Bench::new();
    let wasm = actor(ANSWER.0, ANSWER.1);
    let mut log = Log::new(&wasm, Limits::DEFAULT);
    let slots = work(&mut log, QUANTUM - 1);
    bench.host(&log, slots);
    let last = u64::try_from(QUANTUM - 1).unwrap();
    let mut answered = bench.view(&log, Some(last));
    bench.load(&wasm);
    (0..=last).for_each(|slot| assert_eq!(bench.next(), (log.process, slot)));
    let deadline = Duration::from_secs(60);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let viewed = runtime.block_on(async { tokio::time::timeout(deadline, &mut answered).await });
    assert_eq!(viewed.unwrap().unwrap().unwrap().slot, Slot::new(last));
}

#[test]
fn views_that_nobody_waits_for_any_more_take_nobodys_place() {
    let bench = Bench::new();
    let wasm = actor(ANSWER.0, ANSWER.1);
    let mut log = Log::new(&wasm, Limits::DEFAULT);
    let slots = work(&mut log, 0);
    bench.host(&log, slots);
    for _ in 0..VIEWS_MAX {
        drop(bench.view(&log, Some(u64::MAX)));
    }
    let waiting: Vec<_> = (0..VIEWS_MAX).map(|_| bench.view(&log, Some(u64::MAX))).collect();
    let refused = bench.view(&log, None).blocking_recv().unwrap().unwrap_err();
    assert_eq!(refused.code, RefusalCode::Busy);
    drop(waiting);
    let answered = bench.view(&log, None);
    bench.load(&wasm);
    assert_eq!(answered.blocking_recv().unwrap().unwrap().slot, Slot::ZERO);
}

#[test]
fn a_process_of_long_messages_gives_others_a_turn_after_each() {
    let bench = Bench::new();
    let spin = spin();
    let answer = actor(ANSWER.0, ANSWER.1);
    let mut hog = Log::new(&spin, limits(turn::QUANTUM_GAS));
    let mut other = Log::new(&answer, Limits::DEFAULT);
    let (hogs, others) = (work(&mut hog, 3), work(&mut other, 1));
    bench.host(&hog, hogs);
    bench.host(&other, others);
    // The spawns share a turn with nothing, so both are queued before either is executed again.
    bench.load(&spin);
    bench.load(&answer);
    let order: Vec<ProcessId> = (0..6).map(|_| bench.next().0).collect();
    let position = |of: ProcessId| order.iter().rposition(|process| *process == of).unwrap();
    assert!(position(other.process) < position(hog.process), "{order:?}");
}

#[test]
fn any_number_of_endless_messages_lets_others_through() {
    const HOGS: u64 = 40;
    let bench = Bench::new();
    let (spin, answer) = (spin(), actor(ANSWER.0, ANSWER.1));
    for number in 0..HOGS {
        // Other limits make another process.
        let mut hog = Log::new(&spin, limits(ENDLESS - number));
        let slots = work(&mut hog, 2);
        bench.host(&hog, slots);
        bench.load(&spin);
    }
    for number in 0..3 {
        let other = bench.run(&answer, 1_000_000 + number, 1);
        // The processes of endless messages are born, and nothing else comes of them meanwhile.
        let last = std::iter::from_fn(|| Some(bench.next()))
            .inspect(|(process, slot)| assert!(*process == other.process || *slot == 0))
            .find(|(process, slot)| *process == other.process && *slot == 1);
        assert_eq!(last, Some((other.process, 1)));
    }
}

#[test]
fn a_long_message_takes_turns_with_a_longer_one() {
    let bench = Bench::new();
    let spin = spin();
    let longer = bench.run(&spin, ENDLESS, 1);
    assert_eq!(bench.next(), (longer.process, 0));
    // There is one turn for both, which the longer one took first.
    let shorter = bench.run(&spin, turn::QUANTUM_GAS, 1);
    assert_eq!([bench.next(), bench.next()], [(shorter.process, 0), (shorter.process, 1)]);
}

#[test]
fn a_stop_ends_long_messages_without_an_outcome() {
    let bench = Bench::new();
    let spin = spin();
    for number in 0..3 {
        let hog = bench.run(&spin, ENDLESS - number, 2);
        assert_eq!(bench.next(), (hog.process, 0));
    }
    bench.executor.stop();
    assert!(bench.crew.wait(Duration::from_secs(60)));
    bench.published.recv().unwrap_err();
    assert_eq!(bench.metrics.processes_halted.get(), 0);
}

#[test]
fn views_are_answered_while_long_messages_and_long_views_take_their_time() {
    let bench = Bench::new();
    // What it answers depends on whether it is asked for a view.
    let endless_view = wasm(&format!(
        r#"(module (memory (export "memory") 2)
            (func (export "antiphon_alloc") (param i32) (result i32) i32.const 1024)
            (func (export "antiphon_view") (param i32 i32) (result i64)
                (loop $a (br $a)) unreachable)
            (func $handle (export "antiphon_handle") (param i32 i32) (result i64) {})
            (export "antiphon_save" (func $handle)) {})"#,
        ANSWER.1, ANSWER.0
    ));
    let hog = bench.run(&spin(), ENDLESS, 1);
    assert_eq!(bench.next(), (hog.process, 0));
    let looked_at = bench.run(&endless_view, ENDLESS, 0);
    assert_eq!(bench.next(), (looked_at.process, 0));
    let never = bench.view(&looked_at, None);
    let other = bench.run(&actor(ANSWER.0, ANSWER.1), 1_000_000, 0);
    let viewed = bench.view(&other, Some(0)).blocking_recv().unwrap().unwrap();
    assert_eq!(viewed.slot, Slot::ZERO);
    bench.executor.stop();
    never.blocking_recv().unwrap_err();
}

#[test]
fn a_panic_halts_one_process_and_ends_no_thread() {
    let bench = Bench::new();
    let wasm = actor(ANSWER.0, ANSWER.1);
    // It tells something, and a place in the batch that the tail would not have let pass.
    let teller = actor(
        &format!(
            "(data (i32.const 512) \"\\82\\82\\00\\41\\f6\\81\\84\\02\\58\\20{}\\61m\\41\\a0\")",
            "\\07".repeat(32)
        ),
        "i64.const 2199023255598",
    );
    let mut broken = Log::new(&teller, Limits::DEFAULT);
    let mut slots = work(&mut broken, 0);
    slots.iter_mut().for_each(|work| work.index = u32::MAX);
    bench.host(&broken, slots);
    bench.load(&teller);
    let mut whole = Log::new(&wasm, limits(1_000_000));
    let slots = work(&mut whole, 1);
    bench.host(&whole, slots);
    bench.load(&wasm);
    assert_eq!((bench.next(), bench.next()), ((whole.process, 0), (whole.process, 1)));
    let refused = bench.view(&broken, None).blocking_recv().unwrap().unwrap_err();
    assert_eq!(refused.code, RefusalCode::NotHosted);
}

#[test]
fn what_waits_for_a_module_holds_no_more_memory_than_is_free() {
    let bench = Bench::new();
    let wasm = actor(ANSWER.0, ANSWER.1);
    let mut log = Log::new(&wasm, Limits::DEFAULT);
    let slots = work(&mut log, 4);
    assert!(bench.executor.admits(&log.process, 0, 1_000, 0), "nothing waits yet");
    bench.host(&log, slots);
    assert!(bench.executor.admits(&log.process, 0, 1_000, 6_000));
    assert!(!bench.executor.is_behind(&log.process));
    assert!(!bench.executor.admits(&log.process, 0, 1_001, 6_000));
    assert!(bench.executor.is_behind(&log.process));
    let mut drained = bench.executor.drained();
    bench.load(&wasm);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(drained.changed()).unwrap();
    assert!(!bench.executor.is_behind(&log.process));
    assert!(bench.executor.admits(&log.process, 0, 1_000, 0));
}

#[test]
fn a_process_that_cannot_be_held_is_halted_and_lets_go_of_what_waits() {
    let bench = Bench::new();
    let wasm = actor(ANSWER.0, ANSWER.1);
    let mut log = Log::new(&wasm, Limits::DEFAULT);
    let slots = work(&mut log, 4);
    bench.host(&log, slots);
    let waiting = bench.view(&log, None);
    bench.executor.halt(&log.process, &"as told by the test");
    assert!(waiting.blocking_recv().is_err());
    assert!(bench.executor.admits(&log.process, 0, 1_000, 0));
    let refused = bench.view(&log, None).blocking_recv().unwrap().unwrap_err();
    assert_eq!(refused.code, RefusalCode::NotHosted);
}

/// An actor that counts its calls in memory and answers `[[0, h'nn'], []]`, with the count below 24.
fn counter() -> Vec<u8> {
    actor(
        r#"(data (i32.const 512) "\82\82\00\41\00\80")"#,
        "(i32.store8 (i32.const 516) (i32.add (i32.load8_u (i32.const 516)) (i32.const 1)))
        i64.const 2199023255558",
    )
}

/// What the view of [`counter`] would give: the count in its last outcome.
fn count(publication: &Publication) -> u8 {
    match &publication.executed.outcome.reply {
        Reply::Value(value) => *value.first().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Counters with so many messages each, and their ids.
fn counters(bench: &Bench, number: u64, messages: usize) -> Vec<(Log, VecDeque<Work>)> {
    let wasm = counter();
    bench.load(&wasm);
    let log = |seed| {
        // Other limits make another process.
        let mut log = Log::new(&wasm, limits(1_000_000 + seed));
        let work = work(&mut log, messages);
        bench.executor.host(log.process, log.scheduler.public().unit(), None, None);
        (log, work.into())
    };
    (0..number).map(log).collect()
}

impl Bench {
    /// Waits until at most so many processes are in memory.
    fn wait_for_residents(&self, most: usize) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while lock(&self.executor.shared.residents).len() > most {
            assert!(tokio::time::Instant::now() < deadline, "nobody leaves");
            std::thread::yield_now();
        }
    }

    fn publication(&self) -> Publication {
        self.published.recv_timeout(Duration::from_secs(60)).unwrap()
    }
}

#[test]
fn more_processes_than_there_is_room_for_take_turns_in_memory() {
    let bench = Bench::with(Room { processes: 3, bytes: usize::MAX }, NEVER);
    let mut logs = counters(&bench, 10, 5);
    for round in 1..=6_u8 {
        for (log, work) in &mut logs {
            bench.executor.push(work.pop_front().unwrap());
            let published = bench.publication();
            assert_eq!(published.executed.leaf.process, log.process);
            assert_eq!(count(&published), round);
        }
        bench.wait_for_residents(3);
    }
    assert!(bench.metrics.processes_restored.get() >= 7 * 5, "{:?}", bench.metrics);
    assert_eq!(bench.metrics.checkpoints_damaged.get(), 0);
}

#[test]
fn a_damaged_checkpoint_has_the_log_read_again() {
    let bench = Bench::with(Room { processes: 1, bytes: usize::MAX }, NEVER);
    let mut logs = counters(&bench, 2, 5);
    let push = |logs: &mut Vec<(Log, VecDeque<Work>)>, at: usize| {
        bench.executor.push(logs[at].1.pop_front().unwrap());
        count(&bench.publication())
    };
    assert_eq!((push(&mut logs, 0), push(&mut logs, 1), push(&mut logs, 0)), (1, 1, 2));
    assert_eq!(push(&mut logs, 1), 2);
    bench.wait_for_residents(1);
    let first = logs[0].0.process;
    let store = &bench.executor.shared.store;
    (0..store.blobs().unwrap()).for_each(|number| drop(store.damage(number).unwrap()));
    let mut drained = bench.executor.drained();
    bench.executor.push(logs[0].1.pop_front().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let executed = bench.metrics.slots_executed.get();
    // Older checkpoints are tried before the log is read from the start.
    let (mut to, mut seen) = (Some(None), 0);
    while let Some(from) = to.take() {
        let mut again = Log::new(&counter(), limits(1_000_000));
        let wanted = hosted::next(from.as_ref());
        for work in work(&mut again, 3) {
            if work.assignment.slot >= wanted {
                bench.executor.push(work);
            }
        }
        while to.is_none() && bench.metrics.slots_executed.get() < executed + 2 {
            drained.borrow_and_update();
            let rewinds = bench.executor.rewinds(&mut seen, |process| *process == first);
            to = rewinds.into_iter().next().map(|(_, rewind)| rewind.to);
            if to.is_none() {
                let changed = drained.changed();
                let patience = Duration::from_millis(1);
                let _ = runtime.block_on(async { tokio::time::timeout(patience, changed).await });
            }
        }
    }
    // What was published before is not published again.
    let published = [bench.publication(), bench.publication()];
    let slots = published.each_ref().map(|p| p.executed.leaf.slot.get());
    assert_eq!((slots, published.each_ref().map(count)), ([2, 3], [3, 4]));
    assert!(bench.metrics.checkpoints_damaged.get() >= 1);
    assert_eq!(bench.metrics.processes_halted.get(), 0);
}

#[test]
fn a_checkpoint_is_written_after_so_many_slots_and_work_goes_on() {
    let bench = Bench::with(ROOM, Interval { slots: 4, ..NEVER });
    let mut logs = counters(&bench, 1, 20);
    let (log, work) = logs.pop().unwrap();
    work.into_iter().for_each(|work| _ = bench.executor.push(work));
    (1..=21).for_each(|round| assert_eq!(count(&bench.publication()), round));
    let store = &bench.executor.shared.store;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while store.newest_slot(&log.process, Slot::new(u64::MAX)).unwrap().is_none() {
        assert!(tokio::time::Instant::now() < deadline);
        std::thread::yield_now();
    }
}

#[test]
fn idle_processes_leave_and_come_back() {
    let bench = Bench::new();
    let mut logs = counters(&bench, 5, 1);
    for (_, work) in &mut logs {
        bench.executor.push(work.pop_front().unwrap());
        assert_eq!(count(&bench.publication()), 1);
    }
    while lock(&bench.executor.shared.residents).len() > 0 {
        bench.executor.sweep();
        std::thread::yield_now();
    }
    for (_, work) in &mut logs {
        bench.executor.push(work.pop_front().unwrap());
        assert_eq!(count(&bench.publication()), 2);
    }
    assert_eq!(bench.metrics.processes_restored.get(), 5);
}
