use std::{
    sync::mpsc::{Receiver, sync_channel},
    time::Duration,
};

use protocol::{Limits, PublicKey, codec};
use tokio::sync::Semaphore;

use super::{turn::QUANTUM, *};
use crate::{
    CompiledModule,
    fixture::{actor, compile, wasm},
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
    metrics: Arc<Metrics>,
}

impl Bench {
    fn new() -> Self {
        let (publisher, published) = sync_channel(4_096);
        let crew = Crew::default();
        let metrics = Arc::<Metrics>::default();
        let executor =
            Executor::start((&crew, 1), &publisher, &Arc::default(), Arc::clone(&metrics)).unwrap();
        Self { executor, crew, published, metrics }
    }

    fn next(&self) -> (ProcessId, u64) {
        let leaf = self.published.recv_timeout(Duration::from_secs(60)).unwrap().executed.leaf;
        (leaf.process, leaf.slot.get())
    }

    fn host(&self, log: &Log, work: Vec<Work>) {
        self.executor.host(log.process, None);
        work.into_iter().for_each(|work| self.executor.push(work));
    }

    fn load(&self, log: &Log, wasm: &[u8]) {
        self.load_compiled(log, &compile(wasm));
    }

    fn load_compiled(&self, log: &Log, module: &Arc<CompiledModule>) {
        let spawn = log.spawn.unverified().clone();
        self.executor.load(&log.process, Process::new(log.process, spawn, module).unwrap());
    }

    /// Hosts and loads a log with so many messages.
    fn run(&self, wasm: &[u8], gas: u64, messages: usize) -> Log {
        let mut log = Log::new(wasm, limits(gas));
        let slots = work(&mut log, messages);
        self.host(&log, slots);
        self.load(&log, wasm);
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
    let frame = log.frame(&entries);
    let unit = |key: &PublicKey| key.unit();
    let (me, scheduler) = (unit(&log.compute.public()), unit(&log.scheduler.public()));
    let checked = Tail::new(me, scheduler, NETWORK, true).handle_frame(&codec::encode(&frame));
    let checked = checked.unwrap();
    let batch = Arc::new(Batch { header: checked.header, tree: checked.tree });
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
    bench.load(&log, &wasm);
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
    bench.load(&log, &wasm);
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
    bench.load(&hog, &spin);
    bench.load(&other, &answer);
    let order: Vec<ProcessId> = (0..6).map(|_| bench.next().0).collect();
    let position = |of: ProcessId| order.iter().rposition(|process| *process == of).unwrap();
    assert!(position(other.process) < position(hog.process), "{order:?}");
}

#[test]
fn any_number_of_endless_messages_lets_others_through() {
    const HOGS: u64 = 40;
    let bench = Bench::new();
    let (spin, answer) = (spin(), actor(ANSWER.0, ANSWER.1));
    let module = compile(&spin);
    for number in 0..HOGS {
        // Other limits make another process.
        let mut hog = Log::new(&spin, limits(ENDLESS - number));
        let slots = work(&mut hog, 2);
        bench.host(&hog, slots);
        bench.load_compiled(&hog, &module);
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
    let mut broken = Log::new(&wasm, Limits::DEFAULT);
    // Slot 0 is missing, which the tail would not have let pass.
    let slots = work(&mut broken, 1).split_off(1);
    bench.host(&broken, slots);
    bench.load(&broken, &wasm);
    let mut whole = Log::new(&wasm, limits(1_000_000));
    let slots = work(&mut whole, 1);
    bench.host(&whole, slots);
    bench.load(&whole, &wasm);
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
    assert!(bench.executor.admits(&log.process, 1_000, 0), "nothing waits yet");
    bench.host(&log, slots);
    assert!(bench.executor.admits(&log.process, 1_000, 6_000));
    assert!(!bench.executor.is_behind(&log.process));
    assert!(!bench.executor.admits(&log.process, 1_001, 6_000));
    assert!(bench.executor.is_behind(&log.process));
    let mut drained = bench.executor.drained();
    bench.load(&log, &wasm);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(drained.changed()).unwrap();
    assert!(!bench.executor.is_behind(&log.process));
    assert!(bench.executor.admits(&log.process, 1_000, 0));
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
    assert!(bench.executor.admits(&log.process, 1_000, 0));
    let refused = bench.view(&log, None).blocking_recv().unwrap().unwrap_err();
    assert_eq!(refused.code, RefusalCode::NotHosted);
}
