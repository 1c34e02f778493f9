//! The executor: what the world drives, and what tasks ask for without knowing.
//!
//! # Invariants
//!
//! - Everything that happens follows from the seed: which of the tasks that can run is next, and when
//!   timers fire.
//! - A task belongs to the machine of whoever spawned it, and ends when that crashes.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

/// A machine: its tasks end together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Machine(pub u32);

impl Machine {
    /// The machine of what is not in any unit.
    pub const WORLD: Self = Self(0);
}

/// The time at which simulations begin, in milliseconds since 1970.
const BEGINNING: u64 = 1_700_000_000_000;

type Work = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    machine: Machine,
    /// Absent while it is polled.
    work: Option<Work>,
    wake: Arc<Alarm>,
}

#[derive(Debug)]
struct Alarm {
    task: u64,
    queued: AtomicBool,
    ready: Arc<Mutex<VecDeque<u64>>>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Relaxed) {
            self.ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.task);
        }
    }
}

#[derive(Default)]
struct Executor {
    now: Duration,
    tasks: BTreeMap<u64, Task>,
    spawned: u64,
    ready: Arc<Mutex<VecDeque<u64>>>,
    timers: BTreeMap<(Duration, u64), Waker>,
    set: u64,
    machine: Option<Machine>,
    chance: u64,
}

thread_local! {
    static EXECUTOR: RefCell<Executor> = RefCell::default();
}

fn with<T>(act: impl FnOnce(&mut Executor) -> T) -> T {
    EXECUTOR.with_borrow_mut(act)
}

/// Forgets everything and begins anew: the same seed, the same order.
pub fn begin(seed: u64) {
    let fresh = Executor { chance: seed, ..Executor::default() };
    let old = with(|executor| std::mem::replace(executor, fresh));
    // Outside, for what is dropped may have a last word.
    drop(old);
}

/// Ends everything, which a thread must do before it ends.
pub fn end() {
    begin(0);
}

/// How much time has passed.
pub fn now() -> Duration {
    with(|executor| executor.now)
}

/// What the clocks of all machines say, in milliseconds since 1970.
pub fn wall_clock() -> u64 {
    BEGINNING + u64::try_from(now().as_millis()).unwrap_or(u64::MAX)
}

/// Runs something as a part of a machine.
pub fn on<T>(machine: Machine, act: impl FnOnce() -> T) -> T {
    let before = with(|executor| executor.machine.replace(machine));
    let done = act();
    with(|executor| executor.machine = before);
    done
}

/// The machine that is at work.
pub fn machine() -> Machine {
    with(|executor| executor.machine).unwrap_or(Machine::WORLD)
}

/// A machine loses power: its tasks are no more, wherever they were.
pub fn crash(machine: Machine) {
    let ended = with(|executor| {
        let of_it = executor.tasks.extract_if(.., |_, task| task.machine == machine);
        of_it.collect::<Vec<_>>()
    });
    on(machine, || drop(ended));
    // What they did while they ended is void, too.
    let late = with(|executor| {
        let of_it = executor.tasks.extract_if(.., |_, task| task.machine == machine);
        of_it.collect::<Vec<_>>()
    });
    on(machine, || drop(late));
}

/// Runs until a time, or until nothing is left to happen before it.
pub fn run_until(end: Duration) {
    loop {
        while step() {}
        let due = with(|executor| {
            let first = executor.timers.first_entry().filter(|first| first.key().0 <= end)?;
            let ((at, _), waker) = first.remove_entry();
            executor.now = executor.now.max(at);
            Some(waker)
        });
        match due {
            Some(waker) => waker.wake(),
            None => return with(|executor| executor.now = executor.now.max(end)),
        }
    }
}

/// Does something after a while, on no machine.
pub fn later(after: Duration, act: impl FnOnce() + 'static) {
    let until = crate::time::Instant::now() + after;
    let work = async move {
        crate::time::sleep_until(until).await;
        act();
    };
    on(Machine::WORLD, || start(Box::pin(work)));
}

/// Polls one of the tasks that can run, if any can.
fn step() -> bool {
    let picked = with(|executor| {
        let mut ready = executor.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let count = u64::try_from(ready.len()).unwrap_or_default().checked_sub(1)?;
        executor.chance = next(executor.chance);
        // Mostly in turn.
        let at = if executor.chance % 4 == 0 { executor.chance / 4 % (count + 1) } else { 0 };
        ready.remove(usize::try_from(at).unwrap_or_default())
    });
    let Some(id) = picked else { return false };
    let taken = with(|executor| {
        let task = executor.tasks.get_mut(&id)?;
        task.wake.queued.store(false, Relaxed);
        Some((task.work.take()?, Arc::clone(&task.wake), task.machine))
    });
    let Some((mut work, wake, machine)) = taken else { return true };
    on(machine, || {
        let waker = Waker::from(wake);
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(()) => drop(with(|executor| executor.tasks.remove(&id))),
            Poll::Pending => {
                // It may have been aborted meanwhile, and is dropped then.
                let left = with(|executor| match executor.tasks.get_mut(&id) {
                    Some(task) => task.work.replace(work),
                    None => Some(work),
                });
                drop(left);
            }
        }
    });
    true
}

/// The next number of a sequence that mixes well (SplitMix64, Steele, Lea and Flood 2014).
const fn next(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Lets something run on the machine that is at work.
pub(crate) fn start(work: Work) -> u64 {
    let machine = machine();
    with(|executor| {
        executor.spawned += 1;
        let id = executor.spawned;
        let (queued, ready) = (AtomicBool::new(false), Arc::clone(&executor.ready));
        let wake = Arc::new(Alarm { task: id, queued, ready });
        executor.tasks.insert(id, Task { machine, work: Some(work), wake: Arc::clone(&wake) });
        wake.wake();
        id
    })
}

/// Ends a task wherever it is.
pub(crate) fn abort(id: u64) {
    let ended = with(|executor| executor.tasks.remove(&id));
    if let Some(task) = ended {
        on(task.machine, || drop(task));
    }
}

/// Wakes somebody at a time; gives what to cancel it by.
pub(crate) fn set_timer(at: Duration, waker: &Waker) -> u64 {
    with(|executor| {
        executor.set += 1;
        executor.timers.insert((at, executor.set), waker.clone());
        executor.set
    })
}

/// Lets a timer be.
pub(crate) fn cancel_timer(at: Duration, number: u64) {
    let waker = with(|executor| executor.timers.remove(&(at, number)));
    drop(waker);
}
