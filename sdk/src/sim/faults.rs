//! What can go wrong in a simulation, and the check that a log makes the process it is of.

use std::time::Duration;

use protocol::{Principal, ProcessId};

use super::{LoggedSlot, Sim, host::Difference, process::Process};
use crate::timer;

/// The longest a message is delayed by chance, in milliseconds.
const DELAY_MAX: u64 = 5_000;

/// How often what can go wrong does, in percent. The seed decides when.
///
/// ```
/// use antiphon::{Faults, Sim, prelude::*};
///
/// # #[actor]
/// # #[derive(Default, Serialize, Deserialize)]
/// # pub struct Counter { n: u64 }
/// # #[actor]
/// # impl Counter {
/// #     #[init]
/// #     fn new() -> Self { Self::default() }
/// #     fn add(&mut self, by: u64) -> u64 { self.n += by; self.n }
/// # }
/// for seed in 0..10 {
///     let mut sim = Sim::seeded(seed);
///     sim.set_faults(Faults { lost: 20, restarts: 20, ..Faults::default() });
///     let counter = sim.spawn::<Counter>(args! {});
///     let sums = [1, 2].map(|by| sim.send(counter.add(by)).unwrap());
///     assert_eq!(sums, [1, 3], "each is added once");
///     sim.check_replay();
/// }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Of a client's submissions, those that never arrive. It submits again.
    pub lost: u8,
    /// Of the messages and answers between processes, those that take up to five seconds.
    pub delayed: u8,
    /// Of the slots, those after which the process crashes and is made again from its log.
    pub restarts: u8,
}

impl Sim {
    /// Has things go wrong by chance from now on.
    pub const fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Delivers nothing to a process until [`reach`](Self::reach): asks of it expire, and nobody
    /// knows their effect.
    pub fn cut_off(&mut self, process: impl Into<ProcessId>) {
        self.cut_off.insert(process.into());
    }

    /// Refuses all that others ask of a process until [`reach`](Self::reach): it has no effect.
    pub fn refuse(&mut self, process: impl Into<ProcessId>) {
        self.refusing.insert(process.into());
    }

    /// Delivers to a process again.
    pub fn reach(&mut self, process: impl Into<ProcessId>) {
        let process = process.into();
        self.cut_off.remove(&process);
        self.refusing.remove(&process);
    }

    /// Loses the next submissions of clients to a process, so many of them. The client submits again
    /// every two seconds, and gives up with `expired` after five minutes: then the message has no
    /// effect.
    pub fn lose(&mut self, process: impl Into<ProcessId>, submissions: u32) {
        self.losing.insert(process.into(), submissions);
    }

    /// Has what one sends to the other take so long from now on. Their order stays.
    pub fn delay(&mut self, from: impl Into<Principal>, to: impl Into<ProcessId>, span: Duration) {
        self.delays.insert((from.into(), to.into()), timer::milliseconds(span));
    }

    /// Takes a process down, with all it has in memory, until [`restart`](Self::restart). What is
    /// for it waits, and so do its timers.
    ///
    /// # Panics
    ///
    /// If there is no such process.
    pub fn crash(&mut self, process: impl Into<ProcessId>) {
        self.process_mut(process.into()).crash();
    }

    /// Makes a process that is down again from its log, and delivers to it again.
    ///
    /// # Panics
    ///
    /// If there is no such process, or it does not say the same bytes again or comes to another
    /// state.
    pub fn restart(&mut self, process: impl Into<ProcessId>) {
        let process = process.into();
        let restarted = self.process_mut(process).restart();
        self.assert_same(process, restarted);
    }

    /// Every slot of a process so far.
    ///
    /// # Panics
    ///
    /// If there is no such process.
    pub fn log(&self, process: impl Into<ProcessId>) -> &[LoggedSlot] {
        self.processes.get(&process.into()).expect("the process is born").log()
    }

    /// Runs the log of every process again and compares all outputs and the state it comes to.
    ///
    /// # Panics
    ///
    /// If one differs: the actor's code depends on something that is not in its log.
    pub fn check_replay(&self) {
        for (id, process) in &self.processes {
            self.assert_same(*id, process.check_replay());
        }
    }

    /// Crashes a process by chance, and restarts it.
    pub(super) fn shake(&mut self, process: ProcessId) {
        if self.chance(self.faults.restarts) && self.processes.contains_key(&process) {
            self.crash(process);
            self.restart(process);
        }
    }

    /// Whether a submission to a process is lost.
    pub(super) fn is_lost(&mut self, to: ProcessId) -> bool {
        match self.losing.get_mut(&to) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => self.chance(self.faults.lost),
        }
    }

    /// How long something is under way, in milliseconds.
    pub(super) fn delay_of(&mut self, from: Principal, to: ProcessId) -> u64 {
        let fixed = self.delays.get(&(from, to)).copied().unwrap_or(0);
        let between = matches!(from, Principal::Process(_));
        if between && self.chance(self.faults.delayed) {
            return fixed.saturating_add(self.draw() % DELAY_MAX);
        }
        fixed
    }

    fn chance(&mut self, percent: u8) -> bool {
        // Without faults a seed gives the same run as ever.
        percent > 0 && self.draw() % 100 < u64::from(percent)
    }

    fn process_mut(&mut self, process: ProcessId) -> &mut Process {
        self.processes.get_mut(&process).expect("the process is born")
    }

    fn assert_same(&self, process: ProcessId, result: Result<(), Difference>) {
        if let Err(difference) = result {
            panic!("seed {}: process {process}: {difference}", self.seed);
        }
    }
}
